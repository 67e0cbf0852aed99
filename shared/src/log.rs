//! Structured logs: JSON lines for CloudWatch Logs Insights. No secret, code, token or full address is ever in one.

use std::{fmt, panic, time::Duration};

use tracing::{field::display, level_filters::LevelFilter};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{Error, user::Id};

/// Sends log lines to standard output, where Lambda collects them. Called once, by an instance's start.
///
/// Libraries may speak at WARN and above only: their lower levels print requests with all that is in them.
pub fn start() {
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    let ours = Targets::new().with_default(LevelFilter::WARN).with_targets([("shared", LevelFilter::INFO)]);
    // A second start finds the first one's subscriber in place, which is what it wants.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
    // It ends the process: there is nothing else that would say why as a line that is found.
    panic::set_hook(Box::new(|panic| tracing::error!(cause = %panic, "panicked")));
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
    tracing::info!(method, route, status, duration_ms, hash_ms, cold, "request");
}

/// To the microsecond.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// An act that matters to security, kept for audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// An account was made.
    Registered,
    /// An address was proven by a code.
    Verified,
    /// A wrong or dead code was tried.
    CodeRefused,
    /// A session began.
    LoggedIn,
    /// A login was refused: unknown, wrong, inactive, unverified.
    LoginRefused,
    /// A limit was reached.
    Throttled,
    /// A password was changed by its owner.
    PasswordChanged,
    /// A password was set anew with a code.
    PasswordRecovered,
    /// A profile was changed; the fields are named, never their values.
    ProfileChanged,
    /// Staff changed somebody.
    UserChanged,
    /// Another user took an identifier that this user had not verified, and possibly the username that is spelled like it.
    NameLost,
    /// An account was deleted.
    UserDeleted,
    /// Staff cleared somebody's failed logins.
    Unlocked,
    /// The operator made a staff user.
    SuperuserMade,
    /// The operator brought a user or an employee from another system.
    Imported,
    /// An employee's record was made.
    EmployeeCreated,
    /// An employee's record was changed.
    EmployeeChanged,
    /// An employee's record was deleted.
    EmployeeDeleted,
    /// One session was ended by its user.
    LoggedOut,
    /// All sessions of a user were ended.
    LoggedOutEverywhere,
    /// A refresh token was used twice: its session was ended.
    SessionKilledForReuse,
    /// The client that had just used a refresh token used it again, within the grace: it got the same successor.
    RefreshRepeated,
    /// The same after the grace, and the successor had not been used: it got another in its place.
    RefreshReplaced,
    /// Somebody asked whether a token is alive that had ended or been used up.
    DeadTokenShown,
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registered => "registered",
            Self::Verified => "verified",
            Self::CodeRefused => "code refused",
            Self::LoggedIn => "logged in",
            Self::LoginRefused => "login refused",
            Self::Throttled => "throttled",
            Self::PasswordChanged => "password changed",
            Self::PasswordRecovered => "password recovered",
            Self::ProfileChanged => "profile changed",
            Self::UserChanged => "user changed",
            Self::NameLost => "name lost",
            Self::UserDeleted => "user deleted",
            Self::Unlocked => "unlocked",
            Self::SuperuserMade => "superuser made",
            Self::Imported => "imported",
            Self::EmployeeCreated => "employee created",
            Self::EmployeeChanged => "employee changed",
            Self::EmployeeDeleted => "employee deleted",
            Self::LoggedOut => "logged out",
            Self::LoggedOutEverywhere => "logged out everywhere",
            Self::SessionKilledForReuse => "session killed for reuse",
            Self::RefreshRepeated => "refresh repeated",
            Self::RefreshReplaced => "refresh replaced",
            Self::DeadTokenShown => "dead token shown",
        })
    }
}

/// Leaves an audit event about a user we know.
pub fn audit(act: Act, user: Id, ip: &str) {
    tracing::info!(audit = %act, user_id = %user, ip);
}

/// Whose record was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// A user's.
    User(Id),
    /// An employee's.
    Employee(Id),
}

/// Leaves an audit event about a change: who made it, whose record it is, and the names of the changed fields, never their
/// values. No user made what the operator did, or who had a code and was not signed in.
pub fn audit_change(act: Act, actor: Option<Id>, record: Changed, fields: &[&str], ip: &str) {
    let (actor, fields) = (actor.map(display), fields.join(","));
    match record {
        Changed::User(id) => tracing::info!(audit = %act, actor_id = actor, user_id = %id, fields, ip),
        Changed::Employee(id) => {
            tracing::info!(audit = %act, actor_id = actor, employee_id = %id, fields, ip);
        }
    }
}

/// The names of those fields of which it is true that they changed.
pub(crate) fn changed<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    fields.into_iter().filter_map(|(name, is_changed)| is_changed.then_some(name)).collect()
}

/// Leaves an audit event about a user of whom we have only what was typed: it is masked.
pub fn audit_unknown(act: Act, typed: &str, ip: &str) {
    tracing::info!(audit = %act, identifier = %mask(typed), ip);
}

/// What an operator who invokes a function hears of an error: all that is wrong with each field, or the cause, which is logged
/// too.
#[must_use]
pub fn refused(error: &Error) -> String {
    if let Error::Invalid(fields) = error {
        let fields = fields.iter().map(|(field, complaints)| format!("{field}: {}", complaints.join(" ")));
        return fields.collect::<Vec<_>>().join(" ");
    }
    let cause = error.cause();
    tracing::error!(cause, "refused");
    cause
}

/// Leaves an audit event about a limit that was reached; an error of another kind is none.
pub fn audit_throttled(error: &Error, typed: &str, ip: &str) {
    if matches!(error, Error::Throttled(_)) {
        audit_unknown(Act::Throttled, typed, ip);
    }
}

/// Leaves an audit event about a code that was refused; an error of another kind says nothing about the code.
pub fn audit_code(error: &Error, typed: &str, ip: &str) {
    if matches!(error, Error::OtpInvalid) {
        audit_unknown(Act::CodeRefused, typed, ip);
    }
}

/// Enough of an address or name to recognise it, not enough to use it: `t***@e***.com`, `+91***71`, `b***`.
#[must_use]
pub fn mask(address: &str) -> String {
    fn first(text: &str) -> String {
        text.chars().take(1).chain("***".chars()).collect()
    }
    if let Some((local, domain)) = address.rsplit_once('@') {
        let top = domain.rsplit_once('.').map_or("", |(_, top)| top);
        return format!("{}@{}.{top}", first(local), first(domain));
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
        assert_eq!(line["message"], "panicked", "{line}");
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
            "not authorized: SNS:Publish on resource:+91***71 for a***@e***.com in 3.2 s"
        );
    }

    #[test]
    fn an_address_cannot_be_read_back_from_a_log() {
        assert_eq!(mask("testuser@example.com"), "t***@e***.com");
        assert_eq!(mask("+919881167671"), "+91***71");
        assert_eq!(mask("bunny0909"), "b***");
        assert_eq!(mask(""), "***");
    }
}
