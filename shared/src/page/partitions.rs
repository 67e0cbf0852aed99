//! The partitions of an index in which a list lies, and how one of them is queried.

use std::{collections::HashMap, fmt::Write};

use aws_sdk_dynamodb::types::AttributeValue;

use super::query::ListQuery;
use crate::{
    Error,
    dynamo::{Answer, Db, Item, Query, s, text},
    id::Id,
};

/// The partitions of an index in which a list lies.
pub(crate) struct Partitions<'a> {
    pub table: &'a str,
    pub index: &'static str,
    /// The attribute that holds the partition's name; within it, records lie by `id`.
    pub key: &'static str,
    pub names: Vec<String>,
    /// The key of a record in the table.
    pub record_key: fn(Id) -> Item,
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
            let spellings = [("term", Some(&term.folded)), ("lowered", term.lowered.as_ref())];
            let mut matches: Vec<String> = Vec::new();
            for (name, text) in spellings.into_iter().filter_map(|(name, text)| Some((name, text?))) {
                let contains = |field: &&str| format!("contains(#search.#{field}, :{name}{at})");
                matches.extend(fields.iter().map(contains));
                filter.values.insert(format!("{name}{at}"), s(text));
            }
            filter.and(&format!("({})", matches.join(" OR ")));
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

/// A way through a list: its records beyond a place, in one direction.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub db: &'a Db,
    pub partitions: &'a Partitions<'a>,
    pub filter: &'a Filter,
    /// From the lowest id upwards.
    pub ascends: bool,
    /// Exclusive; `None` is the end of the list at which the way begins.
    pub from: Option<Id>,
    /// Whether only the ids of records are loaded.
    pub ids_only: bool,
}

impl Way<'_> {
    /// Queries a partition: at most this number of records, before the filter, from where another query ended.
    pub async fn query(
        &self,
        partition: &str,
        limit: usize,
        start: Option<Item>,
    ) -> Result<(Vec<(Id, Item)>, Option<Item>), Error> {
        let mut call = match self.from {
            None => Query::of(self.partitions.table, "#partition = :partition"),
            Some(place) => {
                let beyond = if self.ascends { '>' } else { '<' };
                let condition = format!("#partition = :partition AND #id {beyond} :from");
                Query::of(self.partitions.table, &condition).name("id", "id").value("from", s(place.stored()))
            }
        };
        call = call.name("partition", self.partitions.key).value("partition", s(partition));
        if self.filter.is_some() {
            call = call.filter(&self.filter.expression);
        }
        for (placeholder, attribute) in &self.filter.names {
            call = call.name(placeholder, attribute);
        }
        for (placeholder, value) in &self.filter.values {
            call = call.value(placeholder, value.clone());
        }
        if self.ids_only {
            call = call.name("id", "id").only("#id");
        }
        let call = call.index(self.partitions.index).descending(!self.ascends).at_most(limit).start_at(start);
        let Answer { items, next } = call.send(self.db).await?;
        let rows: Result<Vec<_>, _> = items.into_iter().map(|item| Ok((id(&item)?, item))).collect();
        Ok((rows?, next))
    }
}

/// The id of a record.
pub(super) fn id(item: &Item) -> Result<Id, Error> {
    let id = text(item, "id").and_then(|id| id.parse().ok());
    id.ok_or_else(|| Error::internal("a record of a list without an id"))
}
