//! SES: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>

use std::sync::{Arc, atomic::Ordering};

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Services, refusal};
use crate::emulator::inbox::Message;

pub(super) async fn send_email(State(services): State<Arc<Services>>, body: Bytes) -> Response {
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
