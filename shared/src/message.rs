//! Messages: what they say, and the sending of them. Only the functions `deliver` and `deliver-sms` send.

mod mail;
mod sms;
mod twilio;

pub use mail::{Mail, Mailer};
pub use sms::{Sms, Texter};

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// The provider has it.
    Accepted,
    /// The provider will never take it, and why: trying again is of no use.
    Refused(String),
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
