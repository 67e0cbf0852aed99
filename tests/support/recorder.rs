//! Between the functions and AWS: who called what, in the terms of their roles' policies.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{
        HeaderMap, StatusCode, Uri,
        header::{CONTENT_LENGTH, HOST},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, task::JoinSet};

use super::Api;

/// A permission that a function needed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Use {
    /// The binary's name.
    pub(crate) function: String,
    /// Such as `dynamodb:GetItem`.
    pub(crate) action: String,
    pub(crate) resource: String,
    /// The partition keys that one call named there (`dynamodb:LeadingKeys`).
    pub(crate) keys: BTreeSet<String>,
}

/// Hands every call on and keeps what it needed. Dropping it stops it.
pub(crate) struct Recorder {
    inner: Arc<Inner>,
    _server: JoinSet<()>,
}

struct Inner {
    http: reqwest::Client,
    /// DynamoDB, and everything else.
    upstreams: OnceLock<[String; 2]>,
    uses: Mutex<BTreeSet<Use>>,
    overtakes: AtomicBool,
}

impl Api {
    /// With other parameters, and a recorder between the functions and AWS.
    pub(crate) async fn recorded(parameters: &[(&str, &str)]) -> (Self, Recorder) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (upstreams, uses, overtakes) = (OnceLock::new(), Mutex::default(), AtomicBool::new(false));
        let inner = Arc::new(Inner { http, upstreams, uses, overtakes });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&inner));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });

        let services = ["DYNAMODB", "SECRETS_MANAGER", "SESV2", "SNS"];
        let env = services.map(|service| (format!("AWS_ENDPOINT_URL_{service}"), url.as_str()));
        let env: Vec<(&str, &str)> = env.iter().map(|(name, url)| (name.as_str(), *url)).collect();
        let api = Self::with_env(&env, parameters).await;
        let upstreams = [api.stack.dynamodb_url(), api.stack.aws_url()].map(str::to_owned);
        inner.upstreams.set(upstreams).unwrap();
        (api, Recorder { inner, _server: server })
    }
}

impl Recorder {
    /// What was needed so far.
    pub(crate) fn uses(&self) -> BTreeSet<Use> {
        self.inner.uses.lock().unwrap().clone()
    }

    /// Somebody else is faster than the next transaction, or the next write of a record in its version: the record is not as it was
    /// loaded.
    pub(crate) fn overtake_next(&self) {
        self.inner.overtakes.store(true, Ordering::Relaxed);
    }
}

/// The answer to a transaction whose record another request has changed.
fn overtaken(request: &Value) -> Response {
    let items = request["TransactItems"].as_array().unwrap().iter();
    let reasons = items.map(|item| {
        let (_, write) = item.as_object().unwrap().iter().next().unwrap();
        let is_record = write.get("Key").is_some_and(|key| {
            let pk = partition(key);
            pk.starts_with("user#") || pk.starts_with("employee#")
        });
        json!({ "Code": if is_record { "ConditionalCheckFailed" } else { "None" } })
    });
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let body = json!({ "__type": kind, "Message": "", "CancellationReasons": reasons.collect::<Vec<_>>() });
    (StatusCode::BAD_REQUEST, body.to_string()).into_response()
}

async fn forward(State(inner): State<Arc<Inner>>, uri: Uri, mut headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let function = header("x-amz-security-token").expect("a function signs what it asks for");
    let target = header("x-amz-target").unwrap_or_default();
    let request: Value = serde_json::from_slice(&body).unwrap_or_default();
    let uses = needed(&target, uri.path(), &request).into_iter().map(|(action, resource, keys)| Use {
        function: function.clone(),
        action,
        resource,
        keys: keys.into_iter().collect(),
    });
    inner.uses.lock().unwrap().extend(uses);
    let is_versioned =
        request["ConditionExpression"].as_str().is_some_and(|condition| condition.contains("#version"));
    if target.ends_with(".TransactWriteItems") && inner.overtakes.swap(false, Ordering::Relaxed) {
        return overtaken(&request);
    }
    if target.ends_with(".UpdateItem") && is_versioned && inner.overtakes.swap(false, Ordering::Relaxed) {
        let kind = "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException";
        let refused = json!({ "__type": kind, "message": "The conditional request failed" });
        return (StatusCode::BAD_REQUEST, refused.to_string()).into_response();
    }

    headers.remove(HOST);
    headers.remove(CONTENT_LENGTH);
    let [dynamodb, others] = inner.upstreams.get().unwrap();
    let upstream = if target.starts_with("DynamoDB") { dynamodb } else { others };
    let request = inner.http.post(format!("{upstream}{}", uri.path())).headers(headers).body(body);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.headers().clone(), answer.bytes().await.unwrap()).into_response()
}

