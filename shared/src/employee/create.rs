//! New employees.

use super::{Employee, Fields, Holders, Record};
use crate::{
    App, Error,
    dynamo::{ATTEMPTS, Refused, Write, pause_before, transact},
    time, user,
};

/// Makes an employee of `owner`, together with their unique names: everything is written or nothing is. `fields` are
/// complete, as [`Fields::read`] has checked.
pub async fn create(
    app: &App,
    owner: user::Id,
    fields: &Fields,
    mut holders: Holders,
) -> Result<Record, Error> {
    let (id, now) = time::new_id();
    let mut employee = Employee {
        id,
        first_name: String::new(),
        last_name: String::new(),
        phone_number: String::new(),
        email: None,
        date_of_birth: None,
        department: String::new(),
        job_title: String::new(),
        hire_date: None,
        address: String::new(),
        is_phone_verified: false,
        owner,
        created_at: now,
        updated_at: now,
    };
    fields.apply(&mut employee);
    let record = Record { employee, version: 1 };
    let names = record.employee.names();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            holders = Holders::read(app, &names).await?;
        }
        holders.check(id)?;
        let mut writes =
            vec![Write::to(&app.tables.employees).when("attribute_not_exists(pk)").put(record.item()?)?];
        for name in &names {
            writes.push(name.take(app, &record.employee)?);
        }
        match transact(app, writes).await {
            Ok(()) => return Ok(record),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a new employee found no quiet moment".into()))
}
