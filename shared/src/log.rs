//! Structured logs: JSON lines for CloudWatch Logs Insights. No secret, code, token or full address is ever in one.

use std::{fmt::Display, panic, time::Duration};

use tracing::{field, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// An enum of events. Alarms, dashboards and queries match their ids, so an id never changes.
macro_rules! events {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $id:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The field `event` of its log line.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$variant => $id,)*
                }
            }
        }
    };
}
pub(crate) use events;

events! {
    /// An event that matters to operators. Those that matter to security are in [`crate::audit`].
    Event {
        /// A request was answered.
        Answered = "request_answered",
        /// A request to another API was authorized or refused.
        Authorized = "authorizer_answered",
        /// A function panicked, and its instance ended.
        Panicked = "panicked",
        /// A request failed by a fault of Rollcall.
        InternalError = "internal_error",
        /// A call to another service failed.
        CallFailed = "call_failed",
        /// AWS had no capacity for a call.
        CallThrottled = "call_throttled",
        /// A command of the operator was refused.
        CommandRefused = "command_refused",
        /// A stored record could not be rewritten.
        RewriteFailed = "rewrite_failed",
        /// An array could not hold the whole list.
        ListCut = "list_cut",
        /// A list is not as long as its counter says.
        CountWrong = "count_wrong",
        /// A limit was reached; `limit` says which.
        LimitReached = "limit_reached",
        /// The text messages of the day (`SmsPerDay`) are used up.
        SmsBudgetUsedUp = "sms_budget_used_up",
        /// A provider took a message.
        MessageSent = "message_sent",
        /// A provider will never take a message.
        MessageUndeliverable = "message_undeliverable",
        /// A message could not be sent, and will be tried again.
        MessageDelayed = "message_delayed",
        /// A code expired before it could be sent.
        MessageExpired = "message_expired",
        /// A record of the stream cannot be read. It was skipped.
        MessageUnreadable = "message_unreadable",
        /// A text of the operator cannot be used. The built-in text is sent in its place.
        MessageTextInvalid = "message_text_invalid",
        /// A mail was refused by the receiver's server, or not sent to a suppressed address.
        MailBounced = "mail_bounced",
        /// A receiver called a mail spam.
        MailComplaint = "mail_complaint",
        /// SES took a mail and then refused it for its content.
        MailRejected = "mail_rejected",
        /// A mail has not arrived yet, and SES tries again.
        MailDelayed = "mail_delayed",
    }
}

/// Parts of the codes by which AWS says that it has no capacity for a call.
const THROTTLED: [&str; 3] = ["Throttl", "ThroughputExceeded", "RequestLimitExceeded"];

impl Event {
    /// The event of a call that failed for this cause.
    pub(crate) fn of_failed_call(cause: &str) -> Self {
        if THROTTLED.iter().any(|code| cause.contains(code)) { Self::CallThrottled } else { Self::CallFailed }
    }
}

/// Logs that a call failed without which the request goes on.
pub fn failed_call(cause: &str, message: &'static str) {
    tracing::warn!(event = Event::of_failed_call(cause).id(), cause, "{message}");
}

/// Sends log lines to standard output, where Lambda collects them. Called once, by an instance's start.
///
/// Libraries may speak at WARN and above only: their lower levels print requests with all that is in them.
pub fn start() {
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    let ours = Targets::new().with_default(LevelFilter::WARN).with_targets([("shared", LevelFilter::INFO)]);
    // A second start finds the first one's subscriber in place, which is what it wants.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
    // It ends the process: there is nothing else that would say why as a line that is found.
    panic::set_hook(Box::new(|panic| {
        tracing::error!(event = Event::Panicked.id(), cause = %panic, "panicked");
    }));
}

/// The line of one request, with the part of its time in which passwords were hashed, if any were. The route is the template's,
/// so no id or address of a path is in it.
pub(crate) fn request(
    method: &str,
    route: &str,
    status: u16,
    took: Duration,
    hashed: Option<Duration>,
    cold: bool,
) {
    let (duration_ms, hash_ms) = (milliseconds(took), hashed.map(milliseconds));
    tracing::info!(
        event = Event::Answered.id(),
        method,
        route,
        status,
        duration_ms,
        hash_ms,
        cold,
        "request"
    );
}

/// The line of one request to another API: whose it is, or why it is refused.
pub(crate) fn authorizer(who: &Result<impl Display, String>, took: Duration) {
    let event = Event::Authorized.id();
    let (user_id, refusal) = (who.as_ref().ok().map(field::display), who.as_ref().err());
    tracing::info!(event, user_id, refusal, duration_ms = milliseconds(took), "authorizer");
}

/// To the microsecond.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Enough of an address or name to recognise it, not enough to use it: `t***@e***`, `+91***71`, `b***`.
#[must_use]
pub fn mask(address: &str) -> String {
    fn first(text: &str) -> String {
        text.chars().take(1).chain("***".chars()).collect()
    }
    if let Some((local, domain)) = address.rsplit_once('@') {
        // Not even the end: in `P@ss.CorrectHorse` that is most of a password.
        return format!("{}@{}", first(local), first(domain));
    }
    if address.starts_with('+') && address.len() > 6 && address.is_ascii() {
        return format!("{}***{}", &address[..3], &address[address.len() - 2..]);
    }
    first(address)
}

/// Words of somebody else, with the addresses and numbers in them masked.
#[must_use]
pub(crate) fn masked(words: &str) -> String {
    let masked = words.split(' ').map(|word| {
        let number = word.find('+').map(|at| word.split_at(at));
        match number {
            Some((before, number)) if number.chars().filter(char::is_ascii_digit).count() >= 6 => {
                let after = number.trim_start_matches(|c: char| c == '+' || c.is_ascii_digit());
                format!("{before}{}{after}", mask(&number[..number.len() - after.len()]))
            }
            _ if word.contains('@') => mask(word),
            _ => word.to_owned(),
        }
    });
    masked.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use serde_json::json;

    use super::{mask, masked, start};

    #[test]
    fn a_panic_is_a_line_like_any_other() {
        let itself = std::env::current_exe().unwrap();
        let panics = ["--exact", "log::tests::panics", "--ignored", "--nocapture"];
        let ended = Command::new(itself).args(panics).output().unwrap();
        assert!(!ended.status.success());
        let printed = String::from_utf8(ended.stdout).unwrap();
        let line =
            printed.lines().find_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()).unwrap();
        assert_eq!((&line["event"], &line["message"]), (&json!("panicked"), &json!("panicked")), "{line}");
        assert_eq!(line["level"], "ERROR", "{line}");
        assert!(line["cause"].as_str().unwrap().contains("the reason"), "{line}");
    }

    #[test]
    #[ignore = "it does: in a process of its own, for the test above"]
    fn panics() {
        start();
        panic!("the reason");
    }

    #[test]
    fn what_others_say_is_masked_too() {
        assert_eq!(
            masked("not authorized: SNS:Publish on resource:+919881167671 for ada@example.com in 3.2 s"),
            "not authorized: SNS:Publish on resource:+91***71 for a***@e*** in 3.2 s"
        );
    }

    #[test]
    fn an_address_cannot_be_read_back_from_a_log() {
        assert_eq!(mask("testuser@example.com"), "t***@e***");
        assert_eq!(mask("+919881167671"), "+91***71");
        assert_eq!(mask("bunny0909"), "b***");
        assert_eq!(mask(""), "***");
    }
}
