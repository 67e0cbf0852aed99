//! One-time codes. A code is never stored: it is derived, as in HOTP (RFC 4226), from a key and the random nonce of its
//! record, once by the function that sends it and once by the function that checks it.

use std::{collections::BTreeMap, fmt, time::Duration};

use aws_lc_rs::{constant_time::verify_slices_are_equal, hmac};
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    App, Error, Request,
    claim::{self, Holder, Name},
    config,
    dynamo::{
        ATTEMPTS, Item, Refused, Write, from_item, in_the_way, key, n, number, operation_id, pause_before, s,
        text, to_item, transact,
    },
    email::Email,
    http,
    secret::{Secret, Versions},
    throttle::{self, Counted, DAY, HOUR, Throttle},
    time,
    user::Id,
};

/// What a code is for. A code for one purpose is worth nothing for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To prove that an e-mail address is its user's.
    VerifyEmail,
    /// To set a new password without the old one.
    ResetPassword,
    /// No code: tells the present address that another is to replace it.
    NoticeEmailChange,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::VerifyEmail => "verify_email",
            Self::ResetPassword => "reset_password",
            Self::NoticeEmailChange => "notice_email_change",
        })
    }
}

/// A record of the Otps table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// What it is for.
    pub purpose: Purpose,
    /// How it goes out; the stream's filter chooses by it. `none` goes nowhere.
    channel: String,
    /// Where to, as it was typed.
    pub to: String,
    /// For whom. A record without a user is a decoy: nothing is sent and no guess is right, but answering took the same
    /// calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Id>,
    /// What makes the code this one, in hexadecimal.
    pub nonce: String,
    /// Digits of the code.
    digits: u32,
    attempts_left: u64,
    /// Seconds since 1970.
    pub expires: u64,
}

/// Holds for a record that no longer reserves anything: `:now` is in seconds.
pub(crate) const NOT_LIVE: &str =
    "attribute_not_exists(pk) OR attribute_not_exists(user_id) OR expires <= :now";

/// The key of the record of a purpose and an address in its unique form.
pub(crate) fn pk(purpose: Purpose, address: &str) -> String {
    format!("{purpose}#{address}")
}

/// Whether a stored record is somebody's and has not expired.
pub(crate) fn is_live(item: &Item) -> bool {
    item.contains_key("user_id")
        && number(item, "expires").is_some_and(|expires| expires > time::seconds(time::now()))
}

impl Record {
    /// A new code for `user`, or for nobody.
    pub fn new(purpose: Purpose, to: &str, user: Option<Id>) -> Result<Self, Error> {
        let digits = config::number("OTP_LENGTH")?;
        Ok(Self {
            purpose,
            channel: if user.is_some() { "email" } else { "none" }.to_owned(),
            to: to.to_owned(),
            user_id: user,
            nonce: Uuid::new_v4().simple().to_string(),
            digits: u32::try_from(digits).unwrap_or(6).clamp(4, 9),
            attempts_left: config::number("MAX_OTP_ATTEMPTS")?,
            expires: time::seconds(time::now()) + config::number("OTP_LIFETIME_SECONDS")?,
        })
    }

    /// The write that stores it under its purpose and `address`, in place of any other.
    ///
    /// With it goes the write of the address's [`Allowance`], which fails when another code was sent since the address and
    /// its holder were read: a code that somebody is waiting for is not lost, and one that an account left behind when it
    /// lost the address stands in nobody's way.
    pub(crate) fn write(&self, app: &App, address: &str) -> Result<TransactWriteItem, Error> {
        let mut item = to_item(self)?;
        item.extend(key(pk(self.purpose, address)));
        Write::to(&app.tables.otps).put(item)
    }

    /// The write that stores a message without a code.
    pub(crate) fn write_notice(&self, app: &App) -> Result<TransactWriteItem, Error> {
        let mut item = to_item(self)?;
        item.extend(key(pk(self.purpose, &self.nonce)));
        Write::to(&app.tables.otps).put(item)
    }

    fn code(&self, key: &hmac::Key, address: &str) -> String {
        hotp(key, format!("{}#{address}#{}", self.purpose, self.nonce).as_bytes(), self.digits)
    }
}

/// A record that the stream brought, to be sent.
pub struct Pending {
    /// The record.
    pub record: Record,
    address: String,
}

