//! Fields of records that need no rule of their own: a table for each record says what they are, and everything that reads,
//! stores, changes, searches or documents them follows the table. docs/add-a-field.md has the steps to a new one.

use jiff::civil::Date;
use serde::{
    Deserializer, Serialize, Serializer,
    de::{self, Error as _, IgnoredAny, MapAccess},
};
use serde_json::{Map, Value as Json};

use crate::{
    Error, Form,
    form::{self, Patch, lenient::Lenient},
};

/// The most characters of a name (Django's).
pub const NAME_LENGTH: usize = 150;
/// The most characters of a postal address.
pub const ADDRESS_LENGTH: usize = 1_000;

/// A field without a rule of its own.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// What it is called in bodies, answers and records.
    pub name: &'static str,
    /// What it can hold.
    pub kind: Kind,
    /// Whether a search of the list looks at it.
    pub is_searched: bool,
    /// Whether it names the person: a new password must not resemble it, and a registration by phone takes it too.
    pub is_name: bool,
}

/// What a field can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text of so many characters at most.
    Text {
        /// The most characters.
        longest: usize,
        /// Whether every record has it: then it cannot be blank.
        is_required: bool,
    },
    /// A date, or none.
    Date,
    /// One of these texts, or a blank one.
    Choice(&'static [&'static str]),
}

impl Field {
    /// A text that may be blank.
    #[must_use]
    pub const fn text(name: &'static str, longest: usize) -> Self {
        Self::of(name, Kind::Text { longest, is_required: false })
    }

    /// A text that every record has.
    #[must_use]
    pub const fn required(name: &'static str, longest: usize) -> Self {
        Self::of(name, Kind::Text { longest, is_required: true })
    }

    /// A date, or none.
    #[must_use]
    pub const fn date(name: &'static str) -> Self {
        Self::of(name, Kind::Date)
    }

    /// One of these texts, or a blank one.
    #[must_use]
    pub const fn choice(name: &'static str, choices: &'static [&'static str]) -> Self {
        Self::of(name, Kind::Choice(choices))
    }

    /// The same field, for a search to look at. Only a text can be searched.
    #[must_use]
    pub const fn searched(self) -> Self {
        Self { is_searched: true, ..self }
    }

    /// The same field, as part of what the person is called: see [`Field::is_name`].
    #[must_use]
    pub const fn naming(self) -> Self {
        Self { is_name: true, ..self }
    }

    const fn of(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, is_searched: false, is_name: false }
    }

    /// Whether every record has it.
    #[must_use]
    pub fn is_required(&self) -> bool {
        matches!(self.kind, Kind::Text { is_required: true, .. })
    }

    /// What a record has that was never given one.
    fn empty(&self) -> Value {
        match self.kind {
            Kind::Text { .. } | Kind::Choice(_) => Value::Text(String::new()),
            Kind::Date => Value::Date(None),
        }
    }

    /// Reads it from a body; `None` when it is absent or wrong.
    fn read(&self, form: &mut Form, complete: bool) -> Option<Value> {
        match self.kind {
            Kind::Text { longest, is_required: false } => form.free_text(self.name, longest).map(Value::Text),
            Kind::Text { longest, is_required: true } => {
                let text = |text: &str| form::at_most(longest, text).map(str::to_owned);
                let read = if complete { Form::required } else { Form::not_blank };
                read(form, self.name, text).map(Value::Text)
            }
            Kind::Choice(choices) => form.choice(self.name, choices).map(Value::Text),
            Kind::Date => match form.nullable(self.name, date) {
                Patch::Keep => None,
                Patch::Clear => Some(Value::Date(None)),
                Patch::Set(date) => Some(Value::Date(Some(date))),
            },
        }
    }

    /// A stored value; none is as if it had never been given.
    fn stored(&self, text: Option<String>) -> Result<Value, &'static str> {
        match (self.kind, text) {
            (_, None) => Ok(self.empty()),
            (Kind::Text { .. } | Kind::Choice(_), Some(text)) => Ok(Value::Text(text)),
            (Kind::Date, Some(text)) => date(&text).map(|date| Value::Date(Some(date))),
        }
    }
}

/// A date as `YYYY-MM-DD`. As in Django, month and day may have one digit.
fn date(text: &str) -> Result<Date, &'static str> {
    const WRONG: &str = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";
    let parsed = || {
        let (year, month_and_day) = text.split_once('-')?;
        let (month, day) = month_and_day.split_once('-')?;
        let is_shaped = year.len() == 4 && month.len() <= 2 && day.len() <= 2;
        let is_digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_shaped || ![year, month, day].iter().all(is_digits) {
            return None;
        }
        Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
    };
    // Python, and so Django, has no year 0.
    parsed().filter(|date| date.year() > 0).ok_or(WRONG)
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// May be empty.
    Text(String),
    /// A date, or none.
    Date(Option<Date>),
}

