//! Writes: of one record, or of several together.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::{BuildError, ProvideErrorMetadata},
    operation::{
        delete_item::DeleteItemError,
        put_item::PutItemError,
        transact_write_items::TransactWriteItemsError::{self, TransactionCanceledException},
        update_item::UpdateItemError,
    },
    types::{
        CancellationReason, ConditionCheck, Delete, Put, ReturnValue, ReturnValuesOnConditionCheckFailure,
        TransactWriteItem, Update,
    },
};
use uuid::Uuid;

use super::{AttributeValue, Db, Item, n, retry::Retry, s, text};
use crate::Error;

/// A write of one record, on conditions: sent alone ([`Write::send`]) or with others ([`Db::transact`]).
///
/// Every part of it adds to the others: all conditions have to hold, and everything that is set, added and removed happens. An
/// attribute may be a path into a map (`search.email`).
#[derive(Debug, Clone)]
pub(crate) struct Write {
    table: String,
    action: Action,
    conditions: Vec<String>,
    set: Vec<String>,
    remove: Vec<String>,
    add: Vec<String>,
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    /// An attribute and what it holds after this write, and after no other.
    mark: Option<(&'static str, String)>,
    returns_record: bool,
}

#[derive(Debug, Clone)]
enum Action {
    Put(Item),
    Update(Item),
    Delete(Item),
    Check(Item),
}

/// What came of a write.
pub(crate) enum Sent {
    /// It is written. With the record as it is now, if the write [returns](Write::returning_record) it.
    Written(Item),
    /// A condition failed, and nothing is written. With the record as it is, empty if there is none.
    Refused(Item),
}

impl Sent {
    /// Whether it is written.
    pub fn is_written(&self) -> bool {
        matches!(self, Self::Written(_))
    }
}

/// An id by which a write that is repeated recognises its own first success: see [`Write::once`].
pub(crate) fn operation_id() -> String {
    Uuid::new_v4().simple().to_string()
}

impl Write {
    /// Stores a record in place of any other with its key.
    pub fn put(table: &str, record: Item) -> Self {
        Self::of(table, Action::Put(record))
    }

    /// Changes a record, and makes it when there is none.
    pub fn update(table: &str, key: Item) -> Self {
        Self::of(table, Action::Update(key))
    }

    /// Deletes a record, if there is one.
    pub fn delete(table: &str, key: Item) -> Self {
        Self::of(table, Action::Delete(key))
    }

    /// Writes nothing, and holds the others of a transaction to its conditions.
    pub fn check(table: &str, key: Item) -> Self {
        Self::of(table, Action::Check(key))
    }

    fn of(table: &str, action: Action) -> Self {
        Self {
            table: table.to_owned(),
            action,
            conditions: Vec::new(),
            set: Vec::new(),
            remove: Vec::new(),
            add: Vec::new(),
            names: HashMap::new(),
            values: HashMap::new(),
            mark: None,
            returns_record: false,
        }
    }

    /// Only if there is a record.
    pub fn if_exists(self) -> Self {
        self.when("attribute_exists(pk)")
    }

    /// Only if there is no record.
    pub fn if_new(self) -> Self {
        self.when("attribute_not_exists(pk)")
    }

    /// Only if the attribute has this value.
    pub fn if_equals(mut self, attribute: &str, value: AttributeValue) -> Self {
        let placeholder = format!(":if_{}", attribute.replace('.', "_"));
        let path = self.path(attribute);
        self.values.insert(placeholder.clone(), value);
        self.when(&format!("{path} = {placeholder}"))
    }

    /// Only if the attribute is absent.
    pub fn if_absent(mut self, attribute: &str) -> Self {
        let path = self.path(attribute);
        self.when(&format!("attribute_not_exists({path})"))
    }

    /// Only if the attribute still is as it was loaded, or still absent.
    pub fn if_as_loaded(self, attribute: &str, record: &Item) -> Self {
        match record.get(attribute) {
            Some(value) => self.if_equals(attribute, value.clone()),
            None => self.if_absent(attribute),
        }
    }

    /// Only if this condition holds, whose placeholders have a [`value`](Self::value).
    pub fn when(mut self, condition: &str) -> Self {
        self.conditions.push(condition.to_owned());
        self
    }

    /// What `:placeholder` stands for.
    pub fn value(mut self, placeholder: &str, value: AttributeValue) -> Self {
        self.values.insert(format!(":{placeholder}"), value);
        self
    }

    /// Gives the attribute this value.
    pub fn set(self, attribute: &str, value: AttributeValue) -> Self {
        let placeholder = attribute.replace('.', "_");
        self.set_to(attribute, &format!(":{placeholder}")).value(&placeholder, value)
    }

