//! What becomes of mails after SES has taken them.

use serde::Deserialize;

use crate::log::{Event, mask};

/// An event of SES, as EventBridge hands it on.
#[derive(Debug, Deserialize)]
pub struct MailEvent {
    detail: Detail,
}

/// What is logged of <https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    mail: SentMail,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    reject: Option<Reject>,
    delivery_delay: Option<Delay>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct SentMail {
    message_id: String,
    destination: Vec<String>,
}

/// The receiver's server refuses the mail for good (`Permanent`) or did not take it in time (`Transient`), or SES did not send it
/// because the address is on a suppression list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Bounce {
    #[serde(rename = "bounceType")]
    kind: String,
    #[serde(rename = "bounceSubType")]
    sub_kind: String,
    #[serde(rename = "bouncedRecipients")]
    recipients: Vec<Recipient>,
}

/// The receiver called the mail spam.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Complaint {
    complaint_feedback_type: Option<String>,
    complained_recipients: Vec<Recipient>,
}

/// SES took the mail and found a virus in it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reject {
    reason: String,
}

/// SES goes on trying.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Delay {
    delay_type: String,
    delayed_recipients: Vec<Recipient>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Recipient {
    email_address: String,
    /// Such as `5.1.1` (RFC 3463). What the server says besides may hold the address, and is not read.
    status: Option<String>,
}

impl MailEvent {
    /// Logs a line for each receiver that it is about.
    pub fn log(&self) {
        self.detail.log();
    }
}

impl Detail {
    fn log(&self) {
        if let Some(Bounce { kind, sub_kind, recipients }) = &self.bounce {
            self.lines(Event::MailBounced, recipients, &format!("{kind}, {sub_kind}"));
        } else if let Some(Complaint { complaint_feedback_type, complained_recipients }) = &self.complaint {
            self.lines(
                Event::MailComplaint,
                complained_recipients,
                complaint_feedback_type.as_deref().unwrap_or_default(),
            );
        } else if let Some(Delay { delay_type, delayed_recipients }) = &self.delivery_delay {
            self.lines(Event::MailDelayed, delayed_recipients, delay_type);
        } else {
            let reason = self.reject.as_ref().map_or("unknown", |reject| reject.reason.as_str());
            for to in &self.mail.destination {
                self.line(Event::MailRejected, to, reason, None);
            }
        }
    }

    fn lines(&self, event: Event, recipients: &[Recipient], reason: &str) {
        for Recipient { email_address, status } in recipients {
            self.line(event, email_address, reason, status.as_deref());
        }
    }

    /// SES knows the mail by `message_id`, and the address to which it went.
    fn line(&self, event: Event, to: &str, reason: &str, status: Option<&str>) {
        let (event, to, message_id) = (event.id(), mask(to), &self.mail.message_id);
        tracing::warn!(event, to, reason, status, message_id, "SES reported what became of a mail");
    }
}
