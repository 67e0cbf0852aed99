//! Employees who come from another system.

use super::{Changes, Holders, Id, Record, record::find};
use crate::{
    App, Error,
    dynamo::{ATTEMPTS, Refused, Write, pause_before, transact},
    id, time, user,
};

/// Imports an employee of a user who is there, as [`super::create`] makes one, with an id that whoever imports has chosen: a
/// `UUIDv7` of the time at which the record was made. False, and nothing is changed, when the id is there already.
pub async fn import(
    app: &App,
    id: Id,
    owner: user::Id,
    changes: &Changes,
    is_phone_verified: bool,
) -> Result<bool, Error> {
    let created_at = time::of_id(id).ok_or_else(|| Error::internal("an id without a time"))?;
    let mut record = Record::new(id, created_at, owner, changes);
    record.employee.is_phone_verified = is_phone_verified;
    for attempt in 0..ATTEMPTS {
        // Most are new and need no reading. Of the others, the first refusal is no contention.
        if attempt > 0 {
            pause_before(attempt - 1).await;
            if find(app, id).await?.is_some() {
                return Ok(false);
            }
            Holders::read(app, &record.employee.names()).await?.check(id)?;
            if user::find(app, owner).await?.is_none() {
                return Err(Error::field("owner", "There is no such user."));
            }
        }
        let mut writes = record.inserts(app)?;
        let owner = id::record_key(owner);
        writes.push(Write::to(&app.tables.users).when("attribute_exists(pk)").check(owner)?);
        match transact(app, writes).await {
            Ok(()) => return Ok(true),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("an import found no quiet moment".into()))
}
