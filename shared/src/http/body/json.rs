//! Bodies in JSON.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{MOST_FIELDS, too_many_fields};
use crate::{Error, form};

/// The fields of an object. Each has a name of its own: what of two is meant nobody can say, and something between the client and
/// here may have looked at the other.
pub(super) fn object(body: &[u8]) -> Result<Map<String, Value>, Error> {
    let malformed = |error| Error::Malformed(format!("JSON parse error - {error}"));
    if body.trim_ascii_start().starts_with(b"{") {
        return serde_json::from_slice(body).map(|Fields(fields)| fields).map_err(malformed);
    }
    let Flat(value) = serde_json::from_slice(body).map_err(malformed)?;
    form::object(value)
}

/// A value as far as a field can use it. No field is a list or an object: one is read over and kept as an empty one, so that it
/// takes no memory, however large or deep it is.
struct Flat(Value);

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlatVisitor).map(Self)
    }
}

struct FlatVisitor;

impl<'de> Visitor<'de> for FlatVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(Map::new()))
    }
}

/// The fields of an object.
struct Fields(Map<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(Map::new()))
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((name, Flat(value))) = map.next_entry::<String, _>()? {
            if self.0.len() == MOST_FIELDS {
                return Err(de::Error::custom(too_many_fields()));
            }
            if self.0.contains_key(&name) {
                return Err(de::Error::custom(format!("duplicate field \"{name:.150}\"")));
            }
            self.0.insert(name, value);
        }
        Ok(self)
    }
}
