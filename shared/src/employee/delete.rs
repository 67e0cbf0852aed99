//! The end of an employee's record.

use super::record::{Record, find, record_key};
use crate::{
    App, Error,
    dynamo::{ATTEMPTS, Refused, Write, pause_before, transact},
    http::Precondition,
};

/// Deletes an employee and frees their names, all at once.
pub async fn delete(app: &App, mut record: Record, precondition: &Precondition) -> Result<(), Error> {
    let id = record.employee.id;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            record = find(app, id).await?.ok_or(Error::NotFound("Employee"))?;
        }
        precondition.check(record.version)?;
        let mut writes = vec![
            Write::delete(&app.tables.employees, record_key(id)).if_as_loaded("version", &record.stored),
        ];
        for name in record.employee.names() {
            writes.push(name.free(app, id)?);
        }
        match transact(app, writes).await {
            Ok(()) => return Ok(()),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a deletion found no quiet moment".into()))
}
