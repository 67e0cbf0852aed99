//! Logging in: limits, one hash whoever it is, a session.

use std::{collections::BTreeSet, future::Future, sync::Arc};

use futures_util::{future::try_join_all, join, try_join};

use crate::{
    App, Error, Request,
    audit::{self, Event},
    config,
    deadline::in_time,
    email::{self, Email},
    log,
    otp::{self, Allowance},
    password::{Hash, Match, Password},
    phone::PhoneRules,
    session,
    throttle::{self, Throttle},
    time,
    token::{Pair, SigningKey},
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

    /// The user whom it names.
    pub async fn find(&self, app: &App) -> Result<Option<Named>, Error> {
        let holders = claim::read_names(&app.db, &self.names).await?;
        let named = self.names.iter().filter_map(|name| holders.of(name).map(|holder| (name, holder)));
        let mut named = named.filter(|(name, holder)| holder.verified || matches!(name, Name::Username(_)));
        Ok(named.next().map(|(_, holder)| Named { user: holder.user_id, is_theirs: true }))
    }
}

/// Whom a name names.
#[derive(Clone, Copy)]
pub struct Named {
    /// The user.
    pub user: Id,
    /// Whether it is theirs beyond doubt, so that failures at it are theirs. Otherwise they count like those of a name that nobody has:
    /// the same name is not counted in two ways at two endpoints, which would tell that it is somebody's.
    pub is_theirs: bool,
}

const OLD_PASSWORD: &str = "old_password";
/// How often a user may change the password in a window. Nobody needs more, and a script must not fill a mailbox.
const CHANGES: u64 = 20;

/// Failed logins in a row, of the user who was found: whichever of their names is tried, it is one count. What names nobody is
/// counted by itself in the same way, so that no refusal tells which of the two it is.
fn failures(found: Option<Named>, identifier: &str) -> Result<Throttle, Error> {
    let longest = config::number("LOGIN_FAILURE_WINDOW_SECONDS")?;
    Ok(match found {
        Some(Named { user, is_theirs: true }) => failures_of(user, longest),
        _ => Throttle::in_a_row("logins_at", identifier, longest),
    })
}

fn failures_of(user: Id, longest: u64) -> Throttle {
    Throttle::in_a_row("logins_of", &user.stored(), longest)
}

/// Lets a user log in again: forgets their failed logins, the guesses at their codes, and those of their password by anyone who has
/// their token. It is for staff, who know the user: unverified addresses and numbers count, and the codes that were sent to them
/// are forgotten too.
pub async fn unlock(app: &App, account: &Account) -> Result<(), Error> {
    let user = &account.user;
    let emails = [Some(&user.email), user.pending_email.as_ref()].into_iter().flatten();
    let phones = [&user.phone_number, &user.pending_phone_number].into_iter().flatten();
    let addresses = emails.map(|email| email::key(email)).chain(phones.cloned());
    let addresses: BTreeSet<_> = addresses.filter(|address| !address.is_empty()).collect();
    let claimed = account.claimed_number().map(|number| otp::address_of_claimant(number, user.id));
    let sent = addresses.iter().chain(&claimed);
    let sent = try_join_all(sent.map(|address| Allowance::clear(&app.db, address)));
    try_join!(forget_failures(app, user.id, &addresses), sent).map(drop)
}

/// The same for a user who has recovered the password or logged in with a code that came to `proven`, an e-mail address or a number,
/// without what was sent. Only verified addresses count: what the user merely claims may be somebody else's, whose guessers would begin again.
pub async fn unlock_recovered(app: &App, user: &User, proven: &str) -> Result<(), Error> {
    let phone = user.phone_number.clone().filter(|_| user.is_phone_verified);
    let email = Some(email::key(&user.email)).filter(|_| user.is_email_verified);
    let addresses = [proven.to_owned()].into_iter().chain(email).chain(phone).collect();
    forget_failures(app, user.id, &addresses).await
}