impl Pending {
    /// Reads an image of a record, in the JSON of DynamoDB Streams.
    pub fn read(image: &Value) -> Result<Self, Error> {
        let unreadable = |error: String| Error::internal(format!("an image that cannot be read: {error}"));
        let item = serde_dynamo::Item::deserialize(image).map_err(|error| unreadable(error.to_string()))?;
        let pk = image.pointer("/pk/S").and_then(Value::as_str).unwrap_or_default();
        let (_purpose, address) = pk.split_once('#').ok_or_else(|| unreadable("no key".into()))?;
        let record = serde_dynamo::from_item(item).map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { record, address: address.to_owned() })
    }

    /// Whether its code can still be used.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.record.expires > time::seconds(time::now())
    }

    /// Its code.
    pub async fn code(&self, app: &App) -> Result<String, Error> {
        Ok(self.record.code(&app.secret().await?.current.code_key()?, &self.address))
    }
}

/// RFC 4226, section 5.3, over SHA-256: so many decimal digits.
fn hotp(key: &hmac::Key, moving_factor: &[u8], digits: u32) -> String {
    let tag = hmac::sign(key, moving_factor);
    let bytes = tag.as_ref();
    let offset = usize::from(bytes.last().copied().unwrap_or(0) & 0x0f);
    let word = bytes.get(offset..offset + 4).unwrap_or(&[0; 4]);
    let number = word.iter().fold(0_u32, |number, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:0width$}", number % 10_u32.pow(digits), width = digits as usize)
}

/// What may be sent to one address: a cool-down for each purpose, so many codes an hour and so many a day. It is one
/// record, read with the names, and written back in the transaction that writes the code, on condition that it is as it was
/// read: parallel requests cannot both use the last one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    version: u64,
    cool_until: BTreeMap<Purpose, u64>,
    hour_ends: u64,
    hour_sent: u64,
    day_ends: u64,
    day_sent: u64,
    expires: u64,
}

/// The limits of an address.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    cooldown: u64,
    an_hour: u64,
    a_day: u64,
}

impl Limits {
    /// From `OTP_COOLDOWN_SECONDS`, `OTP_PER_HOUR` and `OTP_PER_DAY`.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self {
            cooldown: config::number("OTP_COOLDOWN_SECONDS")?,
            an_hour: config::number("OTP_PER_HOUR")?,
            a_day: config::number("OTP_PER_DAY")?,
        })
    }
}

impl Allowance {
    pub(crate) fn key(address: &str) -> Item {
        key(format!("codes#{}", throttle::fingerprint(address)))
    }

    pub(crate) fn read(item: Option<Item>) -> Result<Self, Error> {
        item.map_or(Ok(Self::default()), from_item)
    }

    /// The allowance after one more code at `now`, or for how many seconds yet there is none.
    pub fn send(&self, purpose: Purpose, now: u64, limits: Limits) -> Result<Self, Error> {
        let cooling = self.cool_until.get(&purpose).copied().unwrap_or(0);
        let (hour_ends, hour_sent) = window(self.hour_ends, self.hour_sent, now, HOUR);
        let (day_ends, day_sent) = window(self.day_ends, self.day_sent, now, DAY);
        let waits = [
            cooling.saturating_sub(now),
            if hour_sent >= limits.an_hour { hour_ends - now } else { 0 },
            if day_sent >= limits.a_day { day_ends - now } else { 0 },
        ];
        match waits.into_iter().max() {
            None | Some(0) => {}
            Some(seconds) => return Err(Error::Throttled(seconds)),
        }
        let mut cool_until = self.cool_until.clone();
        cool_until.retain(|_, until| *until > now);
        cool_until.insert(purpose, now + limits.cooldown);
        Ok(Self {
            version: self.version + 1,
            cool_until,
            hour_ends,
            hour_sent: hour_sent + 1,
            day_ends,
            day_sent: day_sent + 1,
            expires: day_ends.max(now + limits.cooldown),
        })
    }

    /// The same without the cool-down, for a registration: its address is free, so no code for it can be waiting, and the
    /// account that asked for the last one is gone.
    pub fn send_first(&self, purpose: Purpose, now: u64, limits: Limits) -> Result<Self, Error> {
        let mut rested = self.clone();
        rested.cool_until.remove(&purpose);
        rested.send(purpose, now, limits)
    }

