//! Mails, by SES.

use aws_sdk_sesv2::{
    error::ProvideErrorMetadata,
    types::{Body, Content, Destination, EmailContent, Message},
};

use messages::Mail;

use super::Sent;
use crate::{Error, aws, config};

/// Sends mails by SES.
pub struct Mailer {
    ses: aws_sdk_sesv2::Client,
    /// `MAIL_FROM`.
    sender: String,
    /// `MAIL_CONFIGURATION_SET`, by which SES reports what becomes of a mail.
    configuration_set: String,
}

impl Mailer {
    /// From the environment.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self {
            ses: aws::ses()?,
            sender: config::text("MAIL_FROM")?,
            configuration_set: config::text("MAIL_CONFIGURATION_SET")?,
        })
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
            .configuration_set_name(&self.configuration_set)
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
