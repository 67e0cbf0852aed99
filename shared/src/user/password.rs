//! New passwords.

use aws_sdk_dynamodb::types::TransactWriteItem;

use super::{Account, record_key};
use crate::{
    App, Error,
    claim::{self, Name},
    dynamo::{Refused, Write, n, s, transact, yes},
    otp::Redeemed,
    password::Hash,
    session,
};

/// Changes a password, ends every session, and begins `session`, all at once. False when the password was changed by
/// another request since `account` was read.
pub async fn change_password(
    app: &App,
    account: &Account,
    hash: &Hash,
    session: &session::New,
) -> Result<bool, Error> {
    let change = set_password(app, account, hash)?;
    match transact(app, vec![change, session.write(app)?]).await {
        Ok(()) => Ok(true),
        Err(Refused::Conditions) => Ok(false),
        Err(Refused::Error(error)) => Err(error),
    }
}

/// Sets a new password with a code that was guessed right, and ends every session. The code came to the e-mail address, so
/// that is proven too. [`Error::OtpInvalid`] when the code was used meanwhile, or the address is no longer theirs.
pub async fn recover_password(
    app: &App,
    account: &Account,
    address: &str,
    code: &Redeemed,
    hash: &Hash,
) -> Result<(), Error> {
    let name = Name::Email(address.to_owned());
    let writes = vec![
        code.spend(app)?,
        claim::prove(app, &name, code.user_id, false)?,
        set_password_and_prove(app, account, hash)?,
    ];
    match transact(app, writes).await {
        Ok(()) => Ok(()),
        Err(Refused::Conditions) => Err(Error::OtpInvalid),
        Err(Refused::Error(error)) => Err(error),
    }
}

fn new_password(app: &App, account: &Account, hash: &Hash) -> Write {
    Write::to(&app.tables.users)
        .when("password = :old AND epoch = :epoch")
        .value("old", s(account.password.phc()))
        .value("epoch", n(account.epoch))
        .value("new", s(hash.phc()))
        .value("next", n(account.epoch + 1))
}

fn set_password(app: &App, account: &Account, hash: &Hash) -> Result<TransactWriteItem, Error> {
    new_password(app, account, hash).update(record_key(account.user.id), "SET password = :new, epoch = :next")
}

fn set_password_and_prove(app: &App, account: &Account, hash: &Hash) -> Result<TransactWriteItem, Error> {
    new_password(app, account, hash)
        .value("yes", yes())
        .update(record_key(account.user.id), "SET password = :new, epoch = :next, is_email_verified = :yes")
}
