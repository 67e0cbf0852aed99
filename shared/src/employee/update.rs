//! Changes of an employee.

use super::{Employee, Fields, Holders, Record, find, record_key};
use crate::{
    App, Error, audit,
    dynamo::{ATTEMPTS, Refused, change, pause_before, transact},
    http::Precondition,
    time,
};

/// Changes an employee; gives the record as it then is, and the names of the fields that changed.
///
/// It is written in the version in which it was read, together with the names that move; when another request was faster, it
/// is read again and the same fields are changed in what it then is, so that both changes survive. A `precondition` is held
/// against every version that is read.
pub async fn update(
    app: &App,
    mut record: Record,
    fields: &Fields,
    mut holders: Holders,
    precondition: &Precondition,
) -> Result<(Record, Vec<&'static str>), Error> {
    let id = record.employee.id;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            let names = fields.names();
            let (read, names) = futures_util::join!(find(app, id), Holders::read(app, &names));
            (record, holders) = (read?.ok_or(Error::NotFound("Employee"))?, names?);
        }
        precondition.check(record.version)?;
        holders.check(id)?;
        let mut next = record.clone();
        fields.apply(&mut next.employee);
        let changed = difference(&record.employee, &next.employee);
        if changed.is_empty() {
            return Ok((record, changed));
        }
        next.version += 1;
        next.employee.updated_at = time::now();
        let table = &app.tables.employees;
        let mut writes = vec![change(table, record_key(id), &record.item()?, &next.item()?)?];
        let (old, new) = (record.employee.names(), next.employee.names());
        for name in old.iter().filter(|name| !new.contains(name)) {
            writes.push(name.free(app, id)?);
        }
        for name in new.iter().filter(|name| !old.contains(name)) {
            writes.push(name.take(app, &next.employee)?);
        }
        match transact(app, writes).await {
            Ok(()) => return Ok((next, changed)),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a change found no quiet moment".into()))
}

/// The fields in which two states of an employee differ.
fn difference(old: &Employee, new: &Employee) -> Vec<&'static str> {
    audit::changed([
        ("first_name", old.first_name != new.first_name),
        ("last_name", old.last_name != new.last_name),
        ("phone_number", old.phone_number != new.phone_number),
        ("email", old.email != new.email),
        ("date_of_birth", old.date_of_birth != new.date_of_birth),
        ("department", old.department != new.department),
        ("job_title", old.job_title != new.job_title),
        ("hire_date", old.hire_date != new.hire_date),
        ("address", old.address != new.address),
        ("is_phone_verified", old.is_phone_verified != new.is_phone_verified),
    ])
}
