//! The end of an account.

use super::{
    Account,
    claim::{self, Name},
    find, staff, username_key,
};
use crate::{
    Error,
    dynamo::{Db, Retry, Write},
    email,
    id::record_key,
    precondition::Precondition,
};

/// Deletes a user and frees their names, all at once; their sessions are dead with them. What they own stays.
pub async fn delete(
    db: &Db,
    caller: &Account,
    mut account: Account,
    precondition: &Precondition,
) -> Result<(), Error> {
    let mut retry = Retry::of("a deletion of a user");
    loop {
        precondition.check(account.version)?;
        let user = &account.user;
        let mut writes = vec![
            Write::delete(&db.tables.users, record_key(user.id)).if_as_loaded("version", &account.stored),
        ];
        let username = Some(Name::Username(username_key(&user.username)));
        let emails = [Some(&user.email), user.pending_email.as_ref()].into_iter().flatten();
        let emails = emails.filter(|email| !email.is_empty()).map(|address| Name::Email(email::key(address)));
        let phone = user.phone_number.clone().map(Name::Phone);
        for name in username.into_iter().chain(emails).chain(phone) {
            writes.push(claim::free(db, &name, user.id));
        }
        writes.extend(staff::still(db, caller.user.id, user.id));
        writes.extend(staff::count(db, user.is_active_staff(), false));
        if db.transact(writes).await? {
            return Ok(());
        }
        retry.again().await?;
        let read = find(db, account.user.id).await?.ok_or(Error::NotFound("User"))?;
        let is_unchanged = read.version == account.version;
        account = read;
        staff::check(db, caller, &account).await?;
        if is_unchanged && account.user.is_active_staff() && staff::is_one(db).await? {
            return Err(Error::LastStaffUser);
        }
    }
}
