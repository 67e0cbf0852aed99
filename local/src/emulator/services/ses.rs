//! SES: <https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html>
//!
//! A mail to an address of its mailbox simulator goes as it does on AWS:
//! <https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html>

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
};

use axum::{
    Json,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use super::{Services, refusal};
use crate::emulator::{
    inbox::Message,
    template::{ACCOUNT, REGION},
};

/// The addresses of the simulator end with this. What stands before it may have a label: `bounce+ada@…`.
const SIMULATOR: &str = "@simulator.amazonses.com";

/// The types of events that each configuration set of a template reports.
pub(crate) fn configuration_sets(resources: &Map<String, Value>) -> BTreeMap<String, BTreeSet<String>> {
    let mut sets = BTreeMap::<_, BTreeSet<String>>::new();
    let destinations = resources
        .values()
        .filter(|resource| resource["Type"] == "AWS::SES::ConfigurationSetEventDestination");
    for properties in destinations.map(|resource| &resource["Properties"]) {
        let Some(set) = properties["ConfigurationSetName"].as_str() else { continue };
        let destination = &properties["EventDestination"];
        let types = destination["MatchingEventTypes"].as_array().into_iter().flatten();
        let types = types.filter(|_| destination["Enabled"] == true).filter_map(Value::as_str);
        sets.entry(set.to_owned()).or_default().extend(types.map(str::to_owned));
    }
    sets
}

pub(super) async fn send_email(State(services): State<Arc<Services>>, body: Bytes) -> Response {
    if services.refuses_mail.load(Ordering::Relaxed) {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", "SES is unavailable.");
    }
    let request = serde_json::from_slice(&body).unwrap_or_default();
    let Some((id, messages)) = emails(&request) else {
        let message = "The message needs a sender, a destination, a subject and a body.";
        return refusal(StatusCode::BAD_REQUEST, "BadRequestException", message);
    };
    let set = request["ConfigurationSetName"].as_str();
    if let Some(set) = set.filter(|set| !services.configuration_sets.contains_key(*set)) {
        let message = format!("Configuration set <{set}> does not exist.");
        return refusal(StatusCode::NOT_FOUND, "NotFoundException", &message);
    }
    for mut message in messages {
        if let Some(outcome) = Outcome::of(&message.to) {
            message.problem = Some(outcome.problem().to_owned());
            let reported = set.filter(|set| services.configuration_sets[*set].contains(outcome.event_type()));
            if let Some(set) = reported {
                services.emit(&outcome.event(set, &message));
            }
        }
        services.inbox.receive(message);
    }
    Json(json!({ "MessageId": id })).into_response()
}

/// What becomes of a mail that SES has taken and that does not simply arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Bounced,
    Complained,
    Suppressed,
}

impl Outcome {
    fn of(to: &str) -> Option<Self> {
        let to = to.to_ascii_lowercase();
        let name = to.strip_suffix(SIMULATOR)?;
        match name.split('+').next()? {
            "bounce" => Some(Self::Bounced),
            "complaint" => Some(Self::Complained),
            "suppressionlist" => Some(Self::Suppressed),
            _ => None,
        }
    }

    /// For the inbox.
    fn problem(self) -> &'static str {
        match self {
            Self::Bounced => "Bounced: the receiver's server has no such address.",
            Self::Complained => "It arrived, and its receiver called it spam.",
            Self::Suppressed => "Not sent: the address is on SES's suppression list.",
        }
    }

    fn event_type(self) -> &'static str {
        if self == Self::Complained { "complaint" } else { "bounce" }
    }

    /// As SES reports it by EventBridge.
    fn event(self, set: &str, message: &Message) -> Value {
        let Message { id, to, sent_at: time, .. } = message;
        let (kind, name, name_of_type, told) = match self {
            Self::Complained => {
                let told = json!({
                    "complainedRecipients": [{ "emailAddress": to }],
                    "complaintFeedbackType": "abuse",
                    "timestamp": time,
                    "feedbackId": id,
                });
                ("Email Complaint Received", "complaint", "Complaint", told)
            }
            Self::Bounced | Self::Suppressed => {
                let (sub_type, said) = match self {
                    Self::Suppressed => ("Suppressed", "Amazon SES did not send the message to this address"),
                    _ => ("General", "smtp; 550 5.1.1 user unknown"),
                };
                let told = json!({
                    "bounceType": "Permanent",
                    "bounceSubType": sub_type,
                    "bouncedRecipients": [
                        { "emailAddress": to, "action": "failed", "status": "5.1.1", "diagnosticCode": said },
                    ],
                    "timestamp": time,
                    "feedbackId": id,
                });
                ("Email Bounced", "bounce", "Bounce", told)
            }
        };
        json!({
            "version": "0",
            "id": uuid::Uuid::new_v4(),
            "detail-type": kind,
            "source": "aws.ses",
            "account": ACCOUNT,
            "time": time,
            "region": REGION,
            "resources": [format!("arn:aws:ses:{REGION}:{ACCOUNT}:configuration-set/{set}")],
            "detail": {
                "eventType": name_of_type,
                name: told,
                "mail": {
                    "timestamp": time,
                    "sendingAccountId": ACCOUNT,
                    "messageId": id,
                    "destination": [to],
                    "tags": { "ses:configuration-set": [set] },
                },
            },
        })
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
