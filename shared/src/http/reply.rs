//! Answers.

use lambda_http::{
    Body,
    http::{self, HeaderValue, StatusCode, header},
};
use serde::Serialize;

use super::cors::Cors;
use crate::{Error, log, precondition::entity_tag};

/// An answer on its way out.
pub type Response = http::Response<Body>;

/// What an endpoint gives.
pub type Reply = Result<Response, Error>;

/// A JSON answer. It is private (`Cache-Control: no-store`) unless the endpoint says otherwise.
pub fn json(status: u16, body: &impl Serialize) -> Reply {
    let status = StatusCode::from_u16(status).map_err(|error| Error::internal(error.to_string()))?;
    Ok(with_status(status, body))
}

/// A JSON answer that shows a record in a version, which its `ETag` names.
pub fn json_in_version(status: u16, body: &impl Serialize, version: u64) -> Reply {
    let mut response = json(status, body)?;
    let tag = HeaderValue::from_str(&entity_tag(version));
    response.headers_mut().insert(header::ETAG, tag.map_err(|error| Error::internal(error.to_string()))?);
    Ok(response)
}

/// A JSON answer, and the URL of what follows it in the header `Link` (RFC 8288).
pub fn json_linked(status: u16, body: &impl Serialize, next: Option<&str>) -> Reply {
    let mut response = json(status, body)?;
    if let Some(url) = next {
        let link = HeaderValue::from_str(&format!("<{url}>; rel=\"next\""));
        response
            .headers_mut()
            .insert(header::LINK, link.map_err(|error| Error::internal(error.to_string()))?);
    }
    Ok(response)
}

/// A JSON answer that anybody may keep for so many seconds.
pub fn json_public(body: &impl Serialize, max_age: u32) -> Reply {
    public(with_status(StatusCode::OK, body), max_age)
}

/// Lets anybody keep it for so many seconds. The gateway may compress it: a cache between must not hand that to who cannot
/// read it.
pub(super) fn public(mut response: Response, max_age: u32) -> Reply {
    let value = HeaderValue::from_str(&format!("public, max-age={max_age}"));
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, value.map_err(|error| Error::internal(error.to_string()))?);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    Ok(response)
}

/// 204, with no body.
pub fn no_content() -> Reply {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

impl Error {
    /// Logs the cause that no client reads, if there is one.
    pub(crate) fn log_cause(&self) {
        match self {
            Self::Internal(cause) => {
                let event = log::Event::InternalError.id();
                tracing::error!(event, cause, "internal error");
            }
            Self::Unavailable(cause) => log::failed_call(cause, "a dependency is unavailable"),
            _ => {}
        }
    }

    /// The answer. The only place where a failure becomes a status code, and where its cause is logged. 401 asks for a token with the
    /// word `auth_type` before it.
    pub(crate) fn into_response(self, auth_type: &str) -> Response {
        self.log_cause();
        let mut response = with_status(self.status(), &self.body());
        let headers = response.headers_mut();
        match self {
            Self::Throttled(seconds) => {
                headers.insert(header::RETRY_AFTER, seconds.into());
            }
            Self::Unavailable(_) => {
                headers.insert(header::RETRY_AFTER, 1.into());
            }
            _ => {}
        }
        if response.status() == StatusCode::UNAUTHORIZED
            && let Ok(challenge) = HeaderValue::try_from(format!("{auth_type} realm=\"api\""))
        {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

fn with_status(status: StatusCode, body: &impl Serialize) -> Response {
    // Our bodies are maps with text keys; these always serialise.
    let body = serde_json::to_string(body).unwrap_or_default();
    let mut response = Response::new(Body::Text(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Headers of every answer (ASVS 5, V3.4). Sniffing and plain HTTP are off; nothing is kept by a cache, and nothing that a
/// browser shows of it loads, runs, is framed or tells where it was, unless an endpoint has said otherwise. `cors` decides whether a
/// page of `origin` may read it.
pub(crate) fn finish(mut response: Response, cors: &Cors, origin: Option<HeaderValue>) -> Response {
    let headers = response.headers_mut();
    cors.apply(headers, origin);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
