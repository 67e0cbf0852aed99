//! A proxy between the functions and DynamoDB: it sees every call, can make calls slow, and can lose one.

use std::{
    collections::BTreeSet,
    fmt,
    ops::Deref,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_LENGTH, HOST},
    },
    response::{IntoResponse, Response},
};
use futures_util::{join, stream};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::JoinSet, time};

use super::Api;

/// The whole API, with the proxy before its database. What a test itself reads and changes there does not pass it.
pub(crate) struct Proxied {
    api: Api,
    pub(crate) proxy: Proxy,
}

impl Deref for Proxied {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Api {
    /// With other parameters, and a proxy between the functions and DynamoDB.
    pub(crate) async fn behind_a_proxy(parameters: &[(&str, &str)]) -> Proxied {
        let proxy = Proxy::start().await;
        let api = Self::with_env(&[("AWS_ENDPOINT_URL_DYNAMODB", &proxy.url)], parameters).await;
        proxy.inner.database.set(api.stack.dynamodb_url().to_owned()).unwrap();
        Proxied { api, proxy }
    }
}

/// A server that hands every call on to DynamoDB. Dropping it stops it.
pub(crate) struct Proxy {
    url: String,
    inner: Arc<Inner>,
    _server: JoinSet<()>,
}

/// How a call fails.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fault {
    /// DynamoDB answers 500 and has done nothing.
    ServerError,
    /// The connection breaks before DynamoDB has heard of the call.
    RequestLost,
    /// DynamoDB has done what it was asked, and the connection breaks before it can say so.
    AnswerLost,
}

/// A call of DynamoDB.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Such as `UpdateItem`.
    pub(crate) operation: String,
    request: Value,
    /// `null` for none.
    answer: Value,
    /// When it began and ended in the order of all beginnings and ends; a clock would say less.
    began: usize,
    ended: Option<usize>,
}

/// The calls of one request, in the order in which they began.
#[derive(Debug)]
pub(crate) struct Calls(Vec<Call>);

type Answer = (StatusCode, HeaderMap, Bytes);
type Which = Box<dyn Fn(&Call) -> bool + Send>;

struct Inner {
    http: reqwest::Client,
    database: OnceLock<String>,
    record: Mutex<Record>,
}

#[derive(Default)]
struct Record {
    delay: Duration,
    events: usize,
    calls: Vec<Call>,
    faults: Vec<(Which, Fault)>,
}

impl Proxy {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let inner = Arc::new(Inner { http, database: OnceLock::new(), record: Mutex::default() });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&inner));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, inner, _server: server }
    }

    /// From now on no call is answered sooner than after `delay`.
    pub(crate) fn delay(&self, delay: Duration) {
        self.inner.record.lock().unwrap().delay = delay;
    }

    /// Lets the next call for which `which` holds fail.
    pub(crate) fn fail_next(&self, fault: Fault, which: impl Fn(&Call) -> bool + Send + 'static) {
        self.inner.record.lock().unwrap().faults.push((Box::new(which), fault));
    }

    /// Gives what `request` gives, and the calls that were made and answered meanwhile: on a busy machine the SDK may give a
    /// call up and make it again.
    pub(crate) async fn watch<T>(&self, request: impl Future<Output = T>) -> (T, Calls) {
        let before = self.inner.record.lock().unwrap().calls.len();
        let answer = request.await;
        let calls = self.inner.record.lock().unwrap().calls[before..].to_vec();
        (answer, Calls(calls.into_iter().filter(|call| call.ended.is_some()).collect()))
    }
}

async fn forward(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers["x-amz-target"].to_str().unwrap();
    let operation = target.rsplit('.').next().unwrap().to_owned();
    let mut request: Value = serde_json::from_slice(&body).unwrap();
    // The signature is now wrong, which the embedded database does not check.
    request["ReturnConsumedCapacity"] = json!("INDEXES");
    let body = request.to_string();
    let (at, delay, fault) = inner.record.lock().unwrap().begin(operation, request);

    let answered = async {
        match fault {
            None => Some(inner.call(headers, body).await),
            Some(Fault::ServerError) => Some(server_error()),
            Some(Fault::RequestLost) => None,
            Some(Fault::AnswerLost) => {
                inner.call(headers, body).await;
                None
            }
        }
    };
    let (answered, ()) = join!(answered, time::sleep(delay));
    inner.record.lock().unwrap().end(at, answered.as_ref());
    answered.map_or_else(broken_off, IntoResponse::into_response)
}

fn server_error() -> Answer {
    let body = json!({ "__type": "com.amazonaws.dynamodb.v20120810#InternalServerError" });
    (StatusCode::INTERNAL_SERVER_ERROR, HeaderMap::new(), body.to_string().into())
}

