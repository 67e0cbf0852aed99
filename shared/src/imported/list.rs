//! The records that were imported.

use serde::{Deserialize, Serialize};

use super::Mark;
use crate::{
    Error,
    dynamo::{Db, key, text},
    id::Id,
};

/// How many items a read of the table takes.
const PAGE: u16 = 1_000;
/// How many reads an answer takes.
const PAGES: usize = 10;

/// A kind of records that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Users.
    Users,
    /// Employees.
    Employees,
}

/// A part of the records that were imported.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// Their ids in the import, as UUIDs.
    ids: Vec<String>,
    /// Where the next part begins; none when this was the last.
    next: Option<String>,
}

/// Lists imported records after a key, also those that were changed here since.
pub async fn list(db: &Db, kind: Kind, after: Option<String>) -> Result<Listed, Error> {
    let (table, prefix) = match kind {
        Kind::Users => (&db.tables.users, "user#"),
        Kind::Employees => (&db.tables.employees, "employee#"),
    };
    let mut listed = Listed { ids: Vec::new(), next: after };
    for _ in 0..PAGES {
        let page = db.scan(table, prefix, PAGE, listed.next.take().map(key)).await?;
        listed.ids.extend(page.items.iter().filter_map(Mark::of).map(|mark| Id::stored(mark.source)));
        listed.next = page.next.as_ref().and_then(|last| text(last, "pk")).map(str::to_owned);
        if listed.next.is_none() {
            break;
        }
    }
    Ok(listed)
}
