//! Messages: what they say, and the sending of them. Only the function `deliver` sends.

use aws_sdk_sesv2::{
    error::ProvideErrorMetadata,
    types::{Body, Content, Destination, EmailContent, Message},
};

use crate::{
    App, Error, aws, config,
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

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Sent {
    /// The provider has it.
    Accepted,
    /// The provider will never take it, and why: trying again is of no use.
    Refused(String),
}

impl Mail {
    /// What a record of the Otps table says to its addressee. `code` is empty for a notice.
    #[must_use]
    pub fn of(record: &Record, code: &str, stack: &str) -> Self {
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
            Purpose::NoticeEmailChange => (
                format!("{stack}: your e-mail address is about to change"),
                "",
                "Somebody signed in to your account asked for another e-mail address. This one stays until the new one is \
                 verified. If it was not you, change your password now."
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
        Self {
            subject,
            text: format!("{text}\n"),
            html: format!(
                "<!doctype html><html lang=\"en\"><body style=\"font-family:sans-serif\">{html}</body></html>"
            ),
        }
    }

    /// Sends it by SES, as plain text and HTML, from `MAIL_FROM`. An error is worth another try later.
    pub async fn send(&self, app: &App, to: &str) -> Result<Sent, Error> {
        let sender = config::text("MAIL_FROM")?;
        let ses = app.mailer.get_or_try_init(|| async { aws::ses() }).await?;
        let content = |text: &str| {
            Content::builder()
                .data(text)
                .charset("UTF-8")
                .build()
                .map_err(|error| Error::internal(error.to_string()))
        };
        let body = Body::builder().text(content(&self.text)?).html(content(&self.html)?).build();
        let message = Message::builder().subject(content(&self.subject)?).body(body).build();
        let sent = ses
            .send_email()
            .from_email_address(&sender)
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
                    && !error.message().is_some_and(|message| message.contains(address_of(&sender))) =>
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

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
