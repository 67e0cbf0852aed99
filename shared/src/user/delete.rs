//! The end of an account.

use super::{
    Account,
    claim::{self, Name},
    find, staff, username_key,
};
use crate::{
    App, Caller, Error,
    dynamo::{ATTEMPTS, Refused, Write, pause_before, transact},
    email,
    http::Precondition,
    id::record_key,
};

/// Deletes a user and frees their names, all at once; their sessions are dead with them. What they own stays.
pub async fn delete(
    app: &App,
    caller: &Caller,
    mut account: Account,
    precondition: &Precondition,
) -> Result<(), Error> {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            let read = find(app, account.user.id).await?.ok_or(Error::NotFound("User"))?;
            let is_unchanged = read.version == account.version;
            account = read;
            staff::check(app, caller, &account).await?;
            if is_unchanged && account.user.is_active_staff() && staff::is_one(app).await? {
                return Err(Error::LastStaffUser);
            }
        }
        precondition.check(account.version)?;
        let user = &account.user;
        let mut writes = vec![
            Write::delete(&app.tables.users, record_key(user.id)).if_as_loaded("version", &account.stored),
        ];
        let username = Some(Name::Username(username_key(&user.username)));
        let emails = [Some(&user.email), user.pending_email.as_ref()].into_iter().flatten();
        let emails = emails.filter(|email| !email.is_empty()).map(|address| Name::Email(email::key(address)));
        let phone = user.phone_number.clone().map(Name::Phone);
        for name in username.into_iter().chain(emails).chain(phone) {
            writes.push(claim::free(app, &name, user.id));
        }
        writes.extend(staff::still(app, caller, user.id)?);
        writes.extend(staff::count(app, user.is_active_staff(), false)?);
        match transact(app, writes).await {
            Ok(()) => return Ok(()),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a deletion found no quiet moment".into()))
}
