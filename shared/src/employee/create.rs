//! New employees.

use crate::dynamo::Write as TransactWriteItem;
use jiff::Timestamp;

use super::{Changes, Employee, FIELDS, Holders, Id, Record};
use crate::{
    App, Error,
    dynamo::{ATTEMPTS, Item, Refused, pause_before, transact},
    fields::Details,
    time, user,
};

/// Makes an employee of `owner`, together with their unique names: everything is written or nothing is. `changes` are
/// complete, as [`Changes::read`] has checked.
pub async fn create(
    app: &App,
    owner: user::Id,
    changes: &Changes,
    mut holders: Holders,
) -> Result<Record, Error> {
    let (id, now) = time::new_id();
    let record = Record::new(id, now, owner, changes);
    let names = record.employee.names();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            holders = Holders::read(app, &names).await?;
        }
        holders.check(id)?;
        match transact(app, record.inserts(app)?).await {
            Ok(()) => return Ok(record),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a new employee found no quiet moment".into()))
}

impl Record {
    /// A new employee.
    pub(super) fn new(id: Id, created_at: Timestamp, owner: user::Id, changes: &Changes) -> Self {
        let mut employee = Employee {
            id,
            details: Details::empty(FIELDS),
            phone_number: String::new(),
            email: None,
            is_phone_verified: false,
            owner,
            created_at,
            updated_at: created_at,
        };
        changes.apply(&mut employee);
        Self { employee, version: 1, stored: Item::new() }
    }

    /// The writes of a new employee and of their unique names, on condition that none of them is there.
    pub(super) fn inserts(&self, app: &App) -> Result<Vec<TransactWriteItem>, Error> {
        let names = self.employee.names();
        [self.insert(app)]
            .into_iter()
            .chain(names.iter().map(|name| name.take(app, &self.employee)))
            .collect()
    }
}
