//! Pages for browsers.

use lambda_http::http::{HeaderValue, header};

use super::{Error, Published, Reply, Request, published::sha256};

/// A page that is the same for everybody, and the Content-Security-Policy it lives under. Made once for an instance.
#[derive(Debug)]
pub struct Html {
    text: Published,
    policy: String,
}

impl Html {
    /// A page and its policy; [`csp_hash`] makes the policy's sources of what the page holds in its elements.
    #[must_use]
    pub fn new(body: String, policy: String) -> Self {
        Self { text: Published::new(body, "text/html; charset=utf-8"), policy }
    }

    /// The page, which may be kept for `max_age` seconds; 304 for a client that has it.
    pub fn answer(&self, request: &Request, max_age: u32) -> Reply {
        let mut response = self.text.answer(request, max_age)?;
        let policy =
            HeaderValue::from_str(&self.policy).map_err(|error| Error::internal(error.to_string()))?;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        Ok(response)
    }
}

/// The source that lets this text of a `<script>` or `<style>` run, for `script-src` or `style-src`.
#[must_use]
pub fn csp_hash(text: &str) -> String {
    format!("'sha256-{}'", sha256(text))
}
