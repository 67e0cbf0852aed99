//! Passwords: what they must be, and how they are kept.

mod hash;
mod rules;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

pub use hash::{Hash, Hasher};
pub use rules::{About, Rules};

use crate::http;

/// The longest password, in characters: long enough for any passphrase (ASVS 5, 6.2.9), short enough to hash.
const LONGEST: usize = 128;

/// A password as its user means it: Unicode in its composed form (NFKC, NIST SP 800-63B 3.1.1.2), never trimmed or cut.
/// It cannot be printed or stored, and is wiped from memory when it is no longer needed.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes any text of at most 128 characters. What a *new* password must be besides is for [`Rules`] to say.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = http::at_most(LONGEST, text)?;
        Ok(Self(Zeroizing::new(text.nfkc().collect())))
    }

    /// Whether two passwords typed for the same purpose are one.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
