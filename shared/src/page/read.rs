//! Reading what a query asks for.

use std::future::Future;

use futures_util::{future::try_join_all, try_join};

use super::{
    count::Counter,
    merge::Merge,
    numbered,
    partitions::{Filter, Partitions, Way, id},
    query::{LARGEST, ListQuery},
};
use crate::{
    Error,
    compatibility::ListFormat,
    dynamo::{Db, Item},
    id::Id,
};

/// A search reads at most so many megabytes of each partition for one page, and then answers with what it has found and a
/// link to go on from there.
const MOST_READS: usize = 8;

/// A record and its id.
pub(crate) type Row = (Id, Item);

/// Records in the order in which they were read.
#[derive(Default)]
pub(crate) struct Rows {
    pub(super) found: Vec<Row>,
    /// Beyond this place there may be more; before it there is none that was not found.
    read_to: Option<Id>,
    /// What the search names exactly. It is not among the others.
    pub(super) exact: Vec<Row>,
    /// Of a numbered page, which of how many records these are.
    pub(super) numbered: Option<Numbered>,
}

/// The number of a page, and of the records in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbered {
    pub number: usize,
    pub count: usize,
}

impl Rows {
    pub(super) fn numbered(found: Vec<Row>, number: usize, count: usize) -> Self {
        Self { found, numbered: Some(Numbered { number, count }), ..Self::default() }
    }

    /// Keeps this number of them, and gives the place after them if there may be more. `before` gives the place before a row.
    pub(super) fn cut(&mut self, size: usize, before: impl Fn(Id) -> Id) -> Option<Id> {
        let next = self.found.get(size).map(|(id, _)| *id);
        let Some(next) = next else { return self.read_to };
        self.found.truncate(size);
        Some(self.found.last().map_or_else(|| before(next), |(id, _)| *id))
    }

    /// The rows of several partitions as those of one.
    fn merge(parts: Vec<Self>, ascends: bool) -> Self {
        let ends = parts.iter().filter_map(|part| part.read_to);
        let read_to = if ascends { ends.min() } else { ends.max() };
        let mut found: Vec<_> = parts.into_iter().flat_map(|part| part.found).collect();
        found.sort_by(|(a, _), (b, _)| if ascends { a.cmp(b) } else { b.cmp(a) });
        if let Some(end) = read_to {
            found.retain(|(id, _)| if ascends { *id <= end } else { *id >= end });
        }
        Self { found, read_to, ..Self::default() }
    }
}

/// Reads what a page or array needs. `counter` counts the whole list, when it is not filtered. `exact` loads what the search names
/// exactly, which comes first.
pub(crate) async fn read(
    db: &Db,
    query: &ListQuery,
    partitions: &Partitions<'_>,
    filter: &Filter,
    counter: Option<Counter<'_>>,
    exact: impl Future<Output = Result<Vec<Row>, Error>>,
) -> Result<Rows, Error> {
    let from = query.cursor.map(|unverified| unverified.cursor.at);
    let way = Way { db, partitions, filter, ascends: query.ascends(), from, ids_only: false };
    match counter {
        _ if query.format != ListFormat::Page && filter.is_some() => {
            let (mut rows, exact) = try_join!(search(way, query.size), exact)?;
            rows.found.retain(|(id, _)| !exact.iter().any(|(other, _)| other == id));
            Ok(Rows { exact, ..rows })
        }
        _ if query.format != ListFormat::Page => {
            let found = Merge::of(way).next(query.size + 1).await?;
            Ok(Rows { found, ..Rows::default() })
        }
        Some(counter) => numbered::counted(query, way, &counter).await,
        None => numbered::filtered(query, way, exact).await,
    }
}

/// Reads from all the partitions at once until there is a page and one row more.
async fn search(way: Way<'_>, size: usize) -> Result<Rows, Error> {
    let parts = way.partitions.names.iter().map(|partition| search_partition(way, partition, size + 1));
    Ok(Rows::merge(try_join_all(parts).await?, way.ascends))
}

/// Reads one partition until it has given as many as are wanted, ends, or has been read for long enough.
async fn search_partition(way: Way<'_>, partition: &str, wanted: usize) -> Result<Rows, Error> {
    let mut rows = Rows::default();
    let mut start: Option<Item> = None;
    for reads in 0..MOST_READS {
        // Few of those that are read may be found: each look is longer than the last.
        let limit = (LARGEST + 1) << (2 * reads);
        let (found, next) = way.query(partition, limit, start).await?;
        rows.found.extend(found);
        start = next;
        if start.is_none() || rows.found.len() >= wanted {
            break;
        }
    }
    rows.read_to = match rows.found.get(wanted - 1) {
        Some((id, _)) => {
            let end = Some(*id);
            rows.found.truncate(wanted);
            end
        }
        None => start.as_ref().map(id).transpose()?,
    };
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However far each partition was read, the merged rows are the first of the whole list, and where they end is known.
        #[test]
        fn merged_rows_are_a_beginning_of_the_list(
            partitions in proptest::collection::vec((proptest::collection::btree_set(0..200_u128, 0..30), 0..35_usize), 1..5),
            ascends in any::<bool>(),
            size in 1..20_usize,
        ) {
            let in_order = |ids: &mut Vec<Id>| {
                ids.sort_unstable();
                if !ascends {
                    ids.reverse();
                }
            };
            // One id is in one partition.
            let numbered = partitions.iter().enumerate();
            let lists: Vec<(Vec<Id>, usize)> = numbered
                .map(|(at, (ids, read))| {
                    let mut ids: Vec<_> = ids.iter().map(|id| Id::of_uuid(uuid::Uuid::from_u128(id * 8 + at as u128))).collect();
                    in_order(&mut ids);
                    (ids, *read)
                })
                .collect();
            let mut all: Vec<Id> = lists.iter().flat_map(|(ids, _)| ids.clone()).collect();
            in_order(&mut all);

            let parts = lists.iter().map(|(ids, read)| {
                let found: Vec<_> = ids.iter().take(*read).map(|id| (*id, Item::new())).collect();
                let read_to = if *read < ids.len() { found.last().map(|(id, _)| *id) } else { None };
                // A partition of which nothing was read yet has no end to tell.
                let is_unread = *read == 0 && !ids.is_empty();
                (Rows { found, read_to, ..Rows::default() }, is_unread)
            });
            let parts: Vec<_> = parts.collect();
            prop_assume!(parts.iter().all(|(_, is_unread)| !is_unread));
            let mut rows = Rows::merge(parts.into_iter().map(|(rows, _)| rows).collect(), ascends);
            let beyond = rows.cut(size, |id| id);

            let shown: Vec<Id> = rows.found.iter().map(|(id, _)| *id).collect();
            prop_assert_eq!(&shown[..], &all[..shown.len()]);
            match beyond {
                None => prop_assert_eq!(shown.len(), all.len()),
                Some(end) => prop_assert_eq!(shown.last(), Some(&end)),
            }
        }
    }
}
