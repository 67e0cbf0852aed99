//! What every store needs of DynamoDB: reads in one call, and writes that happen together or not at all.

use std::{collections::HashMap, time::Duration};

pub(crate) use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{
    error::{BuildError, ProvideErrorMetadata, SdkError},
    operation::update_item::UpdateItemError,
    types::{CancellationReason, ConditionCheck, Delete, KeysAndAttributes, Put, TransactWriteItem, Update},
};
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{App, Error, deadline::in_time};

/// A record as DynamoDB holds it.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn n(number: u64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn yes() -> AttributeValue {
    AttributeValue::Bool(true)
}

pub(crate) fn no() -> AttributeValue {
    AttributeValue::Bool(false)
}

/// An attribute that is to be absent.
pub(crate) fn null() -> AttributeValue {
    AttributeValue::Null(true)
}

/// A list of texts.
pub(crate) fn string_list(texts: &[String]) -> AttributeValue {
    AttributeValue::L(texts.iter().map(s).collect())
}

/// The texts of a list; none when it is absent.
pub(crate) fn strings(item: &Item, name: &str) -> Vec<String> {
    let list = item.get(name).and_then(|value| value.as_l().ok()).into_iter().flatten();
    list.filter_map(|value| value.as_s().ok().cloned()).collect()
}

pub(crate) fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(crate) fn number(item: &Item, name: &str) -> Option<u64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(crate) fn is_yes(item: &Item, name: &str) -> bool {
    item.get(name).is_some_and(|value| value == &AttributeValue::Bool(true))
}

pub(crate) fn to_item(record: &impl Serialize) -> Result<Item, Error> {
    serde_dynamo::to_item(record)
        .map_err(|error| Error::internal(format!("a record that cannot be stored: {error}")))
}

pub(crate) fn from_item<T: DeserializeOwned>(item: Item) -> Result<T, Error> {
    serde_dynamo::from_item(item)
        .map_err(|error| Error::internal(format!("a stored record that cannot be read: {error}")))
}

/// The key of a record in a table with a `pk` alone.
pub(crate) fn key(pk: impl Into<String>) -> Item {
    Item::from([("pk".to_owned(), s(pk))])
}

/// The key of a record in the Tokens table.
pub(crate) fn key2(pk: impl Into<String>, sk: impl Into<String>) -> Item {
    Item::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

/// Several records of several tables in one strongly consistent call, found again by their keys.
#[derive(Default)]
pub(crate) struct BatchGet {
    wanted: HashMap<String, Vec<Item>>,
}

impl BatchGet {
    pub fn want(&mut self, table: &str, key: Item) -> &mut Self {
        let keys = self.wanted.entry(table.to_owned()).or_default();
        // The same key twice is refused by DynamoDB.
        if !keys.contains(&key) {
            keys.push(key);
        }
        self
    }

    /// The records that exist. Keys that DynamoDB left unprocessed are asked for again, a few times.
    pub async fn send(self, app: &App) -> Result<Found, Error> {
        // It is often sent beside a count.
        in_time(self.send_all(app)).await
    }

    async fn send_all(self, app: &App) -> Result<Found, Error> {
        let mut found = Found::default();
        let mut wanted: HashMap<String, KeysAndAttributes> = HashMap::new();
        for (table, keys) in self.wanted {
            let keys = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            wanted.insert(table, keys.map_err(incomplete)?);
        }
        for attempt in 0..ATTEMPTS {
            if wanted.is_empty() {
                return Ok(found);
            }
            pause_before(attempt).await;
            let answer = app
                .dynamodb
                .batch_get_item()
                .set_request_items(Some(wanted))
                .send()
                .await
                .map_err(Error::from_aws)?;
            for (table, items) in answer.responses.unwrap_or_default() {
                found.0.entry(table).or_default().extend(items);
            }
            wanted = answer.unprocessed_keys.unwrap_or_default();
        }
        if wanted.is_empty() {
            Ok(found)
        } else {
            Err(Error::Unavailable("keys are left unprocessed".into()))
        }
    }
}

/// What a [`BatchGet`] found.
#[derive(Default)]
pub(crate) struct Found(HashMap<String, Vec<Item>>);

impl Found {
    /// Takes the record with that key out, if it exists.
    pub fn take(&mut self, table: &str, key: &Item) -> Option<Item> {
        let items = self.0.get_mut(table)?;
        let at =
            items.iter().position(|item| key.iter().all(|(name, value)| item.get(name) == Some(value)))?;
        Some(items.swap_remove(at))
    }
}

/// Whether a write was refused by its condition: an answer, not an error.
pub(crate) fn is_refused<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    error.code() == Some("ConditionalCheckFailedException")
}

