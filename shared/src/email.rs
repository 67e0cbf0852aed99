//! E-mail addresses.

use crate::form;

/// An address that reads like one: what was typed, and the key that is unique.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    typed: String,
}

const INVALID: &str = "Enter a valid email address.";
/// The most characters of an address (RFC 5321, section 4.5.3.1.3).
pub const LONGEST: usize = 254;

impl Email {
    /// A dot-atom, `@`, and a domain name of at least two labels (RFC 5321, section 4.1.2, as far as SES sends to it:
    /// ASCII, no quoted local part, no address literal; an international domain in its `xn--` form).
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = form::at_most(LONGEST, text)?;
        let (local, domain) = text.rsplit_once('@').ok_or(INVALID)?;
        let last_label = domain.rsplit('.').next().unwrap_or_default();
        let valid = local.len() <= 64
            && local.split('.').all(is_atom)
            && domain.contains('.')
            && domain.split('.').all(is_label)
            && last_label.len() >= 2
            && is_top_level(last_label);
        if valid { Ok(Self { typed: text.to_owned() }) } else { Err(INVALID.to_owned()) }
    }

    /// As it was typed, for display and for sending.
    #[must_use]
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Without regard to case: what is unique.
    #[must_use]
    pub fn key(&self) -> String {
        key(&self.typed)
    }
}

/// The unique form of an address.
#[must_use]
pub(crate) fn key(address: &str) -> String {
    address.to_ascii_lowercase()
}

/// RFC 5322, section 3.2.3.
fn is_atom(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
}

/// No top-level domain has a digit, but for those in the `xn--` form (RFC 3696, section 2).
fn is_top_level(label: &str) -> bool {
    label.bytes().all(|byte| byte.is_ascii_alphabetic()) || label.to_ascii_lowercase().starts_with("xn--")
}

/// RFC 1035, section 2.3.1.
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_unique_without_regard_to_case_and_shown_as_typed() {
        let email = Email::parse("Test.User+tag@Example.COM").unwrap();
        assert_eq!(email.key(), "test.user+tag@example.com");
        assert_eq!(email.typed(), "Test.User+tag@Example.COM");
    }

    #[test]
    fn what_cannot_be_an_address_is_refused() {
        for text in [
            "",
            "@",
            "a",
            "a@b",
            "a@b.",
            "a@.b",
            "a@b.c",
            "a b@example.com",
            "a@exa mple.com",
            ".a@example.com",
            "a..b@example.com",
            "a@-example.com",
            "a@example.123",
            "a@example.co1",
            "é@example.com",
            "a@b@example.com\u{0}",
            "a@example.com\nBcc: b@example.com",
            "\"a\"@example.com",
        ] {
            assert_eq!(Email::parse(text), Err(INVALID.to_owned()), "{text:?}");
        }
        assert_eq!(
            Email::parse(&format!("{}@example.com", "a".repeat(300))),
            Err("Ensure this field has no more than 254 characters.".to_owned())
        );
    }
}