    /// Gives the attribute the value of this expression, whose placeholders have a [`value`](Self::value).
    pub fn set_to(mut self, attribute: &str, expression: &str) -> Self {
        let path = self.path(attribute);
        self.set.push(format!("{path} = {expression}"));
        self
    }

    /// Removes the attribute.
    pub fn remove(mut self, attribute: &str) -> Self {
        let path = self.path(attribute);
        self.remove.push(path);
        self
    }

    /// Adds to a number, which begins with 0.
    pub fn add(mut self, attribute: &str, number: i64) -> Self {
        let (path, placeholder) = (self.path(attribute), format!("add_{}", self.add.len()));
        self.add.push(format!("{path} :{placeholder}"));
        self.value(&placeholder, AttributeValue::N(number.to_string()))
    }

    /// Counts a change of what the API shows: the record gets another entity tag.
    pub fn increment_version(self) -> Self {
        self.set_to("version", "if_not_exists(#version, :zero) + :one").value("zero", n(0)).value("one", n(1))
    }

    /// Makes a repeated write recognise its own first success, when the answer to that was lost: `operation`, an
    /// [`operation_id`], is stored in the attribute by the write, and found in the record that then refuses it.
    pub fn once(self, attribute: &'static str, operation: &str) -> Self {
        let write = self.set(attribute, s(operation));
        let mut write =
            write.when(&format!("attribute_not_exists(#{attribute}) OR #{attribute} <> :{attribute}"));
        write.mark = Some((attribute, operation.to_owned()));
        write
    }

    /// [`Sent::Written`] then holds the record as it is after an update.
    pub fn returning_record(mut self) -> Self {
        self.returns_record = true;
        self
    }

    /// `#a.#b`, with names for it.
    fn path(&mut self, attribute: &str) -> String {
        let parts = attribute.split('.').map(|part| {
            let placeholder = format!("#{part}");
            self.names.insert(placeholder.clone(), part.to_owned());
            placeholder
        });
        parts.collect::<Vec<_>>().join(".")
    }

    /// Writes it alone.
    pub async fn send(self, db: &Db) -> Result<Sent, Error> {
        let mark = self.mark.clone();
        let sent = self.send_once(db).await?;
        let is_own = |record: &Item| mark.is_some_and(|(name, op)| text(record, name) == Some(&op));
        Ok(match sent {
            Sent::Refused(record) if is_own(&record) => Sent::Written(record),
            sent => sent,
        })
    }

