//! Records that came from another system: what they keep about that, how they are found again, and what became of them.

mod arrival;
mod groups;
mod list;
mod place;

use serde::{Deserialize, Serialize};

use crate::{
    dynamo::{AttributeValue, Item, n, number, s, text},
    form::lenient::Dropped,
    id::Id,
};

pub(crate) use arrival::{Arrival, of_present};
pub(crate) use groups::{Group, Tally, write_groups};
pub use list::{Kind, Listed, list};
pub(crate) use place::{Place, Standing, find, find_sources, forget_pointer, ids_of, new_ids, pointer};

/// What an import is to do with the records of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Make those that are not here.
    #[default]
    Import,
    /// Only say what [`Mode::Import`] would do.
    Compare,
    /// Make those that are not here, and change those that are different, unless they were changed here since their import.
    Update,
    /// Delete them, unless they were changed here since their import.
    Delete,
}

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It was made.
    Imported,
    /// It is here, as it was imported.
    Present,
    /// It is here, and was imported as something else.
    Differs,
    /// It was changed.
    Updated,
    /// It was not changed or deleted, because it was changed here.
    Conflict,
    /// It cannot be made.
    Refused,
    /// It was deleted.
    Deleted,
    /// It is not here.
    Absent,
}

/// What became of a record, and what of it could not be taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    #[serde(rename = "outcome")]
    what: What,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dropped: Vec<Dropped>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Outcome {
    pub(crate) fn of(what: What, id: Id) -> Self {
        Self { what, id: Some(id), dropped: Vec::new(), reason: None }
    }

    /// The id of the record here, unless it has none.
    pub(crate) fn id(&self) -> Option<Id> {
        self.id
    }

    pub(crate) fn with(self, dropped: Vec<Dropped>) -> Self {
        Self { dropped, ..self }
    }

    pub(crate) fn conflict(id: Id, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..Self::of(What::Conflict, id) }
    }

    pub(crate) fn refused(reason: impl Into<String>) -> Self {
        Self { what: What::Refused, id: None, dropped: Vec::new(), reason: Some(reason.into()) }
    }

    pub(crate) fn twice() -> Self {
        Self::refused("id: Another record of the batch has it.")
    }

    pub(crate) fn absent() -> Self {
        Self { what: What::Absent, id: None, dropped: Vec::new(), reason: None }
    }

    /// In a comparison, the record would be made; it has no id yet.
    pub(crate) fn would_be_imported(dropped: Vec<Dropped>) -> Self {
        Self { what: What::Imported, id: None, dropped, reason: None }
    }
}

/// Why a record is a conflict.
pub(crate) const CHANGED_HERE: &str = "It was changed here since its import.";
/// Likewise.
pub(crate) const NOT_IMPORTED: &str = "It was not imported by this release.";

/// What a stored record keeps about its import, in the attribute `imported`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The id of the record in the import, the same in every import of it.
    pub source: Id,
    /// The fingerprint of the record as it came.
    pub record: String,
    /// The fingerprint of the password hash as it came.
    pub password: String,
    /// The version of the stored record after that: a higher one means that it was changed here.
    pub version: u64,
}

pub(crate) const MARK: &str = "imported";

impl Mark {
    /// That of a stored record, if it was imported.
    pub fn of(item: &Item) -> Option<Self> {
        let mark = item.get(MARK)?.as_m().ok()?;
        Some(Self {
            source: text(mark, "id")?.parse().ok()?,
            record: text(mark, "record")?.to_owned(),
            password: text(mark, "password").unwrap_or_default().to_owned(),
            version: number(mark, "version")?,
        })
    }

    pub fn value(&self) -> AttributeValue {
        let mut mark = Item::new();
        mark.insert("id".to_owned(), s(self.source.stored()));
        mark.insert("record".to_owned(), s(&self.record));
        if !self.password.is_empty() {
            mark.insert("password".to_owned(), s(&self.password));
        }
        mark.insert("version".to_owned(), n(self.version));
        AttributeValue::M(mark)
    }
}
