//! Guesses at codes.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use futures_util::{future::join_all, join};

use super::{Channel, Purpose, Record, is_live, number_of, pk};
use crate::{
    Error,
    client::Client,
    config,
    deadline::in_time,
    dynamo::{Db, Item, Sent, Write, from_item, key, n, number, operation_id, s, strings, text},
    form, log,
    secret::{Secret, Secrets},
    throttle::{self, Counted, DAY, Throttle},
    time, unicode,
    user::Id,
};

/// The most characters of a guess, so that nothing longer is worked on.
pub const GUESS_LENGTH: usize = 20;

/// A guess as it is typed: with blanks or hyphens between its digits, or in the digits of another script.
pub fn guess(text: &str) -> Result<String, String> {
    let text = unicode::ascii_digits(form::at_most(GUESS_LENGTH, text)?);
    Ok(text.chars().filter(|c| !"- ".contains(*c)).collect())
}

/// A code that was guessed right, to be spent in the transaction that does what it is for.
pub struct Redeemed {
    /// Whose it is, if a user's.
    pub user_id: Option<Id>,
    /// Whether it was that user who asked for it, signed in.
    pub by_themselves: bool,
    /// The epoch in which the user was, of a code to log in.
    pub epoch: Option<u64>,
    nonce: String,
    guess: Guess,
}

/// A guess that was counted: against its code, its address and its network, as far as each counts it.
struct Guess {
    pk: String,
    op: String,
    /// Whether it comes from the network that asked for the code.
    is_askers: bool,
    /// Whether it was taken from the guesses of the code.
    is_taken: bool,
    of_address: Option<Counted>,
    of_network: Option<Counted>,
}

const EVERYWHERE: &str = "everywhere";

/// The guesses at the codes of an address, for all purposes together: from everywhere, and from one network.
fn of_address(address: &str, network: &str) -> Result<Throttle, Error> {
    let most = config::number("OTP_WRONG_PER_DAY")?;
    Ok(of_address_from(address, network)?.at_most(most, EVERYWHERE))
}

/// The same from one network alone, however many come from others.
fn of_address_from(address: &str, network: &str) -> Result<Throttle, Error> {
    let most = config::number("OTP_WRONG_PER_DAY")?;
    Ok(Throttle::new("guesses", address, DAY).at_most_from(most, network))
}

/// The wrong guesses from one network, at the codes of any address.
fn of_network(network: &str) -> Result<Throttle, Error> {
    let most = config::number("LOGIN_FAILURES_PER_IP")?;
    Ok(Throttle::of_failures("guesses_from", network)?.at_most(most, "wrong"))
}

/// Forgets the guesses at the codes of an address.
pub async fn forget_guesses(db: &Db, address: &str) -> Result<(), Error> {
    throttle::clear(db, &Throttle::new("guesses", address, DAY)).await
}

/// Whether a code for this purpose and address is alive.
pub async fn is_waiting(db: &Db, purpose: Purpose, address: &str) -> Result<bool, Error> {
    Ok(load(db, &pk(purpose, address)).await?.is_some_and(|code| is_live(&code)))
}

/// The record of a code, alive or not.
async fn load(db: &Db, pk: &str) -> Result<Option<Item>, Error> {
    db.get(&db.tables.otps, key(pk)).await
}

/// What codes are checked with.
#[derive(Clone, Copy)]
pub struct Codes<'a> {
    pub(crate) db: &'a Db,
    pub(crate) secrets: &'a Secrets,
}

