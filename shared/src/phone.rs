//! Phone numbers, by libphonenumber's rules.

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};

use crate::{Error, config};

/// What stands between the digits of a number.
const PUNCTUATION: &str = "+-.()/ ";

const INVALID: &str = "Enter a valid phone number.";

/// A phone number in E.164 form, such as `+919881167671`: what is stored, compared and returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone(String);

/// How numbers without a country code are read.
#[derive(Debug, Clone, Copy)]
pub struct PhoneRules {
    region: Region,
}

impl PhoneRules {
    /// The region of `DEFAULT_PHONE_REGION` (ISO 3166-1 alpha-2).
    pub fn from_env() -> Result<Self, Error> {
        let code = config::text("DEFAULT_PHONE_REGION")?;
        Self::of(&code).ok_or_else(|| Error::internal(format!("DEFAULT_PHONE_REGION is no region: {code}")))
    }

    fn of(code: &str) -> Option<Self> {
        Region::try_from(code).ok().map(|region| Self { region })
    }

    /// The number, when it has a length that its country uses. (Whether it is in service nobody can tell from its digits:
    /// the code sent to it will.)
    pub fn parse(self, text: &str) -> Result<Phone, &'static str> {
        // No number is near as long, and the parser would overlook words around it.
        let text = text.strip_prefix("tel:").unwrap_or(text);
        if text.len() > 40 || !text.chars().all(|c| c.is_ascii_digit() || PUNCTUATION.contains(c)) {
            return Err(INVALID);
        }
        let number = PHONE_NUMBER_UTIL.parse(text, Some(self.region)).map_err(|_| INVALID)?;
        if PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number).is_err() {
            return Err(INVALID);
        }
        Ok(Phone(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164).into_owned()))
    }
}

impl Phone {
    /// The number in E.164 form.
    #[must_use]
    pub fn e164(&self) -> &str {
        &self.0
    }
}

/// Whether a text is written the way phone numbers are: digits and their punctuation, nothing else.
#[must_use]
pub(crate) fn reads_as_phone(text: &str) -> bool {
    text.chars().filter(char::is_ascii_digit).count() >= 7
        && text.chars().all(|c| c.is_ascii_digit() || PUNCTUATION.contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, &'static str> {
        PhoneRules::of("IN").unwrap().parse(text).map(|phone| phone.0)
    }

    #[test]
    fn every_number_of_the_django_systems_is_taken() {
        assert_eq!(parse("9881167671"), Ok("+919881167671".into()));
        assert_eq!(parse("1234567890"), Ok("+911234567890".into()));
        assert_eq!(parse("09101234567"), Ok("+919101234567".into()));
    }

    #[test]
    fn one_number_has_one_form() {
        for text in
            ["+91 98811 67671", "+91-9881167671", "(098811) 67671", "00919881167671", "tel:+919881167671"]
        {
            assert_eq!(parse(text), Ok("+919881167671".into()), "{text}");
        }
        assert_eq!(parse("+1 650-253-0000"), Ok("+16502530000".into()));
    }

    #[test]
    fn what_cannot_be_a_number_is_refused() {
        for text in [
            "",
            "abc",
            "123",
            "+",
            "++91",
            "+999123456789",
            "12345678901234567890",
            "a9881167671",
            "98811 67671 x2",
            &"9".repeat(1_000),
        ] {
            assert_eq!(parse(text), Err(INVALID), "{text}");
        }
    }
}