async fn forget_failures(app: &App, user: Id, addresses: &BTreeSet<String>) -> Result<(), Error> {
    let counters = [failures_of(user, 0), Throttle::new(OLD_PASSWORD, &user.stored(), 0)];
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

/// Tries to change the password, because each that succeeds sends a mail.
pub fn of_new_password(user: Id) -> Result<Throttle, Error> {
    Ok(Throttle::of_failures("new_password", &user.stored())?.at_most(CHANGES, "tried"))
}

/// Logs in the user whom `find` finds for `identifier`, if the password is right and `also` agrees.
///
/// Every try counts as a failure before the password is looked at; success takes that back. An unknown identifier costs the
/// same calls and the same hash as a wrong password, and gives the same answer.
pub async fn login(
    app: &App,
    request: &Request,
    identifier: &str,
    find: impl Future<Output = Result<Option<Named>, Error>>,
    password: &Password,
    also: impl FnOnce(&Account) -> Result<(), Error>,
) -> Result<Pair, Error> {
    let attempt = Attempt { app, request, identifier };
    let (of_network, found) = join!(throttle::admit(&app.db, [of_network(request)?]), in_time(find));
    let [of_network] = of_network.inspect_err(|error| attempt.is_throttled(error))?;
    let counted = match found {
        Ok(found) => attempt.count(found).await,
        Err(error) => Err(error),
    };
    let Counted { of_user, account, key } = match counted {
        Ok(counted) => counted,
        Err(error) => {
            throttle::take_back(&app.db, &of_network).await;
            attempt.is_throttled(&error);
            return Err(error);
        }
    };
    let counted = [of_user, of_network];
    let logged_in = async {
        let key = key?;
        attempt.finish(account?, &key, password, also, &counted).await
    };
    throttle::settle(&app.db, &counted, logged_in).await
}

/// A try to log in.
struct Attempt<'a> {
    app: &'a App,
    request: &'a Request,
    identifier: &'a str,
}

/// What there is once a try is counted against its user.
struct Counted {
    of_user: throttle::Counted,
    account: Result<Option<Account>, Error>,
    key: Result<Arc<SigningKey>, Error>,
}

impl Attempt<'_> {
    fn is_throttled(&self, error: &Error) {
        audit::throttled(error, self.identifier, self.request.ip());
    }

    /// Counts the try against the failures of the user, from everywhere and from this network, and loads the account.
    ///
    /// When strangers have used up what is allowed from everywhere, a network from which the user has logged in before still has
    /// its own count: strangers lock nobody out of the places where they usually are.
    async fn count(&self, found: Option<Named>) -> Result<Counted, Error> {
        let Self { app, request, identifier } = self;
        let network = request.network();
        let most = config::number("LOGIN_FAILURES_PER_IDENTIFIER")?;
        let most_from_here = config::number("LOGIN_FAILURES_PER_IDENTIFIER_AND_IP")?;
        let from_here = failures(found, identifier)?.at_most_from(most_from_here, &network);
        let from_everywhere = from_here.clone().at_most(most, "everywhere");
        let (of_user, account, key) = join!(
            throttle::admit(&app.db, [from_everywhere]),
            // Nobody has the nil id: an unknown user is read like a known one.
            in_time(user::find(&app.db, found.map_or(Id::nil(), |named| named.user))),
            in_time(app.signing_key()),
        );
        let is_known = matches!(&account, Ok(Some(account)) if account.knows(&network));
        let [of_user] = match of_user {
            Err(Error::Throttled(_)) if is_known => throttle::admit(&app.db, [from_here]).await?,
            of_user => of_user?,
        };
        Ok(Counted { of_user, account, key })
    }

    /// Logs in the account that was found, once the try is counted.
    async fn finish(
        &self,
        account: Option<Account>,
        key: &SigningKey,
        password: &Password,
        also: impl FnOnce(&Account) -> Result<(), Error>,
        [of_user, of_network]: &[throttle::Counted; 2],
    ) -> Result<Pair, Error> {
        let Self { app, request, identifier } = self;
        let Some((account, rehashed)) = proven(app, account, password)? else {
            audit::unknown(Event::LoginRefused, identifier, request.ip());
            return Err(Error::NoActiveAccount);
        };
        let clear = async {
            join!(throttle::clear(&app.db, of_user.throttle()), throttle::take_back(&app.db, of_network)).0
        };
        if let Err(refusal) = also(&account) {
            audit::user(Event::LoginRefused, account.user.id, request.ip());
            // It is no failure, but it is no login either: the identifier is not proven to be this user's.
            join!(throttle::take_back(&app.db, of_user), throttle::take_back(&app.db, of_network));
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
            // The login stands; its user has one try fewer for a while.
            log::failed_call(&error.cause(), "failures were not cleared");
        }
        audit::user(Event::LoggedIn, account.user.id, request.ip());
        session.tokens(key, &account.user, &app.compatibility.access_token_claims)
    }
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