    async fn send_once(self, db: &Db) -> Result<Sent, Error> {
        let returns_record = self.returns_record;
        let Parts { table, action, condition, update, names, values } = self.parts();
        let refused = condition.is_some().then_some(ReturnValuesOnConditionCheckFailure::AllOld);
        match action {
            Action::Put(record) => {
                let put = db.client.put_item().table_name(table).set_item(Some(record));
                let put = put.set_condition_expression(condition).set_expression_attribute_names(names);
                let put = put.set_expression_attribute_values(values);
                match put.set_return_values_on_condition_check_failure(refused).send().await {
                    Ok(_) => Ok(Sent::Written(Item::new())),
                    Err(error) => match error.as_service_error() {
                        Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                            Ok(Sent::Refused(refused.item.clone().unwrap_or_default()))
                        }
                        _ => Err(Error::from_aws(error)),
                    },
                }
            }
            Action::Update(key) => {
                let change = db.client.update_item().table_name(table).set_key(Some(key));
                let change = change.update_expression(update).set_condition_expression(condition);
                let change =
                    change.set_expression_attribute_names(names).set_expression_attribute_values(values);
                let change = change.set_return_values(returns_record.then_some(ReturnValue::AllNew));
                match change.set_return_values_on_condition_check_failure(refused).send().await {
                    Ok(written) => Ok(Sent::Written(written.attributes.unwrap_or_default())),
                    Err(error) => match error.as_service_error() {
                        Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                            Ok(Sent::Refused(refused.item.clone().unwrap_or_default()))
                        }
                        _ => Err(Error::from_aws(error)),
                    },
                }
            }
            Action::Delete(key) => {
                let delete = db.client.delete_item().table_name(table).set_key(Some(key));
                let delete = delete.set_condition_expression(condition).set_expression_attribute_names(names);
                let delete = delete.set_expression_attribute_values(values);
                match delete.set_return_values_on_condition_check_failure(refused).send().await {
                    Ok(_) => Ok(Sent::Written(Item::new())),
                    Err(error) => match error.as_service_error() {
                        Some(DeleteItemError::ConditionalCheckFailedException(refused)) => {
                            Ok(Sent::Refused(refused.item.clone().unwrap_or_default()))
                        }
                        _ => Err(Error::from_aws(error)),
                    },
                }
            }
            Action::Check(_) => Err(Error::internal("a check belongs in a transaction")),
        }
    }

    /// As a part of a transaction.
    fn item(self) -> Result<TransactWriteItem, BuildError> {
        let Parts { table, action, condition, update, names, values } = self.parts();
        let item = TransactWriteItem::builder();
        Ok(match action {
            Action::Put(record) => {
                let put = Put::builder().table_name(table).set_item(Some(record));
                let put = put.set_condition_expression(condition).set_expression_attribute_names(names);
                item.put(put.set_expression_attribute_values(values).build()?)
            }
            Action::Update(key) => {
                let change = Update::builder().table_name(table).set_key(Some(key)).update_expression(update);
                let change = change.set_condition_expression(condition).set_expression_attribute_names(names);
                item.update(change.set_expression_attribute_values(values).build()?)
            }
            Action::Delete(key) => {
                let delete = Delete::builder().table_name(table).set_key(Some(key));
                let delete = delete.set_condition_expression(condition).set_expression_attribute_names(names);
                item.delete(delete.set_expression_attribute_values(values).build()?)
            }
            Action::Check(key) => {
                let check = ConditionCheck::builder().table_name(table).set_key(Some(key));
                let check = check.set_condition_expression(condition).set_expression_attribute_names(names);
                item.condition_check(check.set_expression_attribute_values(values).build()?)
            }
        }
        .build())
    }

    fn parts(self) -> Parts {
        let clause = |verb: &str, parts: &[String]| {
            (!parts.is_empty()).then(|| format!("{verb} {}", parts.join(", ")))
        };
        let clauses = [clause("SET", &self.set), clause("REMOVE", &self.remove), clause("ADD", &self.add)];
        Parts {
            table: self.table,
            action: self.action,
            condition: condition(&self.conditions),
            update: clauses.into_iter().flatten().collect::<Vec<_>>().join(" "),
            names: Some(self.names).filter(|names| !names.is_empty()),
            values: Some(self.values).filter(|values| !values.is_empty()),
        }
    }
}

/// All of these, each in parentheses if there are several: DynamoDB refuses parentheses that change nothing.
fn condition(conditions: &[String]) -> Option<String> {
    match conditions {
        [] => None,
        [condition] => Some(condition.clone()),
        all => Some(format!("({})", all.join(") AND ("))),
    }
}

/// A write as the SDK takes it, as far as there is any of it: DynamoDB refuses what is empty.
struct Parts {
    table: String,
    action: Action,
    condition: Option<String>,
    update: String,
    names: Option<HashMap<String, String>>,
    values: Option<HashMap<String, AttributeValue>>,
}

impl Db {
    /// Makes all of these writes, or none of them: `false` when a condition failed.
    ///
    /// One client request token makes a repeated call recognise its own first success (DynamoDB keeps it for ten minutes).
    /// A transaction that collides with another is tried again: the SDK does not.
    pub(crate) async fn transact(&self, writes: Vec<Write>) -> Result<bool, Error> {
        let items: Result<Vec<_>, _> = writes.into_iter().map(Write::item).collect();
        let items = items.map_err(|error| Error::internal(error.to_string()))?;
        let token = Uuid::new_v4().to_string();
        let mut retry = Retry::of("a transaction");
        loop {
            let transaction = self.client.transact_write_items().set_transact_items(Some(items.clone()));
            let Err(error) = transaction.client_request_token(&token).send().await else { return Ok(true) };
            let reasons = error.as_service_error().map_or(&[][..], cancellation_reasons);
            let codes: Vec<_> = reasons.iter().filter_map(CancellationReason::code).collect();
            if codes.contains(&"ConditionalCheckFailed") {
                return Ok(false);
            }
            let is_in_progress = error.code() == Some("TransactionInProgressException");
            if !is_in_progress && !codes.iter().any(|code| CONTENDED.contains(code)) {
                return Err(Error::from_aws(error));
            }
            if retry.again().await.is_err() {
                // The log then says whether other transactions were in the way or DynamoDB throttled.
                return Err(Error::from_aws(error).into_unavailable());
            }
        }
    }
}

/// Why a transaction was cancelled that can succeed when it is sent again.
const CONTENDED: [&str; 3] = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];

fn cancellation_reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    match error {
        TransactionCanceledException(canceled) => canceled.cancellation_reasons(),
        _ => &[],
    }
}
