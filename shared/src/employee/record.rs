//! An employee, as the API shows them and as they are stored.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::fields::FIELDS;
use crate::{
    Error,
    dynamo::{AttributeValue, Db, Item, Retry, Write, change, from_item, key, n, null, number, s, to_item},
    fields::Details,
    id::Id,
    page::{self, Counter, searchable},
    user,
};

/// The fields at which a search looks besides those of [`FIELDS`].
const SEARCHED: [&str; 2] = ["email", "phone_number"];

/// All the fields at which a search looks.
pub fn searched_fields() -> impl Iterator<Item = &'static str> {
    let details = FIELDS.iter().filter(|field| field.is_searched).map(|field| field.name);
    SEARCHED.into_iter().chain(details)
}

/// An employee, as the API shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Employee {
    /// Never changes.
    pub id: Id,
    /// The fields of [`FIELDS`].
    #[serde(flatten, deserialize_with = "details")]
    pub details: Details,
    /// In E.164 form; unique. Empty for none, which only an imported employee can have.
    pub phone_number: String,
    /// As it was typed; unique without regard to case.
    #[serde(default)]
    pub email: Option<String>,
    /// Whether a code has proven the phone number.
    #[serde(default)]
    pub is_phone_verified: bool,
    /// The user who made the record.
    pub owner: user::Id,
    /// When the record was made: the time in an id that is a UUID.
    pub created_at: Timestamp,
    /// When a field last changed.
    pub updated_at: Timestamp,
}

fn details<'de, D: Deserializer<'de>>(record: D) -> Result<Details, D::Error> {
    Details::stored(FIELDS, record)
}

/// An employee in a version.
#[derive(Debug, Clone)]
pub struct Record {
    /// What the API shows.
    pub employee: Employee,
    /// Counts the changes: the entity tag.
    pub version: u64,
    /// The record as it was read; empty for a new employee. What a change writes is the difference to it.
    pub(super) stored: Item,
}

impl Record {
    pub(crate) fn read(item: Item) -> Result<Self, Error> {
        Ok(Self {
            version: number(&item, "version").unwrap_or(0),
            employee: from_item(item.clone())?,
            stored: item,
        })
    }

    /// Every attribute that this release writes but the key, NULL for one that is absent.
    fn attributes(&self) -> Result<Item, Error> {
        let employee = &self.employee;
        let mut item = to_item(employee)?;
        item.insert("id".into(), s(employee.id.stored()));
        item.insert("owner".into(), s(employee.owner.stored()));
        item.insert("version".into(), n(self.version));
        item.insert("search".into(), AttributeValue::M(searchable(employee.searched())));
        item.extend(keys(employee));
        Ok(item)
    }

    /// The write of a new employee alone, as one that is counted.
    pub(super) fn put(&self, db: &Db, beside: Item) -> Result<Write, Error> {
        let mut item = page::counted(self.attributes()?);
        item.extend(beside);
        item.retain(|_, value| !value.is_null());
        item.extend(record_key(self.employee.id));
        Ok(Write::put(&db.tables.employees, item).if_new())
    }

    /// The writes that delete this record as it was loaded, and count it no longer.
    pub(super) fn delete(&self, db: &Db) -> Vec<Write> {
        let employee = &self.employee;
        let record = Write::delete(&db.tables.employees, record_key(employee.id));
        let record = record.if_as_loaded("version", &self.stored);
        let mut writes = vec![page::if_counted_as_loaded(record, &self.stored)];
        if page::is_counted(&self.stored) {
            writes.extend(counters(db, employee.owner).iter().map(|counter| counter.subtract(employee.id)));
        }
        writes
    }

    /// The write that makes this record of what is stored, unless that has changed since it was read. It brings the record
    /// into the shape in which this release writes it, too. `None` when there is nothing to write.
    pub(super) fn change(&self, db: &Db) -> Result<Option<Write>, Error> {
        Ok(change(&db.tables.employees, record_key(self.employee.id), &self.stored, &self.attributes()?))
    }
}

