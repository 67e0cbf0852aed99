//! The end of an employee's record.

use super::record::{Record, find};
use crate::{
    Error,
    dynamo::{Db, Retry, Write},
    precondition::Precondition,
};

/// Deletes an employee and frees their names, all at once.
pub async fn delete(db: &Db, mut record: Record, precondition: &Precondition) -> Result<(), Error> {
    let id = record.employee.id;
    let mut retry = Retry::of("a deletion of an employee");
    loop {
        precondition.check(record.version)?;
        if db.transact(writes(db, &record)).await? {
            return Ok(());
        }
        retry.again().await?;
        record = find(db, id).await?.ok_or(Error::NotFound("Employee"))?;
    }
}

/// The writes that delete an unchanged employee, count it no longer and free their names.
pub(super) fn writes(db: &Db, record: &Record) -> Vec<Write> {
    let names = record.employee.names();
    let names = names.iter().map(|name| name.free(db, record.employee.id));
    record.delete(db).into_iter().chain(names).collect()
}
