//! New passwords.

use futures_util::join;

use super::{
    Account, User,
    claim::{self, Name},
    find, notices,
    pending::activated,
};
use crate::{
    Error, audit,
    client::Client,
    dynamo::{Db, Retry, Write, n, s, string_list, yes},
    email,
    error::TokenFault,
    id::record_key,
    otp::{self, Purpose, Redeemed},
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
        let mut writes = replace(db, &account, hash, None)?;
        writes.push(session.write(db)?);
        // Anyone who has a code for a new password could undo this one.
        writes.extend(otp::withdraw_resets(db, reset_addresses(&account.user)));
        if db.transact(writes).await? {
            return Ok(replaced(&account, false));
        }
        retry.again().await?;
        account = find(db, id).await?.ok_or(Error::UserNotFound)?;
    }
}

/// Where codes for a new password of a user go, each in its unique form: the e-mail address and the verified phone number.
pub(super) fn reset_addresses(user: &User) -> impl Iterator<Item = String> {
    let email = Some(email::key(&user.email)).filter(|email| !email.is_empty());
    let phone = user.phone_number.clone().filter(|_| user.is_phone_verified);
    email.into_iter().chain(phone)
}

/// Sets a new password with a code that was guessed right, and ends every session. A code that came to the e-mail address verifies
/// that, too, which makes a pending user active. The network of the `client` counts as the user's. Gives the names of the fields that
/// changed; [`Error::OtpInvalid`] when the code was used meanwhile, or the address or number that it came to is no longer theirs.
pub async fn recover_password(
    db: &Db,
    client: &Client,
    mut account: Account,
    name: &Name,
    code: &Redeemed,
    hash: &Hash,
) -> Result<Vec<&'static str>, Error> {
    let (id, by_email) = (account.user.id, matches!(name, Name::Email(_)));
    let mut retry = Retry::of("a change of a password");
    loop {
        let mut writes = replace(db, &account, hash, Some((client, by_email)))?;
        writes.extend([code.spend(db), claim::prove(db, name, id, false)]);
        // The code that went the other way dies, too.
        let others = reset_addresses(&account.user).filter(|address| *address != name.text());
        writes.extend(otp::withdraw_resets(db, others));
        if db.transact(writes).await? {
            return Ok(replaced(&account, by_email));
        }
        retry.again().await?;
        let (is_unspent, read) = join!(code.is_unspent(db), find(db, id));
        if !is_unspent? {
            return Err(Error::OtpInvalid);
        }
        account = read?.ok_or(Error::OtpInvalid)?;
        if !is_theirs(&account.user, name) {
            return Err(Error::OtpInvalid);
        }
    }
}

/// Whether a user has this address, or has verified this number.
fn is_theirs(user: &User, name: &Name) -> bool {
    match name {
        Name::Email(address) => email::key(&user.email) == *address,
        Name::Phone(number) => user.is_phone_verified && user.phone_number.as_ref() == Some(number),
        Name::Username(_) => false,
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

/// The writes that replace a password, tell the user and move the epoch on, on condition that the e-mail address is unchanged. A staged
/// address is given up: somebody who knew the old password may have staged it, and could take the account over with it later.
/// `recovered` is the client that has shown a code, and whether that went to the e-mail address.
fn replace(
    db: &Db,
    account: &Account,
    hash: &Hash,
    recovered: Option<(&Client, bool)>,
) -> Result<Vec<Write>, Error> {
    let user = &account.user;
    let mut write = Write::update(&db.tables.users, record_key(user.id))
        .if_equals("password", s(account.password.text()))
        .if_as_loaded("epoch", &account.stored)
        .if_as_loaded("email", &account.stored)
        .if_as_loaded("pending_email", &account.stored)
        .set("password", s(hash.text()))
        .set("epoch", n(account.epoch + 1))
        .increment_version();
    if let Some((client, by_email)) = recovered {
        write = write
            .if_as_loaded("phone_number", &account.stored)
            .if_as_loaded("is_phone_verified", &account.stored)
            .set("known_networks", string_list(&account.networks_after(&client.network())));
        if by_email {
            write = activated(write, account).set("is_email_verified", yes());
        }
    }
    let mut writes = Vec::from_iter(notices::tell(db, user, Purpose::NoticePasswordChanged)?);
    if let Some(pending) = &user.pending_email {
        write = write.remove("pending_email");
        writes.push(claim::free(db, &Name::Email(email::key(pending)), user.id));
    }
    writes.push(write);
    Ok(writes)
}
