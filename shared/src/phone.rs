//! Phone numbers, by libphonenumber's rules.

mod metadata;

use rlibphonenumber::{
    NumberLengthType, ParseError, PhoneNumber, PhoneNumberFormat, PhoneNumberType, PhoneNumberUtil, Region,
};

use crate::{Error, config, unicode};
use metadata::Country;

/// The longest that one is written, in characters.
pub const LONGEST: usize = 40;
/// What stands between the digits of a number.
const PUNCTUATION: &str = "+-.()/ ";

const INVALID: &str = "Enter a valid phone number.";
const UNREACHABLE: &str = "Messages to this phone number are not supported.";

/// Country codes of no country: satellites (870, 881), international networks (882, 883), personal numbers (878), and those that
/// are paid for by whoever calls (979). A message there costs many times one to a country.
const OF_NO_COUNTRY: [i32; 6] = [870, 878, 881, 882, 883, 979];

/// A phone number in E.164 form, such as `+919881167671`: what is stored, compared and returned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone(String);

/// How numbers without a country code are read.
#[derive(Clone, Copy)]
pub struct PhoneRules {
    region: Region,
    /// Whose it is.
    country: Country,
}

impl PhoneRules {
    /// The region of `DEFAULT_PHONE_REGION` (ISO 3166-1 alpha-2).
    pub fn from_env() -> Result<Self, Error> {
        let code = config::text("DEFAULT_PHONE_REGION")?;
        Self::of(&code).ok_or_else(|| Error::internal(format!("DEFAULT_PHONE_REGION is no region: {code}")))
    }

    /// The region with this code, if there is one.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        let country = Country::of_region(&code.to_ascii_uppercase())?;
        Some(Self { region: Region::try_from(code).ok()?, country })
    }

    /// The number, when it has a length that its country uses. (Whether it is in service nobody can tell from its digits:
    /// the code sent to it will.)
    pub fn parse(self, text: &str) -> Result<Phone, &'static str> {
        // No number is near as long, and the parser would overlook words around it.
        let text = &unicode::ascii_digits(text);
        let number = text.strip_prefix("tel:").unwrap_or(text).trim();
        if text.len() > LONGEST || !number.chars().all(|c| c.is_ascii_digit() || PUNCTUATION.contains(c)) {
            return Err(INVALID);
        }
        if let Some(phone) = self.plain(number) {
            return Ok(phone);
        }
        let number = self.read(number).ok_or(INVALID)?;
        let rules = metadata::of_international(&number.country_code.to_string()).ok_or(INVALID)?;
        // A number that can be dialled only within its area reaches nobody from elsewhere.
        if !matches!(rules.is_possible_number_with_reason(&number), Ok(NumberLengthType::IsPossible)) {
            return Err(INVALID);
        }
        let e164 = rules.format(&number, PhoneNumberFormat::E164);
        // Zeros that stay after the country code would go when it is read again: one number would have several forms.
        let again = rules.parse(&e164, None).map_err(|_| INVALID)?;
        if rules.format(&again, PhoneNumberFormat::E164) != e164 {
            return Err(INVALID);
        }
        Ok(Phone(e164.into_owned()))
    }

    /// The number as libphonenumber reads it, if its digits can be read in one way only, as those of most can. Its reading them
    /// begins with compiling twenty expressions, which takes an instance that starts half a millisecond.
    fn plain(self, number: &str) -> Option<Phone> {
        if let Some(international) = number.strip_prefix('+') {
            let country = Country::of_international(international)?;
            let is_plain = country.is_plain(&international[country.code.len()..]);
            is_plain.then(|| Phone(number.to_owned()))
        } else {
            let is_plain = self.country.is_plain_at_home(self.region, number);
            is_plain.then(|| Phone(format!("+{}{number}", self.country.code)))
        }
    }

    /// Reads a number by the rules of the country that it names, or else of the region's: by those of all countries only when its
    /// calling code is neither's, as in `00 44 …`, dialled in India.
    fn read(self, number: &str) -> Option<PhoneNumber> {
        let by = |rules: &PhoneNumberUtil| rules.parse(number, Some(self.region));
        let start = number.trim_start_matches(|c| c != '+' && PUNCTUATION.contains(c));
        let own = if start.starts_with('+') {
            metadata::of_international(&start.chars().filter(char::is_ascii_digit).collect::<String>())
        } else {
            self.country.rules()
        };
        match own.map_or(Err(ParseError::InvalidCountryCode), by) {
            Err(ParseError::InvalidCountryCode) => by(metadata::of_all()?).ok(),
            read => read.ok(),
        }
    }
}

/// To which numbers messages go.
#[derive(Debug, Clone)]
pub struct Reach {
    /// Everywhere, if none is named.
    regions: Vec<Region>,
}

