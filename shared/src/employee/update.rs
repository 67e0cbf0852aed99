//! Changes of an employee.

use super::{Changes, Holders, Record, record::find};
use crate::{
    Error,
    dynamo::{Db, Retry, Write},
    fields::changed,
    precondition::Precondition,
    time,
};

/// Changes an employee; gives the record as it then is, and the names of the fields that changed.
///
/// It is written in the version in which it was read, together with the names that move; when another request was faster, it
/// is read again and the same fields are changed in what it then is, so that both changes survive. A `precondition` is held
/// against every version that is read.
pub async fn update(
    db: &Db,
    mut record: Record,
    changes: &Changes,
    mut holders: Holders,
    precondition: &Precondition,
) -> Result<(Record, Vec<String>), Error> {
    let id = record.employee.id;
    let mut retry = Retry::of("a change of an employee");
    loop {
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
        let mut writes = Vec::from_iter(next.change(db)?);
        writes.extend(next.moves_from(db, &record));
        if db.transact(writes).await? {
            return Ok((next, fields));
        }
        retry.again().await?;
        let names = changes.names();
        let (read, names) = futures_util::join!(find(db, id), Holders::read(db, &names));
        (record, holders) = (read?.ok_or(Error::NotFound("Employee"))?, names?);
    }
}

impl Record {
    /// The writes of the names that this record has and an earlier one had not, or the other way round.
    pub(super) fn moves_from(&self, db: &Db, earlier: &Self) -> Vec<Write> {
        let (old, new) = (earlier.employee.names(), self.employee.names());
        let freed = old.iter().filter(|name| !new.contains(name)).map(|name| name.free(db, self.employee.id));
        let taken = new.iter().filter(|name| !old.contains(name)).map(|name| name.take(db, &self.employee));
        freed.chain(taken).collect()
    }
}
