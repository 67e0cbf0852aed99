//! Identifiers that two records of a dump have: the first keeps them.

use std::collections::HashSet;

use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use super::{phone::text_of, record::Record};

/// The identifiers of the records so far.
#[derive(Debug, Default)]
pub(crate) struct Unique {
    usernames: HashSet<String>,
    emails: HashSet<String>,
    phones: HashSet<String>,
}

impl Unique {
    /// Takes an e-mail address; false when an earlier record has it.
    pub(crate) fn email(&mut self, address: &str) -> bool {
        self.emails.insert(address.to_lowercase())
    }

    /// Takes a number; false when an earlier record has it.
    pub(crate) fn phone(&mut self, e164: &str) -> bool {
        self.phones.insert(e164.to_owned())
    }

    /// Takes a username; false when an earlier record has it in any case.
    pub(crate) fn username(&mut self, name: &str) -> bool {
        self.usernames.insert(username_key(name))
    }
}

/// What usernames are compared by: as the function `import` does, without regard to case and composition.
fn username_key(text: &str) -> String {
    let text: String = text.nfkc().collect();
    text.to_lowercase().to_uppercase().to_lowercase().nfkc().collect()
}

/// An e-mail address. Anything else is dropped.
pub(crate) fn valid_address(value: &Value, record: &mut Record) -> Option<String> {
    let address = text_of(value).filter(|text| is_address(text));
    if address.is_none() {
        record.drop("email", Some(value.clone()), "not a valid e-mail address");
    }
    address
}

/// Whether a text is an e-mail address, as far as it can be told without the rules of the function `import`, which has the last
/// word.
pub(crate) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 254
        && !local.is_empty()
        && local.bytes().all(|byte| byte.is_ascii_graphic() && !b"@\"(),:;<>[]\\".contains(&byte))
        && domain.contains('.')
        && domain.split('.').all(is_label)
}
