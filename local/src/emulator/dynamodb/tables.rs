//! Giving the tables of a database the shape that the template wants, with all data kept.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{CHANGE_TIMEOUT, CallError, DynamoDb};
use crate::emulator::template::Table;

/// A call that brings a table closer to the template. Each is atomic; after a crash the next comparison finds the rest.
#[derive(Debug)]
pub(crate) struct Change {
    table: String,
    operation: &'static str,
    request: Value,
    /// What is done when the call is, for a person; none when the call is only half of something.
    pub(crate) done: Option<String>,
}

impl Change {
    /// Whether it only makes a table, or enables the expiry that a table gets after it is made.
    fn creates(&self) -> bool {
        self.operation == "CreateTable" || self.request["TimeToLiveSpecification"]["Enabled"] == true
    }

    fn create(table: &Table) -> Self {
        Self {
            table: table.name.clone(),
            operation: "CreateTable",
            request: table.create.clone(),
            done: Some(format!("created the table {}", table.name)),
        }
    }

    fn update(table: &str, mut change: Value, done: Option<String>) -> Self {
        change["TableName"] = json!(table);
        Self { table: table.to_owned(), operation: "UpdateTable", request: change, done }
    }

    fn expiry(table: &str, attribute: &str, is_enabled: bool) -> Self {
        let specification = json!({ "AttributeName": attribute, "Enabled": is_enabled });
        Self {
            table: table.to_owned(),
            operation: "UpdateTimeToLive",
            request: json!({ "TableName": table, "TimeToLiveSpecification": specification }),
            done: None,
        }
    }
}

impl DynamoDb {
    /// What has to be done, in this order, for the table to be as in the template. Fails, with nothing changed, when the keys would
    /// have to change, which no update can do.
    pub(crate) async fn changes(&self, wanted: &Table) -> Result<Vec<Change>, CallError> {
        let name = &wanted.name;
        let present = match self.active(name).await {
            Err(CallError::Refused { kind, .. }) if kind == "ResourceNotFoundException" => None,
            present => Some(present?),
        };
        let mut changes = Vec::new();
        let mut expiry = None;
        match &present {
            None => changes.push(Change::create(wanted)),
            Some(present) if keys(present) != keys(&wanted.create) => {
                return Err(CallError::OtherShape(name.clone()));
            }
            Some(present) => {
                changes.extend(indexes(present, wanted));
                changes.extend(stream(present, wanted));
                expiry = self.expiry(name).await?;
            }
        }
        if expiry != wanted.expiry_attribute {
            let disable = expiry.map(|attribute| Change::expiry(name, &attribute, false));
            let enable =
                wanted.expiry_attribute.as_ref().map(|attribute| Change::expiry(name, attribute, true));
            changes.extend(disable.into_iter().chain(enable));
        }
        Ok(changes)
    }

    /// The same for a table that others may use, too. Fails, with nothing changed, when it is there with another shape.
    pub(crate) async fn additions(&self, wanted: &Table) -> Result<Vec<Change>, CallError> {
        let changes = self.changes(wanted).await?;
        if changes.iter().all(Change::creates) {
            Ok(changes)
        } else {
            Err(CallError::OtherShape(wanted.name.clone()))
        }
    }

    /// Makes the changes, one after the other, each when the table can be used again.
    pub(crate) async fn make(&self, changes: &[Change]) -> Result<(), CallError> {
        for change in changes {
            let target = format!("DynamoDB_20120810.{}", change.operation);
            self.call_within(CHANGE_TIMEOUT, &target, &change.request).await?;
            self.active(&change.table).await?;
        }
        Ok(())
    }

    /// The attribute that holds an item's expiry.
    async fn expiry(&self, table: &str) -> Result<Option<String>, CallError> {
        let answer =
            self.call("DynamoDB_20120810.DescribeTimeToLive", &json!({ "TableName": table })).await?;
        let description = &answer["TimeToLiveDescription"];
        let status = description["TimeToLiveStatus"].as_str();
        let is_enabled = matches!(status, Some("ENABLING" | "ENABLED"));
        Ok(description["AttributeName"].as_str().filter(|_| is_enabled).map(str::to_owned))
    }
}

