//! The Lambda runtime API: what an instance talks to, each instance to its own.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, mpsc, oneshot, watch};

use crate::emulator::{
    body::{self, Unreadable},
    logs::{Pipe, lock},
    port::Port,
};

/// The longest answer of a function, in bytes: Lambda's 6 MB and some room for what wraps it.
const RESPONSE_LIMIT: usize = 6 * 1024 * 1024 + 100;

/// What a function said to an invocation.
#[derive(Debug)]
pub(super) enum Said {
    /// `/response`.
    Answer(Bytes),
    /// `/error`.
    Error(Value),
}

/// An invocation on its way to an instance.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) event: Bytes,
    pub(super) reply: oneshot::Sender<Said>,
}

/// The server for one instance; dropping it stops it.
#[derive(Debug)]
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    pub(super) work: mpsc::Sender<Work>,
    shared: Arc<Shared>,
    _stop: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Shared {
    arn: String,
    timeout: Duration,
    work: AsyncMutex<mpsc::Receiver<Work>>,
    /// Whether the instance is waiting for work.
    ready: watch::Sender<bool>,
    current: Mutex<Option<(String, oneshot::Sender<Said>)>>,
    pipes: Mutex<Vec<Arc<Pipe>>>,
}

impl RuntimeApi {
    pub(super) async fn start(arn: String, timeout: Duration) -> std::io::Result<Self> {
        let port = Port::open(0).await?;
        let address = port.address();
        let (work, receiver) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            arn,
            timeout,
            work: AsyncMutex::new(receiver),
            ready: watch::Sender::new(false),
            current: Mutex::default(),
            pipes: Mutex::default(),
        });
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            // Nothing is sent: the sender goes with the instance.
            let _ = stopped.await;
        };
        tokio::spawn(port.serve(router(Arc::clone(&shared)), stopped));
        Ok(Self { address, work, shared, _stop: stop })
    }

    /// Waits until the instance has asked for work.
    pub(super) async fn ready(&self) {
        // The sender lives as long as `self` does.
        let _ = self.shared.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// The output to read before an answer is handed on.
    pub(super) fn reads(&self, pipes: Vec<Arc<Pipe>>) {
        *lock(&self.shared.pipes) = pipes;
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .with_state(shared)
}

/// Waits for work. An instance that goes away while it waits takes nothing with it.
async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let mut work = shared.work.lock().await;
    shared.ready.send_replace(true);
    let work = work.recv().await;
    shared.ready.send_replace(false);
    let Some(work) = work else {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "the instance is being stopped");
    };
    let id = uuid::Uuid::new_v4().to_string();
    let deadline = SystemTime::now() + shared.timeout;
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    *lock(&shared.current) = Some((id.clone(), work.reply));
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", shared.arn.clone()),
        ("lambda-runtime-trace-id", trace_id()),
    ];
    (headers, work.event).into_response()
}

/// The answer, at once or in chunks.
async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Body) -> Response {
    let failed =
        |kind: &str, message: String| Said::Error(json!({ "errorType": kind, "errorMessage": message }));
    match body::read(body, RESPONSE_LIMIT).await {
        Ok(body) => shared.reply(&id, Said::Answer(body)),
        Err(Unreadable::BrokenOff) => {
            shared.reply(&id, failed("Runtime.TruncatedResponse", "it broke off".to_owned()))
        }
        Err(Unreadable::TooLong) => {
            let message = format!("the response is larger than {RESPONSE_LIMIT} bytes");
            shared.reply(&id, failed("Function.ResponseSizeTooLarge", message.clone()));
            refusal(StatusCode::PAYLOAD_TOO_LARGE, &message)
        }
    }
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    shared.reply(&id, Said::Error(reported(&headers, &body)))
}

/// A function that cannot start says so and exits; its exit is what fails the invocation.
async fn init_error() -> Response {
    (StatusCode::ACCEPTED, Json(json!({ "status": "OK" }))).into_response()
}

fn reported(headers: &HeaderMap, body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let kind = headers.get("lambda-runtime-function-error-type").and_then(|kind| kind.to_str().ok());
        json!({ "errorType": kind.unwrap_or("Unknown"), "errorMessage": String::from_utf8_lossy(body) })
    })
}

impl Shared {
    fn reply(&self, id: &str, said: Said) -> Response {
        let mut current = lock(&self.current);
        if current.as_ref().is_none_or(|(running, _)| running != id) {
            return refusal(StatusCode::BAD_REQUEST, "there is no such invocation");
        }
        for pipe in lock(&self.pipes).iter() {
            pipe.drain();
        }
        if let Some((_, reply)) = current.take() {
            let _ = reply.send(said);
        }
        (StatusCode::ACCEPTED, Json(json!({ "status": "OK" }))).into_response()
    }
}

fn refusal(status: StatusCode, message: &str) -> Response {
    (status, Json(json!({ "errorType": "InvalidRequest", "errorMessage": message }))).into_response()
}

/// A new trace in X-Ray's form; nothing samples it.
pub(crate) fn trace_id() -> String {
    let random = uuid::Uuid::new_v4().simple().to_string();
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    format!("Root=1-{seconds:08x}-{};Parent={};Sampled=0", &random[..24], &random[16..])
}
