//! Messages: what they say, and the sending of them. Only the functions `deliver` and `deliver-sms` send.

mod event;
mod mail;
mod sms;
mod sns;
mod twilio;

use std::path::Path;

use messages::{Mail, Problem, Texts, Values};

use crate::{Error, config, log, otp::Record, time};

pub use event::MailEvent;
pub use mail::Mailer;
pub use sms::Texter;

/// What the messages of a stack say.
pub struct Messages {
    texts: Texts,
    /// The language of messages to somebody whose language is unknown.
    default: &'static str,
    stack: String,
}

/// A text message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms {
    /// What it says.
    pub text: String,
    /// By what its registered form is known (docs/messages.md): its purpose and language, such as `log_in.en`.
    pub name: String,
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
    /// From the environment. A file of the operator (`MESSAGES_FOLDER`) that cannot be used is logged, and the built-in text is sent.
    pub fn from_env() -> Result<Self, Error> {
        log::start();
        let (texts, problems) = match config::optional("MESSAGES_FOLDER") {
            Some(folder) => Texts::load(Path::new(&folder)),
            None => (Texts::built_in(), Vec::new()),
        };
        for Problem { path, reason } in problems {
            let event = log::Event::MessageTextInvalid.id();
            tracing::error!(event, path, cause = reason, "a text cannot be used: the built-in one is sent");
        }
        let default = config::text("DEFAULT_LANGUAGE")?;
        let default = messages::language(&default)
            .ok_or_else(|| Error::internal(format!("DEFAULT_LANGUAGE has no texts: {default}")))?;
        Ok(Self { texts, default, stack: config::text("ISSUER")? })
    }

    /// The mail for a record of the Otps table. `code` is empty for a notice.
    pub fn mail(&self, record: &Record, code: &str) -> Result<Mail, Error> {
        let mail =
            self.texts.mail(self.language(record), &record.purpose.to_string(), self.values(record, code));
        mail.ok_or_else(|| Error::internal(format!("{} is nothing to mail", record.purpose)))
    }

    /// The text message for a record of the Otps table.
    pub fn sms(&self, record: &Record, code: &str) -> Result<Sms, Error> {
        let language = self.language(record);
        let text = self.texts.sms(language, &record.purpose.to_string(), self.values(record, code));
        let text = text.ok_or_else(|| Error::internal(format!("{} is nothing to text", record.purpose)))?;
        Ok(Sms { text, name: format!("{}.{language}", record.purpose) })
    }

    fn language(&self, record: &Record) -> &'static str {
        record.language.as_deref().and_then(messages::language).unwrap_or(self.default)
    }

    fn values<'a>(&'a self, record: &Record, code: &'a str) -> Values<'a> {
        let seconds = record.expires.saturating_sub(time::seconds(time::now()));
        Values { stack: &self.stack, code, seconds }
    }
}
