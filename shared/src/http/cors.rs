//! Pages of other origins: whether they may call, and what they may read (Fetch, "CORS protocol").

use lambda_http::{
    Body,
    http::{HeaderMap, HeaderValue, header},
};

use super::{Reply, Response};
use crate::{Error, config};

/// The headers that a page may read besides those that every page may (Fetch, "CORS-safelisted").
const EXPOSED: HeaderValue =
    HeaderValue::from_static("ETag, Link, Retry-After, x-amzn-RequestId, x-amzn-Remapped-WWW-Authenticate");
/// The headers that a page may send: the defaults of django-cors-headers, and those of conditional requests. `CORS_HEADERS` adds
/// others.
const SENT: &str =
    "accept, authorization, content-type, if-match, if-none-match, user-agent, x-csrftoken, x-requested-with";
const METHODS: HeaderValue = HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
/// Browsers keep an answer for two hours at most.
const SECONDS_KEPT: HeaderValue = HeaderValue::from_static("7200");
const EVERY_ORIGIN: HeaderValue = HeaderValue::from_static("*");

/// The origins whose pages may read answers (`CorsOrigins`).
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    with_credentials: bool,
}

impl Cors {
    pub(crate) fn from_env() -> Result<Self, Error> {
        let origins = config::optional("CORS_ORIGINS").unwrap_or_default();
        let origins = origins.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        let origins = origins.map(HeaderValue::try_from).collect::<Result<_, _>>();
        let origins = origins.map_err(|error| Error::internal(format!("CORS_ORIGINS: {error}")))?;
        Ok(Self { origins, with_credentials: config::flag("CORS_CREDENTIALS")? })
    }

    /// Lets a page of this origin read the answer, if it is one of those that may.
    pub(super) fn apply(&self, headers: &mut HeaderMap, origin: Option<HeaderValue>) {
        let allowed = if self.origins.contains(&EVERY_ORIGIN) {
            Some(EVERY_ORIGIN)
        } else {
            if !self.origins.is_empty() {
                vary_by_origin(headers);
            }
            origin.filter(|origin| self.origins.contains(origin))
        };
        let Some(allowed) = allowed else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        if self.with_credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

/// A cache must not hand the answer to a page of one origin to a page of another.
fn vary_by_origin(headers: &mut HeaderMap) {
    let vary = match headers.get(header::VARY).and_then(|vary| vary.to_str().ok()) {
        Some(vary) => HeaderValue::try_from(format!("{vary}, Origin")).ok(),
        None => None,
    };
    headers.insert(header::VARY, vary.unwrap_or(HeaderValue::from_static("Origin")));
}

/// The answer to a browser that asks what pages of other origins may send. Like every answer, it names the origin if its pages may
/// read; to other pages a browser takes it for a refusal.
pub fn preflight() -> Reply {
    let sent =
        config::optional("CORS_HEADERS").map_or_else(|| SENT.to_owned(), |more| format!("{SENT}, {more}"));
    let sent = HeaderValue::try_from(sent.to_ascii_lowercase());
    let sent = sent.map_err(|error| Error::internal(format!("CORS_HEADERS: {error}")))?;
    let mut response = Response::new(Body::Empty);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, sent);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, SECONDS_KEPT);
    Ok(response)
}
