//! Logging in: limits, one hash whoever it is, a session.

use std::{collections::BTreeSet, future::Future};

use futures_util::{future::try_join_all, join, try_join};

use crate::{
    App, Error, Request,
    audit::{self, Event},
    config,
    email::{self, Email},
    log,
    otp::{self, Allowance},
    password::{Hash, Match, Password},
    phone::PhoneRules,
    session,
    throttle::{self, Counted, Throttle},
    time,
    token::Pair,
    user::{
        self, Account, Id, User, Username,
        claim::{self, Name},
        username_key,
    },
};

/// What somebody typed to log in, in its unique form, and the names it may be. A proven address or number goes before a
/// username, which anybody could have chosen.
pub struct Login {
    /// What failures are counted by: every spelling of one name is one.
    pub identifier: String,
    names: Vec<Name>,
}

impl Login {
    /// Reads it as an e-mail address, a phone number and a username, whichever it can be.
    #[must_use]
    pub fn read(text: &str, phones: PhoneRules) -> Self {
        // What is an address only in the unique form of a username ("ı" is "i" there) is that address, too: its owner goes
        // before a user whose username is spelled like it.
        let email = Email::parse(text).or_else(|_| Email::parse(&username_key(text)));
        let email = email.ok().map(|email| Name::Email(email.key()));
        let phone = phones.parse(text).ok().map(|phone| Name::Phone(phone.e164().to_owned()));
        let username = Username::parse(text).ok().map(|username| Name::Username(username.key()));
        let identifier = match &phone {
            Some(Name::Phone(number)) => number.clone(),
            _ => username_key(text),
        };
        Self { identifier, names: email.into_iter().chain(phone).chain(username).collect() }
    }

    /// Whether it can be nothing but a username.
    #[must_use]
    pub fn is_only_a_username(&self) -> bool {
        self.names.iter().all(|name| matches!(name, Name::Username(_)))
    }

    /// The user whom it names.
    pub async fn find(&self, app: &App) -> Result<Option<Id>, Error> {
        let holders = claim::read_names(&app.db, &self.names).await?;
        let named = self.names.iter().filter_map(|name| holders.of(name).map(|holder| (name, holder)));
        let mut named = named.filter(|(name, holder)| holder.verified || matches!(name, Name::Username(_)));
        Ok(named.next().map(|(_, holder)| holder.user_id))
    }
}

const FAILURES: &str = "login";
const OLD_PASSWORD: &str = "old_password";

/// Failed logins of one identifier, in its unique form: from everywhere, and from one network.
fn of_identifier(identifier: &str, request: &Request) -> Result<Throttle, Error> {
    let most = config::number("LOGIN_FAILURES_PER_IDENTIFIER")?;
    Ok(of_identifier_from(identifier, request)?.at_most(most, "everywhere"))
}

/// The same from one network alone, however many come from others.
fn of_identifier_from(identifier: &str, request: &Request) -> Result<Throttle, Error> {
    let most = config::number("LOGIN_FAILURES_PER_IDENTIFIER_AND_IP")?;
    Ok(Throttle::of_failures(FAILURES, identifier)?.at_most_from(most, &request.network()))
}

/// Lets a user log in again: forgets the failed logins of all their identifiers, the guesses at their codes, and those of their
/// password by anyone who has their token. It is for staff, who know the user: unverified addresses and numbers count, and the
/// codes that were sent to them are forgotten too.
pub async fn unlock(app: &App, account: &Account) -> Result<(), Error> {
    let user = &account.user;
    let username = Login::read(&user.username, PhoneRules::from_env()?).identifier;
    let emails = [Some(&user.email), user.pending_email.as_ref()].into_iter().flatten();
    let addresses = emails.map(|email| email::key(email)).chain(user.phone_number.clone());
    let addresses: BTreeSet<_> = addresses.filter(|address| !address.is_empty()).collect();
    let claimed = account.claimed_number().map(|number| otp::address_of_claimant(number, user.id));
    let sent = addresses.iter().chain(&claimed);
    let sent = try_join_all(sent.map(|address| Allowance::clear(&app.db, address)));
    try_join!(forget_failures(app, user, &addresses, Some(username)), sent).map(drop)
}

/// The same for a user who has recovered the password with a code that came to `proven`, an e-mail address or a number, without what
/// was sent. Only verified identifiers count: what they merely claim may be somebody else's, whose guessers would begin again.
pub async fn unlock_recovered(app: &App, user: &User, proven: &str) -> Result<(), Error> {
    let phone = user.phone_number.clone().filter(|_| user.is_phone_verified);
    let email = Some(email::key(&user.email)).filter(|_| user.is_email_verified);
    let addresses: BTreeSet<_> = [proven.to_owned()].into_iter().chain(email).chain(phone).collect();
    let username = Login::read(&user.username, PhoneRules::from_env()?);
    let is_own = username.is_only_a_username() || addresses.contains(&username.identifier);
    forget_failures(app, user, &addresses, Some(username.identifier).filter(|_| is_own)).await
}

