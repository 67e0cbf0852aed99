//! Stand-ins for the AWS services that the functions call, with the wire protocols of the SDKs.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

use crate::{
    inbox::{Inbox, Message},
    secrets::{Refusal, Secrets, Version},
};

/// What the stand-ins act on.
#[derive(Debug)]
pub(crate) struct Services {
    pub(crate) secrets: Secrets,
    pub(crate) inbox: Arc<Inbox>,
    /// Whether SES is out of order.
    pub(crate) refuses_mail: AtomicBool,
}

/// One port serves them all: their requests differ.
pub(crate) fn router(services: Arc<Services>) -> Router {
    Router::new()
        .route("/", post(json_protocol))
        .route("/v2/email/outbound-emails", post(send_email))
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

/// Secrets Manager: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/>
async fn json_protocol(State(services): State<Arc<Services>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "SerializationException", "The body is not JSON.");
    };
    let result = match target {
        "secretsmanager.GetSecretValue" => get_secret_value(&services.secrets, &request),
        "secretsmanager.PutSecretValue" => put_secret_value(&services.secrets, &request),
        _ => return unknown().await,
    };
    match result {
        Ok(answer) => (StatusCode::OK, [("content-type", "application/x-amz-json-1.1")], answer.to_string())
            .into_response(),
        Err((kind, message)) => refusal(StatusCode::BAD_REQUEST, kind, &message),
    }
}

fn get_secret_value(secrets: &Secrets, request: &Value) -> Result<Value, Refusal> {
    let (arn, name, version) =
        secrets.get(secret_id(request)?, request["VersionId"].as_str(), request["VersionStage"].as_str())?;
    let mut answer = described(&arn, &name, &version);
    answer["SecretString"] = json!(version.value);
    answer["CreatedDate"] = json!(version.created);
    Ok(answer)
}

fn put_secret_value(secrets: &Secrets, request: &Value) -> Result<Value, Refusal> {
    let missing = || ("InvalidRequestException", "You must provide SecretString.".to_owned());
    let value = request["SecretString"].as_str().ok_or_else(missing)?;
    let stages = request["VersionStages"].as_array();
    let stages = stages.map(|stages| stages.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    let (arn, name, version) =
        secrets.put(secret_id(request)?, value, request["ClientRequestToken"].as_str(), stages)?;
    Ok(described(&arn, &name, &version))
}

fn secret_id(request: &Value) -> Result<&str, Refusal> {
    request["SecretId"]
        .as_str()
        .ok_or_else(|| ("InvalidParameterException", "SecretId is required.".to_owned()))
}

fn described(arn: &str, name: &str, version: &Version) -> Value {
    json!({ "ARN": arn, "Name": name, "VersionId": version.id, "VersionStages": version.stages })
}

/// SES: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>
async fn send_email(State(services): State<Arc<Services>>, body: Bytes) -> Response {
    if services.refuses_mail.load(Ordering::Relaxed) {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "SES is unavailable.");
    }
    match serde_json::from_slice(&body).ok().as_ref().and_then(emails) {
        Some((id, messages)) => {
            for message in messages {
                services.inbox.receive(message);
            }
            Json(json!({ "MessageId": id })).into_response()
        }
        None => refusal(
            StatusCode::BAD_REQUEST,
            "BadRequestException",
            "The message needs a sender, a destination, a subject and a body.",
        ),
    }
}

/// A message for every receiver, if SES would take it.
fn emails(request: &Value) -> Option<(String, Vec<Message>)> {
    let id = uuid::Uuid::new_v4().to_string();
    let simple = &request["Content"]["Simple"];
    let subject = simple["Subject"]["Data"].as_str()?;
    let (text, html) = (simple["Body"]["Text"]["Data"].as_str(), simple["Body"]["Html"]["Data"].as_str());
    let body = text.or(html)?;
    let is_address = |address: &&str| address.contains('@') && !address.contains(['\r', '\n']);
    request["FromEmailAddress"].as_str().filter(is_address)?;
    let receivers =
        ["ToAddresses", "CcAddresses", "BccAddresses"].map(|kind| request["Destination"][kind].as_array());
    let receivers: Option<Vec<&str>> = receivers
        .into_iter()
        .flatten()
        .flatten()
        .map(|address| address.as_str().filter(is_address))
        .collect();
    let receivers = receivers.filter(|receivers| !receivers.is_empty())?;
    let messages = receivers
        .into_iter()
        .map(|to| Message::new(&id, "email", bare_address(to), subject, body, html))
        .collect();
    Some((id, messages))
}

/// The address in `Ada <ada@example.com>`.
fn bare_address(receiver: &str) -> &str {
    receiver
        .rsplit_once('<')
        .and_then(|(_, rest)| rest.trim_end().strip_suffix('>'))
        .unwrap_or(receiver)
        .trim()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn email() -> Value {
        json!({
            "FromEmailAddress": "Rollcall <no-reply@example.com>",
            "Destination": { "ToAddresses": ["Ada <ada@example.com>"] },
            "Content": { "Simple": { "Subject": { "Data": "Code" }, "Body": { "Text": { "Data": "1234" } } } },
        })
    }

    #[test]
    fn an_email_reaches_every_receiver() {
        let mut email = email();
        email["Destination"]["BccAddresses"] = json!(["bob@example.com"]);

        let (id, messages) = emails(&email).unwrap();

        let seen: Vec<_> =
            messages.iter().map(|message| (message.to.as_str(), message.body.as_str())).collect();
        assert_eq!(seen, [("ada@example.com", "1234"), ("bob@example.com", "1234")]);
        assert!(
            messages
                .iter()
                .all(|message| message.id == id && message.channel == "email" && message.html.is_none())
        );
    }

    #[test]
    fn an_email_that_lacks_something_is_refused() {
        for (pointer, value) in [
            ("/Destination", json!({})),
            ("/Destination/ToAddresses", json!([])),
            ("/Destination/ToAddresses", json!(["no address"])),
            ("/Destination/ToAddresses", json!(["a@b\r\nBcc: c@d"])),
            ("/FromEmailAddress", json!(null)),
            ("/Content/Simple/Subject", json!({})),
            ("/Content/Simple/Body", json!({})),
        ] {
            let mut email = email();
            *email.pointer_mut(pointer).unwrap() = value;
            assert!(emails(&email).is_none(), "{pointer}");
        }
    }
}
