//! The end of an account.

use super::{Account, claim, find, notices, staff};
use crate::{
    Error,
    dynamo::{Db, Retry, Write},
    otp::Purpose,
    precondition::Precondition,
};

/// Deletes a user, frees their names and tells them, all at once; their sessions are dead with them. What they own stays.
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
        let mut writes = writes(db, &account);
        writes.extend(staff::still(db, caller.user.id, user.id));
        writes.extend(staff::count(db, user.is_active_staff(), false));
        writes.extend(notices::tell(db, user, Purpose::NoticeUserDeleted)?);
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

/// The writes that delete an unchanged user, count them no longer and free their names.
pub(super) fn writes(db: &Db, account: &Account) -> Vec<Write> {
    let names = claim::names_of(&account.user);
    let names = names.iter().map(|name| claim::free(db, name, account.user.id));
    account.delete(db).into_iter().chain(names).collect()
}
