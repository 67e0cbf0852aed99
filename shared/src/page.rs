//! Lists: pages of records, newest first, with signed cursors that survive what is inserted and deleted meanwhile.
//!
//! A cursor is a place between two records, named by an id: ids are `UUIDv7`s, which sort by time. A list lies in several
//! partitions of an index; they are read at once and merged, so that a page costs what it holds, however long the list.

use std::{collections::HashMap, fmt::Write};

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;
use url::form_urlencoded;
use uuid::Uuid;

use crate::{
    Error,
    dynamo::{Db, Item, Query, s, text},
    form,
    parameters::Parameters,
};

/// The records of a page, unless a request asks for another number.
pub const DEFAULT_SIZE: usize = 20;
/// The most records of a page.
pub const LARGEST: usize = 100;
/// The longest search, in characters.
pub const LONGEST_SEARCH: usize = 150;
/// The most words of it that count.
const MOST_TERMS: usize = 10;
/// A search reads at most so many megabytes of each partition for one page, and then answers with what it has found and a
/// link to go on from there.
const MOST_READS: usize = 8;

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

/// What a request asks of a list.
#[derive(Debug, Clone)]
pub struct Asked {
    size: usize,
    oldest_first: bool,
    cursor: Option<Shown>,
    terms: Vec<String>,
    url: String,
    query: Vec<(String, String)>,
}

/// A place between two records, and which way to read from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    /// Exclusive.
    at: Uuid,
    backwards: bool,
}

/// A cursor that came with a request: not to be believed before its tag is checked.
#[derive(Debug, Clone, Copy)]
struct Shown {
    cursor: Cursor,
    tag: [u8; TAG],
}

const TAG: usize = 16;

impl Cursor {
    fn payload(self) -> [u8; 17] {
        let mut payload = [0; 17];
        payload[0] = u8::from(self.backwards);
        payload[1..].copy_from_slice(self.at.as_bytes());
        payload
    }

    fn tag(self, signer: &Signer) -> [u8; TAG] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, signer.key.as_bytes());
        let mut message = format!("cursor of {}:", signer.list).into_bytes();
        message.extend(self.payload());
        let mut tag = [0; TAG];
        tag.copy_from_slice(&hmac::sign(&key, &message).as_ref()[..TAG]);
        tag
    }

    fn text(self, signer: &Signer) -> String {
        URL_SAFE_NO_PAD.encode([self.payload().as_slice(), self.tag(signer).as_slice()].concat())
    }
}

impl Shown {
    fn read(text: &str) -> Option<Self> {
        let bytes: [u8; 17 + TAG] = URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let (payload, tag) = bytes.split_at(17);
        let cursor = Cursor { at: Uuid::from_slice(&payload[1..]).ok()?, backwards: payload[0] == 1 };
        Some(Self { cursor, tag: tag.try_into().ok()? }).filter(|_| cursor.payload() == payload)
    }

    /// 404, as Django REST Framework says it, unless it was made for this list and this caller.
    fn check(self, signer: &Signer) -> Result<(), Error> {
        verify_slices_are_equal(&self.tag, &self.cursor.tag(signer)).map_err(|_| Error::InvalidCursor)
    }
}

/// Whose cursors, and of which list.
pub(crate) struct Signer<'a> {
    /// A secret of the caller's, which only the server knows.
    pub key: &'a str,
    pub list: &'static str,
}

impl Asked {
    /// Reads `page_size`, `cursor`, `ordering` and `search`. Like Django REST Framework, it takes the nearest page size and
    /// ignores an ordering it does not know.
    pub fn read(parameters: &Parameters) -> Result<Self, Error> {
        let size = parameters.get("page_size").and_then(|size| size.parse().ok());
        let search: String = parameters.get("search").unwrap_or_default().nfkc().collect();
        let search = form::at_most(LONGEST_SEARCH, &search).map_err(|words| Error::field("search", words))?;
        let terms = search.split(|c: char| c.is_whitespace() || c == ',' || c == '\0');
        let cursor = parameters.get("cursor");
        let cursor = cursor.map(|text| Shown::read(text).ok_or(Error::InvalidCursor)).transpose()?;
        let mut query = parameters.pairs.clone();
        query.retain(|(name, _)| name != "cursor");
        query.sort();
        Ok(Self {
            size: size.filter(|size| *size > 0).unwrap_or(DEFAULT_SIZE).min(LARGEST),
            oldest_first: parameters.get("ordering") == Some("created_at"),
            cursor,
            terms: terms.filter(|term| !term.is_empty()).map(str::to_lowercase).take(MOST_TERMS).collect(),
            url: parameters.url.clone(),
            query,
        })
    }

    /// 404 for a cursor, where there are none.
    pub(crate) fn refuse_cursor(&self) -> Result<(), Error> {
        if self.cursor.is_some() { Err(Error::InvalidCursor) } else { Ok(()) }
    }