/// A field and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The field.
    pub field: &'static Field,
    value: Value,
}

impl Entry {
    /// The text; empty for a date.
    #[must_use]
    pub fn text(&self) -> &str {
        match &self.value {
            Value::Text(text) => text,
            Value::Date(_) => "",
        }
    }
}

/// What a record holds in the fields of its table, all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details(Vec<Entry>);

impl Details {
    /// Those of a new record.
    pub(crate) fn empty(table: &'static [Field]) -> Self {
        Self(table.iter().map(|field| Entry { field, value: field.empty() }).collect())
    }

    /// The fields and what they hold, in the order of the table.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The text of a field; empty when there is no such text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|entry| entry.field.name == name).map(Entry::text).unwrap_or_default()
    }

    /// The fields at which a search looks, and their texts.
    pub(crate) fn searched(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().filter(|entry| entry.field.is_searched).map(|entry| (entry.field.name, entry.text()))
    }

    /// Gives the fields what a body says of them.
    pub(crate) fn apply(&mut self, given: &Given) {
        for Entry { field, value } in &given.0 {
            if let Some(entry) = self.0.iter_mut().find(|entry| entry.field == *field) {
                entry.value.clone_from(value);
            }
        }
    }

    /// Those of a stored record. What is absent is empty: the record may be older than the field.
    pub(crate) fn stored<'de, D: Deserializer<'de>>(
        table: &'static [Field],
        record: D,
    ) -> Result<Self, D::Error> {
        record.deserialize_map(Stored(table))
    }
}

impl Serialize for Details {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|Entry { field, value }| (field.name, value)))
    }
}

/// Reads the fields of a table among all of a record's.
struct Stored(&'static [Field]);

impl<'de> de::Visitor<'de> for Stored {
    type Value = Details;

    fn expecting(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        formatter.write_str("a record")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut record: M) -> Result<Details, M::Error> {
        let mut details = Details::empty(self.0);
        while let Some(name) = record.next_key::<String>()? {
            match details.0.iter_mut().find(|entry| entry.field.name == name) {
                Some(entry) => {
                    entry.value = entry.field.stored(record.next_value()?).map_err(M::Error::custom)?;
                }
                None => {
                    record.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(details)
    }
}

/// What a body says of the fields of a table; the others stay as they are.
#[derive(Debug, Clone, Default)]
pub struct Given(Vec<Entry>);

impl Given {
    /// Reads these fields, and leaves a complaint for each that is wrong or, when the record is to be `complete`, missing.
    pub fn read(form: &mut Form, fields: impl IntoIterator<Item = &'static Field>, complete: bool) -> Self {
        let entry = |field: &'static Field| Some(Entry { field, value: field.read(form, complete)? });
        Self(fields.into_iter().filter_map(entry).collect())
    }

    /// Reads these fields of another system's record: a text that is too long is cut, and what is wrong is left out.
    pub(crate) fn lenient(record: &mut Lenient, fields: &'static [Field]) -> Self {
        let mut entry = |field: &'static Field| {
            let value = match field.kind {
                Kind::Text { longest, .. } => record.cut(field.name, longest).map(Value::Text),
                Kind::Choice(choices) => {
                    record.parsed(field.name, |text| form::one_of(choices, text)).map(Value::Text)
                }
                Kind::Date => record.parsed(field.name, date).map(|date| Value::Date(Some(date))),
            };
            Some(Entry { field, value: value? })
        };
        Self(fields.iter().filter_map(&mut entry).collect())
    }

    /// The fields that are given, and what they are to hold.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// The names of the fields that are given.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|entry| entry.field.name)
    }
}

/// The names of the fields in which two states of a record differ, as the API shows them.
pub(crate) fn changed<T: Serialize>(old: &T, new: &T) -> Result<Vec<String>, Error> {
    let (old, new) = (shown(old)?, shown(new)?);
    Ok(new.into_iter().filter(|(name, value)| old.get(name) != Some(value)).map(|(name, _)| name).collect())
}

/// The fields of a record as the API shows them.
pub(crate) fn shown(record: &impl Serialize) -> Result<Map<String, Json>, Error> {
    match serde_json::to_value(record) {
        Ok(Json::Object(fields)) => Ok(fields),
        Ok(_) => Err(Error::internal("a record without fields")),
        Err(error) => Err(Error::internal(format!("a record that cannot be shown: {error}"))),
    }
}
