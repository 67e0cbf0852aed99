//! Who may see an employee.

use super::{
    names::{Holders, Name},
    record::{Id, Record, record_key},
};
use crate::{App, Bearer, Caller, Error, dynamo::BatchGet};

/// The caller and, in the same read, who has these names.
pub async fn names_for(app: &App, bearer: &Bearer, names: &[Name]) -> Result<(Caller, Holders), Error> {
    let mut batch = BatchGet::default();
    Holders::want(app, &mut batch, names);
    let (caller, mut found) = bearer.caller_beside(app, batch).await?;
    Ok((caller, Holders::take(app, &mut found, names)?))
}

/// The caller and, in the same read, who has these names and the employee, if there is one whom the caller may see: one of
/// their own or, for staff, any.
pub async fn find_for(
    app: &App,
    bearer: &Bearer,
    id: &str,
    names: &[Name],
) -> Result<(Caller, Option<Record>, Holders), Error> {
    // Nobody has the nil id.
    let key = record_key(Id::try_parse(id).unwrap_or_default());
    let mut batch = BatchGet::default();
    batch.want(&app.tables.employees, key.clone());
    Holders::want(app, &mut batch, names);
    let (caller, mut found) = bearer.caller_beside(app, batch).await?;
    let record = found.take(&app.tables.employees, &key).map(Record::read).transpose()?;
    let record = record.filter(|record| is_of(record, &caller));
    Ok((caller, record, Holders::take(app, &mut found, names)?))
}

fn is_of(record: &Record, caller: &Caller) -> bool {
    record.employee.owner == caller.id() || caller.account.user.is_staff
}
