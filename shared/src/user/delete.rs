//! The end of an account.

use super::{Account, claim, find, staff};
use crate::{
    Error,
    dynamo::{Db, Retry, Write},
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
        let mut writes = writes(db, &account);
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

/// The writes that delete an unchanged user and free their names.
pub(super) fn writes(db: &Db, account: &Account) -> Vec<Write> {
    let id = account.user.id;
    let record = Write::delete(&db.tables.users, record_key(id)).if_as_loaded("version", &account.stored);
    let names = claim::names_of(&account.user);
    [record].into_iter().chain(names.iter().map(|name| claim::free(db, name, id))).collect()
}
