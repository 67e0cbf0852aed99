//! Text messages by Amazon SNS: <https://docs.aws.amazon.com/sns/latest/dg/sms_publish-to-phone.html>.

use std::collections::BTreeMap;

use aws_sdk_sns::{error::ProvideErrorMetadata, types::MessageAttributeValue};

use super::{Sent, Sms};
use crate::{Error, aws, config, phone};

/// Sends text messages by SNS, and says by whose leave, where carriers ask.
pub struct Sns {
    client: aws_sdk_sns::Client,
    settings: Settings,
}

/// The parameters of the template that are attributes of a message.
#[derive(Default)]
struct Settings {
    sender_id: Option<String>,
    origination_number: Option<String>,
    max_price: Option<String>,
    /// The ids of India's registry (DLT): that of the sender,
    dlt_entity_id: Option<String>,
    /// and those of the registered texts, by the name of the text ([`Sms::name`]).
    dlt_template_ids: BTreeMap<String, String>,
}

impl Sns {
    /// From the environment.
    pub fn from_env() -> Result<Self, Error> {
        let ids = config::optional("SMS_DLT_TEMPLATE_IDS").unwrap_or_default();
        let settings = Settings {
            sender_id: config::optional("SMS_SENDER_ID"),
            origination_number: config::optional("SMS_ORIGINATION_NUMBER"),
            max_price: config::optional("SMS_MAX_PRICE_USD"),
            dlt_entity_id: config::optional("SMS_DLT_ENTITY_ID"),
            dlt_template_ids: pairs(&ids)?,
        };
        Ok(Self { client: aws::sns()?, settings })
    }

    /// Sends a text message. An error is worth another try later.
    pub async fn send(&self, sms: &Sms, to: &str) -> Result<Sent, Error> {
        let attributes = match self.settings.attributes(sms, to) {
            Ok(attributes) => attributes,
            Err(refusal) => return Ok(Sent::Refused(refusal)),
        };
        let mut publish = self.client.publish().phone_number(to).message(&sms.text);
        for (name, kind, value) in attributes {
            let value = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
            let value = value.map_err(|error| Error::internal(error.to_string()))?;
            publish = publish.message_attributes(name, value);
        }
        match publish.send().await {
            Ok(_) => Ok(Sent::Accepted),
            // SNS says this of one message: a number it cannot send to, or that has opted out.
            Err(error)
                if matches!(
                    error.code(),
                    Some("InvalidParameter" | "InvalidParameterValue" | "OptedOut")
                ) =>
            {
                Ok(Sent::Refused(error.code().unwrap_or_default().to_owned()))
            }
            Err(error) => Err(Error::from_aws(error)),
        }
    }
}

impl Settings {
    /// The attributes of a message to a number, each with its type; or why its carrier would drop it.
    fn attributes<'a>(
        &'a self,
        sms: &Sms,
        to: &str,
    ) -> Result<Vec<(&'static str, &'static str, &'a str)>, String> {
        // Delivered first, and never as advertisement.
        let mut attributes = vec![("AWS.SNS.SMS.SMSType", "String", "Transactional")];
        // A number of one country is no sender in another, and takes the place of a name in its own.
        match (&self.origination_number, &self.sender_id) {
            (Some(number), _) if phone::is_same_country(number, to) => {
                attributes.push(("AWS.MM.SMS.OriginationNumber", "String", number));
            }
            (_, Some(sender_id)) => attributes.push(("AWS.SNS.SMS.SenderID", "String", sender_id)),
            (_, None) => {}
        }
        if let Some(entity_id) = self.dlt_entity_id.as_ref().filter(|_| to.starts_with(INDIA)) {
            let template_id = self.dlt_template_ids.get(&sms.name);
            let template_id = template_id.ok_or_else(|| format!("SmsDltTemplateIds lacks {}", sms.name))?;
            attributes.push(("AWS.MM.SMS.EntityId", "String", entity_id));
            attributes.push(("AWS.MM.SMS.TemplateId", "String", template_id));
        }
        if let Some(price) = &self.max_price {
            attributes.push(("AWS.SNS.SMS.MaxPrice", "Number", price));
        }
        Ok(attributes)
    }
}

const INDIA: &str = "+91";

/// `verify_phone.en=1107…,log_in.en=1107…`.
fn pairs(text: &str) -> Result<BTreeMap<String, String>, Error> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, id) = pair.split_once('=').ok_or_else(|| {
            Error::internal(format!("SMS_DLT_TEMPLATE_IDS has {pair} where NAME=ID is expected"))
        })?;
        Ok((name.to_owned(), id.to_owned()))
    };
    pairs.map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            sender_id: Some("ROLCAL".to_owned()),
            origination_number: Some("+12025550100".to_owned()),
            max_price: Some("0.05".to_owned()),
            dlt_entity_id: Some("1101".to_owned()),
            dlt_template_ids: pairs("verify_phone.en=1107, log_in.en=1108").unwrap(),
        }
    }

    /// The attributes of a text to a number, without `AWS.`.
    fn attributes(settings: &Settings, name: &str, to: &str) -> Result<Vec<String>, String> {
        let sms = Sms { text: String::new(), name: name.to_owned() };
        let attributes = settings.attributes(&sms, to)?.into_iter();
        Ok(attributes.map(|(name, _, value)| format!("{}={value}", &name["AWS.".len()..])).collect())
    }

    #[test]
    fn without_settings_a_text_is_transactional_and_nothing_else() {
        for to in ["+919881167671", "+12025550199"] {
            let attributes = attributes(&Settings::default(), "log_in.en", to).unwrap();
            assert_eq!(attributes, ["SNS.SMS.SMSType=Transactional"]);
        }
    }

    #[test]
    fn a_text_to_india_has_sender_entity_and_template() {
        let expected = [
            "SNS.SMS.SMSType=Transactional",
            "SNS.SMS.SenderID=ROLCAL",
            "MM.SMS.EntityId=1101",
            "MM.SMS.TemplateId=1108",
            "SNS.SMS.MaxPrice=0.05",
        ];
        assert_eq!(attributes(&settings(), "log_in.en", "+919881167671").unwrap(), expected);
    }

    #[test]
    fn a_number_is_the_sender_in_its_own_country_alone() {
        let to_its_own = attributes(&settings(), "log_in.en", "+12125550199").unwrap();
        assert_eq!(to_its_own[1..], ["MM.SMS.OriginationNumber=+12025550100", "SNS.SMS.MaxPrice=0.05"]);
        let elsewhere = attributes(&settings(), "log_in.en", "+442071838750").unwrap();
        assert_eq!(elsewhere[1..], ["SNS.SMS.SenderID=ROLCAL", "SNS.SMS.MaxPrice=0.05"]);
    }

    #[test]
    fn a_text_that_is_not_registered_is_not_sent_to_india() {
        let refusal = attributes(&settings(), "sign_up.en", "+919881167671").unwrap_err();
        assert_eq!(refusal, "SmsDltTemplateIds lacks sign_up.en");
        assert!(attributes(&settings(), "sign_up.en", "+442071838750").is_ok());
    }

    #[test]
    fn an_id_without_a_name_is_refused() {
        assert!(pairs("1107").is_err());
        assert!(pairs("").unwrap().is_empty());
    }
}
