//! Phone numbers, as the function `import` parses them: by libphonenumber's rules.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
};

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat, Region};
use serde_json::Value;

/// The longest that a number is written, in characters.
const LONGEST: usize = 40;
/// What stands between the digits of a number.
const PUNCTUATION: &str = "+-.()/ ";

/// How numbers without a country code are parsed.
pub(crate) struct Phones {
    region: Region,
    /// What was parsed: a number is looked at more than once, and parsing takes a while.
    parsed: RefCell<HashMap<String, Option<Number>>>,
}

/// A number that a phone can have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Number {
    pub(crate) e164: String,
    /// Where it is, such as `IN`; `None` when no country has given out numbers like it.
    pub(crate) region: Option<String>,
}

impl Phones {
    /// By the region with this code (ISO 3166-1 alpha-2), if there is one.
    pub(crate) fn of(code: &str) -> Option<Self> {
        let region = Region::try_from(code.to_ascii_uppercase().as_str()).ok()?;
        PHONE_NUMBER_UTIL
            .get_supported_regions()
            .any(|known| known == region)
            .then(|| Self { region, parsed: RefCell::default() })
    }

    /// The number, when it has a length that its country uses.
    pub(crate) fn parse(&self, text: &str) -> Option<Number> {
        if let Some(known) = self.parsed.borrow().get(text) {
            return known.clone();
        }
        let number = self.parse_new(text);
        self.parsed.borrow_mut().insert(text.to_owned(), number.clone());
        number
    }

    fn parse_new(&self, text: &str) -> Option<Number> {
        let number = text.strip_prefix("tel:").unwrap_or(text);
        if text.len() > LONGEST || !is_written_like_one(number) {
            return None;
        }
        let rules = &PHONE_NUMBER_UTIL;
        let parsed = rules.parse(number, Some(self.region)).ok()?;
        if !rules.is_possible_number(&parsed) {
            return None;
        }
        let e164 = rules.format(&parsed, PhoneNumberFormat::E164).into_owned();
        // Zeros after the country code would go when the number is parsed again, and one number would have several forms.
        let national = e164.get(1 + parsed.country_code.to_string().len()..).unwrap_or_default();
        let is_same = || {
            let again = rules.parse(&e164, None).ok()?;
            Some(rules.format(&again, PhoneNumberFormat::E164) == e164)
        };
        if national.starts_with('0') && is_same() != Some(true) {
            return None;
        }
        let region =
            rules.get_region_for_number(&parsed).map(|region| String::from(&*region.as_region_str()));
        Some(Number { e164, region: region.filter(|_| rules.is_valid_number(&parsed)) })
    }

    /// A number that reads as one: a username of digits is one, `ada7` is not.
    pub(crate) fn parse_username(&self, text: &str) -> Option<Number> {
        let digits = text.chars().filter(char::is_ascii_digit).count();
        if digits >= 7 { self.parse(text) } else { None }
    }
}

fn is_written_like_one(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit() || PUNCTUATION.contains(c))
}

/// A number as a text: some models keep it as an integer.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => number
            .as_u64()
            .or_else(|| whole(number.as_f64()?))
            .filter(|number| *number > 9_999)
            .map(|number| number.to_string()),
        _ => None,
    }
}

/// The integer that a column of fractions holds, as far as a fraction holds all its digits.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked before")]
fn whole(number: f64) -> Option<u64> {
    const MOST: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && (0.0..MOST).contains(&number)).then_some(number as u64)
}

/// The region of most numbers that begin with a country code without its `+`.
pub(crate) fn region_of_most(texts: &[String]) -> Option<String> {
    let world = Phones::of("US")?;
    let mut regions: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        if let Some(region) =
            world.parse(&format!("+{}", text.trim_start_matches('0'))).and_then(|number| number.region)
        {
            *regions.entry(region).or_default() += 1;
        }
    }
    let (region, count) = regions.into_iter().max_by_key(|(_, count)| *count)?;
    (2 * count > texts.len()).then_some(region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parsed_by_the_region() {
        let parse =
            |region: &str, text: &str| Phones::of(region).unwrap().parse(text).map(|number| number.e164);
        assert_eq!(parse("IN", "09101234567").as_deref(), Some("+919101234567"));
        assert_eq!(parse("IN", "1234567890").as_deref(), Some("+911234567890"));
        assert_eq!(parse("ng", "2348031234560").as_deref(), Some("+2348031234560"));
        for text in ["N/A", "123", "", "080-2345678 ext 12", "9881167671 or 9881167672"] {
            assert_eq!(parse("IN", text), None, "{text}");
        }
        assert!(Phones::of("XX").is_none());
    }

    #[test]
    fn most_numbers_tell_their_region() {
        let texts = ["2348031234560", "2348031234561", "N/A"].map(str::to_owned);
        assert_eq!(region_of_most(&texts).as_deref(), Some("NG"));
        assert_eq!(region_of_most(&["N/A".to_owned()]), None);
    }
}
