//! The unique names of an imported user: what another user has is left out, and a username is made unique.

use unicode_normalization::UnicodeNormalization;

use super::{
    super::{USERNAME_LENGTH, Username, claim::Name, names},
    Import,
};
use crate::{email::Email, form::lenient::Dropped, phone::Phone};

/// What the other system says of a username.
pub(super) enum Chosen {
    /// Nothing.
    None,
    /// A username that can be one here.
    Valid(Username),
    /// Their own e-mail address, which cannot be a username here.
    Address,
    /// Any other text.
    Invalid(String),
}

impl Chosen {
    pub fn read(text: Option<String>, email: Option<&Email>) -> Self {
        let Some(text) = text else { return Self::None };
        match Username::parse(&text) {
            Ok(username) => Self::Valid(username),
            Err(_) if email.is_some_and(|email| email.typed() == text) => Self::Address,
            Err(_) => Self::Invalid(text),
        }
    }

    pub fn valid(&self) -> Option<&Username> {
        match self {
            Self::Valid(username) => Some(username),
            Self::None | Self::Address | Self::Invalid(_) => None,
        }
    }
}

/// The names that a user gets.
pub(super) struct Names {
    pub username: Username,
    pub email: Option<Email>,
    pub phone: Option<Phone>,
    /// Those that they do not get.
    pub dropped: Vec<Dropped>,
}

impl Names {
    pub fn all(&self) -> Vec<Name> {
        names(Some(&self.username), self.email.as_ref(), self.phone.as_ref())
    }
}

impl Import {
    /// All the names that they could get.
    pub(super) fn wanted(&self) -> Vec<Name> {
        let usernames = self.usernames(self.email.as_ref(), self.phone.as_ref());
        let usernames = usernames.iter().map(|username| Name::Username(username.key()));
        usernames.chain(names(None, self.email.as_ref(), self.phone.as_ref())).collect()
    }

    /// Their names, when others have those that `is_taken` says.
    pub(super) fn names(&self, is_taken: impl Fn(&Name) -> bool) -> Names {
        let mut dropped = Vec::new();
        let mut free = |name: &Name| {
            let is_free = !is_taken(name);
            if !is_free {
                dropped.push(Dropped::new(name.field(), name.taken()));
            }
            is_free
        };
        let email = self.email.clone().filter(|email| free(&Name::Email(email.key())));
        let phone = self.phone.clone().filter(|phone| free(&Name::Phone(phone.e164().to_owned())));
        let mut usernames = self.usernames(email.as_ref(), phone.as_ref()).into_iter();
        let username = usernames.find(|username| !is_taken(&Name::Username(username.key())));
        let username = username.unwrap_or_else(Username::generated);
        let reason = match &self.username {
            Chosen::Valid(chosen) if *chosen != username => Some("A user with that username already exists."),
            Chosen::Invalid(_) => Some("It is not a valid username."),
            Chosen::Valid(_) | Chosen::Address | Chosen::None => None,
        };
        let reason = reason.map(|reason| format!("{reason} It is now {}.", username.text()));
        dropped.extend(reason.map(|reason| Dropped::new("username", reason)));
        Names { username, email, phone, dropped }
    }

    /// The usernames that they could get, the best first.
    fn usernames(&self, email: Option<&Email>, phone: Option<&Phone>) -> Vec<Username> {
        // Users without a username logged in with their number or address; but not every address can be a username.
        let mut own = phone.map(Phone::e164).into_iter().chain(email.map(Email::typed));
        let own = own.find_map(|name| Username::parse(name).ok());
        let source = self.place.source.stored();
        let (best, base) = match &self.username {
            Chosen::Valid(username) => (Some(username.clone()), username.text().to_owned()),
            Chosen::Invalid(text) => (None, text.clone()),
            Chosen::None | Chosen::Address => {
                let local = email.and_then(|email| email.typed().split_once('@')).map(|(local, _)| local);
                (own, local.unwrap_or("user").to_owned())
            }
        };
        let key =
            self.place.number.map_or_else(|| source[source.len() - 8..].to_owned(), |key| key.to_string());
        let suffixed =
            [key, source.replace('-', "")].into_iter().filter_map(|suffix| suffixed(&base, &suffix));
        best.into_iter().chain(suffixed).collect()
    }
}

/// A username from any text, made another by a suffix. With `_` it is neither a number nor an address.
fn suffixed(text: &str, suffix: &str) -> Option<Username> {
    let valid = |c: char| if c.is_alphanumeric() || "_@.+-".contains(c) { c } else { '_' };
    let base: String = text.nfkc().map(valid).take(USERNAME_LENGTH - 1 - suffix.len()).collect();
    Username::parse(&format!("{base}_{suffix}")).ok()
}
