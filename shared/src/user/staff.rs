//! Staff: there is always an active one, who can manage the rest.

use crate::dynamo::Write as TransactWriteItem;

use super::{Account, Id, find};
use crate::{
    App, Caller, Error,
    dynamo::{Write, key, n, number, yes},
    http::TokenFault,
    id::record_key,
};

/// The record that counts the active staff users.
const COUNT: &str = "staff";

/// The write that counts a user in or out of the active staff; it fails for the last one.
pub(super) fn count(app: &App, was: bool, is: bool) -> Result<Option<TransactWriteItem>, Error> {
    let count = Write::to(&app.tables.users).name("active").value("one", n(1));
    match (was, is) {
        (false, true) => count.update(key(COUNT), "ADD #active :one").map(Some),
        (true, false) => {
            count.when("#active > :one").update(key(COUNT), "SET #active = #active - :one").map(Some)
        }
        _ => Ok(None),
    }
}

/// A write of a user's record, if they are active staff.
pub(super) fn if_staff(write: Write) -> Write {
    write.if_equals("is_staff", yes()).if_equals("is_active", yes())
}

/// Whether there is but one active staff user.
pub(super) async fn is_one(app: &App) -> Result<bool, Error> {
    let get = app.db.client.get_item().table_name(&app.tables.users).consistent_read(true);
    let found = get.set_key(Some(key(COUNT))).send().await.map_err(Error::from_aws)?;
    Ok(found.item.and_then(|count| number(&count, "active")).unwrap_or(0) <= 1)
}

/// The write that holds a change of `user` to the caller's being staff still: somebody who is demoted at this moment changes
/// nobody any more. What they change of themselves is held to the version of their record.
pub(super) fn still(app: &App, caller: &Caller, user: Id) -> Result<Option<TransactWriteItem>, Error> {
    if caller.id() == user {
        return Ok(None);
    }
    Ok(Some(if_staff(Write::check(&app.tables.users, record_key(caller.id())))))
}

/// 401 or 403 when the caller can no longer do to a user, who is now as `account` says, what they could when they asked: to
/// others as active staff, to themselves in a session that nothing has ended.
pub(super) async fn check(app: &App, caller: &Caller, account: &Account) -> Result<(), Error> {
    if caller.id() == account.user.id {
        return match (account.user.is_active, account.epoch == caller.account.epoch) {
            (false, _) => Err(Error::UserInactive),
            (true, false) => Err(Error::BearerNotValid(TokenFault::Blacklisted)),
            (true, true) => Ok(()),
        };
    }
    let present = find(app, caller.id()).await?.ok_or(Error::UserNotFound)?.user;
    match (present.is_active, present.is_staff) {
        (false, _) => Err(Error::UserInactive),
        (true, false) => Err(Error::Forbidden),
        (true, true) => Ok(()),
    }
}
