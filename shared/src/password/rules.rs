//! What a new password must be: Django's validators, in Django's words.

use super::Password;
use crate::{Error, Form, config, config::Policy, fields::Entry, unicode};

/// One password a line, lower case, sorted by its bytes, so that a look-up is a binary search and nothing is unpacked at
/// start. Source: Django 5.2's `common-passwords.txt.gz` (Royce Williams' list): 19,640 passwords, 162,384 bytes.
const COMMON: &str = include_str!("common.txt");

/// Django's `max_similarity`.
const MOST_SIMILAR: f64 = 0.7;

/// The rules of this stack.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    shortest: usize,
    policy: Policy,
}

/// What is known of the user whose password it is, which the password must not resemble.
#[derive(Debug, Clone, Copy, Default)]
pub struct About<'a> {
    /// The username.
    pub username: &'a str,
    /// The e-mail address.
    pub email: &'a str,
    /// The other fields: those that are part of the name count.
    pub fields: &'a [Entry],
}

impl Rules {
    /// From `PASSWORD_MIN_LENGTH` and `POLICY`.
    pub fn from_env() -> Result<Self, Error> {
        let shortest = usize::try_from(config::number("PASSWORD_MIN_LENGTH")?).unwrap_or(usize::MAX);
        Ok(Self { shortest, policy: Policy::from_env()? })
    }

    /// Leaves a complaint about a new password in the field for all that is wrong with it.
    pub fn check(self, form: &mut Form, field: &'static str, password: Option<&Password>, about: About) {
        for complaint in password.into_iter().flat_map(|password| self.complaints(password, about)) {
            form.complain(field, complaint);
        }
    }

    /// Everything that is wrong with a new password, in the order in which Django says it.
    #[must_use]
    pub fn complaints(self, password: &Password, about: About) -> Vec<String> {
        let text = password.composed.as_str();
        let strict = self.policy == Policy::Strict;
        let mut complaints = Vec::new();
        if let Some(attribute) = resembles(text, about).filter(|_| strict) {
            complaints.push(format!("The password is too similar to the {attribute}."));
        }
        if text.chars().count() < self.shortest {
            let shortest = self.shortest;
            complaints
                .push(format!("This password is too short. It must contain at least {shortest} characters."));
        }
        if strict && text.chars().all(unicode::is_invisible) {
            complaints.push("This password has nothing but blanks.".to_owned());
        }
        if strict && is_common(text) {
            complaints.push("This password is too common.".to_owned());
        }
        if strict && text.chars().all(char::is_numeric) {
            complaints.push("This password is entirely numeric.".to_owned());
        }
        complaints
    }
}

fn is_common(password: &str) -> bool {
    let (list, wanted) = (COMMON.as_bytes(), password.trim().to_lowercase());
    if wanted.is_empty() {
        return false;
    }
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        let start =
            list.iter().take(middle).rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let line =
            list.get(start..).and_then(|rest| rest.split(|byte| *byte == b'\n').next()).unwrap_or_default();
        match line.cmp(wanted.as_bytes()) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => low = start + line.len() + 1,
            std::cmp::Ordering::Greater => high = start,
        }
    }
    false
}

/// The first attribute that the password resembles, as a whole or in one of its words, by Django's name for it.
fn resembles(password: &str, about: About) -> Option<String> {
    let password = password.to_lowercase();
    let names = about.fields.iter().filter(|entry| entry.field.is_name);
    let names = names.map(|entry| (entry.field.name.replace('_', " "), entry.text()));
    let attributes = [("username".to_owned(), about.username)]
        .into_iter()
        .chain(names)
        .chain([("email address".to_owned(), about.email)]);
    attributes
        .into_iter()
        .find(|(_, value)| is_similar(&password, &value.to_lowercase()))
        .map(|(name, _)| name)
}

fn is_similar(password: &str, value: &str) -> bool {
    let words = value.split(|c: char| !c.is_alphanumeric() && c != '_');
    words
        .chain([value])
        .filter(|part| !part.is_empty())
        .any(|part| similarity(password, part) >= MOST_SIMILAR)
}

/// Python's `SequenceMatcher.quick_ratio`: twice the characters that both have, over the characters of both.
fn similarity(a: &str, b: &str) -> f64 {
    let mut unmatched: Vec<char> = b.chars().collect();
    let total = a.chars().count() + unmatched.len();
    let mut matched = 0_u32;
    for c in a.chars() {
        if let Some(at) = unmatched.iter().position(|other| *other == c) {
            unmatched.swap_remove(at);
            matched += 1;
        }
    }
    // Both counts are in the hundreds at most.
    2.0 * f64::from(matched) / f64::from(u32::try_from(total).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fields::{Field, Given};

    fn complaints(policy: Policy, password: &str, about: About) -> Vec<String> {
        Rules { shortest: 8, policy }.complaints(&Password::parse(password).unwrap(), about)
    }

    #[test]
    fn the_list_is_sorted_and_large_and_every_word_of_it_is_found() {
        let lines: Vec<_> = COMMON.lines().collect();
        assert!(lines.len() >= 10_000);
        assert!(lines.is_sorted());
        assert!(lines.iter().all(|line| is_common(line)));
        assert!(is_common("PASSWORD123"));
        assert!(!is_common("correct horse battery staple"));
        assert!(!is_common("") && !is_common("~~~~~~~~") && !is_common("!!!"));
    }

    #[test]
    fn strict_says_all_that_is_wrong_in_djangos_words() {
        assert_eq!(
            complaints(Policy::Strict, "123456", About::default()),
            [
                "This password is too short. It must contain at least 8 characters.",
                "This password is too common.",
                "This password is entirely numeric.",
            ]
        );
        assert!(complaints(Policy::Strict, "correct horse battery", About::default()).is_empty());
    }

    #[test]
    fn a_password_may_not_resemble_its_user() {
        const FIELDS: &[Field] = &[Field::text("first_name", 20).naming(), Field::text("address", 20)];
        let mut form = Form::of(json!({ "first_name": "Basavraj", "address": "Elm Street" })).unwrap();
        let given = Given::read(&mut form, FIELDS, false);
        let about =
            About { username: "bunny0909", email: "bunny@wonderland.example", fields: given.entries() };
        let similar = |attribute: &str| vec![format!("The password is too similar to the {attribute}.")];
        assert_eq!(complaints(Policy::Strict, "Bunny0909!", about), similar("username"));
        assert_eq!(complaints(Policy::Strict, "basavraj77", about), similar("first name"));
        assert_eq!(complaints(Policy::Strict, "wonderland9", about), similar("email address"));
        assert!(complaints(Policy::Strict, "unrelated phrase", about).is_empty());
        assert!(complaints(Policy::Strict, "elm street", about).is_empty());
    }

    #[test]
    fn the_django_systems_own_samples_pass_under_seeds() {
        for password in ["password123", "123456789", "strongpassword123", "newpassword456"] {
            assert!(complaints(Policy::Seeds, password, About::default()).is_empty(), "{password}");
        }
        assert_eq!(complaints(Policy::Seeds, "1234567", About::default()).len(), 1);
    }
}