/// The record that stood in an update's way, when its condition refused it; empty when there was no record, or the update
/// did not ask for it.
pub(crate) fn in_the_way(error: &SdkError<UpdateItemError>) -> Option<Item> {
    match error.as_service_error() {
        Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
            Some(refused.item.clone().unwrap_or_default())
        }
        _ => None,
    }
}

/// An id by which a conditional write that is repeated recognises its own first success, when the answer to that was lost:
/// it is stored by the write, and found in the record that then stands in the way.
pub(crate) fn operation_id() -> String {
    Uuid::new_v4().simple().to_string()
}

/// Why a transaction did nothing.
pub(crate) enum Refused {
    /// A condition failed: something is not as it was read.
    Conditions,
    /// Anything else, ready for the client.
    Error(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Writes that happen together or not at all.
///
/// One client request token makes a repeated call recognise its own first success (DynamoDB keeps it for ten minutes).
/// Contention is tried again here: the SDK does not.
pub(crate) async fn transact(app: &App, writes: Vec<TransactWriteItem>) -> Result<(), Refused> {
    let token = Uuid::new_v4().to_string();
    let mut last = Error::Unavailable("a transaction found no quiet moment".into());
    for attempt in 0..ATTEMPTS {
        pause_before(attempt).await;
        let sent = app
            .dynamodb
            .transact_write_items()
            .set_transact_items(Some(writes.clone()))
            .client_request_token(&token)
            .send()
            .await;
        let Err(error) = sent else { return Ok(()) };
        let Some(canceled) = error.as_service_error().and_then(|e| as_canceled(e)) else {
            if error.code() == Some("TransactionInProgressException") {
                continue;
            }
            return Err(Error::from_aws(error).into());
        };
        if canceled.iter().any(|reason| reason.code() == Some("ConditionalCheckFailed")) {
            return Err(Refused::Conditions);
        }
        let contended = canceled.iter().filter_map(CancellationReason::code).any(|code| {
            matches!(code, "TransactionConflict" | "ThrottlingError" | "ProvisionedThroughputExceeded")
        });
        last = Error::from_aws(error);
        if !contended {
            return Err(last.into());
        }
    }
    Err(last.into_unavailable().into())
}

fn as_canceled(
    error: &aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError,
) -> Option<&[CancellationReason]> {
    use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException;
    match error {
        TransactionCanceledException(canceled) => Some(canceled.cancellation_reasons()),
        _ => None,
    }
}

/// How often contended work is tried.
pub(crate) const ATTEMPTS: u32 = 6;

/// Exponential backoff with full jitter, before every attempt but the first: at most 20, 40, 80, 160, 320 ms.
pub(crate) async fn pause_before(attempt: u32) {
    if attempt > 0 {
        let most = 10_u64 << attempt;
        let jitter = Uuid::new_v4().as_u64_pair().0 % most;
        tokio::time::sleep(Duration::from_millis(jitter)).await;
    }
}

/// `SET a, b REMOVE c`, as far as there is something to set or remove.
pub(crate) fn update_expression(set: &[impl AsRef<str>], remove: &[impl AsRef<str>]) -> String {
    fn clause(verb: &str, parts: &[impl AsRef<str>]) -> Option<String> {
        let parts: Vec<_> = parts.iter().map(AsRef::as_ref).collect();
        (!parts.is_empty()).then(|| format!("{verb} {}", parts.join(", ")))
    }
    let clauses: Vec<_> = [clause("SET", set), clause("REMOVE", remove)].into_iter().flatten().collect();
    clauses.join(" ")
}

/// The write that gives a stored record the attributes in `new`, unless the record has changed since it was read: its
/// `version` says. `None` when it has them already.
///
/// `new` names every attribute that this release knows; NULL is for one that is to be absent. All others are left alone, and
/// so is what a map holds besides: a later release may have written them.
pub(crate) fn change(
    table: &str,
    key: Item,
    stored: &Item,
    new: &Item,
) -> Result<Option<TransactWriteItem>, Error> {
    let (mut write, mut conditions) = (Write::to(table), vec!["version"]);
    let (mut set, mut remove) = (Vec::new(), Vec::new());
    for (name, value) in new {
        match (stored.get(name), value) {
            (None, AttributeValue::Null(_)) => continue,
            (Some(_), AttributeValue::Null(_)) => remove.push(format!("#{name}")),
            (old, value) => {
                let value = merged(old, value);
                if old == Some(&value) {
                    continue;
                }
                set.push(format!("#{name} = :{name}"));
                write = write.value(name, value);
            }
        }
        write = write.name(name);
        // Ending sessions increments `epoch` but not `version`.
        if name == "epoch" {
            conditions.push("epoch");
        }
    }
    if set.is_empty() && remove.is_empty() {
        return Ok(None);
    }
    write.when_as_read(stored, &conditions).update(key, &update_expression(&set, &remove)).map(Some)
}

/// The new value; a map keeps the entries of the old one that the new one does not have.
fn merged(old: Option<&AttributeValue>, new: &AttributeValue) -> AttributeValue {
    let (Some(AttributeValue::M(old)), AttributeValue::M(new)) = (old, new) else { return new.clone() };
    let mut all = old.clone();
    for (name, value) in new {
        let value = merged(old.get(name), value);
        all.insert(name.clone(), value);
    }
    AttributeValue::M(all)
}

/// A write of a transaction, or alone: an expression with its names and values.
pub(crate) struct Write {
    table: String,
    condition: String,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
}

impl Write {
    pub fn to(table: &str) -> Self {
        Self {
            table: table.to_owned(),
            condition: String::new(),
            names: HashMap::new(),
            values: HashMap::new(),
        }
    }

    /// Only if this holds.
    pub fn when(mut self, condition: &str) -> Self {
        condition.clone_into(&mut self.condition);
        self
    }

    /// Only if these attributes still are as they were read, or still absent.
    pub fn when_as_read(mut self, stored: &Item, names: &[&str]) -> Self {
        let mut conditions = Vec::new();
        for name in names {
            self = self.name(name);
            match stored.get(*name) {
                Some(value) => {
                    conditions.push(format!("#{name} = :{name}_read"));
                    self = self.value(&format!("{name}_read"), value.clone());
                }
                None => conditions.push(format!("attribute_not_exists(#{name})")),
            }
        }
        self.when(&conditions.join(" AND "))
    }

    /// Lets `#name` stand for the attribute, whose own name may be a reserved word.
    pub fn name(mut self, name: &str) -> Self {
        self.names.insert(format!("#{name}"), name.to_owned());
        self
    }

    /// What `:name` stands for.
    pub fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{name}"), value);
        self
    }

    pub fn put(self, item: Item) -> Result<TransactWriteItem, Error> {
        let Parts { table, condition, names, values } = self.parts();
        let put = Put::builder()
            .table_name(table)
            .set_item(Some(item))
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        Ok(TransactWriteItem::builder().put(put.build().map_err(incomplete)?).build())
    }

    pub fn update(self, key: Item, expression: &str) -> Result<TransactWriteItem, Error> {
        let Parts { table, condition, names, values } = self.parts();
        let update = Update::builder()
            .table_name(table)
            .set_key(Some(key))
            .update_expression(expression)
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        Ok(TransactWriteItem::builder().update(update.build().map_err(incomplete)?).build())
    }

    pub fn delete(self, key: Item) -> Result<TransactWriteItem, Error> {
        let Parts { table, condition, names, values } = self.parts();
        let delete = Delete::builder()
            .table_name(table)
            .set_key(Some(key))
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        Ok(TransactWriteItem::builder().delete(delete.build().map_err(incomplete)?).build())
    }

    pub fn check(self, key: Item) -> Result<TransactWriteItem, Error> {
        let Parts { table, condition, names, values } = self.parts();
        let check = ConditionCheck::builder()
            .table_name(table)
            .set_key(Some(key))
            .set_condition_expression(condition)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values);
        Ok(TransactWriteItem::builder().condition_check(check.build().map_err(incomplete)?).build())
    }

    fn parts(self) -> Parts {
        Parts {
            table: self.table,
            condition: Some(self.condition).filter(|condition| !condition.is_empty()),
            names: Some(self.names).filter(|names| !names.is_empty()),
            values: Some(self.values).filter(|values| !values.is_empty()),
        }
    }
}

/// The table, and the rest as far as there is any: DynamoDB refuses what is empty.
struct Parts {
    table: String,
    condition: Option<String>,
    names: Option<HashMap<String, String>>,
    values: Option<HashMap<String, AttributeValue>>,
}

#[expect(clippy::needless_pass_by_value, reason = "it ends here: `map_err(incomplete)`")]
fn incomplete(error: BuildError) -> Error {
    Error::internal(error.to_string())
}
