//! The number of records of a list, without reading them: counters that change in the transactions that make and delete records.
//!
//! A record that was counted has the attribute `counted`. Records of release 0.1.0 lack it until `reindex` has counted them, so
//! that their deletion is not subtracted.

use crate::{
    Error,
    dynamo::{BatchGet, Db, Item, Write, is_yes, key, yes},
    id::Id,
};

/// The attribute of a record that was counted.
const COUNTED: &str = "counted";

/// A counter: the records of a list, in the table that holds them.
pub(crate) struct Counter<'a> {
    pub table: &'a str,
    /// The name of the list.
    pub list: String,
}

impl Counter<'_> {
    /// Into how many records it is divided, so that transactions at the same time seldom meet. A record's id says in which one it is
    /// counted, but for imported records, which are counted together. So one of the parts may be less than nothing; their sum counts.
    pub const PARTS: u8 = 4;
    /// The attribute that holds the number.
    pub const ATTRIBUTE: &'static str = "records";

    /// The write that counts a new record.
    pub fn add(&self, id: Id) -> Write {
        self.change(id, 1)
    }

    /// The write that counts a record no longer.
    pub fn subtract(&self, id: Id) -> Write {
        self.change(id, -1)
    }

    fn change(&self, id: Id, by: i64) -> Write {
        Write::update(self.table, self.part(id.last_byte() % Self::PARTS)).add(Self::ATTRIBUTE, by)
    }

    /// The key of its records, without the part.
    pub fn key(&self) -> String {
        format!("count#{}", self.list)
    }

    fn part(&self, part: u8) -> Item {
        key(format!("{}#{part}", self.key()))
    }

    /// How many records were counted. Like the list itself, it may lag behind a moment.
    pub async fn load(&self, db: &Db) -> Result<usize, Error> {
        let mut batch = BatchGet::eventually_consistent();
        for part in 0..Self::PARTS {
            batch.want(self.table, self.part(part));
        }
        let found = batch.send(db).await?;
        let parts = (0..Self::PARTS).filter_map(|part| found.copy(self.table, &self.part(part)));
        let numbers = parts.filter_map(|part| part.get(Self::ATTRIBUTE)?.as_n().ok()?.parse::<i64>().ok());
        Ok(usize::try_from(numbers.sum::<i64>()).unwrap_or(0))
    }
}

/// A new record, as one that is counted.
pub(crate) fn counted(mut record: Item) -> Item {
    record.insert(COUNTED.to_owned(), yes());
    record
}

/// Whether a stored record was counted.
pub(crate) fn is_counted(record: &Item) -> bool {
    is_yes(record, COUNTED)
}

/// A write of a stored record, on condition that nothing has counted it since it was loaded.
pub(crate) fn if_counted_as_loaded(write: Write, stored: &Item) -> Write {
    write.if_as_loaded(COUNTED, stored)
}

/// The writes that count a stored record which was not counted; `write` is of the record itself.
pub(crate) fn count(write: Write, stored: &Item, id: Id, counters: &[Counter<'_>]) -> Vec<Write> {
    let record = if_counted_as_loaded(write.if_exists(), stored).set(COUNTED, yes());
    std::iter::once(record).chain(counters.iter().map(|counter| counter.add(id))).collect()
}
