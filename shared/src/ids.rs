//! The kind of ids that a stack gives to users and employees, and new ids of that kind.
//!
//! The kind is fixed by the first record: a stack with integer ids has a record `ids` in the Users table, which also counts them.
//! A stack without that record has UUIDs as soon as it has a user.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::join;
use jiff::Timestamp;

use crate::{
    Error,
    dynamo::{Db, Item, Query, Sent, Write, key, n, number, s, text},
    id::Id,
    time,
};

/// The key of the record.
const RECORD: &str = "ids";
/// Its attribute that names the kind.
const KIND: &str = "kind";
const INTEGER: &str = "integer";

/// What ids a stack gives (parameter `Ids`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Uuid,
    Integer,
}

/// What gets an id. Each has numbers of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    /// A user.
    Users,
    /// An employee.
    Employees,
}

impl Numbered {
    /// The attribute of the record that holds the largest number given.
    fn counter(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Employees => "employees",
        }
    }
}

/// The id of a record to be made, and the time at which that is.
#[derive(Debug, Clone, Copy)]
pub struct NewId {
    /// The id.
    pub id: Id,
    /// The time; of a UUID, the time in it.
    pub at: Timestamp,
}

impl NewId {
    fn uuid() -> Self {
        let (id, at) = Id::new();
        Self { id, at }
    }
}

/// Gives ids.
pub struct Ids {
    kind: Kind,
    /// Whether this stack is known to have UUIDs.
    is_checked: AtomicBool,
}

impl Ids {
    pub(crate) fn new(are_integers: bool) -> Self {
        let kind = if are_integers { Kind::Integer } else { Kind::Uuid };
        Self { kind, is_checked: AtomicBool::new(false) }
    }

    /// Whether new ids are integers.
    #[must_use]
    pub fn are_integers(&self) -> bool {
        self.kind == Kind::Integer
    }

    /// A new id. It makes one call, except that UUIDs make one in an instance's life; it can run beside the other calls of a
    /// request. An integer that is not used in the end is not given again.
    pub async fn next(&self, db: &Db, of: Numbered) -> Result<NewId, Error> {
        match self.kind {
            Kind::Uuid => {
                self.check(db).await?;
                Ok(NewId::uuid())
            }
            Kind::Integer => Ok(NewId { id: integer(count(db, of, 1).await?)?, at: time::to_milliseconds() }),
        }
    }

    /// Several new integers: as many as asked for, ascending.
    pub async fn next_integers(&self, db: &Db, of: Numbered, many: u32) -> Result<Vec<Id>, Error> {
        let last = count(db, of, many).await?;
        (0..u64::from(many)).rev().map(|before| integer(last.saturating_sub(before))).collect()
    }

    /// Keeps new ids above an integer that a record is about to get. The count never goes back.
    pub async fn keep_above(&self, db: &Db, of: Numbered, integer: u64) -> Result<(), Error> {
        let counter = of.counter();
        let write = || {
            let raised = Write::update(&db.tables.users, key(RECORD)).set(counter, n(integer));
            raised
                .if_equals(KIND, s(INTEGER))
                .when(&format!("attribute_not_exists(#{counter}) OR #{counter} < :{counter}"))
        };
        match write().send(db).await? {
            Sent::Refused(record) if record.is_empty() => {
                begin(db).await?;
                write().send(db).await.map(drop)
            }
            // The count is higher.
            Sent::Refused(record) if has_integers(&record) => Ok(()),
            Sent::Refused(_) => Err(mismatch(Kind::Integer)),
            Sent::Written(_) => Ok(()),
        }
    }

    /// Fails when the stack has ids of the other kind: nothing may then be made in it.
    pub async fn check(&self, db: &Db) -> Result<(), Error> {
        if self.is_checked.load(Ordering::Relaxed) {
            return Ok(());
        }
        let table = &db.tables.users;
        match self.kind {
            Kind::Uuid if db.get(table, key(RECORD)).await?.as_ref().is_some_and(has_integers) => {
                return Err(mismatch(Kind::Uuid));
            }
            Kind::Uuid => {}
            Kind::Integer => {
                let same = Write::update(table, key(RECORD)).set(KIND, s(INTEGER));
                match same.if_equals(KIND, s(INTEGER)).send(db).await? {
                    Sent::Written(_) => {}
                    Sent::Refused(record) if record.is_empty() => begin(db).await?,
                    Sent::Refused(_) => return Err(mismatch(Kind::Integer)),
                }
            }
        }
        self.is_checked.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Counts up by so many, and gives the last number.
async fn count(db: &Db, of: Numbered, many: u32) -> Result<u64, Error> {
    let counter = of.counter();
    let write = || {
        let sum = Write::update(&db.tables.users, key(RECORD)).add(counter, many.into());
        sum.if_equals(KIND, s(INTEGER)).returning_record()
    };
    let mut sent = write().send(db).await?;
    if matches!(&sent, Sent::Refused(record) if record.is_empty()) {
        begin(db).await?;
        sent = write().send(db).await?;
    }
    match sent {
        Sent::Written(record) => {
            number(&record, counter).ok_or_else(|| Error::internal("a count without a number"))
        }
        Sent::Refused(_) => Err(mismatch(Kind::Integer)),
    }
}

/// Makes the record of a stack that has no user.
async fn begin(db: &Db) -> Result<(), Error> {
    let (active, inactive) = join!(has_any(db, "active"), has_any(db, "inactive"));
    if active? || inactive? {
        return Err(mismatch(Kind::Integer));
    }
    // Another request may have made it.
    Write::update(&db.tables.users, key(RECORD)).set(KIND, s(INTEGER)).if_new().send(db).await.map(drop)
}

/// Whether a list of users has an entry.
async fn has_any(db: &Db, partition: &str) -> Result<bool, Error> {
    let entries = Query::of(&db.tables.users, "listed = :partition").index("listed");
    Ok(entries.value("partition", s(partition)).at_most(1).count(db).await? > 0)
}

fn has_integers(record: &Item) -> bool {
    text(record, KIND) == Some(INTEGER)
}

fn integer(number: u64) -> Result<Id, Error> {
    Id::of_integer(number).ok_or_else(|| Error::internal("there are no integer ids left"))
}

fn mismatch(parameter: Kind) -> Error {
    Error::internal(match parameter {
        Kind::Uuid => {
            "the parameter Ids is uuid, but this stack has integer ids, which cannot be changed: deploy it with Ids=integer"
        }
        Kind::Integer => {
            "the parameter Ids is integer, but this stack has users with UUIDs, which cannot be changed: deploy it with Ids=uuid"
        }
    })
}
