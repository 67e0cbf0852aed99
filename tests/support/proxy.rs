//! Proxies between the functions and what they depend on: they see every call, can make calls slow, and can let them fail.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
    net::{Ipv4Addr, SocketAddr},
    ops::Deref,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, State},
    http::{
        HeaderMap, StatusCode, Uri,
        header::{CONTENT_LENGTH, CONTENT_TYPE, HOST},
    },
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, join, stream};
use serde_json::{Map, Value, json};
use tokio::{
    net::TcpListener,
    sync::Notify,
    task::{self, JoinSet},
    time,
};

use super::Api;

/// How long a stalled call hangs: longer than any client waits.
const STALL: Duration = Duration::from_secs(10);

/// The whole API, with proxies before what it depends on. What a test itself reads and changes there does not pass them.
pub(crate) struct Proxied {
    api: Api,
    /// Before DynamoDB.
    pub(crate) proxy: Proxy,
    /// Before Secrets Manager, SES, SNS and Twilio.
    pub(crate) services: Proxy,
}

impl Deref for Proxied {
    type Target = Api;

    fn deref(&self) -> &Api {
        &self.api
    }
}

impl Api {
    /// With other parameters, and proxies between the functions and what they depend on.
    pub(crate) async fn behind_a_proxy(parameters: &[(&str, &str)]) -> Proxied {
        Proxied::before(async |env| Self::with_env(env, parameters).await).await
    }
}

impl Proxied {
    /// Proxies before what `api` starts with these variables.
    pub(crate) async fn before(api: impl AsyncFnOnce(&[(&str, &str)]) -> Api) -> Self {
        let (proxy, services) = (Proxy::start().await, Proxy::start().await);
        let env = [
            ("AWS_ENDPOINT_URL_DYNAMODB", proxy.url.as_str()),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &services.url),
            ("AWS_ENDPOINT_URL_SESV2", &services.url),
            ("AWS_ENDPOINT_URL_SNS", &services.url),
            ("TWILIO_API_URL", &services.url),
        ];
        let api = api(&env).await;
        proxy.inner.upstream.set(api.stack.dynamodb_url().to_owned()).unwrap();
        services.inner.upstream.set(api.stack.aws_url().to_owned()).unwrap();
        Self { api, proxy, services }
    }
}

/// A server that hands every call on. Dropping it stops it.
pub(crate) struct Proxy {
    url: String,
    address: SocketAddr,
    inner: Arc<Inner>,
    server: Mutex<JoinSet<()>>,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The service answers 500 and has done nothing.
    ServerError,
    /// The connection breaks before the service has heard of the call.
    RequestLost,
    /// The service has done what it was asked, and the connection breaks before it can say so.
    AnswerLost,
    /// The same, in the middle of its answer.
    AnswerCut,
    /// The service has done what it was asked, and half of its answer arrives as if it were all.
    AnswerTruncated,
    /// The service is asked too often: by everybody.
    Throttled,
    /// The same: for this table.
    TableThrottled,
    /// Another transaction is in the way of a write, a transaction is throttled, or a batch's keys are left unprocessed.
    Contended,
    /// Nothing happens for ten seconds.
    Stalled,
}

impl Fault {
    pub(crate) const ALL: [Self; 9] = [
        Self::ServerError,
        Self::RequestLost,
        Self::AnswerLost,
        Self::AnswerCut,
        Self::AnswerTruncated,
        Self::Throttled,
        Self::TableThrottled,
        Self::Contended,
        Self::Stalled,
    ];

    /// Whether the service has done what it was asked nevertheless.
    pub(crate) fn is_done(self) -> bool {
        matches!(self, Self::AnswerLost | Self::AnswerCut | Self::AnswerTruncated)
    }
}

