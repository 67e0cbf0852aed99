//! Text messages, by SNS or Twilio.

use aws_sdk_sns::{error::ProvideErrorMetadata, types::MessageAttributeValue};

use super::{Sent, capitalised, twilio::Twilio};
use crate::{
    Error, aws, config,
    otp::{Purpose, Record},
    time,
};

/// A text message of one segment: at most 160 characters of the GSM 7-bit alphabet (3GPP TS 23.038). A longer one, or one
/// with a single character from beyond, is paid for twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms(String);

const SEGMENT: usize = 160;

impl Sms {
    /// What a record of the Otps table says to its addressee.
    #[must_use]
    pub fn of(record: &Record, code: &str, stack: &str) -> Self {
        let lives = record.expires.saturating_sub(time::seconds(time::now()));
        let purpose = match record.purpose {
            Purpose::ResetPassword => "code to set a new password",
            Purpose::LogIn => "code to log in",
            _ => "code",
        };
        let rest = format!(
            ": {code} is your {purpose}. It can be used once, within {}. Tell it to nobody.",
            words(lives)
        );
        let name: String =
            capitalised(stack).chars().filter(|c| is_gsm(*c)).take(SEGMENT - rest.len()).collect();
        Self(name + &rest)
    }
}

/// A time in whole minutes, rounded up.
fn words(seconds: u64) -> String {
    match seconds.div_ceil(60) {
        1 => "1 minute".to_owned(),
        minutes => format!("{minutes} minutes"),
    }
}

/// Letters, digits and what a stack's name may have besides: all in the basic alphabet, where each takes one place.
fn is_gsm(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == ' '
}

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
    pub async fn send(&self, Sms(text): &Sms, to: &str) -> Result<Sent, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{otp::Purpose, phone::PhoneRules};

    fn record(lives: u64) -> Record {
        let phone = PhoneRules::of("IN").unwrap().parse("9881167671").unwrap();
        Record::living(Purpose::VerifyPhone, phone.e164(), lives)
    }

    #[test]
    fn a_text_names_the_stack_and_says_how_long_the_code_lives() {
        let Sms(text) = Sms::of(&record(600), "012345", "rollcall");
        assert_eq!(
            text,
            "Rollcall: 012345 is your code. It can be used once, within 10 minutes. Tell it to nobody."
        );
        let Sms(text) = Sms::of(&record(60), "012345", "rollcall");
        assert!(text.contains("within 1 minute."));
    }

    #[test]
    fn every_text_is_one_segment() {
        for stack in ["rollcall", &"s".repeat(128), "étage-📱", ""] {
            for lives in [1, 600, 86_400] {
                let Sms(text) = Sms::of(&record(lives), "123456789", stack);
                let is_basic = |c: char| ".,:".contains(c) || is_gsm(c);
                assert!(text.len() <= SEGMENT && text.chars().all(is_basic), "{text}");
            }
        }
    }
}
