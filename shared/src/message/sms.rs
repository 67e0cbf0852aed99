//! Text messages, by SNS or Twilio.

use super::{Sent, Sms, sns::Sns, twilio::Twilio};
use crate::{Error, config};

/// Sends text messages by the provider that `SMS_PROVIDER` names.
pub enum Texter {
    /// Amazon SNS.
    Sns(Sns),
    /// Twilio, by its REST API.
    Twilio(Twilio),
}

impl Texter {
    /// From the environment.
    pub fn from_env() -> Result<Self, Error> {
        match config::text("SMS_PROVIDER")?.as_str() {
            "sns" => Ok(Self::Sns(Sns::from_env()?)),
            "twilio" => Ok(Self::Twilio(Twilio::from_env()?)),
            other => Err(Error::internal(format!("SMS_PROVIDER is neither sns nor twilio: {other}"))),
        }
    }

    /// Sends a text message to a number in E.164 form. An error is worth another try later.
    pub async fn send(&self, sms: &Sms, to: &str) -> Result<Sent, Error> {
        match self {
            Self::Sns(sns) => sns.send(sms, to).await,
            Self::Twilio(twilio) => twilio.send(&sms.text, to).await,
        }
    }
}
