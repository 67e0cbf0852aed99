//! Guesses at codes.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use futures_util::join;

use super::{Channel, Purpose, Record, pk};
use crate::{
    App, Error, config,
    dynamo::{Write, from_item, in_the_way, is_refused, key, n, operation_id, s, text},
    http,
    secret::Secret,
    serve::in_time,
    throttle::{self, Counted, DAY, Throttle},
    time,
    user::Id,
};

/// The most characters of a guess, so that nothing longer is worked on.
pub const GUESS_LENGTH: usize = 20;

/// A guess as it is typed.
pub fn guess(text: &str) -> Result<String, String> {
    http::at_most(GUESS_LENGTH, text).map(str::to_owned)
}

/// A code that was guessed right, to be spent in the transaction that does what it is for.
pub struct Redeemed {
    /// Whose it is, if a user's.
    pub user_id: Option<Id>,
    /// Whether it was that user who asked for it, signed in.
    pub by_themselves: bool,
    nonce: String,
    guess: Guess,
}

/// A guess that was counted against its code, if there is one, and against the address.
struct Guess {
    pk: String,
    op: String,
    counted: Option<Counted>,
}

/// Checks a guess. Every reason to refuse it is [`Error::OtpInvalid`], after the same calls.
pub async fn redeem(app: &App, purpose: Purpose, address: &str, guess: &str) -> Result<Redeemed, Error> {
    match redeem_or_throttle(app, purpose, address, guess).await {
        Err(Error::Throttled(_)) => Err(Error::OtpInvalid),
        redeemed => redeemed,
    }
}

/// The same, but an address that was guessed at too often hears until when.
///
/// Two things are counted before the code is compared: the guess against the code (`MAX_OTP_ATTEMPTS`), and the guess
/// against the address (`OTP_WRONG_PER_DAY`).
pub async fn redeem_or_throttle(
    app: &App,
    purpose: Purpose,
    address: &str,
    guess: &str,
) -> Result<Redeemed, Error> {
    let wrong_a_day =
        Throttle::new("guesses", address, DAY).at_most(config::number("OTP_WRONG_PER_DAY")?, "guessed");
    let (pk, op) = (pk(purpose, address), operation_id());
    let (counted, attempted, secret) =
        join!(throttle::admit(app, [wrong_a_day]), attempt(app, &pk, &op), app.secret());
    let (counted, refused) = match counted {
        Ok([counted]) => (Some(counted), None),
        Err(error) => (None, Some(error)),
    };
    let counted = Guess { pk, op, counted };
    let compared = async {
        refused.map_or(Ok(()), Err)?;
        let (record, secret) = (attempted?, secret?);
        compare(app, purpose, address, guess, record, &secret).await
    };
    match compared.await {
        Ok(Record { user_id, by_themselves, nonce, .. }) => {
            Ok(Redeemed { user_id, by_themselves, nonce, guess: counted })
        }
        Err(error) => {
            if error.is_ours() {
                counted.take_back(app).await;
            }
            Err(error)
        }
    }
}

/// The record whose code the guess is.
async fn compare(
    app: &App,
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
        let versions = app.secrets_since(Duration::from_mins(1)).await?;
        for secret in [Some(versions.current), versions.previous].into_iter().flatten() {
            right |= matches(&compared, &secret, address, guess)?;
        }
    }
    record.filter(|record| right && record.channel != Channel::None).ok_or(Error::OtpInvalid)
}

/// Whether the guess is the code made from this version of the secret. Compared in constant time.
fn matches(record: &Record, secret: &Secret, address: &str, guess: &str) -> Result<bool, Error> {
    let code = record.code(&secret.code_key()?, address);
    Ok(verify_slices_are_equal(code.as_bytes(), guess.as_bytes()).is_ok())
}

/// Takes one guess from a live code, before it is compared. `None` when there is none or it has no guess left. A decoy loses
/// one like any other: a write that is refused is faster than one that is made.
async fn attempt(app: &App, pk: &str, op: &str) -> Result<Option<Record>, Error> {
    let taken = app
        .dynamodb
        .update_item()
        .table_name(&app.tables.otps)
        .set_key(Some(key(pk)))
        .update_expression("SET attempts_left = attempts_left - :one, op = :op")
        .condition_expression(
            "attempts_left > :zero AND expires > :now AND (attribute_not_exists(op) OR op <> :op)",
        )
        .expression_attribute_values(":one", n(1))
        .expression_attribute_values(":zero", n(0))
        .expression_attribute_values(":op", s(op))
        .expression_attribute_values(":now", n(time::seconds(time::now())))
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    match taken {
        Ok(taken) => taken.attributes.map(from_item).transpose(),
        Err(error) => match in_the_way(&error) {
            Some(record) if text(&record, "op") == Some(op) => from_item(record).map(Some),
            Some(_) => Ok(None),
            None => Err(Error::from_aws(error)),
        },
    }
}

impl Redeemed {
    /// Whose it is, where only users have codes.
    pub fn holder(&self) -> Result<Id, Error> {
        self.user_id.ok_or(Error::OtpInvalid)
    }

    /// Whether it can still be spent: no other request has, and no newer code has taken its place.
    pub(crate) async fn is_unspent(&self, app: &App) -> Result<bool, Error> {
        let get = app.dynamodb.get_item().table_name(&app.tables.otps).consistent_read(true);
        let found = get.set_key(Some(key(&self.guess.pk))).send().await.map_err(Error::from_aws)?;
        Ok(found.item.is_some_and(|code| text(&code, "nonce") == Some(&self.nonce)))
    }

    /// The write by which the code is used up: it fails when another request was faster, or a newer code took its place.
    pub(crate) fn spend(&self, app: &App) -> Result<TransactWriteItem, Error> {
        Write::to(&app.tables.otps)
            .when("nonce = :nonce")
            .value("nonce", s(&self.nonce))
            .delete(key(&self.guess.pk))
    }

    /// Does what the code is for. A right guess is no wrong one, whatever becomes of it: beside that, it is taken back from the
    /// day's count. What fails for no fault of the client's leaves the code as it was.
    pub async fn use_for<T>(
        &self,
        app: &App,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let (done, ()) = join!(in_time(work), self.guess.forgive(app));
        if done.as_ref().is_err_and(Error::is_ours) {
            self.guess.return_attempt(app).await;
        }
        done
    }
}

impl Guess {
    /// As if it had not been made.
    async fn take_back(&self, app: &App) {
        join!(self.forgive(app), self.return_attempt(app));
    }

    /// Takes it back from the day's count.
    async fn forgive(&self, app: &App) {
        if let Some(counted) = &self.counted {
            throttle::take_back(app, counted).await;
        }
    }

    /// Gives it back to its code, unless another guess came between. A failure is no matter: the code then allows one fewer.
    async fn return_attempt(&self, app: &App) {
        let returned = app
            .dynamodb
            .update_item()
            .table_name(&app.tables.otps)
            .set_key(Some(key(&self.pk)))
            // The mark stays: the stream's readers know by it that the code has been sent.
            .update_expression("SET attempts_left = attempts_left + :one, op = :returned")
            .condition_expression("op = :op")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":op", s(&self.op))
            .expression_attribute_values(":returned", s(operation_id()))
            .send()
            .await;
        if let Err(error) = returned
            && !is_refused(&error)
        {
            tracing::warn!(cause = Error::from_aws(error).cause(), "a guess stays counted");
        }
    }
}