/// A call of a service.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Such as `UpdateItem`; without a name of its own, the path.
    pub(crate) operation: String,
    /// `null` when it is not JSON.
    request: Value,
    /// `null` for none.
    answer: Value,
    /// When it began and ended in the order of all beginnings and ends; a clock would say less.
    began: usize,
    ended: Option<usize>,
    /// When it was answered, for a benchmark.
    answered: Option<Instant>,
}

impl Call {
    /// Whether it is about the one record with this key.
    pub(crate) fn is_of(&self, key: &str) -> bool {
        self.request["Key"]["pk"]["S"] == key
    }
}

/// The calls of one request, in the order in which they began.
#[derive(Debug)]
pub(crate) struct Calls(Vec<Call>);

type Answer = (StatusCode, HeaderMap, Bytes);
type Which = Box<dyn FnMut(&Call) -> bool + Send>;

struct Inner {
    http: reqwest::Client,
    upstream: OnceLock<String>,
    refuses: AtomicBool,
    connections: Mutex<Connections>,
    /// How many calls came on a connection that was forgotten.
    broken: AtomicUsize,
    record: Mutex<Record>,
}

/// Connections on which calls came, by the port at their other end.
#[derive(Default)]
struct Connections {
    known: HashSet<SocketAddr>,
    forgotten: HashSet<SocketAddr>,
}

impl Connections {
    /// Whether a call on this one is answered.
    fn admits(&mut self, peer: SocketAddr) -> bool {
        let is_known = !self.forgotten.contains(&peer);
        if is_known {
            self.known.insert(peer);
        }
        is_known
    }
}

#[derive(Default)]
struct Record {
    delay: Duration,
    events: usize,
    calls: Vec<Call>,
    faults: Vec<(Which, Fault)>,
    next_faults: Vec<(Which, Fault)>,
}

