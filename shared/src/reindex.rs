//! Rewriting stored records in the shape in which this release writes them.

use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use crate::{
    App, Error,
    dynamo::{Item, key, text},
    employee, log,
    user::{self, Account},
};

/// Records that are rewritten at the same time.
const PARALLEL: usize = 8;
/// Items that are read at once, identifiers included.
const PAGE: u16 = 50;
/// Items after which an invocation ends, so that its caller hears how far it is.
const ENOUGH: u16 = 2_000;
/// An invocation ends, too, when it has no more time than this: far more than a page takes.
const RESERVE: Duration = Duration::from_secs(20);

/// What is rewritten. Identifiers hold what is looked up and nothing derived from it: they have no other shape to be in.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The records of users.
    Users,
    /// The records of employees.
    Employees,
}

/// What became of a part of the records.
#[derive(Debug, Default, Serialize)]
pub struct Part {
    /// How many records were read.
    read: usize,
    /// How many of them had another shape.
    rewritten: usize,
    /// The keys of those that could not be rewritten. The log has the reasons.
    failed: Vec<String>,
    /// The key of the last record, where the next part begins; none when that was the last part.
    position: Option<String>,
}

/// Rewrites the records after a position, until the invocation's deadline is near. Repeating it does no harm.
pub async fn reindex(
    app: &App,
    kind: Kind,
    position: Option<String>,
    deadline: SystemTime,
) -> Result<Part, Error> {
    let (table, prefix) = match kind {
        Kind::Users => (&app.db.tables.users, "user#"),
        Kind::Employees => (&app.db.tables.employees, "employee#"),
    };
    let mut part = Part::default();
    let mut start = position.map(key);
    let mut items = 0;
    loop {
        let page = app.db.scan(table, prefix, PAGE, start).await?;
        let records = page.items;
        let last = records.last().and_then(|record| text(record, "pk")).map(str::to_owned);
        part.position = last.or(part.position);
        part.read += records.len();
        let outcomes = stream::iter(records).map(|record| rewrite(app, kind, record)).buffered(PARALLEL);
        for outcome in outcomes.try_collect::<Vec<_>>().await? {
            match outcome {
                Outcome::Rewritten => part.rewritten += 1,
                Outcome::Unchanged => {}
                Outcome::Failed(key) => part.failed.push(key),
            }
        }

        start = page.next;
        if start.is_none() {
            part.position = None;
            return Ok(part);
        }
        items += PAGE;
        let is_enough = items >= ENOUGH || deadline < SystemTime::now() + RESERVE;
        // Between two records there may be pages of identifiers alone, whose keys are nobody else's business.
        if is_enough && part.position.is_some() {
            return Ok(part);
        }
    }
}

enum Outcome {
    Rewritten,
    Unchanged,
    Failed(String),
}

/// A record that cannot be loaded does not keep the others from being rewritten; a call that fails does.
async fn rewrite(app: &App, kind: Kind, record: Item) -> Result<Outcome, Error> {
    let key = text(&record, "pk").unwrap_or_default().to_owned();
    let is_rewritten = match kind {
        Kind::Users => match Account::read(record) {
            Ok(account) => user::rewrite(&app.db, account).await?,
            Err(error) => return Ok(Outcome::failed(key, &error)),
        },
        Kind::Employees => match employee::Record::read(record) {
            Ok(record) => employee::rewrite(&app.db, record).await?,
            Err(error) => return Ok(Outcome::failed(key, &error)),
        },
    };
    Ok(if is_rewritten { Outcome::Rewritten } else { Outcome::Unchanged })
}

impl Outcome {
    fn failed(key: String, error: &Error) -> Self {
        let (event, cause) = (log::Event::RewriteFailed.id(), error.cause());
        tracing::error!(event, key, cause, "a record could not be rewritten");
        Self::Failed(key)
    }
}
