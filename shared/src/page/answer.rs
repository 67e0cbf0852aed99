//! A page, and the links to the pages beside it.

use serde::Serialize;
use uuid::Uuid;

use super::{
    cursor::{Cursor, Signer},
    query::ListQuery,
    read::Rows,
};
use crate::{Error, dynamo::Item};

/// A page, as Django REST Framework's cursor pagination shows it.
#[derive(Debug, Serialize)]
pub struct Page<T> {
    /// The URL of the next page, if there may be one.
    next: Option<String>,
    /// The URL of the page before, if there may be one.
    previous: Option<String>,
    /// The records of this page, in order.
    results: Vec<T>,
}

impl<T> Page<T> {
    /// The only page of a list.
    pub(crate) fn of(records: impl IntoIterator<Item = T>) -> Self {
        Self { next: None, previous: None, results: records.into_iter().collect() }
    }
}

impl ListQuery {
    /// The page that these rows make, for the caller whose cursors `signer` signs. 404 for a cursor of another's.
    pub(crate) fn page<T>(
        &self,
        signer: &Signer,
        mut rows: Rows,
        show: impl Fn(Item) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let came_by = self
            .cursor
            .map(|unverified| unverified.verify(signer).map(|()| unverified.cursor))
            .transpose()?;
        let beyond = rows.cut(self.size);
        if self.reads_backwards() {
            rows.found.reverse();
        }
        let link = |at, backwards| Some(self.link(signer, Cursor { at, backwards }));
        let ids = (rows.found.first().map(|(id, _)| *id), rows.found.last().map(|(id, _)| *id));
        // When every record of a page is gone, the way back begins with the record that its cursor stands at.
        let (next, previous) = match came_by {
            Some(Cursor { at, backwards: true }) => (
                link(ids.1.unwrap_or_else(|| self.step(at, false)), false),
                beyond.and_then(|at| link(at, true)),
            ),
            Some(Cursor { at, backwards: false }) => (
                beyond.and_then(|at| link(at, false)),
                link(ids.0.unwrap_or_else(|| self.step(at, true)), true),
            ),
            None => (beyond.and_then(|at| link(at, false)), None),
        };
        let results = rows.found.into_iter().map(|(_, item)| show(item)).collect::<Result<_, _>>()?;
        Ok(Page { next, previous, results })
    }

    /// The place just after a record, or just before it, in the order of the list.
    fn step(&self, at: Uuid, after: bool) -> Uuid {
        let number = at.as_u128();
        let up = self.oldest_first == after;
        Uuid::from_u128(if up { number.saturating_add(1) } else { number.saturating_sub(1) })
    }
}
