//! New passwords.

use crate::dynamo::Write as TransactWriteItem;
use futures_util::join;

use super::{
    Account,
    claim::{self, Name},
    find,
};
use crate::{
    App, Error, Request, audit,
    dynamo::{ATTEMPTS, Refused, Write, n, pause_before, s, string_list, transact, update_expression, yes},
    email,
    http::TokenFault,
    id::record_key,
    otp::{self, Redeemed},
    password::Hash,
    session,
};

/// Changes a password, ends every session, and begins `session`, all at once. Gives the names of the fields that changed.
pub async fn change_password(
    app: &App,
    mut account: Account,
    hash: &Hash,
    session: &session::New,
) -> Result<Vec<&'static str>, Error> {
    let (id, epoch) = (account.user.id, account.epoch);
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            account = find(app, id).await?.ok_or(Error::UserNotFound)?;
        }
        // The password was changed, or the sessions ended, by another request: this one's session is dead.
        if account.epoch != epoch {
            return Err(Error::BearerNotValid(TokenFault::Blacklisted));
        }
        let mut writes = replace(app, &account, hash, None)?;
        writes.push(session.write(app)?);
        // Anyone who has a code for a new password could undo this one.
        if !account.user.email.is_empty() {
            writes.push(otp::withdraw_reset(app, &account.user.email));
        }
        match transact(app, writes).await {
            Ok(()) => return Ok(replaced(&account, false)),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a password found no quiet moment".into()))
}

/// Sets a new password with a code that was guessed right, and ends every session. The code came to the e-mail address, so
/// that is verified too, and the network of the `request` counts as the user's. Gives the names of the fields that changed; [`Error::OtpInvalid`] when the code was used
/// meanwhile, or the address is no longer theirs.
pub async fn recover_password(
    app: &App,
    request: &Request,
    mut account: Account,
    address: &str,
    code: &Redeemed,
    hash: &Hash,
) -> Result<Vec<&'static str>, Error> {
    let (id, name) = (account.user.id, Name::Email(address.to_owned()));
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            let (is_unspent, read) = join!(code.is_unspent(app), find(app, id));
            if !is_unspent? {
                return Err(Error::OtpInvalid);
            }
            account = read?.ok_or(Error::OtpInvalid)?;
        }
        let mut writes = replace(app, &account, hash, Some(request))?;
        writes.extend([code.spend(app), claim::prove(app, &name, id, false)]);
        match transact(app, writes).await {
            Ok(()) => return Ok(replaced(&account, true)),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::OtpInvalid)
}

/// The fields that a new password changes.
fn replaced(account: &Account, proves_email: bool) -> Vec<&'static str> {
    let user = &account.user;
    audit::changed([
        ("password", true),
        ("pending_email", user.pending_email.is_some()),
        ("is_email_verified", proves_email && !user.is_email_verified),
    ])
}

/// The writes that replace a password and move the epoch on, on condition that the e-mail address is unchanged. A staged
/// address is given up: somebody who knew the old password may have staged it, and could take the account over with it later.
/// `recovered` is the request that has shown the code.
fn replace(
    app: &App,
    account: &Account,
    hash: &Hash,
    recovered: Option<&Request>,
) -> Result<Vec<TransactWriteItem>, Error> {
    let mut set = vec!["password = :new", "epoch = :next", "version = version + :one"];
    let mut user = Write::to(&app.tables.users)
        .name("email")
        .value("email", s(&account.user.email))
        .value("old", s(account.password.text()))
        .value("epoch", n(account.epoch))
        .value("new", s(hash.text()))
        .value("next", n(account.epoch + 1))
        .value("one", n(1));
    if let Some(request) = recovered {
        set.extend(["is_email_verified = :yes", "known_networks = :networks"]);
        user = user
            .value("yes", yes())
            .value("networks", string_list(&account.networks_after(&request.network())));
    }
    let key = record_key(account.user.id);
    let Some(staged) = &account.user.pending_email else {
        let unchanged =
            "password = :old AND epoch = :epoch AND #email = :email AND attribute_not_exists(pending_email)";
        return Ok(vec![user.when(unchanged).update(key, &update_expression(&set, &[""; 0]))?]);
    };
    let user = user
        .when("password = :old AND epoch = :epoch AND #email = :email AND pending_email = :staged")
        .value("staged", s(staged))
        .update(key, &update_expression(&set, &["pending_email"]))?;
    Ok(vec![user, claim::free(app, &Name::Email(email::key(staged)), account.user.id)])
}