    /// The write that stores it in place of the one it was made from.
    pub(crate) fn write(&self, app: &App, address: &str) -> Result<TransactWriteItem, Error> {
        let mut item = to_item(self)?;
        item.extend(Self::key(address));
        Write::to(&app.tables.throttles)
            .when("attribute_not_exists(pk) OR version = :read OR expires <= :now")
            .value("read", n(self.version - 1))
            .value("now", n(time::seconds(time::now())))
            .put(item)
    }
}

/// A window that has passed begins anew.
fn window(ends: u64, sent: u64, now: u64, length: u64) -> (u64, u64) {
    if ends > now { (ends, sent) } else { (now + length, 0) }
}

/// The limit on codes asked for from one network.
pub fn throttle_of(request: &Request) -> Result<Throttle, Error> {
    Ok(Throttle::new("codes_from", &request.network(), HOUR)
        .at_most(config::number("OTP_PER_IP_PER_HOUR")?, "sent"))
}

/// The limit on new addresses of one user, each of which tells the present one.
pub fn throttle_of_changes(user: Id) -> Result<Throttle, Error> {
    Ok(Throttle::new("changes_of", &user.to_string(), HOUR)
        .at_most(config::number("OTP_PER_HOUR")?, "staged"))
}

/// A guess as it is typed: at most 20 characters, so that nothing longer is worked on.
pub fn guess(text: &str) -> Result<String, String> {
    http::at_most(20, text).map(str::to_owned)
}

/// Answers a stranger who asks for a code to the `email` of the body: one is sent if somebody has the address and
/// `concerns` them. Whether it was is not to be seen: the same limits hold, the same records are read, and the same ones are
/// written, by a decoy that nobody receives.
pub async fn send_to_whom_it_concerns(
    app: &App,
    request: &Request,
    purpose: Purpose,
    concerns: impl Fn(&Holder) -> bool,
) -> Result<(), Error> {
    // A broken body counts like any other attempt, and a limit is told before what is wrong with it.
    let mut form = request.form();
    let email = form.as_mut().ok().and_then(|form| form.required("email", Email::parse));
    let names: Vec<_> = email.iter().map(|email| Name::Email(email.key())).collect();
    let address = email.as_ref().map(Email::key);
    let throttle = throttle_of(request)?;
    let (admitted, holders) =
        futures_util::join!(throttle::admit(app, [throttle]), claim::read(app, &names, address.as_deref()));
    admitted?;
    let (mut form, mut holders) = (form?, holders?);
    let (Some(email), Some(address), [name]) = (email, address, names.as_slice()) else {
        return Err(form.complaints());
    };

    let limits = Limits::from_env()?;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            holders = claim::read(app, &names, Some(&address)).await?;
        }
        let allowance = holders.allowance.send(purpose, time::seconds(time::now()), limits)?;
        let user = holders.of(name).filter(|holder| concerns(holder)).map(|holder| holder.user_id);
        let record = Record::new(purpose, email.typed(), user)?;
        match transact(app, vec![record.write(app, &address)?, allowance.write(app, &address)?]).await {
            Ok(()) => return Ok(()),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("a code found no quiet moment".into()))
}

/// A code that was guessed right, to be spent in the transaction that does what it is for.
pub struct Redeemed {
    /// Whose it is.
    pub user_id: Id,
    pk: String,
    nonce: String,
    guess: Counted,
}

/// Checks a guess. Every reason to refuse it is [`Error::OtpInvalid`], after the same calls.
///
/// Two things are counted before the code is compared: the guess against the code (`MAX_OTP_ATTEMPTS`), and the guess
/// against the address (`OTP_WRONG_PER_DAY`).
pub async fn redeem(app: &App, purpose: Purpose, address: &str, guess: &str) -> Result<Redeemed, Error> {
    let wrong_a_day =
        Throttle::new("guesses", address, DAY).at_most(config::number("OTP_WRONG_PER_DAY")?, "guessed");
    let pk = pk(purpose, address);
    let (counted, attempted, versions) =
        futures_util::join!(throttle::admit(app, [wrong_a_day]), attempt(app, &pk), app.secret());
    let [counted] = match counted {
        Ok(counted) => counted,
        Err(Error::Throttled(_)) => return Err(Error::OtpInvalid),
        Err(error) => return Err(error),
    };
    let record = attempted?;
    // A guess at nothing is compared with something, too.
    let compared = record.clone().unwrap_or_else(|| Record::new_decoy(purpose));
    let versions = versions?;
    let mut right = matches(&compared, &versions, address, guess)?;
    if !right {
        // The function that sent it may have seen a rotation of the secret that this instance has not.
        let versions = app.secret_since(Duration::from_mins(1)).await?;
        right = matches(&compared, &versions, address, guess)?;
    }
    let user_id = record.as_ref().and_then(|record| record.user_id);
    match (right, user_id) {
        (true, Some(user_id)) => Ok(Redeemed { user_id, pk, nonce: compared.nonce, guess: counted }),
        _ => Err(Error::OtpInvalid),
    }
}

