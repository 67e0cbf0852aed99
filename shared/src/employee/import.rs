//! Employees who come from another system.

use super::{Changes, Holders, Id, Record, record::find};
use crate::{
    Error,
    dynamo::{Db, Retry, Write},
    id,
    ids::NewId,
    user,
};

/// Imports an employee of a user who is there, as [`super::create`] makes one, with an id that whoever imports has chosen: a
/// `UUIDv7` of the time at which the record was made. False, and nothing is changed, when the id is there already.
pub async fn import(
    db: &Db,
    id: Id,
    owner: user::Id,
    changes: &Changes,
    is_phone_verified: bool,
) -> Result<bool, Error> {
    let at = id.time().ok_or_else(|| Error::internal("an id without a time"))?;
    let mut record = Record::new(NewId { id, at }, owner, changes);
    record.employee.is_phone_verified = is_phone_verified;
    let mut retry = Retry::of("an import of an employee");
    loop {
        let mut writes = record.inserts(db)?;
        writes.push(Write::check(&db.tables.users, id::record_key(owner)).if_exists());
        if db.transact(writes).await? {
            return Ok(true);
        }
        // Most are new and need no reading. Of the others, the first refusal is no conflict.
        if find(db, id).await?.is_some() {
            return Ok(false);
        }
        Holders::read(db, &record.employee.names()).await?.check(id)?;
        if user::find(db, owner).await?.is_none() {
            return Err(Error::field("owner", "There is no such user."));
        }
        retry.again().await?;
    }
}
