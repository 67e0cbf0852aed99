//! Changes of an employee.

use super::{Changes, Holders, Record, record::find};
use crate::{
    App, Error,
    dynamo::{ATTEMPTS, Refused, pause_before, transact},
    fields::changed,
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
    changes: &Changes,
    mut holders: Holders,
    precondition: &Precondition,
) -> Result<(Record, Vec<String>), Error> {
    let id = record.employee.id;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            let names = changes.names();
            let (read, names) = futures_util::join!(find(app, id), Holders::read(app, &names));
            (record, holders) = (read?.ok_or(Error::NotFound("Employee"))?, names?);
        }
        precondition.check(record.version)?;
        holders.check(id)?;
        let mut next = record.clone();
        changes.apply(&mut next.employee);
        let fields = changed(&record.employee, &next.employee)?;
        if fields.is_empty() {
            return Ok((record, fields));
        }
        next.version += 1;
        next.employee.updated_at = time::now();
        let mut writes = Vec::from_iter(next.change(app)?);
        let (old, new) = (record.employee.names(), next.employee.names());
        for name in old.iter().filter(|name| !new.contains(name)) {
            writes.push(name.free(app, id)?);
        }
        for name in new.iter().filter(|name| !old.contains(name)) {
            writes.push(name.take(app, &next.employee)?);
        }
        match transact(app, writes).await {
            Ok(()) => return Ok((next, fields)),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a change found no quiet moment".into()))
}
