//! Texts that are the same for everybody.

use std::borrow::Cow;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use lambda_http::{
    Body,
    http::{HeaderValue, StatusCode, header},
};

use super::{Reply, Request, Response, reply::public};
use crate::Error;

/// A text that anybody may keep, and its entity tag, by which a client that has it does not get it again.
#[derive(Debug)]
pub struct Published {
    body: Cow<'static, str>,
    media_type: &'static str,
    tag: String,
}

impl Published {
    /// A text of this media type.
    #[must_use]
    pub fn new(body: impl Into<Cow<'static, str>>, media_type: &'static str) -> Self {
        let body = body.into();
        let tag = format!("\"{}\"", sha256(&body));
        Self { body, media_type, tag }
    }

    /// The text, which may be kept for `max_age` seconds; 304 for a client that has it.
    pub fn answer(&self, request: &Request, max_age: u32) -> Reply {
        let mut response = if request.has(&self.tag) {
            let mut response = Response::new(Body::Empty);
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            Response::new(Body::from(&*self.body))
        };
        let tag = HeaderValue::from_str(&self.tag).map_err(|error| Error::internal(error.to_string()))?;
        // 304 has them all, too: a cache takes over what it says.
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        headers.insert(header::ETAG, tag);
        public(response, max_age)
    }
}

pub(super) fn sha256(text: &str) -> String {
    BASE64.encode(digest(&SHA256, text.as_bytes()))
}
