//! Text messages, by SNS or Twilio.

use aws_sdk_sns::{error::ProvideErrorMetadata, types::MessageAttributeValue};

use super::{Sent, twilio::Twilio};
use crate::{Error, aws, config};

/// Sends text messages by the provider that `SMS_PROVIDER` names.
pub enum Texter {
    /// Amazon SNS.
    Sns(aws_sdk_sns::Client),
    /// Twilio, by its REST API.
    Twilio(Twilio),
}

impl Texter {
    /// From the environment.
    pub fn from_env() -> Result<Self, Error> {
        match config::text("SMS_PROVIDER")?.as_str() {
            "sns" => Ok(Self::Sns(aws::sns()?)),
            "twilio" => Ok(Self::Twilio(Twilio::from_env()?)),
            other => Err(Error::internal(format!("SMS_PROVIDER is neither sns nor twilio: {other}"))),
        }
    }

    /// Sends a text message to a number in E.164 form. An error is worth another try later.
    pub async fn send(&self, text: &str, to: &str) -> Result<Sent, Error> {
        match self {
            Self::Sns(client) => publish(client, text, to).await,
            Self::Twilio(twilio) => twilio.send(text, to).await,
        }
    }
}

/// `Transactional` is delivered first and never as advertisement.
async fn publish(client: &aws_sdk_sns::Client, text: &str, to: &str) -> Result<Sent, Error> {
    let kind = MessageAttributeValue::builder().data_type("String").string_value("Transactional").build();
    let kind = kind.map_err(|error| Error::internal(error.to_string()))?;
    let publish =
        client.publish().phone_number(to).message(text).message_attributes("AWS.SNS.SMS.SMSType", kind);
    match publish.send().await {
        Ok(_) => Ok(Sent::Accepted),
        // SNS says this of one message: a number it cannot send to, or that has opted out.
        Err(error)
            if matches!(error.code(), Some("InvalidParameter" | "InvalidParameterValue" | "OptedOut")) =>
        {
            Ok(Sent::Refused(error.code().unwrap_or_default().to_owned()))
        }
        Err(error) => Err(Error::from_aws(error)),
    }
}
