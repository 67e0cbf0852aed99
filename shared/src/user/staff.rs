//! Staff: there is always an active one, who can manage the rest.

use aws_sdk_dynamodb::types::TransactWriteItem;

use crate::{
    App, Error,
    dynamo::{Write, key, n, number},
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

/// Whether there is but one active staff user.
pub(super) async fn is_one(app: &App) -> Result<bool, Error> {
    let get = app.dynamodb.get_item().table_name(&app.tables.users).consistent_read(true);
    let found = get.set_key(Some(key(COUNT))).send().await.map_err(Error::from_aws)?;
    Ok(found.item.and_then(|count| number(&count, "active")).unwrap_or(0) <= 1)
}