impl Reach {
    /// The regions (ISO 3166-1 alpha-2) that `SMS_ALLOWED_REGIONS` names, with commas between them; `auto` is that of numbers
    /// without a country code (`DEFAULT_PHONE_REGION`).
    pub fn from_env() -> Result<Self, Error> {
        match config::optional("SMS_ALLOWED_REGIONS").unwrap_or_default().as_str() {
            "auto" => Self::of(&config::text("DEFAULT_PHONE_REGION")?),
            regions => Self::of(regions),
        }
    }

    fn of(regions: &str) -> Result<Self, Error> {
        let codes = regions.split(',').map(str::trim).filter(|code| !code.is_empty());
        let region = |code: &str| {
            let region = Region::try_from(code.to_ascii_uppercase().as_str());
            region.map_err(|_| Error::internal(format!("SMS_ALLOWED_REGIONS names no region: {code}")))
        };
        Ok(Self { regions: codes.map(region).collect::<Result<_, _>>()? })
    }

    /// Refuses numbers outside these regions, and numbers that earn their owner money or cost a multiple, such as personal ones
    /// (+44 70) and satellites: a stranger chooses the number, and the stack pays for the message.
    pub fn check(&self, phone: Phone) -> Result<Phone, &'static str> {
        let rules = metadata::of_international(phone.e164().trim_start_matches('+')).ok_or(INVALID)?;
        let number = rules.parse(phone.e164(), None).map_err(|_| INVALID)?;
        let (region, kind) = (rules.get_region_for_number(&number), rules.get_number_type(&number));
        let is_within =
            self.regions.is_empty() || region.is_some_and(|region| self.regions.contains(&region));
        let is_expensive = OF_NO_COUNTRY.contains(&number.country_code)
            || matches!(
                kind,
                PhoneNumberType::PremiumRate | PhoneNumberType::SharedCost | PhoneNumberType::PersonalNumber
            );
        if is_within && !is_expensive { Ok(phone) } else { Err(UNREACHABLE) }
    }
}

impl Phone {
    /// A number that was stored, and so has been parsed.
    pub(crate) fn stored(e164: &str) -> Self {
        Self(e164.to_owned())
    }

    /// The number in E.164 form.
    #[must_use]
    pub fn e164(&self) -> &str {
        &self.0
    }
}

/// Whether two numbers in E.164 form have the same country calling code.
pub(crate) fn is_same_country(one: &str, other: &str) -> bool {
    let code =
        |number: &str| Country::of_international(number.strip_prefix('+')?).map(|country| country.code);
    code(one).is_some_and(|code_of_one| code(other) == Some(code_of_one))
}

