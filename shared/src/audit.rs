//! Audit events: structured log lines about what matters to security. They name users, records and fields, never values.
//!
//! `event` is the id of an event, which never changes. `audit` is for people, and may be reworded.

use std::fmt;

use tracing::field::display;

use crate::{
    Error,
    id::Id,
    log::{events, mask},
};

events! {
    /// An event that matters to security, kept for audit.
    Event {
        /// An account was made.
        Registered = "user_registered",
        /// An address was proven by a code.
        Verified = "address_verified",
        /// A wrong or dead code was tried.
        CodeRefused = "code_refused",
        /// A session began.
        LoggedIn = "logged_in",
        /// A login was refused: unknown, wrong, inactive, unverified.
        LoginRefused = "login_refused",
        /// A limit was reached.
        Throttled = "throttled",
        /// A password was changed by its owner.
        PasswordChanged = "password_changed",
        /// A new password was set with a code.
        PasswordRecovered = "password_recovered",
        /// Staff sent somebody a code for a new password.
        RecoverySent = "recovery_sent",
        /// A profile was changed; the fields are named, never their values.
        ProfileChanged = "profile_changed",
        /// Staff changed somebody.
        UserChanged = "user_changed",
        /// Another user took an identifier that this user had not verified, and possibly the username that is spelled like it.
        NameLost = "identifier_lost",
        /// An account was deleted.
        UserDeleted = "user_deleted",
        /// Staff cleared somebody's failed logins.
        Unlocked = "user_unlocked",
        /// The operator made a staff user.
        SuperuserMade = "superuser_created",
        /// The operator brought a user or an employee from another system.
        Imported = "record_imported",
        /// An employee's record was made.
        EmployeeCreated = "employee_created",
        /// An employee's record was changed.
        EmployeeChanged = "employee_changed",
        /// An employee's record was deleted.
        EmployeeDeleted = "employee_deleted",
        /// One session was ended by its user.
        LoggedOut = "logged_out",
        /// All sessions of a user were ended.
        LoggedOutEverywhere = "logged_out_everywhere",
        /// A refresh token was used twice: its session was ended.
        SessionKilledForReuse = "refresh_token_reused",
        /// The client that had just used a refresh token used it again, within the grace: it got the same successor.
        RefreshRepeated = "refresh_token_repeated",
        /// The same after the grace, and the successor had not been used: it got another in its place.
        RefreshReplaced = "refresh_token_replaced",
        /// A refresh token of the Django system that users came from was shown for the first time: its session has begun.
        LegacyTokenExchanged = "legacy_token_exchanged",
        /// Somebody asked whether a token is alive that had ended or been used up.
        DeadTokenShown = "dead_token_checked",
    }
}

impl fmt::Display for Event {
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
            Self::RecoverySent => "recovery sent",
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
            Self::LegacyTokenExchanged => "legacy token exchanged",
            Self::DeadTokenShown => "dead token shown",
        })
    }
}

/// Leaves an audit event about a user we know.
pub fn user(event: Event, user: Id, ip: &str) {
    tracing::info!(event = event.id(), audit = %event, user_id = %user, ip);
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
pub fn change(event: Event, actor: Option<Id>, record: Changed, fields: &[&str], ip: &str) {
    let (actor, fields) = (actor.map(display), fields.join(","));
    match record {
        Changed::User(id) => {
            tracing::info!(event = event.id(), audit = %event, actor_id = actor, user_id = %id, fields, ip);
        }
        Changed::Employee(id) => {
            tracing::info!(event = event.id(), audit = %event, actor_id = actor, employee_id = %id, fields, ip);
        }
    }
}

/// The names of those fields of which it is true that they changed.
pub(crate) fn changed<const N: usize>(fields: [(&'static str, bool); N]) -> Vec<&'static str> {
    fields.into_iter().filter_map(|(name, is_changed)| is_changed.then_some(name)).collect()
}

/// Leaves an audit event about a user of whom we have only what was typed: it is masked.
pub fn unknown(event: Event, typed: &str, ip: &str) {
    tracing::info!(event = event.id(), audit = %event, identifier = %mask(typed), ip);
}

/// Leaves an audit event about a limit that was reached; an error of another kind is none.
pub fn throttled(error: &Error, typed: &str, ip: &str) {
    if matches!(error, Error::Throttled(_)) {
        unknown(Event::Throttled, typed, ip);
    }
}

/// Leaves an audit event about a code that was refused; an error of another kind says nothing about the code.
pub fn code_refused(error: &Error, typed: &str, ip: &str) {
    if matches!(error, Error::OtpInvalid) {
        unknown(Event::CodeRefused, typed, ip);
    }
}
