//! A record as the function `import` takes it, and what was dropped on the way.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{phone::text_of, time};

/// The most characters of a name, a department and a job title, as the API takes them.
pub(crate) const NAME: usize = 150;
/// The most characters of a postal address.
pub(crate) const ADDRESS: usize = 1_000;

/// A field that was not imported, of a record that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The field, as the API calls it.
    pub field: String,
    /// What the dump has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Why it was dropped.
    pub reason: String,
}

/// A record of a user or an employee.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) fields: Map<String, Value>,
    pub(crate) dropped: Vec<Dropped>,
}

impl Record {
    pub(crate) fn new(id: Uuid) -> Self {
        Self { fields: Map::from_iter([("id".to_owned(), json!(id))]), dropped: Vec::new() }
    }

    pub(crate) fn set(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    pub(crate) fn extend(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.set(name, value);
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    pub(crate) fn drop(&mut self, field: &str, value: Option<Value>, reason: &str) {
        self.dropped.push(Dropped { field: field.to_owned(), value, reason: reason.to_owned() });
    }

    /// A text of so many characters at most; a number is one, too.
    pub(crate) fn text(&mut self, name: &str, longest: usize, value: Option<&Value>) {
        let Some(value) = value else { return };
        let text = value.as_number().map(ToString::to_string).or_else(|| text_of(value));
        match text {
            Some(text) if text.chars().count() <= longest => self.set(name, json!(text)),
            Some(_) => self.drop(name, None, "too long"),
            None => self.drop(name, Some(value.clone()), "not a text"),
        }
    }

    pub(crate) fn date(&mut self, name: &str, value: Option<&Value>) {
        let Some(value) = value else { return };
        match time::date(value) {
            Some(date) => self.set(name, json!(date.to_string())),
            None => self.drop(name, Some(value.clone()), "not a date"),
        }
    }

    /// The names of a model with one field for the whole name: the first word is the first name.
    pub(crate) fn split_name<'v>(&mut self, whole: impl FnOnce() -> Option<&'v Value>) {
        if self.has("first_name") || self.has("last_name") {
            return;
        }
        if let Some(whole) = whole().and_then(text_of) {
            let (first, last) = whole.split_once(char::is_whitespace).unwrap_or((&whole, ""));
            self.text("first_name", NAME, Some(&json!(first)));
            self.text(
                "last_name",
                NAME,
                Some(last.trim()).filter(|last| !last.is_empty()).map(Value::from).as_ref(),
            );
        }
    }
}
