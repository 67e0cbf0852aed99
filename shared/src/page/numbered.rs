//! Reading numbered pages: from the nearer end of the list, when it is known how long it is.

use std::future::Future;

use futures_util::try_join;

use super::{
    count::Counter,
    merge::Merge,
    partitions::Way,
    query::{ListQuery, PageNumber},
    read::{Row, Rows},
};
use crate::{Error, dynamo::BatchGet, log};

/// Where a page is in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    number: usize,
    before: usize,
    rows: usize,
    after: usize,
}

impl Span {
    /// 404 for a page beyond the end. The first page of an empty list is empty.
    fn of(number: PageNumber, size: usize, count: usize) -> Result<Self, Error> {
        let last = count.div_ceil(size).max(1);
        let number = match number {
            PageNumber::Nth(number) => Some(number).filter(|number| *number <= last),
            PageNumber::Last => Some(last),
        };
        let number = number.ok_or(Error::InvalidPage)?;
        let before = (number - 1) * size;
        let rows = size.min(count - before);
        Ok(Self { number, before, rows, after: count - before - rows })
    }
}

/// Reads a page of a whole list, of which the counter says how long it is. When the page itself shows that the counter is wrong, what
/// was read holds.
pub(super) async fn counted(query: &ListQuery, way: Way<'_>, counter: &Counter<'_>) -> Result<Rows, Error> {
    if query.number == PageNumber::FIRST {
        let mut merge = Merge::of(way);
        let (expected, mut found) = try_join!(counter.load(way.db), merge.next(query.size + 1))?;
        let is_whole = found.len() <= query.size;
        let count = if is_whole { found.len() } else { expected.max(found.len()) };
        compare(counter, expected, count);
        found.truncate(query.size);
        return Ok(Rows::numbered(found, 1, count));
    }
    let expected = counter.load(way.db).await?;
    let mut count = expected;
    loop {
        let span = Span::of(query.number, query.size, count)?;
        let is_nearer_the_beginning = span.before <= span.after;
        let (found, known) = if is_nearer_the_beginning {
            from_the_beginning(way, span, query.size, count).await?
        } else {
            from_the_end(way, span, count).await?
        };
        compare(counter, count, known);
        // From the end, a page is in its place only when the number of records is right.
        let is_in_place = known == count || (is_nearer_the_beginning && !found.is_empty());
        // The list may be changing all the time: once more is enough.
        if is_in_place || count != expected {
            let is_page = span.number == 1 || !found.is_empty();
            return if is_page {
                Ok(Rows::numbered(found, span.number, known))
            } else {
                Err(Error::InvalidPage)
            };
        }
        count = known;
    }
}

/// Logs that a counter disagrees with the list.
fn compare(counter: &Counter<'_>, expected: usize, found: usize) {
    if expected != found {
        let (event, list) = (log::Event::CountWrong.id(), &counter.list);
        tracing::warn!(
            event,
            list,
            counted = expected,
            found,
            "a list is not as long as its counter says: run reindex"
        );
    }
}

/// The rows of a page, and how many records there are: `count`, unless it is wrong.
async fn from_the_beginning(
    way: Way<'_>,
    span: Span,
    size: usize,
    count: usize,
) -> Result<(Vec<Row>, usize), Error> {
    let (skipped, from) = Merge::of(Way { ids_only: true, ..way }).skip(span.before).await?;
    if skipped < span.before {
        return Ok((Vec::new(), skipped));
    }
    let mut found = Merge::of(Way { from, ..way }).next(size + 1).await?;
    let read = span.before + found.len();
    let known = if found.len() <= size { read } else { count.max(read) };
    found.truncate(size);
    Ok((found, known))
}

/// The same, expected back from the end. There is at least one row before the page.
async fn from_the_end(way: Way<'_>, span: Span, count: usize) -> Result<(Vec<Row>, usize), Error> {
    let way = Way { ascends: !way.ascends, ..way };
    let (skipped, from) = Merge::of(Way { ids_only: true, ..way }).skip(span.after).await?;
    if skipped < span.after {
        return Ok((Vec::new(), skipped));
    }
    let mut found = Merge::of(Way { from, ..way }).next(span.rows + 1).await?;
    let read = span.after + found.len();
    let known = if found.len() <= span.rows { read } else { count };
    found.truncate(span.rows);
    found.reverse();
    Ok((found, known))
}

/// Reads a page of what a filter leaves of a list. How long that is takes reading all of it: the ids first, and then the records of
/// the page. `exact` comes first.
pub(super) async fn filtered(
    query: &ListQuery,
    way: Way<'_>,
    exact: impl Future<Output = Result<Vec<Row>, Error>>,
) -> Result<Rows, Error> {
    let (found, mut exact) = try_join!(Merge::of(Way { ids_only: true, ..way }).ids(), exact)?;
    let mut ids: Vec<_> = exact.iter().map(|(id, _)| *id).collect();
    ids.extend(found.into_iter().filter(|id| !exact.iter().any(|(other, _)| other == id)));
    let Span { number, before, rows, .. } = Span::of(query.number, query.size, ids.len())?;

    let (table, record_key) = (way.partitions.table, way.partitions.record_key);
    let page = &ids[before..before + rows];
    let mut batch = BatchGet::eventually_consistent();
    for id in page.iter().filter(|id| !exact.iter().any(|(other, _)| other == *id)) {
        batch.want(table, record_key(*id));
    }
    let mut records = batch.send(way.db).await?;
    let found = page.iter().filter_map(|id| {
        let is_exact = exact.iter().position(|(other, _)| other == id);
        let record = match is_exact {
            Some(at) => Some(exact.swap_remove(at).1),
            None => records.take(table, &record_key(*id)),
        };
        Some((*id, record?))
    });
    Ok(Rows::numbered(found.collect(), number, ids.len()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_page_of_an_empty_list_is_its_last() {
        let span = Span { number: 1, before: 0, rows: 0, after: 0 };
        for number in [PageNumber::FIRST, PageNumber::Last] {
            assert_eq!(Span::of(number, 20, 0).unwrap(), span);
        }
        assert!(Span::of(PageNumber::Nth(2), 20, 0).is_err());
    }

    proptest! {
        #[test]
        fn the_pages_are_the_list(size in 1..30_usize, count in 1..200_usize) {
            let last = count.div_ceil(size);
            let mut before = 0;
            for number in 1..=last {
                let span = Span::of(PageNumber::Nth(number), size, count).unwrap();
                prop_assert_eq!((span.number, span.before), (number, before));
                prop_assert!(span.rows > 0 && span.rows <= size);
                before += span.rows;
                prop_assert_eq!(before + span.after, count);
            }
            prop_assert_eq!(before, count);
            let last_page = Span::of(PageNumber::Last, size, count).unwrap();
            prop_assert_eq!(last_page, Span::of(PageNumber::Nth(last), size, count).unwrap());
            for beyond in [last + 1, usize::MAX] {
                prop_assert!(Span::of(PageNumber::Nth(beyond), size, count).is_err());
            }
        }
    }
}
