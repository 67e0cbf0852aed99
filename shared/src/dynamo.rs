//! What every store needs of DynamoDB: reads in one call, and writes that happen together or not at all.

use std::collections::HashMap;

mod db;
mod read;
mod retry;
mod write;

pub(crate) use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Serialize, de::DeserializeOwned};

use crate::Error;

pub(crate) use db::{Db, Tables};
pub(crate) use read::{Answer, BatchGet, Found, Query};
pub(crate) use retry::Retry;
pub(crate) use write::{Sent, Write, operation_id};

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

/// The write that gives a stored record the attributes in `new`, unless the record has changed since it was loaded: its
/// `version` says. `None` when it has them already.
///
/// `new` names every attribute that this release knows; NULL is for one that is to be absent. All others are left alone, and
/// so is what a map holds besides: a later release may have written them.
pub(crate) fn change(table: &str, key: Item, stored: &Item, new: &Item) -> Option<Write> {
    // A record without a version is not to be made again after it was deleted.
    let mut write = Write::update(table, key).if_exists().if_as_loaded("version", stored);
    let mut is_changed = false;
    for (name, value) in new {
        let old = stored.get(name);
        write = match value {
            AttributeValue::Null(_) if old.is_none() => continue,
            AttributeValue::Null(_) => write.remove(name),
            value => {
                let value = merged(old, value);
                if old == Some(&value) {
                    continue;
                }
                write.set(name, value)
            }
        };
        is_changed = true;
        // Ending sessions increments `epoch` but not `version`.
        if name == "epoch" {
            write = write.if_as_loaded(name, stored);
        }
    }
    is_changed.then_some(write)
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