impl Record {
    fn new_decoy(purpose: Purpose) -> Self {
        let nonce = Uuid::new_v4().simple().to_string();
        Self {
            purpose,
            channel: "none".into(),
            to: String::new(),
            user_id: None,
            nonce,
            digits: 6,
            attempts_left: 0,
            expires: 0,
        }
    }
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
            "attribute_exists(user_id) AND attempts_left > :zero AND expires > :now AND (attribute_not_exists(op) OR op <> :op)",
        )
        .expression_attribute_values(":one", n(1))
        .expression_attribute_values(":zero", n(0))
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;
    const LIMITS: Limits = Limits { cooldown: 60, an_hour: 5, a_day: 10 };

    fn code(purpose: Purpose, nonce: &str, address: &str) -> String {
        let record = Record { nonce: nonce.into(), purpose, ..Record::new_decoy(purpose) };
        record.code(&Secret::of("a secret of the tests").code_key().unwrap(), address)
    }

    #[test]
    fn a_code_is_bound_to_its_nonce_its_purpose_and_its_address() {
        let one = code(Purpose::VerifyEmail, "a", "ada@example.com");
        assert_eq!(one, code(Purpose::VerifyEmail, "a", "ada@example.com"));
        assert_ne!(one, code(Purpose::VerifyEmail, "b", "ada@example.com"));
        assert_ne!(one, code(Purpose::ResetPassword, "a", "ada@example.com"));
        assert_ne!(one, code(Purpose::VerifyEmail, "a", "bob@example.com"));
        assert!(one.len() == 6 && one.bytes().all(|byte| byte.is_ascii_digit()));
    }

    #[test]
    fn a_code_keeps_its_leading_zeros() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        assert!(
            (0..200_u32)
                .map(|i| hotp(&key, &i.to_be_bytes(), 4))
                .any(|code| code.starts_with('0') && code.len() == 4)
        );
    }

    fn wait(allowance: &Allowance, purpose: Purpose, now: u64) -> Option<u64> {
        match allowance.send(purpose, now, LIMITS) {
            Err(Error::Throttled(seconds)) => Some(seconds),
            _ => None,
        }
    }

    #[test]
    fn an_address_rests_between_two_codes_for_one_purpose() {
        let sent = Allowance::default().send(Purpose::VerifyEmail, NOW, LIMITS).unwrap();
        assert_eq!(wait(&sent, Purpose::VerifyEmail, NOW + 1), Some(59));
        assert_eq!(wait(&sent, Purpose::VerifyEmail, NOW + 60), None);
        assert_eq!(wait(&sent, Purpose::ResetPassword, NOW + 1), None);
    }

    #[test]
    fn an_address_gets_so_many_codes_an_hour_and_a_day_for_all_purposes_together() {
        let mut allowance = Allowance::default();
        for i in 0..5 {
            allowance = allowance.send(Purpose::VerifyEmail, NOW + i * 60, LIMITS).unwrap();
        }
        assert_eq!(wait(&allowance, Purpose::ResetPassword, NOW + 300), Some(HOUR - 300));
        for i in 0..5 {
            allowance = allowance.send(Purpose::VerifyEmail, NOW + HOUR + i * 60, LIMITS).unwrap();
        }
        assert_eq!(wait(&allowance, Purpose::VerifyEmail, NOW + 3 * HOUR), Some(DAY - 3 * HOUR));
        assert_eq!(wait(&allowance, Purpose::VerifyEmail, NOW + DAY), None);
    }

    #[test]
    fn a_registration_need_not_wait_for_the_cool_down_of_an_account_that_is_gone() {
        let sent = Allowance::default().send(Purpose::VerifyEmail, NOW, LIMITS).unwrap();
        assert!(sent.send_first(Purpose::VerifyEmail, NOW + 1, LIMITS).is_ok());
    }
}
