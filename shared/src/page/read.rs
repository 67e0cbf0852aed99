//! Reading a page from the partitions of an index.

use std::{collections::HashMap, fmt::Write};

use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;

use super::query::{LARGEST, ListQuery};
use crate::{
    Error,
    dynamo::{Db, Item, Query, s, text},
};

/// A search reads at most so many megabytes of each partition for one page, and then answers with what it has found and a
/// link to go on from there.
const MOST_READS: usize = 8;

/// The partitions of an index in which a list lies.
pub(crate) struct Partitions<'a> {
    pub table: &'a str,
    pub index: &'static str,
    /// The attribute that holds the partition's name; within it, records lie by `id`.
    pub key: &'static str,
    pub names: Vec<String>,
}

/// Which records of the partitions are wanted, if not all.
#[derive(Default)]
pub(crate) struct Filter {
    expression: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Filter {
    /// Every word of the search has to be in one of these fields of the record's `search` map.
    pub fn search(query: &ListQuery, fields: impl Iterator<Item = &'static str>) -> Self {
        let (mut filter, fields): (_, Vec<_>) = (Self::default(), fields.collect());
        for (at, term) in query.terms.iter().enumerate() {
            let matches: Vec<_> =
                fields.iter().map(|field| format!("contains(#search.#{field}, :term{at})")).collect();
            filter.and(&format!("({})", matches.join(" OR ")));
            filter.values.insert(format!("term{at}"), s(term));
        }
        if !query.terms.is_empty() {
            filter.names.insert("search".to_owned(), "search".to_owned());
            filter.names.extend(fields.iter().map(|field| ((*field).to_owned(), (*field).to_owned())));
        }
        filter
    }

    /// And this attribute has to be true, or false.
    pub fn flag(mut self, name: &str, wanted: Option<bool>) -> Self {
        if let Some(wanted) = wanted {
            self.and(&format!("#{name} = :{name}"));
            self.names.insert(name.to_owned(), name.to_owned());
            self.values.insert(name.to_owned(), AttributeValue::Bool(wanted));
        }
        self
    }

    /// Whether there is anything to filter: then much more may be read than is shown.
    pub fn is_some(&self) -> bool {
        !self.expression.is_empty()
    }

    fn and(&mut self, condition: &str) {
        let and = if self.expression.is_empty() { "" } else { " AND " };
        let _ = write!(self.expression, "{and}{condition}");
    }
}

/// Records in the order in which they were read.
#[derive(Default)]
pub(crate) struct Rows {
    pub(super) found: Vec<(Uuid, Item)>,
    /// Beyond this place there may be more; before it there is none that was not found.
    read_to: Option<Uuid>,
}

impl Rows {
    /// Keeps a page of them, and gives the place after it if there may be more.
    pub(super) fn cut(&mut self, size: usize) -> Option<Uuid> {
        if self.found.len() > size {
            self.found.truncate(size);
            self.found.last().map(|(id, _)| *id)
        } else {
            self.read_to
        }
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
        Self { found, read_to }
    }
}

/// Reads what a page needs from all the partitions at once.
pub(crate) async fn read(
    db: &Db,
    query: &ListQuery,
    partitions: &Partitions<'_>,
    filter: &Filter,
) -> Result<Rows, Error> {
    let parts = partitions.names.iter().map(|name| read_partition(db, query, partitions, name, filter));
    let parts = futures_util::future::try_join_all(parts).await?;
    Ok(Rows::merge(parts, query.ascends()))
}

/// Reads one partition until it has given a page and one more, ends, or has been read for long enough.
async fn read_partition(
    db: &Db,
    query: &ListQuery,
    partitions: &Partitions<'_>,
    name: &str,
    filter: &Filter,
) -> Result<Rows, Error> {
    let wanted = query.size + 1;
    let mut rows = Rows::default();
    let mut start: Option<Item> = None;
    for reads in 0..MOST_READS {
        // Without a filter every record that is read is wanted. With one, few may be: each look is longer than the last.
        let limit =
            if filter.is_some() { LARGEST.max(wanted) << (2 * reads) } else { wanted - rows.found.len() };
        let mut call = match query.cursor {
            None => Query::of(partitions.table, "#partition = :partition"),
            Some(unverified) => {
                let beyond = if query.ascends() { '>' } else { '<' };
                Query::of(partitions.table, &format!("#partition = :partition AND #id {beyond} :at"))
                    .name("id", "id")
                    .value("at", s(unverified.cursor.at.to_string()))
            }
        };
        call = call.name("partition", partitions.key).value("partition", s(name));
        if filter.is_some() {
            call = call.filter(&filter.expression);
        }
        for (placeholder, attribute) in &filter.names {
            call = call.name(placeholder, attribute);
        }
        for (placeholder, value) in &filter.values {
            call = call.value(placeholder, value.clone());
        }
        let call = call.index(partitions.index).descending(!query.ascends()).at_most(limit);
        let answer = call.start_at(start).send(db).await?;
        for item in answer.items {
            rows.found.push((id(&item)?, item));
        }
        start = answer.next;
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

fn id(item: &Item) -> Result<Uuid, Error> {
    let id = text(item, "id").and_then(|id| Uuid::try_parse(id).ok());
    id.ok_or_else(|| Error::internal("a record of a list without an id"))
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
            let in_order = |ids: &mut Vec<Uuid>| {
                ids.sort_unstable();
                if !ascends {
                    ids.reverse();
                }
            };
            // One id is in one partition.
            let numbered = partitions.iter().enumerate();
            let lists: Vec<(Vec<Uuid>, usize)> = numbered
                .map(|(at, (ids, read))| {
                    let mut ids: Vec<_> = ids.iter().map(|id| Uuid::from_u128(id * 8 + at as u128)).collect();
                    in_order(&mut ids);
                    (ids, *read)
                })
                .collect();
            let mut all: Vec<Uuid> = lists.iter().flat_map(|(ids, _)| ids.clone()).collect();
            in_order(&mut all);

            let parts = lists.iter().map(|(ids, read)| {
                let found: Vec<_> = ids.iter().take(*read).map(|id| (*id, Item::new())).collect();
                let read_to = if *read < ids.len() { found.last().map(|(id, _)| *id) } else { None };
                // A partition of which nothing was read yet has no end to tell.
                let is_unread = *read == 0 && !ids.is_empty();
                (Rows { found, read_to }, is_unread)
            });
            let parts: Vec<_> = parts.collect();
            prop_assume!(parts.iter().all(|(_, is_unread)| !is_unread));
            let mut rows = Rows::merge(parts.into_iter().map(|(rows, _)| rows).collect(), ascends);
            let beyond = rows.cut(size);

            let shown: Vec<Uuid> = rows.found.iter().map(|(id, _)| *id).collect();
            prop_assert_eq!(&shown[..], &all[..shown.len()]);
            match beyond {
                None => prop_assert_eq!(shown.len(), all.len()),
                Some(end) => prop_assert_eq!(shown.last(), Some(&end)),
            }
        }
    }
}
