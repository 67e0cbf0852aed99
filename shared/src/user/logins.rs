//! What a login writes in a user's record, and the end of all sessions.

use jiff::Timestamp;

use super::record::Account;
use crate::{
    Error,
    client::Client,
    dynamo::{Db, Write, operation_id, s, string_list},
    email, form,
    id::{Id, record_key},
    log,
    otp::Redeemed,
    password::Hash,
    session, time,
};

/// The most characters of what is typed to log in: no username or address is longer.
pub const LOGIN_LENGTH: usize = email::LONGEST;

/// What is typed to log in: any text that could be a username or an address.
pub fn login_text(text: &str) -> Result<String, String> {
    form::at_most(LOGIN_LENGTH, text).map(str::to_owned)
}

/// Notes a login and its network and counts its session, with a new hash of the same password when the old one was made by rules
/// that are no longer ours. When it fails, the login stands; of two logins at once, one network is noted.
pub async fn note_login(db: &Db, account: &Account, network: &str, at: Timestamp, rehashed: Option<&Hash>) {
    let mut noted = try_note_login(db, account, network, at, rehashed).await;
    if rehashed.is_some() && matches!(noted, Ok(false)) {
        // Another login has renewed the hash.
        noted = try_note_login(db, account, network, at, None).await;
    }
    if let Err(error) = noted {
        log::failed_call(&error.cause(), "a login was not noted");
    }
}

/// False when it is noted already, or the hash is another.
async fn try_note_login(
    db: &Db,
    account: &Account,
    network: &str,
    at: Timestamp,
    rehashed: Option<&Hash>,
) -> Result<bool, Error> {
    let mut write = Write::update(&db.tables.users, record_key(account.user.id))
        .if_exists()
        // A first try whose answer was lost has counted the session: it is refused.
        .when("attribute_not_exists(#last_login) OR #last_login <> :last_login")
        .set("last_login", s(at.to_string()))
        .add("sessions_begun", 1);
    let networks = account.networks_after(network);
    if networks != account.known_networks {
        write = write.set("known_networks", string_list(&networks));
    }
    if let Some(hash) = rehashed {
        write = write.if_equals("password", s(account.password.text())).set("password", s(hash.text()));
    }
    Ok(write.send(db).await?.is_written())
}

/// Logs a user in with a code: uses it up, stores the session, and notes the login and its network, all at once. False when the code is
/// used up, or the user has changed since they were read.
pub async fn log_in_by_code(
    db: &Db,
    account: &Account,
    client: &Client,
    code: &Redeemed,
    session: &session::New,
) -> Result<bool, Error> {
    let user = Write::update(&db.tables.users, record_key(account.user.id))
        .if_exists()
        .if_as_loaded("version", &account.stored)
        .if_as_loaded("epoch", &account.stored)
        .set("last_login", s(time::now().to_string()))
        .set("known_networks", string_list(&account.networks_after(&client.network())))
        .add("sessions_begun", 1);
    db.transact(vec![code.spend(db), session.write(db)?, user]).await
}

/// As if that login had not been noted: it has failed. The new hash stays, it is of the same password.
pub async fn forget_login(db: &Db, account: &Account, at: Timestamp) {
    let networks = &account.known_networks;
    let mut write = Write::update(&db.tables.users, record_key(account.user.id))
        .if_equals("last_login", s(at.to_string()))
        .add("sessions_begun", -1);
    for (name, before) in [
        ("last_login", account.user.last_login.map(|before| s(before.to_string()))),
        ("known_networks", (!networks.is_empty()).then(|| string_list(networks))),
    ] {
        write = match before {
            None => write.remove(name),
            Some(before) => write.set(name, before),
        };
    }
    if let Err(error) = write.send(db).await {
        log::failed_call(&error.cause(), "a login that failed stays noted");
    }
}

/// Ends every session of a user that has begun by now. False when the user is gone.
pub async fn end_sessions(db: &Db, id: Id) -> Result<bool, Error> {
    let write = Write::update(&db.tables.users, record_key(id)).if_exists().add("epoch", 1);
    Ok(write.once("ended_by", &operation_id()).send(db).await?.is_written())
}
