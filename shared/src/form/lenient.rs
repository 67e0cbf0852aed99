//! A record of another system. What cannot be taken of it is left out, with the reason; the rest is taken.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{NOT_BOOLEAN, NOT_TEXT, boolean, object};
use crate::Error;

/// A field that was left out or changed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dropped {
    field: &'static str,
    reason: String,
}

impl Dropped {
    pub(crate) fn new(field: &'static str, reason: impl Into<String>) -> Self {
        Self { field, reason: reason.into() }
    }
}

/// The fields of a record, and what was left out so far. A field that is `null` or blank is absent.
#[derive(Debug)]
pub(crate) struct Lenient {
    fields: Map<String, Value>,
    pub dropped: Vec<Dropped>,
}

impl Lenient {
    pub fn of(record: Value) -> Result<Self, Error> {
        Ok(Self { fields: object(record)?, dropped: Vec::new() })
    }

    /// A text without blanks at its ends; a number is taken as its digits.
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        let text = match self.fields.get(name)? {
            Value::Null => return None,
            Value::String(text) => text.replace('\0', ""),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            Value::Number(_) | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
                self.drop(name, NOT_TEXT);
                return None;
            }
        };
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// A text that is cut to so many characters.
    pub fn cut(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let text = self.text(name)?;
        if text.chars().count() <= longest {
            return Some(text);
        }
        self.drop(name, format!("It was cut to {longest} characters."));
        Some(text.chars().take(longest).collect())
    }

    /// A field that is left out when it cannot be parsed.
    pub fn parsed<T, E: ToString>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        parse(&text).map_err(|complaint| self.drop(name, complaint.to_string())).ok()
    }

    /// True or false.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        let flag = match self.fields.get(name)? {
            Value::Null => return None,
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => boolean(text.trim()),
            Value::Number(number) => boolean(&number.to_string()),
            Value::Array(_) | Value::Object(_) => None,
        };
        if flag.is_none() {
            self.drop(name, NOT_BOOLEAN);
        }
        flag
    }

    /// The texts of a list.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let list = self.fields.get(name).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// An integer that is not negative.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.fields.get(name)?.as_u64()
    }

    /// Notes that a field is left out.
    pub fn drop(&mut self, name: &'static str, reason: impl Into<String>) {
        self.dropped.push(Dropped::new(name, reason));
    }

    /// Those of these fields that are given.
    pub fn given(&self, names: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
        let is_given = |name: &str| match self.fields.get(name) {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) => !text.trim().is_empty(),
            Some(_) => true,
        };
        names.filter(|name| is_given(name)).collect()
    }

    /// A fingerprint of all fields but these: equal for equal records.
    pub fn fingerprint(&self, without: &[&str]) -> String {
        let fields = self.fields.iter().filter(|(name, _)| !without.contains(&name.as_str()));
        // In the order of their names.
        let fields: BTreeMap<&String, &Value> = fields.collect();
        fingerprint(&serde_json::json!(fields).to_string())
    }
}

/// Half of a text's SHA-256, in hexadecimal.
pub(crate) fn fingerprint(text: &str) -> String {
    let mut hash = hex::encode(digest(&SHA256, text.as_bytes()));
    hash.truncate(32);
    hash
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(value: Value) -> Lenient {
        Lenient::of(value).unwrap()
    }

    #[test]
    fn what_cannot_be_taken_is_left_out_with_the_reason() {
        let mut record = record(
            json!({ "a": " x ", "b": 42, "c": [], "d": "long", "e": "x", "f": "x", "g": null, "h": " " }),
        );
        assert_eq!((record.text("a"), record.text("b")), (Some("x".to_owned()), Some("42".to_owned())));
        assert_eq!((record.text("c"), record.cut("d", 3)), (None, Some("lon".to_owned())));
        assert_eq!((record.parsed("e", str::parse::<u8>), record.flag("f")), (None, None));
        assert_eq!((record.text("g"), record.text("h"), record.flag("g")), (None, None, None));
        let dropped: Vec<_> = record.dropped.iter().map(|dropped| dropped.field).collect();
        assert_eq!(dropped, ["c", "d", "e", "f"]);
        assert_eq!(record.given(["a", "c", "g", "h", "z"].into_iter()), ["a", "c"]);
    }

    #[test]
    fn a_fingerprint_depends_on_the_fields_and_not_on_their_order() {
        let one = record(json!({ "a": 1, "b": "x", "c": 0 })).fingerprint(&["c"]);
        assert_eq!(record(json!({ "b": "x", "c": 9, "a": 1 })).fingerprint(&["c"]), one);
        assert_ne!(record(json!({ "a": 1, "b": "y" })).fingerprint(&["c"]), one);
        assert_eq!(one.len(), 32);
    }
}
