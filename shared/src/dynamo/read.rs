//! Reads: of one record, of several at once, and of a partition.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{KeysAndAttributes, Select},
};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::{AttributeValue, Db, Item, retry::Retry, s, text};
use crate::{Error, deadline::in_time};

/// The most keys of a `BatchGetItem`.
const MOST_KEYS: usize = 100;
/// How many calls [`Db::get_all`] makes at once.
const PARALLEL: usize = 4;

impl Db {
    /// A record, strongly consistent.
    pub(crate) async fn get(&self, table: &str, key: Item) -> Result<Option<Item>, Error> {
        let get = self.client.get_item().table_name(table).consistent_read(true).set_key(Some(key));
        Ok(get.send().await.map_err(Error::from_aws)?.item)
    }

    /// Those of these records of a table that exist, by their `pk`, in as many calls as it takes.
    pub(crate) async fn get_all(
        &self,
        table: &str,
        keys: impl IntoIterator<Item = Item>,
    ) -> Result<HashMap<String, Item>, Error> {
        let mut batches: Vec<BatchGet> = Vec::new();
        let mut size = MOST_KEYS;
        for key in keys {
            if size == MOST_KEYS {
                batches.push(BatchGet::default());
                size = 0;
            }
            if let Some(batch) = batches.last_mut() {
                batch.want(table, key);
                size += 1;
            }
        }
        let found = stream::iter(batches).map(|batch| batch.send(self)).buffered(PARALLEL);
        let found: Vec<Found> = found.try_collect().await?;
        let items = found.into_iter().flat_map(|found| found.0.into_values().flatten());
        Ok(items.filter_map(|item| Some((text(&item, "pk")?.to_owned(), item))).collect())
    }

    /// The next records of a whole table, strongly consistent: of at most `limit` that are read, those whose `pk` has this prefix.
    pub(crate) async fn scan(
        &self,
        table: &str,
        prefix: &str,
        limit: u16,
        start: Option<Item>,
    ) -> Result<Answer, Error> {
        let scan = self.client.scan().table_name(table).consistent_read(true).limit(limit.into());
        let scan = scan
            .filter_expression("begins_with(pk, :prefix)")
            .expression_attribute_values(":prefix", s(prefix));
        let answer = scan.set_exclusive_start_key(start).send().await.map_err(Error::from_aws)?;
        Ok(Answer { items: answer.items.unwrap_or_default(), next: answer.last_evaluated_key })
    }
}

/// Several records of several tables in one strongly consistent call, found again by their keys.
#[derive(Default)]
pub struct BatchGet {
    wanted: HashMap<String, Vec<Item>>,
    is_eventually_consistent: bool,
}

impl BatchGet {
    /// One that costs half, and may give a record as it was a moment ago: for what is only shown.
    pub(crate) fn eventually_consistent() -> Self {
        Self { is_eventually_consistent: true, ..Self::default() }
    }

    pub fn want(&mut self, table: &str, key: Item) -> &mut Self {
        let keys = self.wanted.entry(table.to_owned()).or_default();
        // The same key twice is refused by DynamoDB.
        if !keys.contains(&key) {
            keys.push(key);
        }
        self
    }

    /// The records that exist. Keys that DynamoDB left unprocessed are asked for again, a few times.
    pub async fn send(self, db: &Db) -> Result<Found, Error> {
        // It is often sent beside a count.
        in_time(self.send_all(db)).await
    }

    async fn send_all(self, db: &Db) -> Result<Found, Error> {
        let mut found = Found::default();
        let mut wanted: HashMap<String, KeysAndAttributes> = HashMap::new();
        let consistent = !self.is_eventually_consistent;
        for (table, keys) in self.wanted {
            let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent).build();
            wanted.insert(table, keys.map_err(|error| Error::internal(error.to_string()))?);
        }
        let mut retry = Retry::of("a read of several records");
        while !wanted.is_empty() {
            let get = db.client.batch_get_item().set_request_items(Some(wanted));
            let answer = get.send().await.map_err(Error::from_aws)?;
            for (table, items) in answer.responses.unwrap_or_default() {
                found.0.entry(table).or_default().extend(items);
            }
            wanted = answer.unprocessed_keys.unwrap_or_default();
            if !wanted.is_empty() {
                retry.again().await?;
            }
        }
        Ok(found)
    }
}

