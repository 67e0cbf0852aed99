//! Pages for browsers.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use lambda_http::{
    Body,
    http::{HeaderValue, StatusCode, header},
};

use super::{Error, Reply, Request, Response, reply::public};

/// A page that is the same for everybody: its HTML, the Content-Security-Policy it lives under, and its entity tag. Made
/// once for an instance.
#[derive(Debug)]
pub struct Html {
    body: String,
    policy: String,
    tag: String,
}

impl Html {
    /// A page and its policy; [`csp_hash`] makes the policy's sources of what the page holds in its elements.
    #[must_use]
    pub fn new(body: String, policy: String) -> Self {
        let tag = format!("\"{}\"", sha256(&body));
        Self { body, policy, tag }
    }
}

/// The source that lets this text of a `<script>` or `<style>` run, for `script-src` or `style-src`.
#[must_use]
pub fn csp_hash(text: &str) -> String {
    format!("'sha256-{}'", sha256(text))
}

fn sha256(text: &str) -> String {
    BASE64.encode(digest(&SHA256, text.as_bytes()))
}

/// A page that anybody may keep for so many seconds; 304 for who has it already.
pub fn html(request: &Request, page: &'static Html, max_age: u32) -> Reply {
    let mut response = if request.has(&page.tag) {
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Body::from(page.body.as_str()))
    };
    let value = |text: &str| HeaderValue::from_str(text).map_err(|error| Error::internal(error.to_string()));
    let headers = response.headers_mut();
    // 304 has them all too: a cache takes over what it says.
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, value(&page.policy)?);
    headers.insert(header::ETAG, value(&page.tag)?);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    public(response, max_age)
}
