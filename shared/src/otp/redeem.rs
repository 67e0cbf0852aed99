//! Guesses at codes.

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use futures_util::join;

use super::{Purpose, Record, pk};
use crate::{
    App, Error, config,
    dynamo::{Write, from_item, in_the_way, key, n, operation_id, s, text},
    http,
    secret::{Secret, Versions},
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
    pk: String,
    nonce: String,
    guess: Counted,
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
    let pk = pk(purpose, address);
    let (counted, attempted, versions) =
        join!(throttle::admit(app, [wrong_a_day]), attempt(app, &pk), app.secret());
    let [counted] = counted?;
    let record = attempted?;
    // A guess at nothing is compared with something, too.
    let compared = record.clone().unwrap_or_else(|| Record::decoy(purpose));
    let versions = versions?;
    let mut right = matches(&compared, &versions, address, guess)?;
    if !right {
        // The function that sent it may have seen a rotation of the secret that this instance has not.
        let versions = app.secret_since(Duration::from_mins(1)).await?;
        right = matches(&compared, &versions, address, guess)?;
    }
    if !right || record.is_none() {
        return Err(Error::OtpInvalid);
    }
    let Record { user_id, by_themselves, nonce, .. } = compared;
    Ok(Redeemed { user_id, by_themselves, pk, nonce, guess: counted })
}

/// Whether the guess is the code, made from either valid version of the secret: the last rotation may have come after it
/// was sent. Compared in constant time.
fn matches(record: &Record, versions: &Versions, address: &str, guess: &str) -> Result<bool, Error> {
    let is_code = |secret: &Secret| -> Result<bool, Error> {
        let code = record.code(&secret.code_key()?, address);
        Ok(verify_slices_are_equal(code.as_bytes(), guess.as_bytes()).is_ok())
    };
    let by_current = is_code(&versions.current)?;
    let by_previous = versions.previous.as_ref().map(is_code).transpose()?.unwrap_or(false);
    Ok(by_current | by_previous)
}

/// Takes one guess from a live code, before it is compared. `None` when there is none or it has no guess left.
async fn attempt(app: &App, pk: &str) -> Result<Option<Record>, Error> {
    let op = operation_id();
    let taken = app
        .dynamodb
        .update_item()
        .table_name(&app.tables.otps)
        .set_key(Some(key(pk)))
        .update_expression("SET attempts_left = attempts_left - :one, op = :op")
        .condition_expression(
            "channel <> :none AND attempts_left > :zero AND expires > :now AND (attribute_not_exists(op) OR op <> :op)",
        )
        .expression_attribute_values(":one", n(1))
        .expression_attribute_values(":zero", n(0))
        .expression_attribute_values(":none", s("none"))
        .expression_attribute_values(":op", s(&op))
        .expression_attribute_values(":now", n(time::seconds(time::now())))
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    match taken {
        Ok(taken) => taken.attributes.map(from_item).transpose(),
        Err(error) => match in_the_way(&error) {
            Some(record) if text(&record, "op") == Some(&op) => from_item(record).map(Some),
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
        let found = get.set_key(Some(key(&self.pk))).send().await.map_err(Error::from_aws)?;
        Ok(found.item.is_some_and(|code| text(&code, "nonce") == Some(&self.nonce)))
    }

    /// The write by which the code is used up: it fails when another request was faster, or a newer code took its place.
    pub(crate) fn spend(&self, app: &App) -> Result<TransactWriteItem, Error> {
        Write::to(&app.tables.otps)
            .when("nonce = :nonce")
            .value("nonce", s(&self.nonce))
            .delete(key(&self.pk))
    }

    /// A right guess is no wrong one: takes it back from the day's count.
    pub async fn forgive(&self, app: &App) {
        throttle::take_back(app, &self.guess).await;
    }
}