impl Proxy {
    async fn start() -> Self {
        // An address of its own: its port is given up and taken again, and nothing else gets it meanwhile.
        static STARTED: AtomicU16 = AtomicU16::new(1);
        let [high, low] = STARTED.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let listener = TcpListener::bind((Ipv4Addr::new(127, 1, high, low), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (upstream, refuses) = (OnceLock::new(), AtomicBool::new(false));
        let (connections, broken, record) = (Mutex::default(), AtomicUsize::new(0), Mutex::default());
        let inner = Arc::new(Inner { http, upstream, refuses, connections, broken, record });
        let proxy = Self { url: format!("http://{address}"), address, inner, server: Mutex::default() };
        proxy.serve(listener);
        proxy
    }

    fn serve(&self, listener: TcpListener) {
        let router = Router::new().fallback(forward).with_state(Arc::clone(&self.inner));
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let server = async move { axum::serve(listener, router).await.unwrap() };
        self.server.lock().unwrap().spawn(server);
    }

    /// From now on every connection is refused, and those that are open break.
    pub(crate) async fn refuse(&self) {
        self.inner.refuses.store(true, Ordering::Relaxed);
        let mut server = std::mem::take(&mut *self.server.lock().unwrap());
        server.shutdown().await;
    }

    /// From now on a call on a connection that is open is not answered: the connection breaks then, as one does that was given up
    /// on this side and on the other is not known to be.
    pub(crate) fn forget_connections(&self) {
        let mut connections = self.inner.connections.lock().unwrap();
        let known = std::mem::take(&mut connections.known);
        connections.forgotten.extend(known);
    }

    /// How many calls came on a connection that was forgotten.
    pub(crate) fn broken(&self) -> usize {
        self.inner.broken.load(Ordering::Relaxed)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends every fault that was to go on or is still to come.
    pub(crate) async fn heal(&self) {
        {
            let mut record = self.inner.record.lock().unwrap();
            record.faults.clear();
            record.next_faults.clear();
        }
        if self.inner.refuses.swap(false, Ordering::Relaxed) {
            self.serve(TcpListener::bind(self.address).await.unwrap());
        }
    }

    /// From now on no call is answered sooner than after `delay`.
    pub(crate) fn delay(&self, delay: Duration) {
        self.inner.record.lock().unwrap().delay = delay;
    }

    /// Lets the next call for which `which` holds fail.
    pub(crate) fn fail_next(&self, fault: Fault, which: impl Fn(&Call) -> bool + Send + 'static) {
        self.inner.record.lock().unwrap().next_faults.push((Box::new(which), fault));
    }

    /// The next transaction is on its way for longer than another takes, and then meets what that has made. Tells when it has
    /// begun.
    pub(crate) fn hold_up_the_next_change(&self) -> Arc<Notify> {
        let begun = Arc::new(Notify::new());
        let begins = Arc::clone(&begun);
        self.fail_next(Fault::Stalled, move |call| {
            let is_a_change = call.operation == "TransactWriteItems";
            if is_a_change {
                begins.notify_one();
            }
            is_a_change
        });
        begun
    }

    /// How many calls are still to fail, of those that [`Self::fail_next`] was told of.
    pub(crate) fn pending_faults(&self) -> usize {
        self.inner.record.lock().unwrap().next_faults.len()
    }

    /// Lets every call for which `which` holds fail, until it is healed.
    pub(crate) fn fail(&self, fault: Fault, which: impl FnMut(&Call) -> bool + Send + 'static) {
        self.inner.record.lock().unwrap().faults.push((Box::new(which), fault));
    }

    /// Lets every call for which `which` holds fail once, until it is healed: what asks for the same again gets it.
    pub(crate) fn fail_first(&self, fault: Fault, which: impl Fn(&Call) -> bool + Send + 'static) {
        let mut seen = HashSet::new();
        self.fail(fault, move |call| {
            // The tables of a batch come in any order.
            let mut letters = call.request.to_string().into_bytes();
            letters.sort_unstable();
            which(call) && seen.insert(letters)
        });
    }

    /// Gives what `request` gives, and the calls that were made and answered meanwhile: on a busy machine the SDK may give a
    /// call up and make it again.
    pub(crate) async fn watch<T>(&self, request: impl Future<Output = T>) -> (T, Calls) {
        let before = self.calls();
        let answer = request.await;
        (answer, self.calls_since(before))
    }

    /// How many calls there have been.
    pub(crate) fn calls(&self) -> usize {
        self.inner.record.lock().unwrap().calls.len()
    }

    /// Those after so many that were answered.
    pub(crate) fn calls_since(&self, before: usize) -> Calls {
        let calls = self.inner.record.lock().unwrap().calls[before..].to_vec();
        Calls(calls.into_iter().filter(|call| call.ended.is_some()).collect())
    }
}

async fn forward(
    State(inner): State<Arc<Inner>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !inner.connections.lock().unwrap().admits(peer) {
        inner.broken.fetch_add(1, Ordering::Relaxed);
        return broken_off();
    }
    if inner.refuses.load(Ordering::Relaxed) {
        return broken_off();
    }
    let target = headers.get("x-amz-target").map(|target| target.to_str().unwrap());
    let (service, operation) = target.and_then(|target| target.split_once('.')).unwrap_or(("", uri.path()));
    let mut request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let body = if service.starts_with("DynamoDB") {
        // The signature is now wrong, which the embedded database does not check.
        request["ReturnConsumedCapacity"] = json!("INDEXES");
        request.to_string().into()
    } else {
        body
    };
    let (at, delay, fault) = inner.record.lock().unwrap().begin(operation.to_owned(), request.clone());

    let answered = async {
        let refusal = fault.and_then(|fault| refusal(fault, operation, &request, &headers));
        if refusal.is_some() {
            return refusal;
        }
        match fault {
            Some(Fault::RequestLost) => return None,
            Some(Fault::Stalled) => {
                time::sleep(STALL).await;
                return None;
            }
            _ => {}
        }
        let answer = inner.call(&uri, headers.clone(), body).await;
        (fault != Some(Fault::AnswerLost)).then_some(answer)
    };
    let (answered, ()) = join!(answered, time::sleep(delay));
    inner.record.lock().unwrap().end(at, answered.as_ref());
    let Some((status, headers, body)) = answered else { return broken_off() };
    let half = body.slice(..body.len() / 2);
    match fault {
        Some(Fault::AnswerCut) => {
            // The half goes out while the rest is waited for.
            let begun = stream::iter([Ok(half)]);
            let broken = stream::once(async {
                task::yield_now().await;
                Err("broken off")
            });
            (status, headers, Body::from_stream(begun.chain(broken))).into_response()
        }
        Some(Fault::AnswerTruncated) => {
            let mut headers = headers;
            headers.remove(CONTENT_LENGTH);
            (status, headers, half).into_response()
        }
        _ => (status, headers, body).into_response(),
    }
}

/// What a service says that does nothing, when it says something.
fn refusal(fault: Fault, operation: &str, request: &Value, headers: &HeaderMap) -> Option<Answer> {
    let is_write = ["UpdateItem", "PutItem", "DeleteItem"].contains(&operation);
    let is_json_rpc = headers.contains_key("x-amz-target");
    let (status, kind) = match (fault, operation) {
        (Fault::ServerError, _) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
        (Fault::Contended, "TransactWriteItems") => {
            return Some(canceled(&["None", "TransactionConflict", "ThrottlingError"]));
        }
        (Fault::Contended, "BatchGetItem") => {
            let unprocessed = json!({ "Responses": {}, "UnprocessedKeys": request["RequestItems"] });
            return Some((StatusCode::OK, HeaderMap::new(), unprocessed.to_string().into()));
        }
        (Fault::Contended, _) if is_write => (StatusCode::BAD_REQUEST, "TransactionConflictException"),
        (Fault::Throttled | Fault::TableThrottled | Fault::Contended, _) if !is_json_rpc => {
            (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException")
        }
        (Fault::TableThrottled, _) => (StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException"),
        (Fault::Throttled | Fault::Contended, _) => (StatusCode::BAD_REQUEST, "ThrottlingException"),
        _ => return None,
    };
    let mut answer = HeaderMap::new();
    answer.insert("x-amzn-errortype", kind.parse().unwrap());
    let is_form = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().ends_with(b"form-urlencoded"));
    let body = if is_form && operation == "/" {
        format!(
            "<ErrorResponse><Error><Code>{kind}</Code><Message>Injected</Message></Error></ErrorResponse>"
        )
    } else {
        json!({ "__type": kind, "message": "Injected", "code": 20000 }).to_string()
    };
    Some((status, answer, body.into()))
}

/// A transaction that did nothing, for these reasons.
fn canceled(codes: &[&str]) -> Answer {
    let reasons: Vec<_> = codes.iter().map(|code| json!({ "Code": code })).collect();
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    // AWS has the codes in the message, too.
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let body = json!({ "__type": kind, "Message": message, "CancellationReasons": reasons });
    (StatusCode::BAD_REQUEST, HeaderMap::new(), body.to_string().into())
}

/// A body that fails at once: the connection is closed, and nothing has been sent on it.
fn broken_off() -> Response {
    Body::from_stream(stream::iter([Err::<Bytes, _>("broken off")])).into_response()
}

impl Inner {
    /// The service's answer to a call.
    async fn call(&self, uri: &Uri, mut headers: HeaderMap, body: Bytes) -> Answer {
        headers.remove(HOST);
        headers.remove(CONTENT_LENGTH);
        let url = format!("{}{}", self.upstream.get().unwrap(), uri.path());
        let answer = self.http.post(url).headers(headers).body(body).send().await.unwrap();
        (answer.status(), answer.headers().clone(), answer.bytes().await.unwrap())
    }
}

impl Record {
    /// A call begins. Gives its place among all calls, and what is to happen to it.
    fn begin(&mut self, operation: String, request: Value) -> (usize, Duration, Option<Fault>) {
        let answer = Value::Null;
        let call = Call { operation, request, answer, began: self.event(), ended: None, answered: None };
        let next = self.next_faults.iter_mut().position(|(which, _)| which(&call));
        let next = next.map(|at| self.next_faults.remove(at).1);
        let lasting = || self.faults.iter_mut().find_map(|(which, fault)| which(&call).then_some(*fault));
        let fault = next.or_else(lasting);
        self.calls.push(call);
        (self.calls.len() - 1, self.delay, fault)
    }

    fn end(&mut self, at: usize, answer: Option<&Answer>) {
        self.calls[at].ended = Some(self.event());
        self.calls[at].answered = answer.map(|_| Instant::now());
        self.calls[at].answer =
            answer.and_then(|(_, _, body)| serde_json::from_slice(body).ok()).unwrap_or_default();
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

    /// Whether it asks for the version of a secret before the current one.
    pub(crate) fn is_for_the_previous_version(&self) -> bool {
        self.request["VersionStage"] == "AWSPREVIOUS"
    }

    /// What it is, and on which tables.
    pub(crate) fn kind(&self) -> String {
        format!("{} {}", self.operation, self.tables().join(", "))
    }

    /// The capacity units that it consumed, as DynamoDB said.
    pub(crate) fn units(&self) -> f64 {
        self.consumed().iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum()
    }

    /// What it consumed of each table.
    fn consumed(&self) -> &[Value] {
        match &self.answer["ConsumedCapacity"] {
            Value::Array(tables) => tables,
            table => std::slice::from_ref(table),
        }
    }

    /// The same of each table and index: `Users` and `Users/listed`.
    fn units_by_place(&self) -> impl Iterator<Item = (String, f64)> {
        self.consumed().iter().flat_map(|table| {
            let name = table["TableName"].as_str().unwrap_or_default();
            let name = name.rsplit('-').next().unwrap_or(name);
            let indexes = table["GlobalSecondaryIndexes"].as_object().into_iter().flatten();
            let indexes = indexes.map(move |(index, consumed)| (format!("{name}/{index}"), consumed));
            let places = [(name.to_owned(), &table["Table"])].into_iter().chain(indexes);
            places.filter_map(|(place, consumed)| Some((place, consumed["CapacityUnits"].as_f64()?)))
        })
    }

    fn is_read(&self) -> bool {
        ["GetItem", "BatchGetItem", "Query", "Scan"].contains(&self.operation.as_str())
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

    /// What each of them was and on which tables, each once.
    pub(crate) fn kinds(&self) -> BTreeSet<String> {
        self.0.iter().map(Call::kind).collect()
    }

    /// The same, of those that read and those that write.
    pub(crate) fn units_read_and_written(&self) -> (f64, f64) {
        let units = |reads| -> f64 {
            // The sum of none is -0.
            self.0.iter().filter(|call| call.is_read() == reads).map(Call::units).sum::<f64>() + 0.0
        };
        (units(true), units(false))
    }

    /// The capacity units that those that write consumed of each table and index.
    pub(crate) fn units_written_by_place(&self) -> BTreeMap<String, f64> {
        let mut units = BTreeMap::new();
        for (place, consumed) in self.0.iter().filter(|call| !call.is_read()).flat_map(Call::units_by_place) {
            *units.entry(place).or_default() += consumed;
        }
        units.retain(|_, units| *units > 0.0);
        units
    }

    /// How many of them are of an operation.
    pub(crate) fn of(&self, operation: &str) -> usize {
        self.0.iter().filter(|call| call.operation == operation).count()
    }

    /// When the first of them was answered.
    pub(crate) fn first_answered(&self) -> Option<Instant> {
        self.0.iter().filter_map(|call| call.answered).min()
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