/// The actions of a call, each with its resource and the partition keys there. AWS does not say which keys a permission for a part of
/// a transaction is held against: those of one write, or of all writes of the action in the table. What allows the latter allows
/// the former, too.
fn needed(target: &str, path: &str, request: &Value) -> Vec<(String, String, Vec<String>)> {
    match target.rsplit('.').next().unwrap() {
        "GetSecretValue" => {
            let secret = request["SecretId"].as_str().unwrap().to_owned();
            vec![("secretsmanager:GetSecretValue".to_owned(), secret, Vec::new())]
        }
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().unwrap();
            let keys = |keys: &Value| keys["Keys"].as_array().unwrap().iter().map(partition).collect();
            tables.iter().map(|(table, wanted)| on_table("BatchGetItem", table, keys(wanted))).collect()
        }
        "TransactWriteItems" => {
            let items = request["TransactItems"].as_array().unwrap().iter();
            let mut all: Vec<(String, String, Vec<String>)> = Vec::new();
            for (kind, write) in items.flat_map(|item| item.as_object().unwrap()) {
                let (action, table, keys) = on_item(&format!("{kind}Item"), write);
                match all.iter_mut().find(|known| (&known.0, &known.1) == (&action, &table)) {
                    Some((_, _, known)) => known.extend(keys),
                    None => all.push((action, table, keys)),
                }
            }
            all
        }
        "Query" => {
            let condition = request["KeyConditionExpression"].as_str().unwrap();
            let name = condition.split_whitespace().nth(2).unwrap();
            let key = request["ExpressionAttributeValues"][name]["S"].as_str().unwrap().to_owned();
            let index =
                request["IndexName"].as_str().map(|index| format!("/index/{index}")).unwrap_or_default();
            let table = request["TableName"].as_str().unwrap();
            vec![on_table("Query", &format!("{table}{index}"), vec![key])]
        }
        "Scan" => vec![on_table("Scan", request["TableName"].as_str().unwrap(), Vec::new())],
        "" if path == "/" => vec![("sns:Publish".to_owned(), "*".to_owned(), Vec::new())],
        "" => {
            let sender = request["FromEmailAddress"].as_str().unwrap().trim_end_matches('>');
            let domain = sender.rsplit('@').next().unwrap();
            let identity = format!("arn:aws:ses:us-east-1:000000000000:identity/{domain}");
            // SES asks for the configuration set, too.
            let set = request["ConfigurationSetName"].as_str().unwrap();
            let set = format!("arn:aws:ses:us-east-1:000000000000:configuration-set/{set}");
            [identity, set].map(|on| ("ses:SendEmail".to_owned(), on, Vec::new())).into()
        }
        action => vec![on_item(action, request)],
    }
}

fn on_item(action: &str, request: &Value) -> (String, String, Vec<String>) {
    let item = request.get("Key").or_else(|| request.get("Item")).unwrap();
    on_table(action, request["TableName"].as_str().unwrap(), vec![partition(item)])
}

fn on_table(action: &str, table: &str, keys: Vec<String>) -> (String, String, Vec<String>) {
    (format!("dynamodb:{action}"), format!("arn:aws:dynamodb:us-east-1:000000000000:table/{table}"), keys)
}

fn partition(key: &Value) -> String {
    key["pk"]["S"].as_str().unwrap().to_owned()
}
