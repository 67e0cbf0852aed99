//! API Gateway: a REST API with its stage, in front of the functions.

mod event;
mod routes;

use std::{
    collections::BTreeMap,
    io::Read,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{ConnectInfo, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Response, StatusCode,
        header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
        uri::Authority,
    },
};
use flate2::read::{GzDecoder, ZlibDecoder};
use serde_json::json;
use tokio::time;
use tower_http::compression::{CompressionLayer, Predicate};

use crate::emulator::{
    body::{self, Unreadable},
    lambda::{InvokeError, Pool},
    logs::Logs,
    requests::Requests,
    template::{GatewayResponse, HeaderSource},
};
use event::Incoming;
use routes::Routes;

/// The longest request body, in bytes (API Gateway's quota).
const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// The longest a request may wait for its function (the default quota of a regional API).
const INTEGRATION_TIMEOUT: Duration = Duration::from_secs(29);

/// The routes, and how the gateway answers when there is none.
#[derive(Debug)]
pub(crate) struct Gateway {
    routes: Routes,
    responses: BTreeMap<String, GatewayResponse>,
    logs: Arc<Logs>,
    requests: Arc<Requests>,
}

/// An answer of the gateway's own: its type, AWS's status and words for it, and the type that stands in for it.
struct Refusal {
    kind: &'static str,
    status: u16,
    message: &'static str,
    error_type: &'static str,
    fallback: &'static str,
}

const NO_ROUTE: Refusal = Refusal {
    kind: "MISSING_AUTHENTICATION_TOKEN",
    status: 403,
    message: "Missing Authentication Token",
    error_type: "MissingAuthenticationTokenException",
    fallback: "DEFAULT_4XX",
};
/// An unknown path or method with an `Authorization` header, which API Gateway takes for an AWS signature. Its message has a hash of
/// the header or, in earlier years, the header itself: <https://github.com/DataBiosphere/azul/issues/7470>
const NOT_SIGNED: Refusal = Refusal {
    kind: "DEFAULT_4XX",
    status: 403,
    message: "Invalid key=value pair (missing equal-sign) in Authorization header",
    error_type: "IncompleteSignatureException",
    fallback: "DEFAULT_4XX",
};
const TOO_LARGE: Refusal = Refusal {
    kind: "REQUEST_TOO_LARGE",
    status: 413,
    message: "Request Too Long",
    error_type: "RequestTooLargeException",
    fallback: "DEFAULT_4XX",
};
const BAD_REQUEST: Refusal = Refusal {
    kind: "BAD_REQUEST_BODY",
    status: 400,
    message: "Bad Request",
    error_type: "BadRequestException",
    fallback: "DEFAULT_4XX",
};
const UNSUPPORTED: Refusal = Refusal {
    kind: "UNSUPPORTED_MEDIA_TYPE",
    status: 415,
    message: "Unsupported Media Type",
    error_type: "BadRequestException",
    fallback: "DEFAULT_4XX",
};
/// What a function becomes that Lambda throttles. API Gateway's documentation says 504 of this kind, and it answers 500:
/// <https://github.com/localstack/localstack/pull/11183>
const THROTTLED: Refusal = Refusal {
    kind: "INTEGRATION_FAILURE",
    status: 500,
    message: "Internal server error",
    error_type: "InternalServerErrorException",
    fallback: "DEFAULT_5XX",
};
/// What a function's crash, error, timeout or malformed answer becomes: AWS says 502 for each of them.
const FAILED: Refusal = Refusal {
    kind: "INTEGRATION_FAILURE",
    status: 502,
    message: "Internal server error",
    error_type: "InternalServerErrorException",
    fallback: "DEFAULT_5XX",
};
/// The gateway's own patience at its end.
const TIMED_OUT: Refusal = Refusal {
    kind: "INTEGRATION_TIMEOUT",
    status: 504,
    message: "Endpoint request timed out",
    error_type: "InternalServerErrorException",
    fallback: "DEFAULT_5XX",
};

/// A body that came compressed, as API Gateway hands it on where it compresses answers (`MinimumCompressionSize`): the limit is held
/// against what it is then.
fn unpacked(headers: &mut HeaderMap, body: Bytes) -> Result<Bytes, &'static Refusal> {
    let Some(encoding) = headers.remove(CONTENT_ENCODING) else { return Ok(body) };
    let mut unpacked = Vec::new();
    let most = u64::try_from(BODY_LIMIT).unwrap_or(u64::MAX) + 1;
    let read = match encoding.as_bytes() {
        b"identity" => return Ok(body),
        b"gzip" => GzDecoder::new(&*body).take(most).read_to_end(&mut unpacked),
        b"deflate" => ZlibDecoder::new(&*body).take(most).read_to_end(&mut unpacked),
        _ => return Err(&UNSUPPORTED),
    };
    match read {
        Ok(_) if unpacked.len() > BODY_LIMIT => Err(&TOO_LARGE),
        Ok(_) => Ok(Bytes::from(unpacked)),
        Err(_) => Err(&BAD_REQUEST),
    }
}

impl Gateway {
    pub(crate) fn new(
        pools: &[Arc<Pool>],
        responses: BTreeMap<String, GatewayResponse>,
        logs: Arc<Logs>,
        requests: Arc<Requests>,
    ) -> Self {
        let routes = pools
            .iter()
            .flat_map(|pool| pool.function.routes.iter().map(|route| (route.clone(), Arc::clone(pool))));
        Self { routes: Routes::new(routes), responses, logs, requests }
    }

