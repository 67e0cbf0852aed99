//! Logging in: limits, one hash whoever it is, a session.

use std::future::Future;

use futures_util::join;

use crate::{
    App, Error, Request,
    claim::Login,
    config, email,
    log::{self, Act},
    password::{Hash, Match, Password},
    phone::PhoneRules,
    session,
    throttle::{self, Counted, Throttle},
    time,
    token::Pair,
    user::{self, Account, Id, User},
};

const FAILURES: &str = "login";
const OLD_PASSWORD: &str = "old_password";

/// Failed logins of one identifier, in its unique form: from everywhere, and from one network.
fn of_identifier(identifier: &str, request: &Request) -> Result<Throttle, Error> {
    let window = config::number("LOGIN_FAILURE_WINDOW_SECONDS")?;
    Ok(Throttle::new(FAILURES, identifier, window)
        .at_most(config::number("LOGIN_FAILURES_PER_IDENTIFIER")?, "everywhere")
        .at_most_from(config::number("LOGIN_FAILURES_PER_IDENTIFIER_AND_IP")?, &request.network()))
}

/// Forgets the failed logins of a user, whatever they typed, and the guesses of their password by who has their token.
pub async fn unlock(app: &App, user: &User) -> Result<(), Error> {
    // A username of digits is counted as the number that it reads as.
    let username = Login::read(&user.username, PhoneRules::from_env()?).identifier;
    let typed = [Some(username), Some(email::key(&user.email)), user.phone_number.clone()];
    let failures = typed.iter().flatten().filter(|identifier| !identifier.is_empty());
    let failures = failures.map(|identifier| Throttle::new(FAILURES, identifier, 0));
    let counters = failures.chain([Throttle::new(OLD_PASSWORD, &user.id.to_string(), 0)]);
    let cleared = counters.map(|counter| async move { throttle::clear(app, &counter).await });
    futures_util::future::try_join_all(cleared).await.map(drop)
}

/// Failed logins from one network.
fn of_network(request: &Request) -> Result<Throttle, Error> {
    let window = config::number("LOGIN_FAILURE_WINDOW_SECONDS")?;
    Ok(Throttle::new("logins_from", &request.network(), window)
        .at_most(config::number("LOGIN_FAILURES_PER_IP")?, "failed"))
}

/// Guesses of the old password by somebody who has an access token.
pub fn of_old_password(user: Id) -> Result<Throttle, Error> {
    let window = config::number("LOGIN_FAILURE_WINDOW_SECONDS")?;
    let most = config::number("LOGIN_FAILURES_PER_IDENTIFIER_AND_IP")?;
    Ok(Throttle::new(OLD_PASSWORD, &user.to_string(), window).at_most(most, "tried"))
}

/// Logs in whoever `find` finds for `identifier`, if the password is right and `also` agrees.
///
/// Every try counts as a failure before the password is looked at; success takes that back. An unknown identifier costs the
/// same calls and the same hash as a wrong password, and gives the same answer.
pub async fn login(
    app: &App,
    request: &Request,
    identifier: &str,
    find: impl Future<Output = Result<Option<Id>, Error>>,
    password: &Password,
    also: impl FnOnce(&Account) -> Result<(), Error>,
) -> Result<Pair, Error> {
    let limits = [of_identifier(identifier, request)?, of_network(request)?];
    let (admitted, found) = join!(throttle::admit(app, limits), find);
    let counted = admitted.inspect_err(|error| log::audit_throttled(error, identifier, request.ip()))?;
    let logged_in = log_in(app, request, identifier, found, password, also, &counted);
    throttle::settle(app, &counted, logged_in).await
}

/// Logs in whoever was found, once the try is counted.
async fn log_in(
    app: &App,
    request: &Request,
    identifier: &str,
    found: Result<Option<Id>, Error>,
    password: &Password,
    also: impl FnOnce(&Account) -> Result<(), Error>,
    [of_identifier, of_network]: &[Counted; 2],
) -> Result<Pair, Error> {
    // Nobody has the nil id: an unknown user is read like a known one.
    let (account, key) = join!(user::find(app, found?.unwrap_or(Id::nil())), app.signing_key());
    let (account, key) = (account?, key?);

    let Some((account, rehashed)) = proven(app, account, password)? else {
        log::audit_unknown(Act::LoginRefused, identifier, request.ip());
        return Err(Error::NoActiveAccount);
    };
    let clear = async {
        join!(throttle::clear(app, of_identifier.throttle()), throttle::take_back(app, of_network)).0
    };
    if let Err(refusal) = also(&account) {
        log::audit(Act::LoginRefused, account.user.id, request.ip());
        clear.await?;
        return Err(refusal);
    }
    let session = session::begin(&account.user, account.epoch, request)?;
    let now = time::now();
    let noted = user::note_login(app, &account, now, rehashed.as_ref());
    let (stored, cleared, ()) = join!(session.store(app), clear, noted);
    if let Err(error) = stored {
        user::forget_login(app, &account, now).await;
        return Err(error);
    }
    if let Err(error) = cleared {
        // The login stands; its identifier has one try fewer for a while.
        tracing::warn!(cause = error.cause(), "failures were not cleared");
    }
    log::audit(Act::LoggedIn, account.user.id, request.ip());
    session.tokens(app, &key)
}

/// The active account whose password it is, with a new hash if the old one is due for renewal.
fn proven(
    app: &App,
    account: Option<Account>,
    password: &Password,
) -> Result<Option<(Account, Option<Hash>)>, Error> {
    let Some(account) = account else {
        app.hasher.compare_with_nobody(password)?;
        return Ok(None);
    };
    let matched = app.hasher.compare(password, &account.password)?;
    if matched == Match::Wrong || !account.user.is_active {
        return Ok(None);
    }
    let rehashed = (matched == Match::RightButOld).then(|| app.hasher.hash(password)).transpose()?;
    Ok(Some((account, rehashed)))
}