async fn forget_failures(
    app: &App,
    user: &User,
    addresses: &BTreeSet<String>,
    username: Option<String>,
) -> Result<(), Error> {
    let identifiers: BTreeSet<_> = addresses.iter().cloned().chain(username).collect();
    let failures = identifiers.iter().map(|identifier| Throttle::new(FAILURES, identifier, 0));
    let counters: Vec<_> = failures.chain([Throttle::new(OLD_PASSWORD, &user.id.stored(), 0)]).collect();
    let logins = try_join_all(counters.iter().map(|counter| throttle::clear(&app.db, counter)));
    let guesses = try_join_all(addresses.iter().map(|address| otp::forget_guesses(&app.db, address)));
    try_join!(logins, guesses).map(drop)
}

/// Failed logins from one network.
fn of_network(request: &Request) -> Result<Throttle, Error> {
    let most = config::number("LOGIN_FAILURES_PER_IP")?;
    Ok(Throttle::of_failures("logins_from", &request.network())?.at_most(most, "failed"))
}

/// Guesses of the old password by somebody who has an access token.
pub fn of_old_password(user: Id) -> Result<Throttle, Error> {
    let most = config::number("LOGIN_FAILURES_PER_IDENTIFIER_AND_IP")?;
    Ok(Throttle::of_failures(OLD_PASSWORD, &user.stored())?.at_most(most, "tried"))
}

/// Logs in whoever `find` finds for `identifier`, if the password is right and `also` agrees.
///
/// Every try counts as a failure before the password is looked at; success takes that back. An unknown identifier costs the
/// same calls and the same hash as a wrong password, and gives the same answer.
///
/// When strangers have used up the failures of an identifier, a network from which its user has logged in before still has its
/// own: strangers lock nobody out of the places where they usually are.
pub async fn login(
    app: &App,
    request: &Request,
    identifier: &str,
    find: impl Future<Output = Result<Option<Id>, Error>>,
    password: &Password,
    also: impl FnOnce(&Account) -> Result<(), Error>,
) -> Result<Pair, Error> {
    let limits = [of_identifier(identifier, request)?, of_network(request)?];
    let (admitted, found) = join!(throttle::admit(&app.db, limits), find);
    let admitted = match (admitted, &found) {
        (Err(Error::Throttled(seconds)), Ok(found)) => {
            admit_if_known(app, request, identifier, *found, seconds).await
        }
        (admitted, _) => admitted,
    };
    let counted = admitted.inspect_err(|error| audit::throttled(error, identifier, request.ip()))?;
    let logged_in = log_in(app, request, identifier, found, password, also, &counted);
    throttle::settle(&app.db, &counted, logged_in).await
}

/// Counts a try that was refused for the failures from everywhere, for those of its own network alone, if the user has logged
/// in from there before. An unknown identifier costs the same calls.
async fn admit_if_known(
    app: &App,
    request: &Request,
    identifier: &str,
    found: Option<Id>,
    seconds: u64,
) -> Result<[Counted; 2], Error> {
    let account = user::find(&app.db, found.unwrap_or(Id::nil())).await?;
    if !account.is_some_and(|account| account.knows(&request.network())) {
        return Err(Error::Throttled(seconds));
    }
    throttle::admit(&app.db, [of_identifier_from(identifier, request)?, of_network(request)?]).await
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
    let (account, key) = join!(user::find(&app.db, found?.unwrap_or(Id::nil())), app.signing_key());
    let (account, key) = (account?, key?);

    let Some((account, rehashed)) = proven(app, account, password)? else {
        audit::unknown(Event::LoginRefused, identifier, request.ip());
        return Err(Error::NoActiveAccount);
    };
    let clear = async {
        join!(throttle::clear(&app.db, of_identifier.throttle()), throttle::take_back(&app.db, of_network)).0
    };
    if let Err(refusal) = also(&account) {
        audit::user(Event::LoginRefused, account.user.id, request.ip());
        // It is no failure, but it is no login either: the identifier is not proven to be this user's.
        join!(throttle::take_back(&app.db, of_identifier), throttle::take_back(&app.db, of_network));
        return Err(refusal);
    }
    let session = session::begin(&account, account.epoch, request.client())?;
    let now = time::now();
    let network = request.network();
    let noted = user::note_login(&app.db, &account, &network, now, rehashed.as_ref());
    let (stored, cleared, ()) = join!(session.store(&app.db), clear, noted);
    if let Err(error) = stored {
        user::forget_login(&app.db, &account, now).await;
        return Err(error);
    }
    if let Err(error) = cleared {
        // The login stands; its identifier has one try fewer for a while.
        log::failed_call(&error.cause(), "failures were not cleared");
    }
    audit::user(Event::LoggedIn, account.user.id, request.ip());
    session.tokens(&key, &account.user, &app.compatibility.access_token_claims)
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
