//! Messages: what they say, and the sending of them. Only the functions `deliver` and `deliver-sms` send.

mod mail;
mod sms;
mod twilio;

use messages::{Mail, Texts, Values};

use crate::{Error, config, otp::Record, time};

pub use mail::Mailer;
pub use sms::Texter;

/// What the messages of a stack say.
pub struct Messages {
    texts: Texts,
    stack: String,
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// The provider has it.
    Accepted,
    /// The provider will never take it, and why: trying again is of no use.
    Refused(String),
}

impl Messages {
    /// From the environment.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self { texts: Texts::built_in(), stack: config::text("ISSUER")? })
    }

    /// The mail for a record of the Otps table. `code` is empty for a notice.
    pub fn mail(&self, record: &Record, code: &str) -> Result<Mail, Error> {
        let mail = self.texts.mail(LANGUAGE, &record.purpose.to_string(), self.values(record, code));
        mail.ok_or_else(|| Error::internal(format!("{} is nothing to mail", record.purpose)))
    }

    /// The text message for a record of the Otps table.
    pub fn sms(&self, record: &Record, code: &str) -> Result<String, Error> {
        let text = self.texts.sms(LANGUAGE, &record.purpose.to_string(), self.values(record, code));
        text.ok_or_else(|| Error::internal(format!("{} is nothing to text", record.purpose)))
    }

    fn values<'a>(&'a self, record: &Record, code: &'a str) -> Values<'a> {
        let seconds = record.expires.saturating_sub(time::seconds(time::now()));
        Values { stack: &self.stack, code, seconds }
    }
}

const LANGUAGE: &str = "en";
