//! Ids of users and employees, and where what belongs to a user is stored.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::{
    dynamo::{Item, key},
    time,
};

/// The id of a user or an employee: a `UUIDv7`, or an integer from 1 to 2^53 - 1.
///
/// An integer `n` is held as the `UUIDv8` (RFC 9562) whose last 62 bits are `n` and whose other free bits are 0. So both kinds
/// are stored in the same way, as the text of a UUID ([`Id::stored`]), and sort in the order in which they were given.
///
/// The API shows an integer as a JSON number, and in a path or a log line as its digits. Which of the two an id is depends on
/// the id alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(Uuid);

/// The `UUIDv8` of the integer 0, which is no id.
const ZERO: u128 = 0x0000_0000_0000_8000_8000_0000_0000_0000;
/// The largest integer that every JSON parser represents exactly.
const LARGEST: u64 = (1 << 53) - 1;

impl Id {
    /// A new `UUIDv7`, and the time in it, to the millisecond: a list sorted by ids is sorted by these times, too.
    #[must_use]
    pub fn new() -> (Self, Timestamp) {
        let (id, time) = time::new_uuid();
        (Self(id), time)
    }

    /// The id that no record has.
    #[must_use]
    pub const fn nil() -> Self {
        Self(Uuid::nil())
    }

    /// An integer as an id; `None` for 0 and for one that is too large.
    #[must_use]
    pub fn of_integer(number: u64) -> Option<Self> {
        (1..=LARGEST).contains(&number).then(|| Self(Uuid::from_u128(ZERO | u128::from(number))))
    }

    /// The integer that it is.
    #[must_use]
    pub fn integer(self) -> Option<u64> {
        let number = u64::try_from(self.0.as_u128() ^ ZERO).ok()?;
        (1..=LARGEST).contains(&number).then_some(number)
    }

    /// The id in a path, as the API shows it. An integer has one form there: neither another spelling of it nor the UUID that
    /// stands for it is an id.
    #[must_use]
    pub fn shown(text: &str) -> Option<Self> {
        let id: Self = text.parse().ok()?;
        (id.integer().is_none() || id.to_string() == text).then_some(id)
    }

    /// The text that stands for it in keys and attributes: that of a UUID.
    #[must_use]
    pub fn stored(self) -> String {
        self.0.to_string()
    }

    /// The time in a `UUIDv7`; `None` for another id.
    #[must_use]
    pub fn time(self) -> Option<Timestamp> {
        time::of_uuid(self.0)
    }

    /// The id for which this UUID stands.
    pub(crate) const fn of_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// The UUID that stands for it, by which ids sort.
    pub(crate) const fn uuid(self) -> Uuid {
        self.0
    }

    /// Its last byte, by which records are spread over partitions.
    pub(crate) fn last_byte(self) -> u8 {
        self.0.as_bytes()[15]
    }

    /// Serializes an id as it is stored.
    pub(crate) fn serialize_stored<S: Serializer>(id: &Self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&id.stored())
    }
}

/// As the API shows it.
impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.integer() {
            Some(number) => number.fmt(f),
            None => self.0.fmt(f),
        }
    }
}

/// Takes it as it is shown and as it is stored.
impl FromStr for Id {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().ok().and_then(Self::of_integer);
        number.or_else(|| Uuid::try_parse(text).ok().map(Self)).ok_or("Must be a valid id.")
    }
}

/// As the API shows it. [`Id::serialize_stored`] and [`Id::stored`] are for what is stored.
impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.integer() {
            Some(number) => serializer.serialize_u64(number),
            None => serializer.serialize_str(&self.stored()),
        }
    }
}

/// Takes it as it is shown, as a number or as its digits, and as it is stored.
impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Id;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Id, E> {
        Id::of_integer(number).ok_or_else(|| E::custom("an integer that is no id"))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Id, E> {
        self.visit_u64(u64::try_from(number).unwrap_or(0))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Id, E> {
        text.parse().map_err(E::custom)
    }
}

/// The partition of a user, in the Users and in the Tokens table.
pub(crate) fn pk(id: Id) -> String {
    format!("user#{}", id.stored())
}

/// The key of a user's record in the Users table.
pub(crate) fn record_key(id: Id) -> Item {
    key(pk(id))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn integer(number: u64) -> Id {
        Id::of_integer(number).unwrap()
    }

    #[test]
    fn an_integer_is_stored_as_a_uuid_and_shown_as_a_number() {
        let id = integer(42);
        assert_eq!(id.stored(), "00000000-0000-8000-8000-00000000002a");
        assert_eq!((id.to_string().as_str(), json!(id)), ("42", json!(42)));
        let uuid: Uuid = id.stored().parse().unwrap();
        assert_eq!((uuid.get_version_num(), uuid.get_variant()), (8, uuid::Variant::RFC4122));
        for given in [json!(42), json!("42"), json!(id.stored())] {
            assert_eq!(serde_json::from_value::<Id>(given).unwrap(), id);
        }
    }

    #[test]
    fn a_uuid_is_shown_as_it_is_stored() {
        let (id, time) = Id::new();
        assert_eq!((id.to_string(), json!(id)), (id.stored(), json!(id.stored())));
        assert_eq!((id.integer(), id.time()), (None, Some(time)));
        assert_eq!(serde_json::from_value::<Id>(json!(id)).unwrap(), id);
    }

    #[test]
    fn integers_have_bounds() {
        assert_eq!((Id::of_integer(0), Id::of_integer(1 << 53)), (None, None));
        assert_eq!(integer((1 << 53) - 1).integer(), Some((1 << 53) - 1));
        for wrong in
            [json!(0), json!(-1), json!("0"), json!(1.5), json!(null), json!(1_u64 << 53), json!("x")]
        {
            assert!(serde_json::from_value::<Id>(wrong.clone()).is_err(), "{wrong}");
        }
        assert_eq!(Id::nil().integer(), None);
    }

    #[test]
    fn a_path_holds_an_id_in_one_form() {
        let id = integer(42);
        assert_eq!(Id::shown("42"), Some(id));
        for wrong in [&id.stored(), "042", "+42", "42 ", "", "0", "-1", "4.2", "9007199254740992"] {
            assert_eq!(Id::shown(wrong), None, "{wrong}");
        }
        let (id, _) = Id::new();
        assert_eq!(Id::shown(&id.stored()), Some(id));
    }

    proptest! {
        #[test]
        fn stored_integers_sort_by_number(a in 1..=LARGEST, b in 1..=LARGEST) {
            prop_assert_eq!(integer(a).stored().cmp(&integer(b).stored()), a.cmp(&b));
            prop_assert_eq!(integer(a).integer(), Some(a));
        }

        #[test]
        fn no_text_breaks_the_parser(text in any::<String>()) {
            if let Some(id) = Id::shown(&text) {
                prop_assert_eq!(Id::shown(&id.to_string()), Some(id));
            }
        }
    }
}