/// Whether a text has the form in which numbers are stored.
pub(crate) fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rlibphonenumber::PHONE_NUMBER_UTIL;

    use super::*;

    /// Any country calling code.
    fn calling_code() -> impl Strategy<Value = i32> {
        proptest::sample::select(PHONE_NUMBER_UTIL.get_supported_calling_codes().collect::<Vec<_>>())
    }

    fn parse(text: &str) -> Result<String, &'static str> {
        PhoneRules::of("IN").unwrap().parse(text).map(|phone| phone.0)
    }

    #[test]
    fn most_numbers_are_plain() {
        let is_plain = |region: &str, text: &str| PhoneRules::of(region).unwrap().plain(text).is_some();
        for (region, text) in [("IN", "9881167671"), ("IN", "+16502530000"), ("US", "6502530000")] {
            assert!(is_plain(region, text), "{text}");
        }
        // What may begin with a prefix or a calling code is not, nor what another region of the code may read otherwise.
        for (region, text) in
            [("IN", "09881167671"), ("IN", "9101234567"), ("US", "16502530000"), ("JM", "9220000")]
        {
            assert!(!is_plain(region, text), "{text}");
        }
    }

    #[test]
    fn every_number_of_the_django_systems_is_taken() {
        assert_eq!(parse("9881167671"), Ok("+919881167671".into()));
        assert_eq!(parse("1234567890"), Ok("+911234567890".into()));
        assert_eq!(parse("09101234567"), Ok("+919101234567".into()));
    }

    #[test]
    fn one_number_has_one_form() {
        for text in [
            "98811\u{a0}67671",
            "\u{202a}+919881167671\u{202c}",
            "98811\u{2011}67671",
            "۹۸۸۱۱۶۷۶۷۱",
            "９８８１１６７６７１",
            "+91 98811 67671",
            "+91-9881167671",
            "(098811) 67671",
            "00919881167671",
            "tel:+919881167671",
        ] {
            assert_eq!(parse(text), Ok("+919881167671".into()), "{text}");
        }
        assert_eq!(parse("+1 650-253-0000"), Ok("+16502530000".into()));
    }

    #[test]
    fn messages_go_to_the_regions_that_are_named_and_never_to_expensive_numbers() {
        let reaches = |regions: &str, text: &str| {
            Reach::of(regions).unwrap().check(PhoneRules::of("IN").unwrap().parse(text).unwrap()).is_ok()
        };
        assert!(reaches("", "1234567890") && reaches("", "+1 650 253 0000"));
        assert!(reaches("IN, us", "9881167671") && reaches("IN, us", "+1 650 253 0000"));
        assert!(!reaches("IN", "+1 650 253 0000"));
        // Jamaica has the country code of the United States.
        assert!(!reaches("US", "+1 876 922 0000"));
        assert!(!reaches("", "+1 900 253 0000") && !reaches("US", "+44 909 012 3456"));
        // A personal number in the United Kingdom, satellites, international networks, and premium in all countries.
        assert!(reaches("GB", "+44 7400 123456") && !reaches("GB", "+44 70 1234 5678"));
        for number in [
            "+870773111632",
            "+878101234567890",
            "+881612345678",
            "+88213123456",
            "+883510012345",
            "+979123456789",
        ] {
            assert!(!reaches("", number), "{number}");
        }
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
            "00000356764222",
            "+91 0009 8811 67671",
            // Digits that are dialled only within an area.
            "+12530000",
            "009881167671",
            &"9".repeat(1_000),
        ] {
            assert_eq!(parse(text), Err(INVALID), "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_metadata_of_one_country_reads_a_number_as_that_of_all(
            region in prop_oneof![Just("IN"), Just("US"), Just("GB"), Just("IT"), Just("BR"), Just("JM"), Just("CI")],
            prefix in prop_oneof![
                Just(String::new()),
                "0{1,3}",
                "[ (.-]{0,2}\\+{1,2}[ (.-]{0,2}",
                "\\+?(00|011|0011)",
                calling_code().prop_map(|code| format!("+{code}")),
                calling_code().prop_map(|code| format!("00{code}")),
                calling_code().prop_map(|code| code.to_string()),
            ],
            digits in "[0-9 ]{2,14}",
        ) {
            let (text, rules) = (format!("{prefix}{digits}"), PhoneRules::of(region).unwrap());
            let number = rules.read(&text);
            prop_assert_eq!(&number, &PHONE_NUMBER_UTIL.parse(&text, Some(rules.region)).ok());
            if let Some(number) = number {
                let judged = |rules: &PhoneNumberUtil| {
                    let region = rules.get_region_for_number(&number);
                    let is_possible = rules.is_possible_number_with_reason(&number).is_ok();
                    (region, format!("{:?}", rules.get_number_type(&number)), is_possible)
                };
                let own = metadata::of_international(&number.country_code.to_string()).unwrap();
                prop_assert_eq!(judged(own), judged(&PHONE_NUMBER_UTIL));
            }
        }

        #[test]
        fn what_is_plain_is_what_libphonenumber_reads(
            region in proptest::sample::select(PHONE_NUMBER_UTIL.get_supported_regions().collect::<Vec<_>>()),
            code in calling_code(),
            digits in "[0-9]{2,15}",
        ) {
            let rules = PhoneRules::of(&region.as_region_str()).unwrap();
            for text in [digits.clone(), format!("+{digits}"), format!("+{code}{digits}")] {
                if let Some(plain) = rules.plain(&text) {
                    let number = PHONE_NUMBER_UTIL.parse(&text, Some(region)).unwrap();
                    prop_assert!(PHONE_NUMBER_UTIL.is_possible_number(&number));
                    prop_assert_eq!(PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164), plain.0);
                }
            }
        }

        #[test]
        fn no_text_breaks_the_parser_and_what_it_gives_it_takes(text in any::<String>()) {
            if let Ok(number) = parse(&text) {
                prop_assert_eq!(parse(&number), Ok(number.clone()));
            }
        }

        #[test]
        fn what_is_taken_is_taken_again_as_it_is(text in "\\+?0{0,5}[0-9]{5,14}") {
            if let Ok(number) = parse(&text) {
                prop_assert_eq!(parse(&number), Ok(number.clone()));
            }
        }

        #[test]
        fn a_number_in_any_punctuation_is_one_number(
            digits in "[6-9][0-9]{9}",
            marks in proptest::collection::vec("[ ().-]{0,2}", 10),
            prefix in prop_oneof![Just(""), Just("0"), Just("+91"), Just("0091"), Just("tel:+91")],
        ) {
            let mut marked = String::new();
            for (digit, mark) in digits.chars().zip(&marks) {
                marked.push(digit);
                marked.push_str(mark);
            }
            prop_assert_eq!(parse(&format!("{prefix}{marked}")), Ok(format!("+91{digits}")));
        }
    }
}
