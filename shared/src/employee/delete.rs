//! The end of an employee's record.

use super::record::{Record, find, record_key};
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

/// The writes that delete an unchanged employee and free their names.
pub(super) fn writes(db: &Db, record: &Record) -> Vec<Write> {
    let id = record.employee.id;
    let delete = Write::delete(&db.tables.employees, record_key(id)).if_as_loaded("version", &record.stored);
    [delete].into_iter().chain(record.employee.names().iter().map(|name| name.free(db, id))).collect()
}