impl Employee {
    /// What a search looks at.
    fn searched(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let email = self.email.as_deref().unwrap_or_default();
        SEARCHED.into_iter().zip([email, &self.phone_number]).chain(self.details.searched())
    }
}

/// The list of all employees lies in so many partitions, each of which takes a thousand writes a second. An employee is two
/// or three records in the table itself, at two units each: two shards carry more than a table's first 4,000 units a second.
pub(super) const SHARDS: u8 = 2;

fn shard(id: Id) -> u8 {
    id.last_byte() % SHARDS
}

/// The number of a shard or the id of an owner, and whether the phone number is proven: a filter is a partition.
pub(super) fn by_phone(scope: &str, verified: bool) -> String {
    format!("{scope}#{}", if verified { "verified" } else { "unverified" })
}

pub(super) fn by_department(scope: &str, department: &str) -> String {
    format!("{scope}#{department}")
}

/// Where an employee is listed: the keys of the four indexes, NULL for one in which they are not.
fn keys(employee: &Employee) -> Vec<(String, AttributeValue)> {
    let (shard, owner) = (shard(employee.id).to_string(), employee.owner.stored());
    let department = Some(employee.details.text("department")).filter(|department| !department.is_empty());
    let of_department =
        |scope: &str| department.map_or_else(null, |department| s(by_department(scope, department)));
    let by_department =
        [("by_shard_department", of_department(&shard)), ("by_owner_department", of_department(&owner))];
    let by_phone = phone_keys(employee.id, employee.owner, employee.is_phone_verified);
    let by_phone = by_phone.map(|(name, value)| (name, s(value)));
    by_phone.into_iter().chain(by_department).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The keys that say whether the phone number is proven; they need nothing of the record that can change.
pub(super) fn phone_keys(id: Id, owner: user::Id, verified: bool) -> [(&'static str, String); 2] {
    [
        ("by_shard", by_phone(&shard(id).to_string(), verified)),
        ("by_owner", by_phone(&owner.stored(), verified)),
    ]
}

/// Counts all employees.
pub(super) fn counter(db: &Db) -> Counter<'_> {
    Counter { table: &db.tables.employees, list: "employees".to_owned() }
}

/// Counts the employees of an owner.
pub(super) fn counter_of(db: &Db, owner: user::Id) -> Counter<'_> {
    Counter { table: &db.tables.employees, list: owner.stored() }
}

pub(super) fn counters(db: &Db, owner: user::Id) -> [Counter<'_>; 2] {
    [counter(db), counter_of(db, owner)]
}

/// The key under which an employee is stored.
pub(crate) fn record_key(id: Id) -> Item {
    key(format!("employee#{}", id.stored()))
}

/// Brings a stored record into the shape in which this release writes it, and counts it if it was not counted; false when there is
/// nothing to write. What the API shows stays as it is, and so does the version.
///
/// Another request may change the record at the same time: then it is loaded again.
pub(crate) async fn rewrite(db: &Db, mut record: Record) -> Result<bool, Error> {
    let mut retry = Retry::of("the rewriting of an employee");
    loop {
        let (id, owner) = (record.employee.id, record.employee.owner);
        let change = record.change(db)?;
        let is_written = if page::is_counted(&record.stored) {
            let Some(change) = change else { return Ok(false) };
            change.send(db).await?.is_written()
        } else {
            let change = change.unwrap_or_else(|| Write::update(&db.tables.employees, record_key(id)));
            db.transact(page::count(change, &record.stored, id, &counters(db, owner))).await?
        };
        if is_written {
            return Ok(true);
        }
        retry.again().await?;
        let Some(read) = find(db, id).await? else { return Ok(false) };
        record = read;
    }
}

/// An employee by id.
pub(super) async fn find(db: &Db, id: Id) -> Result<Option<Record>, Error> {
    db.get(&db.tables.employees, record_key(id)).await?.map(Record::read).transpose()
}
