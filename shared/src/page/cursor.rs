//! Signed places in a list.

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{Error, id::Id};

/// A place between two records, and which way to read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Exclusive.
    pub at: Id,
    pub backwards: bool,
}

/// A cursor that came with a request, before its tag is verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unverified {
    pub cursor: Cursor,
    tag: [u8; TAG],
}

const TAG: usize = 16;

impl Cursor {
    fn payload(self) -> [u8; 17] {
        let mut payload = [0; 17];
        payload[0] = u8::from(self.backwards);
        payload[1..].copy_from_slice(self.at.uuid().as_bytes());
        payload
    }

    fn tag(self, signer: &Signer) -> [u8; TAG] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, signer.key.as_bytes());
        let mut message = format!("cursor of {}:", signer.list).into_bytes();
        message.extend(self.payload());
        let mut tag = [0; TAG];
        tag.copy_from_slice(&hmac::sign(&key, &message).as_ref()[..TAG]);
        tag
    }

    pub fn text(self, signer: &Signer) -> String {
        URL_SAFE_NO_PAD.encode([self.payload().as_slice(), self.tag(signer).as_slice()].concat())
    }
}

impl Unverified {
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 17 + TAG] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (payload, tag) = bytes.split_at(17);
        let cursor =
            Cursor { at: Id::of_uuid(Uuid::from_slice(&payload[1..]).ok()?), backwards: payload[0] == 1 };
        Some(Self { cursor, tag: tag.try_into().ok()? }).filter(|_| cursor.payload() == payload)
    }

    /// 404, as Django REST Framework says it, unless it was made for this list and this caller.
    pub fn verify(self, signer: &Signer) -> Result<(), Error> {
        verify_slices_are_equal(&self.tag, &self.cursor.tag(signer)).map_err(|_| Error::InvalidCursor)
    }
}

/// Whose cursors, and of which list.
pub(crate) struct Signer<'a> {
    /// A secret of the caller's, which only the server knows.
    pub key: &'a str,
    pub list: &'static str,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIGNER: Signer<'static> = Signer { key: "a key of the tests", list: "employees" };

    fn any_cursor() -> impl Strategy<Value = Cursor> {
        (any::<u128>(), any::<bool>())
            .prop_map(|(at, backwards)| Cursor { at: Id::of_uuid(Uuid::from_u128(at)), backwards })
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written(cursor in any_cursor()) {
            let unverified = Unverified::parse(&cursor.text(&SIGNER)).unwrap();
            prop_assert_eq!(unverified.cursor, cursor);
            prop_assert!(unverified.verify(&SIGNER).is_ok());
        }

        #[test]
        fn a_cursor_with_one_bit_changed_is_refused(cursor in any_cursor(), bit in 0..(17 + TAG) * 8) {
            let mut bytes = URL_SAFE_NO_PAD.decode(cursor.text(&SIGNER)).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let unverified = Unverified::parse(&URL_SAFE_NO_PAD.encode(bytes));
            prop_assert!(unverified.is_none_or(|unverified| unverified.verify(&SIGNER).is_err()));
        }

        #[test]
        fn a_cursor_of_another_caller_or_list_is_refused(cursor in any_cursor()) {
            let unverified = Unverified::parse(&cursor.text(&SIGNER)).unwrap();
            for signer in [Signer { key: "another key", ..SIGNER }, Signer { list: "users", ..SIGNER }] {
                prop_assert!(unverified.verify(&signer).is_err());
            }
        }

        #[test]
        fn no_text_breaks_the_reader(text in any::<String>()) {
            let _ = Unverified::parse(&text);
        }
    }
}
