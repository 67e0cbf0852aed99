//! What `manage.py dumpdata` of a Django system writes, as records that the function `import` takes.
//!
//! [`file`](self) parses the bytes; `model` finds out what each model is; `reader` joins the records of a person; `user`,
//! `employee` make the records that are sent; `report` says what was found before anything is.

mod employee;
mod file;
mod id;
#[cfg(test)]
mod kinds_tests;
mod login;
mod model;
mod phone;
#[cfg(test)]
mod random_tests;
mod reader;
mod record;
mod report;
mod settings;
#[cfg(test)]
mod tests;
mod time;
mod unique;
mod user;
mod verified;
mod words;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};

pub use file::DumpError;
pub use record::Dropped;
pub use report::Report;
pub use settings::{Inactive, Login, Mapping, Settings};

use file::Object;
use model::{Kind, Model};
use phone::Phones;
use reader::Reader;
use record::Record;
use unique::Unique;

/// A file that can be read: what its records mean depends on the [`Settings`].
#[derive(Debug)]
pub struct Records(Vec<Object>);

impl Settings {
    /// Refuses a region that does not exist.
    pub fn check(&self) -> Result<(), NoRegion> {
        Phones::of(self.region()).map(drop).ok_or_else(|| NoRegion(self.region().to_owned()))
    }
}

impl Records {
    /// Parses a dump in JSON or JSON Lines, as it came.
    pub fn parse(bytes: &[u8]) -> Result<Self, DumpError> {
        file::parse(bytes).map(Self)
    }
}

/// There is no such region.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not a region (ISO 3166-1 alpha-2, such as IN)")]
pub struct NoRegion(String);

/// A dump's records, in its order.
#[derive(Debug, Default)]
pub struct Dump {
    /// Users.
    pub users: Vec<Entry>,
    /// Employees. Some have an owner among the users, who must be imported before them.
    pub employees: Vec<Entry>,
    /// Records that should be either, but cannot.
    pub refused: Vec<Refusal>,
    /// What was found.
    pub report: Report,
}

/// A record that can be imported.
#[derive(Debug)]
pub struct Entry {
    /// Where it comes from.
    pub source: Source,
    /// As `import` takes it.
    pub record: Value,
    /// What was dropped of it.
    pub dropped: Vec<Dropped>,
}

/// Where a record comes from.
#[derive(Debug, Clone, Serialize)]
pub struct Source {
    /// Its model, such as `auth.user`.
    pub model: String,
    /// Its primary key; none in a dump with natural keys.
    pub pk: Value,
    /// Whether the model holds users who are employees: then two records have the same model and key.
    #[serde(skip)]
    pub is_both: bool,
}

/// A record that is not imported.
#[derive(Debug, Clone, Serialize)]
pub struct Refusal {
    /// Where it comes from.
    #[serde(flatten)]
    pub source: Source,
    /// What is wrong with it.
    pub reason: String,
}

impl Entry {
    /// The entry, refused.
    #[must_use]
    pub fn refused(&self, reason: &str) -> Refusal {
        Refusal { source: self.source.clone(), reason: reason.to_owned() }
    }
}

impl Source {
    fn of(model: &Model<'_>, object: &Object) -> Self {
        let is_both = model.kind == Kind::Users && model.is_called_employee();
        Self { model: object.model.clone(), pk: object.pk.clone(), is_both }
    }
}

impl Dump {
    /// Makes users and employees of the records of a dump.
    pub fn of(records: &Records, settings: &Settings) -> Result<Self, NoRegion> {
        let phones = Phones::of(settings.region()).ok_or_else(|| NoRegion(settings.region().to_owned()))?;
        let reader = Reader::new(&records.0, settings, phones);
        let mut dump = Self::default();
        let people = dump.users(&reader);
        dump.employees(&reader, &people);
        dump.report = Report::of(&reader, &dump.users, &dump.employees);
        Ok(dump)
    }

    /// Parses a dump and makes users and employees of it.
    pub fn read(bytes: &[u8], settings: &Settings) -> Result<Self, Box<dyn std::error::Error>> {
        Ok(Self::of(&Records::parse(bytes)?, settings)?)
    }

    fn users(&mut self, reader: &Reader<'_>) -> Vec<Map<String, Value>> {
        let numbered = numbered(&reader.models, |model| model.kind == Kind::Users);
        let mut unique = Unique::default();
        let mut people = Vec::new();
        for user in &reader.users {
            let model = &reader.models[user.model];
            let mut record = reader.user(user, &mut unique);
            record.extend("number", number(model, numbered, user.object));
            // Tokens name the key alone: of two users with one key they mean the one of the larger model.
            let is_meant = reader.settings.refresh_tokens && numbered == Some(model.name);
            record.extend(
                "token_user_id",
                Some(&user.object.pk).filter(|key| is_meant && !key.is_null()).cloned(),
            );
            people.push(record.fields.clone());
            self.users.push(entry(model, user.object, record));
        }
        people
    }

    fn employees(&mut self, reader: &Reader<'_>, people: &[Map<String, Value>]) {
        let is_employees = |model: &Model<'_>| {
            model.kind == Kind::Employees || model.kind == Kind::Users && model.is_called_employee()
        };
        let numbered = numbered(&reader.models, is_employees);
        let mut unique = Unique::default();
        for model in reader.models.iter().filter(|model| is_employees(model)) {
            for object in &model.objects {
                match reader.employee(model, object, people, &mut unique) {
                    Ok(mut record) => {
                        record.extend("number", number(model, numbered, object));
                        self.employees.push(entry(model, object, record));
                    }
                    Err(reason) => {
                        model.names.iter().for_each(|column| reader.take_column(object, column));
                        self.refused.push(Refusal { source: Source::of(model, object), reason });
                    }
                }
            }
        }
    }

    /// How many fields of the records were dropped, by field and reason.
    #[must_use]
    pub fn dropped(&self) -> BTreeMap<(String, String), usize> {
        let mut counts = BTreeMap::new();
        for dropped in self.users.iter().chain(&self.employees).flat_map(|entry| &entry.dropped) {
            *counts.entry((dropped.field.clone(), dropped.reason.clone())).or_default() += 1;
        }
        counts
    }
}

fn entry(model: &Model<'_>, object: &Object, record: Record) -> Entry {
    Entry { source: Source::of(model, object), record: Value::Object(record.fields), dropped: record.dropped }
}

/// The model whose keys stay numbers: of several the one with the most records.
fn numbered<'a>(models: &[Model<'a>], is_one: impl Fn(&Model<'a>) -> bool) -> Option<&'a str> {
    let most = models.iter().filter(|model| is_one(model)).rev().max_by_key(|model| model.objects.len());
    most.map(|model| model.name)
}

/// The old key, if it is a number that can stay one.
fn number(model: &Model<'_>, numbered: Option<&str>, object: &Object) -> Option<Value> {
    const GREATEST: u64 = (1 << 53) - 1;
    let number = object.pk.as_u64().filter(|number| (1..=GREATEST).contains(number));
    number.filter(|_| numbered == Some(model.name)).map(|number| json!(number))
}
