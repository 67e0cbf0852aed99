//! New employees.

use super::{Changes, Employee, FIELDS, Holders, Record, record::counters};
use crate::{
    Error,
    dynamo::{Db, Item, Retry, Write},
    fields::Details,
    ids::NewId,
    user,
};

/// Makes an employee of `owner`, together with their unique names, and counts them: everything is written or nothing is. `changes` are
/// complete, as [`Changes::read`] has checked.
pub async fn create(
    db: &Db,
    id: NewId,
    owner: user::Id,
    changes: &Changes,
    mut holders: Holders,
) -> Result<Record, Error> {
    let record = Record::new(id, owner, changes);
    let names = record.employee.names();
    let mut retry = Retry::of("a new employee");
    loop {
        holders.check(id.id)?;
        if db.transact(record.inserts(db)?).await? {
            return Ok(record);
        }
        retry.again().await?;
        holders = Holders::read(db, &names).await?;
    }
}

impl Record {
    /// A new employee.
    pub(super) fn new(NewId { id, at: created_at }: NewId, owner: user::Id, changes: &Changes) -> Self {
        let mut employee = Employee {
            id,
            details: Details::empty(FIELDS),
            phone_number: String::new(),
            email: None,
            is_phone_verified: false,
            owner,
            created_at,
            updated_at: created_at,
        };
        changes.apply(&mut employee);
        Self { employee, version: 1, stored: Item::new() }
    }

    /// The writes of a new employee, of how many there are and of their unique names, on condition that none of them is there.
    pub(super) fn inserts(&self, db: &Db) -> Result<Vec<Write>, Error> {
        let mut writes = self.puts(db, Item::new())?;
        let Employee { id, owner, .. } = self.employee;
        writes.extend(counters(db, owner).iter().map(|counter| counter.add(id)));
        Ok(writes)
    }

    /// The same without those that count, and with other attributes besides those of an employee.
    pub(super) fn puts(&self, db: &Db, beside: Item) -> Result<Vec<Write>, Error> {
        let names = self.employee.names();
        let names = names.iter().map(|name| name.take(db, &self.employee));
        Ok(std::iter::once(self.put(db, beside)?).chain(names).collect())
    }
}
