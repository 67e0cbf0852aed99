//! Who may see a user.

use super::record::Account;
use crate::{
    App, Bearer, Caller, Error,
    dynamo::BatchGet,
    id::{Id, record_key},
};

/// The caller and, in the same read, the user whom they ask for, if they may see them: themselves or, for staff, anybody.
pub async fn find_for(app: &App, bearer: &Bearer, id: &str) -> Result<(Caller, Option<Account>), Error> {
    // Nobody has the nil id.
    let id = Id::try_parse(id).unwrap_or_default();
    let mut batch = BatchGet::default();
    batch.want(&app.tables.users, record_key(id));
    let (caller, mut found) = bearer.caller_beside(app, batch).await?;
    let account = if id == caller.id() {
        Some(caller.account.clone())
    } else {
        let item = found.take(&app.tables.users, &record_key(id)).filter(|_| caller.account.user.is_staff);
        item.map(Account::read).transpose()?
    };
    Ok((caller, account))
}