/// What a [`BatchGet`] found.
#[derive(Default)]
pub struct Found(HashMap<String, Vec<Item>>);

impl Found {
    /// A copy of the record with that key, if it exists.
    pub fn copy(&self, table: &str, key: &Item) -> Option<Item> {
        let mut items = self.0.get(table)?.iter();
        items.find(|item| has_key(item, key)).cloned()
    }

    /// Takes the record with that key out, if it exists.
    pub fn take(&mut self, table: &str, key: &Item) -> Option<Item> {
        let items = self.0.get_mut(table)?;
        let at = items.iter().position(|item| has_key(item, key))?;
        Some(items.swap_remove(at))
    }
}

fn has_key(item: &Item, key: &Item) -> bool {
    key.iter().all(|(name, value)| item.get(name) == Some(value))
}

/// One read of a partition, from its beginning: of a table strongly consistent, of an index not.
pub(crate) struct Query {
    table: String,
    index: Option<String>,
    condition: String,
    filter: Option<String>,
    projection: Option<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    limit: Option<i32>,
    is_descending: bool,
    start: Option<Item>,
}

/// What a [`Query`] or a scan found.
pub(crate) struct Answer {
    pub items: Vec<Item>,
    /// Where the next read has to start, if there may be more.
    pub next: Option<Item>,
}

impl Query {
    /// The records of a table that meet a condition on their key.
    pub fn of(table: &str, condition: &str) -> Self {
        Self {
            table: table.to_owned(),
            index: None,
            condition: condition.to_owned(),
            filter: None,
            projection: None,
            names: HashMap::new(),
            values: HashMap::new(),
            limit: None,
            is_descending: false,
            start: None,
        }
    }

    /// Reads an index of the table.
    pub fn index(mut self, index: &str) -> Self {
        self.index = Some(index.to_owned());
        self
    }

    /// Leaves out what was read and does not meet this condition.
    pub fn filter(mut self, condition: &str) -> Self {
        self.filter = Some(condition.to_owned());
        self
    }

    /// Gives these attributes of each record, and no others. It costs as much.
    pub fn only(mut self, attributes: &str) -> Self {
        self.projection = Some(attributes.to_owned());
        self
    }

    /// What `:placeholder` stands for.
    pub fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{placeholder}"), value);
        self
    }

    /// Lets `#placeholder` stand for an attribute, whose own name may be a reserved word.
    pub fn name(mut self, placeholder: &str, attribute: &str) -> Self {
        self.names.insert(format!("#{placeholder}"), attribute.to_owned());
        self
    }

    /// Reads at most this number of records.
    pub fn at_most(mut self, records: usize) -> Self {
        self.limit = i32::try_from(records).ok();
        self
    }

    /// Reads from the end.
    pub fn descending(mut self, is_descending: bool) -> Self {
        self.is_descending = is_descending;
        self
    }

    /// Goes on where another read ended.
    pub fn start_at(mut self, start: Option<Item>) -> Self {
        self.start = start;
        self
    }

    /// Counts the records instead of loading them.
    pub async fn count(self, db: &Db) -> Result<usize, Error> {
        let answer = self.request(db).select(Select::Count).send().await.map_err(Error::from_aws)?;
        Ok(usize::try_from(answer.count).unwrap_or(0))
    }

    pub async fn send(self, db: &Db) -> Result<Answer, Error> {
        let answer = self.request(db).send().await.map_err(Error::from_aws)?;
        Ok(Answer {
            items: answer.items.unwrap_or_default(),
            next: answer.last_evaluated_key.filter(|key| !key.is_empty()),
        })
    }

    fn request(self, db: &Db) -> QueryFluentBuilder {
        let query = db.client.query().table_name(self.table).consistent_read(self.index.is_none());
        let query = query.set_index_name(self.index).key_condition_expression(self.condition);
        let query = query
            .set_filter_expression(self.filter)
            .set_projection_expression(self.projection)
            .set_expression_attribute_names(Some(self.names).filter(|names| !names.is_empty()))
            .set_expression_attribute_values(Some(self.values));
        let query = query.set_limit(self.limit).scan_index_forward(!self.is_descending);
        query.set_exclusive_start_key(self.start)
    }
}
