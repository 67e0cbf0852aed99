//! A list as it is answered, and the links to its other pages.

use serde::Serialize;
use uuid::Uuid;

use super::{
    cursor::{Cursor, Signer},
    query::ListQuery,
    read::{Numbered, Rows},
};
use crate::{Error, compatibility::ListFormat, dynamo::Item, id::Id, log};

/// The most bytes of an array, as they are in the answer to Lambda, which takes 6 MB: quotes and backslashes are two there.
const LONGEST_BODY: usize = 5_500_000;

/// A page or array of a list.
#[derive(Debug)]
pub struct Page<T> {
    /// The body of the answer.
    pub body: Body<T>,
    /// The URL of the next records, for the header `Link`, when the body has no place for it.
    pub next: Option<String>,
}

/// The body of a list, in the form of this stack ([`ListFormat`]) and in the words of Django REST Framework.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "they are the fields of the API")]
pub enum Body<T> {
    /// A page between two cursors.
    Cursor { next: Option<String>, previous: Option<String>, results: Vec<T> },
    /// A numbered page.
    Numbered { count: usize, next: Option<String>, previous: Option<String>, results: Vec<T> },
    /// All records.
    Array(Vec<T>),
}

impl ListQuery {
    /// The only page of a list. 404 for any other.
    pub(crate) fn only_page<T>(&self, records: impl IntoIterator<Item = T>) -> Result<Page<T>, Error> {
        self.refuse_other_pages()?;
        let results: Vec<T> = records.into_iter().collect();
        let (next, previous) = (None, None);
        let body = match self.format {
            ListFormat::Cursor => Body::Cursor { next, previous, results },
            ListFormat::Page => Body::Numbered { count: results.len(), next, previous, results },
            ListFormat::Array => Body::Array(results),
        };
        Ok(Page { body, next: None })
    }

    /// The page that these rows make, for the caller whose cursors `signer` signs. 404 for a cursor of another's.
    pub(crate) fn page<T: Serialize>(
        &self,
        signer: &Signer,
        rows: Rows,
        show: impl Fn(Item) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        match rows.numbered {
            Some(numbered) => self.numbered_page(numbered, rows, show),
            None => self.page_at_cursor(signer, rows, show),
        }
    }

    fn numbered_page<T>(
        &self,
        Numbered { number, count }: Numbered,
        rows: Rows,
        show: impl Fn(Item) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let body = Body::Numbered {
            count,
            next: (number < count.div_ceil(self.size)).then(|| self.numbered_link(number + 1)),
            previous: (number > 1).then(|| self.numbered_link(number - 1)),
            results: rows.found.into_iter().map(|(_, item)| show(item)).collect::<Result<_, _>>()?,
        };
        Ok(Page { body, next: None })
    }

    fn page_at_cursor<T: Serialize>(
        &self,
        signer: &Signer,
        mut rows: Rows,
        show: impl Fn(Item) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let came_by = self
            .cursor
            .map(|unverified| unverified.verify(signer).map(|()| unverified.cursor))
            .transpose()?;
        // An exact match comes first in the list, and so on its first page only.
        let mut exact = std::mem::take(&mut rows.exact);
        let is_first = came_by.is_none();
        let room = if is_first { self.size.saturating_sub(exact.len()) } else { self.size };
        let mut beyond = rows.cut(room, |id| self.step(id, false));
        if self.reads_backwards() {
            rows.found.reverse();
        }
        let is_at_the_beginning = is_first || (self.reads_backwards() && beyond.is_none());
        if !is_at_the_beginning {
            exact.clear();
        }
        let mut results = exact.into_iter().map(|(_, item)| show(item)).collect::<Result<Vec<_>, _>>()?;
        let ids = (rows.found.first().map(|(id, _)| *id), rows.found.last().map(|(id, _)| *id));
        let mut last = None;
        let mut room = LONGEST_BODY;
        for (id, item) in rows.found {
            let record = show(item)?;
            if self.format == ListFormat::Array {
                let Some(left) = room.checked_sub(length_for_lambda(&record)?) else {
                    beyond = last;
                    break;
                };
                room = left;
            }
            last = Some(id);
            results.push(record);
        }
        let link = |at, backwards| Some(self.link(signer, Cursor { at, backwards }));
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
        if self.format != ListFormat::Array {
            return Ok(Page { body: Body::Cursor { next, previous, results }, next: None });
        }
        if is_first && next.is_some() {
            let (event, records) = (log::Event::ListCut.id(), results.len());
            tracing::warn!(event, list = signer.list, records, "a list is longer than an array may be");
        }
        Ok(Page { body: Body::Array(results), next })
    }

    /// The place just after a record, or just before it, in the order of the list.
    fn step(&self, at: Id, after: bool) -> Id {
        let number = at.uuid().as_u128();
        let up = self.oldest_first == after;
        let next = if up { number.saturating_add(1) } else { number.saturating_sub(1) };
        Id::of_uuid(Uuid::from_u128(next))
    }
}

/// How many bytes a record takes in an answer to Lambda, which is JSON itself and holds the body as a text.
fn length_for_lambda(record: &impl Serialize) -> Result<usize, Error> {
    let text = serde_json::to_string(record).map_err(|error| Error::internal(error.to_string()))?;
    let escaped = text.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
    // With the comma after it.
    Ok(text.len() + escaped + 1)
}