impl Codes<'_> {
    /// Checks a guess. Every reason to refuse it is [`Error::OtpInvalid`], after the same calls; after too many guesses it is 429.
    ///
    /// The guess is counted before the code is compared:
    ///
    /// - against the code (`MAX_OTP_ATTEMPTS`), if it comes from the network that asked for the code. Strangers' guesses do not
    ///   burn the owner's code;
    /// - against the address, a day: `OTP_WRONG_PER_DAY` from everywhere and from each network, for all purposes together. The
    ///   network that asked for the code has its own count alone: strangers do not use it up, and it does not use theirs up;
    /// - against the network (`LOGIN_FAILURES_PER_IP`), whatever it guesses at.
    ///
    /// A guess at no code counts against the network alone. A guess that was compared and wrong stays counted whatever fails
    /// afterwards.
    pub async fn redeem(
        self,
        client: &Client,
        purpose: Purpose,
        address: &str,
        guess: &str,
    ) -> Result<Redeemed, Error> {
        let Self { db, secrets } = self;
        let network = client.network();
        let (pk, op) = (pk(purpose, address), operation_id());
        // The codes that users ask for to verify one number are guessed at as one.
        let subject = if purpose == Purpose::VerifyPhone { number_of(address) } else { address };
        let (attempted, of_address, of_network, secret) = join!(
            attempt(db, &pk, &op, &network),
            throttle::admit(db, [of_address(subject, &network)?]),
            throttle::admit(db, [of_network(&network)?]),
            secrets.secret(),
        );
        let of_address = match (of_address, &attempted) {
            // Others have guessed too often, but this network asked for the code.
            (Err(Error::Throttled(_)), Ok(Attempt { is_askers: true, .. })) => {
                throttle::admit(db, [of_address_from(subject, &network)?]).await
            }
            (counted, _) => counted,
        };
        let (of_address, address_refusal) = counted(of_address);
        let (of_network, network_refusal) = counted(of_network);
        let is_askers = attempted.as_ref().is_ok_and(|attempt| attempt.is_askers);
        let is_taken = attempted.as_ref().is_ok_and(|attempt| attempt.is_taken);
        let counted = Guess { pk, op, is_askers, is_taken, of_address, of_network };
        let refusal = network_refusal.or(address_refusal);
        let is_at_a_code = attempted.as_ref().is_ok_and(|attempt| attempt.is_at_a_code);
        let ready = attempted.and_then(|attempt| Ok((attempt, secret?)));
        let (attempt, secret) = match (ready, refusal) {
            (Ok(ready), None) => ready,
            // Nothing was compared: neither an outage nor a refusal costs a guess.
            (Err(error), _) | (Ok(_), Some(error)) => {
                counted.take_back(db).await;
                return Err(error);
            }
        };
        match compare(secrets, purpose, address, guess, attempt.record, &secret).await {
            Ok(Record { user_id, by_themselves, epoch, nonce, .. }) => {
                Ok(Redeemed { user_id, by_themselves, epoch, nonce, guess: counted })
            }
            // It was compared and wrong: it stays counted, even when a further key could not be fetched.
            Err(error) => {
                counted.settle(db, is_at_a_code).await;
                Err(error)
            }
        }
    }
}

/// What was counted, and why nothing was.
fn counted(counted: Result<[Counted; 1], Error>) -> (Option<Counted>, Option<Error>) {
    match counted {
        Ok([counted]) => (Some(counted), None),
        Err(error) => (None, Some(error)),
    }
}

/// The record whose code the guess is.
async fn compare(
    secrets: &Secrets,
    purpose: Purpose,
    address: &str,
    guess: &str,
    record: Option<Record>,
    secret: &Secret,
) -> Result<Record, Error> {
    // A guess at nothing is compared with something, too.
    let compared = record.clone().unwrap_or_else(|| Record::decoy(purpose));
    let mut right = matches(&compared, secret, address, guess)?;
    if !right {
        // The secret may have been rotated after the code was sent, or before it, unseen by this instance.
        let versions = secrets.secrets_since(Duration::from_mins(1)).await?;
        for secret in [Some(versions.current), versions.previous].into_iter().flatten() {
            right |= matches(&compared, &secret, address, guess)?;
        }
    }
    record.filter(|record| right && record.channel != Channel::None).ok_or(Error::OtpInvalid)
}

/// Whether the guess is the code made from this version of the secret. Compared in constant time.
fn matches(record: &Record, secret: &Secret, address: &str, guess: &str) -> Result<bool, Error> {
    let code = record.code(&secret.code_key()?, address);
    // A client that takes a code for a number loses its zeros.
    let guess = format!("{guess:0>width$}", width = code.len());
    Ok(verify_slices_are_equal(code.as_bytes(), guess.as_bytes()).is_ok())
}

/// What a guess met.
struct Attempt {
    /// The code that it may be compared with: alive, and with a guess left for this network.
    record: Option<Record>,
    /// Whether a code or decoy is alive, with or without a guess left.
    is_at_a_code: bool,
    /// Whether it comes from the network that asked for the code.
    is_askers: bool,
    /// Whether it was taken from the guesses of the code.
    is_taken: bool,
}