    /// Method and route of a request, if there is one for it.
    fn endpoint(&self, request: &Request) -> Option<String> {
        let found = self.routes.find(request.method().as_str(), request.uri().path())?;
        Some(format!("{} {}", request.method(), found.resource))
    }

    /// What a function answers, or how the gateway refuses the request; and whether the function had to be started.
    async fn answer(
        &self,
        request: Request,
        peer: SocketAddr,
        id: &str,
    ) -> (Result<Response<Body>, &'static Refusal>, bool) {
        let (parts, body) = request.into_parts();
        let Some(found) = self.routes.find(parts.method.as_str(), parts.uri.path()) else {
            let is_signed = parts.headers.contains_key(AUTHORIZATION);
            return (Err(if is_signed { &NOT_SIGNED } else { &NO_ROUTE }), false);
        };
        // On AWS the host is always one that leads here; functions may rely on its being one.
        let host = parts.headers.get("host").map(|host| Authority::try_from(host.as_bytes()));
        if matches!(host, None | Some(Err(_))) {
            return (Err(&BAD_REQUEST), false);
        }
        let body = match body::read(body, BODY_LIMIT).await {
            Ok(body) => body,
            Err(Unreadable::TooLong) => return (Err(&TOO_LARGE), false),
            Err(Unreadable::BrokenOff) => return (Err(&BAD_REQUEST), false),
        };
        let mut headers = parts.headers;
        let body = match unpacked(&mut headers, body) {
            Ok(body) => body,
            Err(refusal) => return (Err(refusal), false),
        };
        let request =
            Incoming { method: parts.method, uri: parts.uri, version: parts.version, headers, body, peer };
        let event = event::event(&request, id, found.resource, &found.parameters).to_string();
        let Ok(invoked) = time::timeout(INTEGRATION_TIMEOUT, found.function.invoke(Bytes::from(event))).await
        else {
            return (Err(&TIMED_OUT), false);
        };
        let name = &found.function.function.binary;
        let response = match invoked.result {
            Ok(answer) => event::response(&answer).ok_or_else(|| {
                self.logs.notice(&format!("{name}: the answer is malformed"));
                &FAILED
            }),
            Err(InvokeError::TooLarge) => Err(&TOO_LARGE),
            Err(error) => {
                self.logs.notice(&format!("{name}: {error}"));
                Err(if matches!(error, InvokeError::Throttled) { &THROTTLED } else { &FAILED })
            }
        };
        (response, invoked.cold)
    }

    /// The template's gateway response for it, else its fallback's, else AWS's own.
    fn refuse(&self, refusal: &Refusal, request: &HeaderMap, id: &str) -> Response<Body> {
        let declared = self.responses.get(refusal.kind).or_else(|| self.responses.get(refusal.fallback));
        let default = GatewayResponse::default();
        let response = declared.unwrap_or(&default);
        let body = response.body.as_deref().unwrap_or(r#"{"message":$context.error.messageString}"#);
        let body = body
            .replace("$context.error.messageString", &json!(refusal.message).to_string())
            .replace("$context.error.message", refusal.message)
            .replace("$context.error.responseType", refusal.kind)
            .replace("$context.requestId", id);

        let mut answer = Response::new(Body::from(body));
        let status = response.status.unwrap_or(refusal.status);
        *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", HeaderValue::from_static(refusal.error_type));
        for (name, source) in &response.headers {
            let value = match source {
                HeaderSource::Static(value) => HeaderValue::try_from(value).ok(),
                HeaderSource::Request(header) => request.get(header).cloned(),
            };
            if let (Ok(name), Some(value)) = (HeaderName::try_from(name), value) {
                headers.insert(name, value);
            }
        }
        answer
    }
}

/// Which answers are compressed: those of at least so many bytes, whatever they hold.
#[derive(Debug, Clone)]
struct AtLeast(u64);

impl Predicate for AtLeast {
    fn should_compress<B: HttpBody>(&self, response: &Response<B>) -> bool {
        response.body().size_hint().exact().is_some_and(|bytes| bytes >= self.0)
    }
}

/// Everything that is not the inbox's. Answers of at least `minimum_compression` bytes go out with gzip or deflate to
/// clients that accept it.
pub(crate) fn router(gateway: Gateway, minimum_compression: Option<u64>) -> Router {
    let router = Router::new().fallback(handle).with_state(Arc::new(gateway));
    match minimum_compression {
        None => router,
        Some(bytes) => router.layer(CompressionLayer::new().compress_when(AtLeast(bytes))),
    }
}

/// Handles every request that is not for the inbox, and tells the terminal about it in a line.
async fn handle(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let started = Instant::now();
    let line = format!("{} {}", request.method(), request.uri().path());
    let endpoint = gateway.endpoint(&request);
    let id = uuid::Uuid::new_v4().to_string();
    let headers = request.headers().clone();
    let (answer, cold) = gateway.answer(request, peer, &id).await;
    let mut response = answer.unwrap_or_else(|refusal| gateway.refuse(refusal, &headers, &id));
    if let Ok(id) = HeaderValue::try_from(&id) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    if let Some(endpoint) = endpoint {
        gateway.requests.note(&endpoint, status, took, cold);
    }
    let milliseconds = took.as_millis();
    gateway.logs.notice(&format!("{line} {status} {milliseconds} ms{}", if cold { " cold" } else { "" }));
    response
}
