//! Partitions as one list, loaded lazily: only as much of each as it takes to know what comes next.

use std::collections::VecDeque;

use futures_util::future::try_join_all;

use super::{partitions::Way, query::LARGEST};
use crate::{Error, dynamo::Item, id::Id};

/// Up to this number of rows, a partition is asked for all that are missing: one round of queries is then enough.
const AT_ONCE: usize = LARGEST + 1;
/// The most rows of one query: what DynamoDB reads well within the time that a call has, which would allow more.
const MOST: usize = 400;

/// A list that is being read.
pub(super) struct Merge<'a> {
    way: Way<'a>,
    sources: Vec<Source<'a>>,
}

/// One of its partitions.
struct Source<'a> {
    partition: &'a str,
    /// What was loaded and not taken yet.
    rows: VecDeque<(Id, Item)>,
    /// Where its next query starts.
    start: Option<Item>,
    is_exhausted: bool,
}

impl<'a> Merge<'a> {
    /// Nothing is loaded yet.
    pub fn of(way: Way<'a>) -> Self {
        let source = |partition: &'a String| Source {
            partition,
            rows: VecDeque::new(),
            start: None,
            is_exhausted: false,
        };
        Self { way, sources: way.partitions.names.iter().map(source).collect() }
    }

    /// The next rows; fewer when the list ends.
    pub async fn next(&mut self, wanted: usize) -> Result<Vec<(Id, Item)>, Error> {
        let mut rows = Vec::new();
        self.advance(wanted, |row| rows.push(row)).await?;
        Ok(rows)
    }

    /// Leaves out this number of rows. Gives how many there were, and the last of them.
    pub async fn skip(&mut self, number: usize) -> Result<(usize, Option<Id>), Error> {
        let mut last = None;
        let skipped = self.advance(number, |(id, _)| last = Some(id)).await?;
        Ok((skipped, last))
    }

    /// Every id that is left, in order.
    pub async fn ids(mut self) -> Result<Vec<Id>, Error> {
        let way = self.way;
        let whole = self.sources.iter_mut().map(|source| async move {
            while !source.is_exhausted {
                source.load(&way, MOST).await?;
            }
            Ok::<Vec<Id>, Error>(source.rows.iter().map(|(id, _)| *id).collect())
        });
        let mut ids = try_join_all(whole).await?.concat();
        ids.sort_unstable();
        if !way.ascends {
            ids.reverse();
        }
        Ok(ids)
    }

    /// Takes rows until there are as many as wanted, or none left. Gives their number.
    async fn advance(&mut self, wanted: usize, mut each: impl FnMut((Id, Item))) -> Result<usize, Error> {
        let mut taken = 0;
        loop {
            while taken < wanted
                && let Some(row) = self.take()
            {
                each(row);
                taken += 1;
            }
            if taken == wanted || self.sources.iter().all(|source| source.is_exhausted) {
                return Ok(taken);
            }
            self.load(wanted - taken).await?;
        }
    }

    /// The next row, when that is known: every partition that goes on has to have a row.
    fn take(&mut self) -> Option<(Id, Item)> {
        if self.sources.iter().any(|source| source.rows.is_empty() && !source.is_exhausted) {
            return None;
        }
        let heads = self.sources.iter_mut().filter(|source| !source.rows.is_empty());
        let head = |source: &&mut Source<'_>| source.rows[0].0;
        let next = if self.way.ascends { heads.min_by_key(head) } else { heads.max_by_key(head) };
        next?.rows.pop_front()
    }

    /// Loads more of every partition that may not have enough, all at the same time. Each gives its share of what is missing:
    /// more would often be too much, since the others have some of it.
    async fn load(&mut self, missing: usize) -> Result<(), Error> {
        let open = self.sources.iter().filter(|source| !source.is_exhausted).count();
        let share = missing.div_ceil(open.max(1)).max(missing.min(AT_ONCE)).min(MOST);
        let way = self.way;
        let short =
            self.sources.iter_mut().filter(|source| !source.is_exhausted && source.rows.len() < share);
        let loads = short.map(|source| {
            let limit = share - source.rows.len();
            source.load(&way, limit)
        });
        // `load` borrows the way until it is done.
        let loads: Vec<_> = loads.collect();
        try_join_all(loads).await.map(drop)
    }
}

impl Source<'_> {
    async fn load(&mut self, way: &Way<'_>, limit: usize) -> Result<(), Error> {
        let (rows, start) = way.query(self.partition, limit, self.start.take()).await?;
        self.rows.extend(rows);
        self.is_exhausted = start.is_none();
        self.start = start;
        Ok(())
    }
}
