//! Mails, by SES.

use aws_sdk_sesv2::{
    error::ProvideErrorMetadata,
    types::{Body, Content, Destination, EmailContent, Message},
};

use super::{Sent, capitalised};
use crate::{
    Error, aws, config,
    otp::{Purpose, Record},
    time,
};

/// A message, ready to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    subject: String,
    text: String,
    html: String,
}

impl Mail {
    /// What a record of the Otps table says to its addressee. `code` is empty for a notice.
    pub fn of(record: &Record, code: &str, stack: &str) -> Result<Self, Error> {
        let minutes = record.expires.saturating_sub(time::seconds(time::now())).div_ceil(60);
        let stack = capitalised(stack);
        let (subject, lead, rest) = match record.purpose {
            Purpose::VerifyEmail => (
                format!("{stack}: verify your e-mail address"),
                "Your verification code is",
                format!("It can be used once, within {minutes} minutes. If you did not ask for it, ignore this message."),
            ),
            Purpose::ResetPassword => (
                format!("{stack}: set a new password"),
                "Your code to set a new password is",
                format!(
                    "It can be used once, within {minutes} minutes. If you did not ask for it, ignore this message: your \
                     password stays as it is."
                ),
            ),
            Purpose::LogIn => (
                format!("{stack}: your code to log in"),
                "Your code to log in is",
                format!(
                    "It can be used once, within {minutes} minutes. Tell it to nobody. If you did not ask for it, ignore this \
                     message: without the code nobody gets in."
                ),
            ),
            Purpose::VerifyPhone | Purpose::SignUp => return Err(Error::internal("a code for a phone in a mail")),
            Purpose::NoticeEmailChange => (
                format!("{stack}: your e-mail address is about to change"),
                "",
                "Somebody signed in to your account asked for another e-mail address. This one stays until the new one is \
                 verified. If it was not you, change your password now."
                    .to_owned(),
            ),
            Purpose::NoticeEmailChanged => (
                format!("{stack}: your e-mail address was changed"),
                "",
                "Another e-mail address has taken the place of this one in your account. If it was not you, tell those who run \
                 this service at once."
                    .to_owned(),
            ),
            Purpose::NoticePhoneChanged => (
                format!("{stack}: a phone number of your account was verified"),
                "",
                "A phone number was verified in your account: its owner can log in and set a new password. If it was not you, \
                 tell those who run this service at once."
                    .to_owned(),
            ),
        };
        let (text, html) = if code.is_empty() {
            (rest.clone(), format!("<p>{rest}</p>"))
        } else {
            (
                format!("{lead} {code}\n\n{rest}"),
                format!(
                    "<p>{lead}</p><p style=\"font-size:2em;letter-spacing:.2em\"><b>{code}</b></p><p>{rest}</p>"
                ),
            )
        };
        Ok(Self {
            subject,
            text: format!("{text}\n"),
            html: format!(
                "<!doctype html><html lang=\"en\"><body style=\"font-family:sans-serif\">{html}</body></html>"
            ),
        })
    }
}

/// Sends mails by SES.
pub struct Mailer {
    ses: aws_sdk_sesv2::Client,
    /// `MAIL_FROM`.
    sender: String,
}

impl Mailer {
    /// From the environment.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self { ses: aws::ses()?, sender: config::text("MAIL_FROM")? })
    }

    /// Sends a mail as plain text and HTML. An error is worth another try later.
    pub async fn send(&self, mail: &Mail, to: &str) -> Result<Sent, Error> {
        let content = |text: &str| {
            Content::builder()
                .data(text)
                .charset("UTF-8")
                .build()
                .map_err(|error| Error::internal(error.to_string()))
        };
        let body = Body::builder().text(content(&mail.text)?).html(content(&mail.html)?).build();
        let message = Message::builder().subject(content(&mail.subject)?).body(body).build();
        let sent = self
            .ses
            .send_email()
            .from_email_address(&self.sender)
            .destination(Destination::builder().to_addresses(to).build())
            .content(EmailContent::builder().simple(message).build())
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Sent::Accepted),
            // SES says this of one message: its addressee or its content. It says it of a sender, too, that is not
            // verified yet; that, and all else, may pass.
            Err(error)
                if matches!(error.code(), Some("MessageRejected" | "BadRequestException"))
                    && !error.message().is_some_and(|message| message.contains(address_of(&self.sender))) =>
            {
                Ok(Sent::Refused(error.code().unwrap_or_default().to_owned()))
            }
            Err(error) => Err(Error::from_aws(error)),
        }
    }
}

/// `a@b.c` in `Name <a@b.c>`.
fn address_of(sender: &str) -> &str {
    sender.rsplit_once('<').map_or(sender, |(_name, rest)| rest).trim_end_matches('>').trim()
}
