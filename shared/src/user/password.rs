//! New passwords.

use futures_util::join;

use super::{
    Account,
    claim::{self, Name},
    find,
    pending::activated,
};
use crate::{
    Error, audit,
    client::Client,
    dynamo::{Db, Retry, Write, n, s, string_list, yes},
    email,
    error::TokenFault,
    id::record_key,
    otp::{self, Redeemed},
    password::Hash,
    session,
};

/// Changes a password, ends every session, and begins `session`, all at once. Gives the names of the fields that changed.
pub async fn change_password(
    db: &Db,
    mut account: Account,
    hash: &Hash,
    session: &session::New,
) -> Result<Vec<&'static str>, Error> {
    let (id, epoch) = (account.user.id, account.epoch);
    let mut retry = Retry::of("a change of a password");
    loop {
        // The password was changed, or the sessions ended, by another request: this one's session is dead.
        if account.epoch != epoch {
            return Err(Error::BearerNotValid(TokenFault::Blacklisted));
        }
        let mut writes = replace(db, &account, hash, None);
        writes.push(session.write(db)?);
        // Anyone who has a code for a new password could undo this one.
        if !account.user.email.is_empty() {
            writes.push(otp::withdraw_reset(db, &account.user.email));
        }
        if db.transact(writes).await? {
            return Ok(replaced(&account, false));
        }
        retry.again().await?;
        account = find(db, id).await?.ok_or(Error::UserNotFound)?;
    }
}

/// Sets a new password with a code that was guessed right, and ends every session. The code came to the e-mail address, so
/// that is verified too, which makes a pending user active, and the network of the `client` counts as the user's. Gives the names of the fields that changed; [`Error::OtpInvalid`] when the code was used
/// meanwhile, or the address is no longer theirs.
pub async fn recover_password(
    db: &Db,
    client: &Client,
    mut account: Account,
    address: &str,
    code: &Redeemed,
    hash: &Hash,
) -> Result<Vec<&'static str>, Error> {
    let (id, name) = (account.user.id, Name::Email(address.to_owned()));
    let mut retry = Retry::of("a change of a password");
    loop {
        let mut writes = replace(db, &account, hash, Some(client));
        writes.extend([code.spend(db), claim::prove(db, &name, id, false)]);
        if db.transact(writes).await? {
            return Ok(replaced(&account, true));
        }
        retry.again().await?;
        let (is_unspent, read) = join!(code.is_unspent(db), find(db, id));
        if !is_unspent? {
            return Err(Error::OtpInvalid);
        }
        account = read?.ok_or(Error::OtpInvalid)?;
        // The address is no longer theirs.
        if email::key(&account.user.email) != address {
            return Err(Error::OtpInvalid);
        }
    }
}

/// The fields that a new password changes.
fn replaced(account: &Account, proves_email: bool) -> Vec<&'static str> {
    let user = &account.user;
    audit::changed([
        ("password", true),
        ("pending_email", user.pending_email.is_some()),
        ("is_email_verified", proves_email && !user.is_email_verified),
        ("is_active", proves_email && account.is_pending),
    ])
}

/// The writes that replace a password and move the epoch on, on condition that the e-mail address is unchanged. A staged
/// address is given up: somebody who knew the old password may have staged it, and could take the account over with it later.
/// `recovered` is the request that has shown the code.
fn replace(db: &Db, account: &Account, hash: &Hash, recovered: Option<&Client>) -> Vec<Write> {
    let user = &account.user;
    let mut write = Write::update(&db.tables.users, record_key(user.id))
        .if_equals("password", s(account.password.text()))
        .if_as_loaded("epoch", &account.stored)
        .if_as_loaded("email", &account.stored)
        .if_as_loaded("pending_email", &account.stored)
        .set("password", s(hash.text()))
        .set("epoch", n(account.epoch + 1))
        .increment_version();
    if let Some(client) = recovered {
        write = activated(write, account)
            .set("is_email_verified", yes())
            .set("known_networks", string_list(&account.networks_after(&client.network())));
    }
    let Some(pending) = &user.pending_email else { return vec![write] };
    vec![write.remove("pending_email"), claim::free(db, &Name::Email(email::key(pending)), user.id)]
}
