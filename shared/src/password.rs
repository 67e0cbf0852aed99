//! Passwords: what they must be, and how they are kept.

mod django;
mod hash;
mod memory;
mod rules;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use hash::{Hash, Hasher, Match};
pub use rules::{About, Rules};

use crate::{Error, Form, error::FieldErrors, form};

/// The longest new password, in characters: long enough for any passphrase (ASVS 5, 6.2.9), short enough to hash.
pub const LONGEST: usize = 128;
/// The longest password that is compared, in characters. Django has no limit for new ones, and users who come from there log in with
/// what they have. It costs hardly more: a hash reads even a long password in a moment, before the work that makes it slow.
pub const LONGEST_COMPARED: usize = 4_096;

/// API Gateway replaces every byte of a body that is not UTF-8 by U+FFFD. A password in Latin-1 would lose its letters to it, and
/// any other letters would be right in their place.
const NOT_UTF_8: &str = "Ensure this field is encoded in UTF-8.";

/// A password as its user means it: Unicode in its composed form (NFKC, NIST SP 800-63B 3.1.1.2), never trimmed or cut.
/// It cannot be printed or stored, and is wiped from memory when it is no longer needed.
pub struct Password {
    composed: Zeroizing<String>,
    /// As it was typed: what Django hashed.
    typed: Zeroizing<String>,
}

impl Password {
    /// A password that is to be compared with the present one: any text of at most [`LONGEST_COMPARED`] characters.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::at_most(LONGEST_COMPARED, text)
    }

    /// A new password: any text of at most [`LONGEST`] characters. What it must be besides is for [`Rules`] to say.
    pub fn parse_new(text: &str) -> Result<Self, String> {
        Self::at_most(LONGEST, text)
    }

    fn at_most(longest: usize, text: &str) -> Result<Self, String> {
        let text = form::at_most(longest, text)?;
        if text.contains(char::REPLACEMENT_CHARACTER) {
            return Err(NOT_UTF_8.to_owned());
        }
        Ok(Self { composed: Zeroizing::new(text.nfkc().collect()), typed: Zeroizing::new(text.to_owned()) })
    }
}

/// A password that is to replace another: the fields `new_password` and `confirm_password`.
pub struct NewPassword {
    password: Password,
    rules: Rules,
}

impl NewPassword {
    /// Reads both fields and leaves a complaint for all that is wrong with them, as far as the user is known.
    pub fn read(form: &mut Form, about: About) -> Result<Option<Self>, Error> {
        let rules = Rules::from_env()?;
        let (new, again) = (
            form.secret("new_password", Password::parse_new),
            form.secret("confirm_password", Password::parse_new),
        );
        if let (Some(new), Some(again)) = (&new, &again)
            && new.composed != again.composed
        {
            form.complain("confirm_password", "The two password fields didn't match.");
        }
        rules.check(form, "new_password", new.as_ref(), about);
        Ok(new.map(|password| Self { password, rules }))
    }

    /// 400 with all that is wrong with it, once the user is known.
    pub fn check(&self, about: About) -> Result<(), Error> {
        match self.rules.complaints(&self.password, about) {
            complaints if complaints.is_empty() => Ok(()),
            complaints => Err(Error::Invalid(FieldErrors::from([("new_password", complaints)]))),
        }
    }

    /// The password.
    #[must_use]
    pub fn password(&self) -> &Password {
        &self.password
    }
}
