//! Staff: there is always an active one, who can manage the rest.

use super::{Account, Id, find};
use crate::{
    Error,
    dynamo::{Db, Write, key, n, number, yes},
    error::TokenFault,
    id::record_key,
    imported::Tally,
};

/// The record that counts the active staff users.
const COUNT: &str = "staff";

/// The write that counts a user in or out of the active staff; it fails for the last one.
pub(super) fn count(db: &Db, was: bool, is: bool) -> Option<Write> {
    let count = Write::update(&db.tables.users, key(COUNT));
    match (was, is) {
        (false, true) => Some(count.add("active", 1)),
        (true, false) => Some(count.when("#active > :one").value("one", n(1)).add("active", -1)),
        _ => None,
    }
}

/// What counts new active staff users who are imported together.
pub(super) fn tally(db: &Db) -> Tally {
    Tally { table: db.tables.users.clone(), key: COUNT.to_owned(), parts: None, attribute: "active" }
}

/// A write of a user's record, if they are active staff.
pub(super) fn if_staff(write: Write) -> Write {
    write.if_equals("is_staff", yes()).if_equals("is_active", yes())
}

/// Whether there is but one active staff user.
pub(super) async fn is_one(db: &Db) -> Result<bool, Error> {
    let count = db.get(&db.tables.users, key(COUNT)).await?;
    Ok(count.and_then(|count| number(&count, "active")).unwrap_or(0) <= 1)
}

/// The write that holds a change of `user` to the caller's being staff still: somebody who is demoted at this moment changes
/// nobody any more. What they change of themselves is held to the version of their record.
pub(super) fn still(db: &Db, caller: Id, user: Id) -> Option<Write> {
    (caller != user).then(|| if_staff(Write::check(&db.tables.users, record_key(caller))))
}

/// 401 or 403 when the caller can no longer do to a user, who is now as `account` says, what they could when they asked: to
/// others as active staff, to themselves in a session that nothing has ended.
pub(super) async fn check(db: &Db, caller: &Account, account: &Account) -> Result<(), Error> {
    if caller.user.id == account.user.id {
        return match (account.user.is_active, account.epoch == caller.epoch) {
            (false, _) => Err(Error::UserInactive),
            (true, false) => Err(Error::BearerNotValid(TokenFault::Blacklisted)),
            (true, true) => Ok(()),
        };
    }
    let present = find(db, caller.user.id).await?.ok_or(Error::UserNotFound)?.user;
    match (present.is_active, present.is_staff) {
        (false, _) => Err(Error::UserInactive),
        (true, false) => Err(Error::Forbidden),
        (true, true) => Ok(()),
    }
}
