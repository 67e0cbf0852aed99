//! Usernames.

use unicode_normalization::UnicodeNormalization;
use unicode_security::MixedScript;
use uuid::Uuid;

use crate::{
    Error,
    config::Policy,
    email::Email,
    form,
    phone::{self, Phone, PhoneRules},
    unicode,
};

const INVALID: &str =
    "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.";
/// The most characters of a username (Django's).
pub const LONGEST: usize = 150;

/// Names that strangers would take for the operator's (RFC 2142, and what systems call their own accounts).
const RESERVED: [&str; 20] = [
    "abuse",
    "admin",
    "administrator",
    "anonymous",
    "help",
    "hostmaster",
    "info",
    "mailer-daemon",
    "moderator",
    "no-reply",
    "noreply",
    "official",
    "postmaster",
    "root",
    "security",
    "staff",
    "superuser",
    "support",
    "system",
    "webmaster",
];

/// A username by Django's rule, `^[\w.@+-]{1,150}$`, in its composed form (NFKC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Takes letters and numbers of any script, and `_ @ . + -`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text: String = form::at_most(LONGEST, text)?.nfkc().collect();
        let text = form::at_most(LONGEST, &text)?;
        let valid = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_@.+-".contains(c));
        if valid { Ok(Self(text.to_owned())) } else { Err(INVALID.to_owned()) }
    }

    /// One that nobody chose, for a user whose username was an address or number that is no longer theirs.
    pub(crate) fn generated() -> Self {
        Self(format!("user-{:.16}", Uuid::new_v4().simple().to_string()))
    }

    /// As it is shown.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Without regard to case: what is unique.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.0)
    }

    /// Why nobody may choose it, beside what [`Username::parse`] says, which also reads names that were chosen before: it shows
    /// nothing or, under `Policy=strict`, could be taken for somebody else's (UTS 39, section 5.1) or for the operator's.
    pub fn unfit(&self) -> Result<Option<&'static str>, Error> {
        let (text, key) = (&self.0, self.key());
        if text.chars().any(unicode::is_invisible) {
            return Ok(Some(INVALID));
        }
        if Policy::from_env()? == Policy::Seeds {
            return Ok(None);
        }
        let is_reserved = !text.chars().any(char::is_alphanumeric) || RESERVED.contains(&key.as_str());
        Ok(if is_reserved {
            Some("This username is reserved.")
        } else if !text.as_str().is_single_script() {
            Some("A username may not mix letters of several scripts.")
        } else {
            None
        })
    }

    /// Why it may not be this user's: it would let them pose as an address or number of somebody else at login.
    #[must_use]
    pub fn poses_as_another(&self, own: Option<&Email>, phones: PhoneRules) -> Option<&'static str> {
        if self.as_phone(phones).is_some() || phone::is_e164(&self.key()) {
            return Some("A username may not be a phone number.");
        }
        // By its unique form, by which it is found: "ı" is "i" there.
        let address = Email::parse(&self.key()).ok()?;
        let is_own = own.is_some_and(|own| own.key() == address.key());
        (!is_own).then_some("A username that is an e-mail address must be your own.")
    }

    /// The phone number that it is, if it reads as one.
    #[must_use]
    pub fn as_phone(&self, phones: PhoneRules) -> Option<Phone> {
        phones.parse(&self.0).ok()
    }
}

/// The unique form of what is typed as a username. Capitals tell which letters are one in another case where small ones do not:
/// "ς" and "σ", "ß" and "ss".
#[must_use]
pub fn key(text: &str) -> String {
    let text: String = text.nfkc().collect();
    text.to_lowercase().to_uppercase().to_lowercase().nfkc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usernames_are_unique_without_regard_to_case_or_composition() {
        let key = |text: &str| Username::parse(text).unwrap().key();
        assert_eq!(key("Bunny0909"), key("bUNNY0909"));
        assert_eq!(key("Ame\u{301}lie"), key("am\u{e9}lie"));
        assert_eq!(key("\u{ff21}da"), key("ada"));
        assert_eq!(key("ΟΔΥΣΣΕΥΣ"), key("οδυσσευσ"));
        assert_eq!((key("Σας"), key("Strauß"), key("STRAUẞ")), (key("ΣΑΣ"), key("STRAUSS"), key("strauss")));
    }

    #[test]
    fn djangos_characters_are_taken_and_no_others() {
        for text in ["a", "bunny0909", "a.b+c-d_e@f", "Łukasz", "名前"] {
            assert!(Username::parse(text).is_ok(), "{text}");
        }
        for text in ["", "a b", "a/b", "a\nb", "<b>", "a'b"] {
            assert_eq!(Username::parse(text), Err(INVALID.to_owned()), "{text}");
        }
        assert!(Username::parse(&"a".repeat(150)).is_ok());
        assert_eq!(
            Username::parse(&"a".repeat(151)),
            Err("Ensure this field has no more than 150 characters.".to_owned())
        );
    }

    #[test]
    fn a_generated_username_is_valid_and_neither_an_address_nor_a_number() {
        let username = Username::generated();
        assert_eq!(Username::parse(username.text()), Ok(username.clone()));
        assert_eq!(username.text().len(), "user-".len() + 16);
        assert_eq!(username.poses_as_another(None, PhoneRules::of("IN").unwrap()), None);
        assert_ne!(username, Username::generated());
    }

    proptest! {
        #[test]
        fn a_key_is_the_key_of_itself(text in any::<String>()) {
            let once = key(&text);
            prop_assert_eq!(&key(&once), &once);
        }

        #[test]
        fn a_username_is_the_same_in_every_case(text in "[\\w.@+-]{1,40}") {
            if let Ok(username) = Username::parse(&text) {
                prop_assert_eq!(key(&username.text().to_uppercase()), username.key());
                prop_assert_eq!(key(&username.text().to_lowercase()), username.key());
            }
        }

        #[test]
        fn what_is_taken_is_shown_composed_and_taken_again(text in "[\\w.@+-]{1,40}") {
            if let Ok(username) = Username::parse(&text) {
                prop_assert_eq!(Username::parse(username.text()), Ok(username.clone()));
                prop_assert_eq!(username.key(), key(&text));
                prop_assert!(username.text().chars().count() <= LONGEST);
            }
        }

        #[test]
        fn one_character_that_is_not_djangos_refuses_the_whole(
            before in "[a-z]{0,5}", wrong in "[ -~&&[^a-zA-Z0-9_@.+-]]", after in "[a-z]{0,5}",
        ) {
            let text = format!("{before}{wrong}{after}");
            prop_assert!(Username::parse(&text).is_err());
        }
    }
}