    /// Whether every word of the search is in one of these texts.
    pub(crate) fn finds<'a>(&self, texts: impl Iterator<Item = &'a str>) -> bool {
        let texts: Vec<_> = texts.map(lowered).collect();
        self.terms.iter().all(|term| texts.iter().any(|text| text.contains(term)))
    }

    /// Whether the records are read from the lowest id upwards.
    fn ascends(&self) -> bool {
        self.oldest_first != self.reads_backwards()
    }

    fn reads_backwards(&self) -> bool {
        self.cursor.is_some_and(|shown| shown.cursor.backwards)
    }

    fn link(&self, signer: &Signer, cursor: Cursor) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("cursor", &cursor.text(signer)).extend_pairs(&self.query);
        format!("{}?{}", self.url, query.finish())
    }

    /// The page that these rows make, for the caller whose cursors `signer` signs. 404 for a cursor of another's.
    pub(crate) fn page<T>(
        &self,
        signer: &Signer,
        mut rows: Rows,
        show: impl Fn(Item) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let came_by = self.cursor.map(|shown| shown.check(signer).map(|()| shown.cursor)).transpose()?;
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
    pub fn search(asked: &Asked, fields: impl Iterator<Item = &'static str>) -> Self {
        let (mut filter, fields): (_, Vec<_>) = (Self::default(), fields.collect());
        for (at, term) in asked.terms.iter().enumerate() {
            let matches: Vec<_> =
                fields.iter().map(|field| format!("contains(#search.#{field}, :term{at})")).collect();
            filter.and(&format!("({})", matches.join(" OR ")));
            filter.values.insert(format!("term{at}"), s(term));
        }
        if !asked.terms.is_empty() {
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
    found: Vec<(Uuid, Item)>,
    /// Beyond this place there may be more; before it there is none that was not found.
    read_to: Option<Uuid>,
}

impl Rows {
    /// Keeps a page of them, and gives the place after it if there may be more.
    fn cut(&mut self, size: usize) -> Option<Uuid> {
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
    asked: &Asked,
    partitions: &Partitions<'_>,
    filter: &Filter,
) -> Result<Rows, Error> {
    let parts = partitions.names.iter().map(|name| read_partition(db, asked, partitions, name, filter));
    let parts = futures_util::future::try_join_all(parts).await?;
    Ok(Rows::merge(parts, asked.ascends()))
}

/// Reads one partition until it has given a page and one more, ends, or has been read for long enough.
async fn read_partition(
    db: &Db,
    asked: &Asked,
    partitions: &Partitions<'_>,
    name: &str,
    filter: &Filter,
) -> Result<Rows, Error> {
    let wanted = asked.size + 1;
    let mut rows = Rows::default();
    let mut start: Option<Item> = None;
    for reads in 0..MOST_READS {
        // Without a filter every record that is read is wanted. With one, few may be: each look is longer than the last.
        let limit =
            if filter.is_some() { LARGEST.max(wanted) << (2 * reads) } else { wanted - rows.found.len() };
        let mut query = match asked.cursor {
            None => Query::of(partitions.table, "#partition = :partition"),
            Some(shown) => {
                let beyond = if asked.ascends() { '>' } else { '<' };
                Query::of(partitions.table, &format!("#partition = :partition AND #id {beyond} :at"))
                    .name("id", "id")
                    .value("at", s(shown.cursor.at.to_string()))
            }
        };
        query = query.name("partition", partitions.key).value("partition", s(name));
        if filter.is_some() {
            query = query.filter(&filter.expression);
        }
        for (placeholder, attribute) in &filter.names {
            query = query.name(placeholder, attribute);
        }
        for (placeholder, value) in &filter.values {
            query = query.value(placeholder, value.clone());
        }
        let query = query.index(partitions.index).descending(!asked.ascends()).at_most(limit);
        let answer = query.start_at(start).send(db).await?;
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

/// The `search` attribute of a record: its fields as a search looks at them.
pub(crate) fn searchable<'a>(fields: impl IntoIterator<Item = (&'static str, &'a str)>) -> Item {
    fields.into_iter().map(|(field, text)| (field.to_owned(), s(lowered(text)))).collect()
}

/// A text as a search looks at it.
pub(crate) fn lowered(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SIGNER: Signer<'static> = Signer { key: "a key of the tests", list: "employees" };

    fn any_cursor() -> impl Strategy<Value = Cursor> {
        (any::<u128>(), any::<bool>())
            .prop_map(|(at, backwards)| Cursor { at: Uuid::from_u128(at), backwards })
    }

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_written(cursor in any_cursor()) {
            let shown = Shown::read(&cursor.text(&SIGNER)).unwrap();
            prop_assert_eq!(shown.cursor, cursor);
            prop_assert!(shown.check(&SIGNER).is_ok());
        }

        #[test]
        fn a_cursor_with_one_bit_changed_is_refused(cursor in any_cursor(), bit in 0..(17 + TAG) * 8) {
            let mut bytes = URL_SAFE_NO_PAD.decode(cursor.text(&SIGNER)).unwrap();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let shown = Shown::read(&URL_SAFE_NO_PAD.encode(bytes));
            prop_assert!(shown.is_none_or(|shown| shown.check(&SIGNER).is_err()));
        }

        #[test]
        fn a_cursor_of_another_caller_or_list_is_refused(cursor in any_cursor()) {
            let shown = Shown::read(&cursor.text(&SIGNER)).unwrap();
            for signer in [Signer { key: "another key", ..SIGNER }, Signer { list: "users", ..SIGNER }] {
                prop_assert!(shown.check(&signer).is_err());
            }
        }

        #[test]
        fn no_text_breaks_the_reader(text in any::<String>()) {
            let _ = Shown::read(&text);
        }

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
