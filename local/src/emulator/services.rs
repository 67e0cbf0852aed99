//! Stand-ins for the services that the functions call, with the wire protocols of the SDKs.

pub(crate) mod carriers;
pub(crate) mod invoke;
mod secrets_manager;
pub(crate) mod ses;
mod sms;
mod sns;
pub(crate) mod twilio;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::AtomicBool},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use crate::emulator::{inbox::Inbox, lambda::Pool, secrets::Secrets, stream::filter};
pub(crate) use sms::Sms;
use sms::{SMS_LIMIT, is_phone_number};

const FORM: &[u8] = b"application/x-www-form-urlencoded";

/// What the stand-ins act on.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) secrets: Secrets,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) pools: Vec<Arc<Pool>>,
    /// Whether SES is out of order.
    pub(crate) refuses_mail: AtomicBool,
    /// The types of events that each configuration set of SES reports.
    pub(crate) configuration_sets: BTreeMap<String, BTreeSet<String>>,
    pub(crate) sms: Sms,
}

impl Services {
    /// Hands an event to the functions that EventBridge hands it to, without waiting for them.
    fn emit(&self, event: &Value) {
        let wants = |pool: &&Arc<Pool>| {
            let rules = &pool.function.rules;
            !rules.is_empty() && filter::wanted(rules, event)
        };
        for pool in self.pools.iter().filter(wants) {
            let (pool, event) = (Arc::clone(pool), event.clone());
            tokio::spawn(async move { pool.invoke_with(&event).await });
        }
    }
}

/// One port serves them all: their requests differ.
pub(crate) fn router(services: Arc<Services>) -> Router {
    Router::new()
        .route("/", post(json_or_query_protocol))
        .route("/v2/email/outbound-emails", post(ses::send_email))
        .route("/2015-03-31/functions/{name}/invocations", post(invoke::invoke))
        .route("/2010-04-01/Accounts/{account_sid}/Messages.json", post(twilio::send_message))
        .fallback(unknown)
        .with_state(services)
}

async fn unknown() -> Response {
    refusal(
        StatusCode::NOT_FOUND,
        "UnknownOperationException",
        "The local stack does not offer this operation.",
    )
}

/// The services with one address for all operations: SNS names the operation in a form, Secrets Manager in a header.
async fn json_or_query_protocol(
    State(services): State<Arc<Services>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(FORM)) {
        return sns::call(&services, &form(&body));
    }
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "SerializationException", "The body is not JSON.");
    };
    let result = match target {
        "secretsmanager.GetSecretValue" => secrets_manager::get_secret_value(&services.secrets, &request),
        "secretsmanager.PutSecretValue" => secrets_manager::put_secret_value(&services.secrets, &request),
        _ => return unknown().await,
    };
    match result {
        Ok(answer) => (StatusCode::OK, [("content-type", "application/x-amz-json-1.1")], answer.to_string())
            .into_response(),
        Err((kind, message)) => refusal(StatusCode::BAD_REQUEST, kind, &message),
    }
}

fn form(body: &[u8]) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

/// Both JSON protocols name the exception in a header, the older one in the body too.
fn refusal(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "__type": kind, "message": message, "Message": message }).to_string();
    let response = Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .header("x-amzn-errortype", kind);
    response.body(Body::from(body)).unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
}