/// Takes a guess of the network that asked for it from a live code, before it is compared. A decoy loses one like any other: a
/// write that is refused is faster than one that is made. The code that a stranger guesses at comes with the refusal.
async fn attempt(db: &Db, pk: &str, op: &str, network: &str) -> Result<Attempt, Error> {
    let (now, mark) = (time::seconds(time::now()), throttle::network_mark(network));
    let taken = Write::update(&db.tables.otps, key(pk))
        .once("op", op)
        .when("attempts_left > :zero AND expires > :now")
        .when("attribute_not_exists(network) OR network = :network OR contains(networks, :mark)")
        .value("zero", n(0))
        .value("now", n(now))
        .value("network", s(throttle::fingerprint(network)))
        .value("mark", s(&mark))
        .add("attempts_left", -1)
        .returning_record();
    let (item, is_taken) = match taken.send(db).await? {
        Sent::Written(item) => (item, true),
        Sent::Refused(item) => (item, false),
    };
    let is_at_a_code = number(&item, "expires").is_some_and(|expires| expires > now);
    let is_asked_here = |asker: &str| asker == throttle::fingerprint(network);
    let is_known_here = strings(&item, "networks").contains(&mark);
    let is_strangers = !is_known_here && text(&item, "network").is_some_and(|asker| !is_asked_here(asker));
    let is_askers = is_at_a_code && !is_strangers;
    let record = (is_taken || (is_at_a_code && is_strangers)).then(|| from_item(item)).transpose()?;
    Ok(Attempt { record, is_at_a_code, is_askers, is_taken })
}

impl Redeemed {
    /// Whether this user asked for it, signed in.
    #[must_use]
    pub fn was_asked_for_by(&self, user: Id) -> bool {
        self.by_themselves && self.user_id == Some(user)
    }

    /// Whose it is, where only users have codes.
    pub fn holder(&self) -> Result<Id, Error> {
        self.user_id.ok_or(Error::OtpInvalid)
    }

    /// Whether it can still be spent: no other request has, and no newer code has taken its place.
    pub(crate) async fn is_unspent(&self, db: &Db) -> Result<bool, Error> {
        let code = load(db, &self.guess.pk).await?;
        Ok(code.is_some_and(|code| text(&code, "nonce") == Some(&self.nonce)))
    }

    /// The write by which the code is used up: it fails when another request was faster, or a newer code took its place.
    pub(crate) fn spend(&self, db: &Db) -> Write {
        Write::delete(&db.tables.otps, key(&self.guess.pk)).if_equals("nonce", s(&self.nonce))
    }

    /// Does what the code is for. A right guess is no wrong one, whatever becomes of it: beside that, it is taken back from the
    /// counts of its address and network. What fails for no fault of the client's, or because its user has to log in first, leaves the
    /// code as it was.
    pub async fn use_for<T>(
        &self,
        db: &Db,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let (done, ()) = join!(in_time(work), self.guess.forgive(db));
        if done.as_ref().is_err_and(|error| error.is_ours() || error.asks_to_log_in()) {
            self.guess.return_attempt(db).await;
        }
        done
    }
}

impl Guess {
    /// As if it had not been made.
    async fn take_back(&self, db: &Db) {
        join!(self.forgive(db), self.return_attempt(db));
    }

    /// Takes it back from address and network.
    async fn forgive(&self, db: &Db) {
        let counted = self.of_address.iter().chain(&self.of_network);
        join_all(counted.map(|counted| throttle::take_back(db, counted))).await;
    }

    /// Leaves a wrong guess counted; against the address only if it was at a code. One write either way, so that its time does
    /// not tell which.
    async fn settle(&self, db: &Db, is_at_a_code: bool) {
        match &self.of_address {
            Some(counted) if self.is_askers => throttle::take_back_from(db, counted, EVERYWHERE).await,
            Some(counted) if is_at_a_code => throttle::keep(db, counted).await,
            Some(counted) => throttle::take_back(db, counted).await,
            None => {}
        }
    }

    /// Gives it back to its code, unless another guess came between. A failure is no matter: the code then allows one fewer.
    async fn return_attempt(&self, db: &Db) {
        if !self.is_taken {
            return;
        }
        // The mark stays: the stream's readers know by it that the code has been sent.
        let write = Write::update(&db.tables.otps, key(&self.pk))
            .if_equals("op", s(&self.op))
            .set("op", s(operation_id()))
            .add("attempts_left", 1);
        if let Err(error) = write.send(db).await {
            log::failed_call(&error.cause(), "a guess stays counted");
        }
    }
}