/// A body that fails at once: the connection is closed, and nothing has been sent on it.
fn broken_off() -> Response {
    Body::from_stream(stream::iter([Err::<Bytes, _>("broken off")])).into_response()
}

impl Inner {
    /// DynamoDB's answer to a call.
    async fn call(&self, mut headers: HeaderMap, body: String) -> Answer {
        headers.remove(HOST);
        headers.remove(CONTENT_LENGTH);
        let request = self.http.post(self.database.get().unwrap()).headers(headers).body(body);
        let answer = request.send().await.unwrap();
        (answer.status(), answer.headers().clone(), answer.bytes().await.unwrap())
    }
}

impl Record {
    /// A call begins. Gives its place among all calls, and what is to happen to it.
    fn begin(&mut self, operation: String, request: Value) -> (usize, Duration, Option<Fault>) {
        let call = Call { operation, request, answer: Value::Null, began: self.event(), ended: None };
        let fault = self.faults.iter().position(|(which, _)| which(&call));
        let fault = fault.map(|at| self.faults.remove(at).1);
        self.calls.push(call);
        (self.calls.len() - 1, self.delay, fault)
    }

    fn end(&mut self, at: usize, answer: Option<&Answer>) {
        self.calls[at].ended = Some(self.event());
        self.calls[at].answer =
            answer.map(|(_, _, body)| serde_json::from_slice(body).unwrap()).unwrap_or_default();
    }

    fn event(&mut self) -> usize {
        self.events += 1;
        self.events
    }
}

impl Call {
    /// The tables that it names, each once and without the stack's name: `Users`, or `Users/index`.
    pub(crate) fn tables(&self) -> Vec<String> {
        let index = self.request["IndexName"].as_str().map(|index| format!("/{index}")).unwrap_or_default();
        let single = self.request["TableName"].as_str();
        let batch = self.request["RequestItems"].as_object().into_iter().flat_map(Map::keys);
        let transaction = self.request["TransactItems"].as_array().into_iter().flatten();
        let transaction = transaction.filter_map(Value::as_object).flat_map(Map::values);
        let transaction = transaction.filter_map(|write| write["TableName"].as_str());
        let names = single.into_iter().chain(batch.map(String::as_str)).chain(transaction);
        let names = names.map(|name| name.rsplit('-').next().unwrap_or(name));
        names.collect::<BTreeSet<_>>().into_iter().map(|name| format!("{name}{index}")).collect()
    }

    /// The capacity units that it consumed, as DynamoDB said.
    pub(crate) fn units(&self) -> f64 {
        let consumed = match &self.answer["ConsumedCapacity"] {
            Value::Array(tables) => tables.as_slice(),
            table => std::slice::from_ref(table),
        };
        consumed.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum()
    }
}

impl Calls {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The capacity units that they consumed together.
    pub(crate) fn units(&self) -> f64 {
        self.0.iter().map(Call::units).sum()
    }

    /// How many of them are of an operation.
    pub(crate) fn of(&self, operation: &str) -> usize {
        self.0.iter().filter(|call| call.operation == operation).count()
    }

    /// Whether one of them is another once more.
    pub(crate) fn has_repetitions(&self) -> bool {
        let mut earlier = self.0.iter().enumerate();
        earlier.any(|(at, call)| {
            self.0[at + 1..]
                .iter()
                .any(|later| (&later.operation, &later.request) == (&call.operation, &call.request))
        })
    }

    /// What each of them was, on which tables, and what it cost; sorted, because the order of calls that do not wait for one
    /// another is chance.
    pub(crate) fn costs(&self) -> Vec<String> {
        let cost = |call: &Call| format!("{} {:?} {}", call.operation, call.tables(), call.units());
        let mut costs: Vec<String> = self.0.iter().map(cost).collect();
        costs.sort();
        costs
    }

    /// The longest chain of calls of which each began after the one before had ended.
    pub(crate) fn depth(&self) -> usize {
        self.levels().into_iter().max().unwrap_or(0)
    }

    /// The place of each call in the longest such chain that ends with it.
    fn levels(&self) -> Vec<usize> {
        let mut levels: Vec<usize> = Vec::new();
        for call in &self.0 {
            let waited_for = |earlier: &Call| earlier.ended.is_some_and(|ended| ended < call.began);
            let before = self.0.iter().zip(&levels).filter(|(earlier, _)| waited_for(earlier));
            let deepest = before.map(|(_, level)| *level).max().unwrap_or(0);
            levels.push(deepest + 1);
        }
        levels
    }
}

impl fmt::Display for Calls {
    /// A line a call: how many it waited for, what it is, on which tables, and what it cost.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (level, call) in self.levels().into_iter().zip(&self.0) {
            let (operation, tables, units) = (&call.operation, call.tables().join(", "), call.units());
            writeln!(f, "  {level}. {operation} {tables} ({units} units)")?;
        }
        Ok(())
    }
}