/// What no update can change: the table's keys and local indexes.
fn keys(table: &Value) -> Value {
    let local = table["LocalSecondaryIndexes"].as_array().into_iter().flatten();
    let local: BTreeMap<_, _> =
        local.map(|index| (index["IndexName"].as_str(), shape(table, index))).collect();
    json!([key(table, table), local.into_values().collect::<Vec<_>>()])
}

/// The names and types of the attributes in the key of a table or an index.
fn key(table: &Value, index: &Value) -> Value {
    let definitions = table["AttributeDefinitions"].as_array();
    let kind = |name: &Value| {
        let mut definitions = definitions.into_iter().flatten();
        definitions
            .find(|definition| definition["AttributeName"] == *name)
            .map(|found| &found["AttributeType"])
    };
    let key = index["KeySchema"].as_array().into_iter().flatten();
    key.map(|part| json!([part["AttributeName"], part["KeyType"], kind(&part["AttributeName"])])).collect()
}

/// What makes an index this one and no other: its key and its projection.
fn shape(table: &Value, index: &Value) -> Value {
    let attributes = index["Projection"]["NonKeyAttributes"].as_array().into_iter().flatten();
    let attributes: BTreeSet<&str> = attributes.filter_map(Value::as_str).collect();
    json!([index["IndexName"], key(table, index), index["Projection"]["ProjectionType"], attributes])
}

fn global_indexes(table: &Value) -> BTreeMap<&str, &Value> {
    let indexes = table["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
    indexes.filter_map(|index| Some((index["IndexName"].as_str()?, index))).collect()
}

/// An index's projection cannot be changed: such an index is removed and added, one call each.
fn indexes(present: &Value, wanted: &Table) -> Vec<Change> {
    let table = &wanted.name;
    let definition = &wanted.create;
    let (before, after) = (global_indexes(present), global_indexes(definition));
    let mut changes = Vec::new();
    for (name, index) in &before {
        let replacement = after.get(name);
        if replacement.is_some_and(|other| shape(definition, other) == shape(present, index)) {
            continue;
        }
        let update = json!({ "GlobalSecondaryIndexUpdates": [{ "Delete": { "IndexName": name } }] });
        let done = replacement.is_none().then(|| format!("removed the index {name} of {table}"));
        changes.push(Change::update(table, update, done));
    }
    for (name, index) in &after {
        let old = before.get(name);
        if old.is_some_and(|other| shape(present, other) == shape(definition, index)) {
            continue;
        }
        let create = json!({
            "IndexName": name, "KeySchema": index["KeySchema"], "Projection": index["Projection"],
        });
        let update = json!({
            "AttributeDefinitions": definitions(definition, index),
            "GlobalSecondaryIndexUpdates": [{ "Create": create }],
        });
        let verb = if old.is_some() { "rebuilt" } else { "added" };
        changes.push(Change::update(table, update, Some(format!("{verb} the index {name} of {table}"))));
    }
    changes
}

/// The definitions of the attributes in an index's key.
fn definitions(table: &Value, index: &Value) -> Value {
    let key = index["KeySchema"].as_array().into_iter().flatten();
    let names: Vec<&Value> = key.map(|part| &part["AttributeName"]).collect();
    let definitions = table["AttributeDefinitions"].as_array().into_iter().flatten();
    definitions.filter(|definition| names.contains(&&definition["AttributeName"])).cloned().collect()
}

/// A stream's view cannot be changed: such a stream is ended, and another begun.
fn stream(present: &Value, wanted: &Table) -> Vec<Change> {
    let view = |table: &Value| {
        let stream = &table["StreamSpecification"];
        (stream["StreamEnabled"] == true).then(|| stream["StreamViewType"].clone())
    };
    let (before, after) = (view(present), view(&wanted.create));
    if before == after {
        return Vec::new();
    }
    let update = |specification: Value, done| {
        Change::update(&wanted.name, json!({ "StreamSpecification": specification }), done)
    };
    let done = Some(format!("changed the stream of {}", wanted.name));
    let end =
        before.map(|_| update(json!({ "StreamEnabled": false }), done.clone().filter(|_| after.is_none())));
    let begin = after.as_ref().map(|_| update(wanted.create["StreamSpecification"].clone(), done));
    end.into_iter().chain(begin).collect()
}
