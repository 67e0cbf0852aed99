//! What may be sent to one address.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Purpose;
use crate::{
    Error, config,
    dynamo::{Db, Item, Write, from_item, key, n, to_item},
    throttle::{self, DAY, HOUR},
    time,
};

/// What may be sent to one address: a cool-down for each purpose, a number of codes an hour and a number a day. It is one
/// record, loaded with the identifiers, and written back in the transaction that writes the code, on condition that it is
/// unchanged: parallel requests cannot both use the last one.
///
/// It counts twice. What anyone may ask for without being the address's owner (another code, a code for a new password) is
/// limited by what was asked for, decoys included: otherwise the limit would tell which addresses have an account. Everything
/// else (a registration, a new address of a user, sign-up) is limited by what was really sent: otherwise strangers could use
/// up an address that has no account, and its owner could not register.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    version: u64,
    #[serde(flatten)]
    asked: Windows,
    /// Absent in records of release 0.1.0, which did not tell decoys apart: all that was asked for then counts as sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<Windows>,
    expires: u64,
}

/// The purpose under which the cool-down of another is kept: functions of earlier releases could not read a record that names a code to
/// log in. So one for a new password has to wait for it, and the other way round.
fn rest_of(purpose: Purpose) -> Purpose {
    if purpose == Purpose::LogIn { Purpose::ResetPassword } else { purpose }
}

/// How many codes were asked for, or sent, in the present hour and day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Windows {
    cool_until: BTreeMap<Purpose, u64>,
    hour_ends: u64,
    hour_sent: u64,
    day_ends: u64,
    day_sent: u64,
}

impl Windows {
    /// For how many seconds there is no further code, 0 if there is one now.
    fn wait(&self, purpose: Purpose, now: u64, limits: Limits) -> u64 {
        let cooling = self.cool_until.get(&rest_of(purpose)).copied().unwrap_or(0);
        let (hour_ends, hour_sent) = window(self.hour_ends, self.hour_sent, now, HOUR);
        let (day_ends, day_sent) = window(self.day_ends, self.day_sent, now, DAY);
        let waits = [
            cooling.saturating_sub(now),
            if hour_sent >= limits.an_hour { hour_ends - now } else { 0 },
            if day_sent >= limits.a_day { day_ends - now } else { 0 },
        ];
        waits.into_iter().max().unwrap_or(0)
    }

    /// The same after one more.
    fn and_one(&self, purpose: Purpose, now: u64, limits: Limits) -> Self {
        let (hour_ends, hour_sent) = window(self.hour_ends, self.hour_sent, now, HOUR);
        let (day_ends, day_sent) = window(self.day_ends, self.day_sent, now, DAY);
        let mut cool_until = self.cool_until.clone();
        cool_until.retain(|_, until| *until > now);
        cool_until.insert(rest_of(purpose), now + limits.cooldown);
        Self { cool_until, hour_ends, hour_sent: hour_sent + 1, day_ends, day_sent: day_sent + 1 }
    }
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

    /// The allowance after a code that anyone may ask for, whether it `is_sent` or a decoy; 429 when too many were asked for.
    pub fn ask(&self, purpose: Purpose, is_sent: bool, now: u64, limits: Limits) -> Result<Self, Error> {
        refuse(self.asked.wait(purpose, now, limits))?;
        let sent = if is_sent { self.sent().and_one(purpose, now, limits) } else { self.sent().clone() };
        Ok(self.next(self.asked.and_one(purpose, now, limits), sent))
    }

    /// The allowance after a code that is sent in any case; 429 when too many were sent.
    pub fn send(&self, purpose: Purpose, now: u64, limits: Limits) -> Result<Self, Error> {
        self.send_after(self.sent(), purpose, now, limits)
    }

    /// The same without the cool-down, for a registration: its address is free, so no code for it can be waiting, and the
    /// account that asked for the last one is gone.
    pub fn send_first(&self, purpose: Purpose, now: u64, limits: Limits) -> Result<Self, Error> {
        let mut rested = self.sent().clone();
        rested.cool_until.remove(&purpose);
        self.send_after(&rested, purpose, now, limits)
    }

    fn send_after(&self, sent: &Windows, purpose: Purpose, now: u64, limits: Limits) -> Result<Self, Error> {
        refuse(sent.wait(purpose, now, limits))?;
        Ok(self.next(self.asked.and_one(purpose, now, limits), sent.and_one(purpose, now, limits)))
    }

    fn sent(&self) -> &Windows {
        self.sent.as_ref().unwrap_or(&self.asked)
    }

    fn next(&self, asked: Windows, sent: Windows) -> Self {
        let cool_until = asked.cool_until.values().chain(sent.cool_until.values()).copied();
        let expires = cool_until.chain([asked.day_ends, sent.day_ends]).max().unwrap_or(0);
        Self { version: self.version + 1, asked, sent: Some(sent), expires }
    }

    /// Forgets what was asked for and sent.
    pub async fn clear(db: &Db, address: &str) -> Result<(), Error> {
        Write::delete(&db.tables.throttles, Self::key(address)).send(db).await.map(drop)
    }

    /// The write that stores it in place of the one it was made from.
    pub(crate) fn write(&self, db: &Db, address: &str) -> Result<Write, Error> {
        let mut item = to_item(self)?;
        item.extend(Self::key(address));
        Ok(Write::put(&db.tables.throttles, item)
            .when("attribute_not_exists(pk) OR version = :read OR expires <= :now")
            .value("read", n(self.version - 1))
            .value("now", n(time::seconds(time::now()))))
    }
}

/// 429 when there are seconds to wait.
fn refuse(seconds: u64) -> Result<(), Error> {
    if seconds > 0 { Err(Error::Throttled(seconds)) } else { Ok(()) }
}

/// A window that has passed begins again.
fn window(ends: u64, sent: u64, now: u64, length: u64) -> (u64, u64) {
    if ends > now { (ends, sent) } else { (now + length, 0) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const LIMITS: Limits = Limits { cooldown: 60, an_hour: 5, a_day: 10 };

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

    #[test]
    fn decoys_use_up_what_strangers_may_ask_for_and_nothing_else() {
        let mut allowance = Allowance::default();
        for i in 0..5 {
            allowance = allowance.ask(Purpose::VerifyEmail, false, NOW + i * 60, LIMITS).unwrap();
        }
        assert!(allowance.ask(Purpose::ResetPassword, true, NOW + 300, LIMITS).is_err());
        assert!(allowance.send(Purpose::VerifyEmail, NOW + 241, LIMITS).is_ok());
    }

    #[test]
    fn what_is_really_sent_counts_for_everybody() {
        let mut allowance = Allowance::default();
        for i in 0..5 {
            allowance = allowance.ask(Purpose::ResetPassword, true, NOW + i * 60, LIMITS).unwrap();
        }
        assert_eq!(wait(&allowance, Purpose::VerifyEmail, NOW + 300), Some(HOUR - 300));
        let mut allowance = Allowance::default();
        for i in 0..5 {
            allowance = allowance.send(Purpose::VerifyEmail, NOW + i * 60, LIMITS).unwrap();
        }
        assert!(allowance.ask(Purpose::ResetPassword, false, NOW + 300, LIMITS).is_err());
    }

    /// A record of release 0.1.0 in the table: it does not tell decoys from codes that were sent, so that all of it counts.
    #[test]
    fn a_record_of_release_0_1_0_counts_all_that_was_asked_for() {
        let n = |number: u64| aws_sdk_dynamodb::types::AttributeValue::N(number.to_string());
        let cool_until =
            aws_sdk_dynamodb::types::AttributeValue::M([("verify_email".to_owned(), n(NOW + 60))].into());
        let item = Item::from([
            ("version".to_owned(), n(7)),
            ("cool_until".to_owned(), cool_until),
            ("hour_ends".to_owned(), n(NOW + HOUR)),
            ("hour_sent".to_owned(), n(5)),
            ("day_ends".to_owned(), n(NOW + DAY)),
            ("day_sent".to_owned(), n(5)),
            ("expires".to_owned(), n(NOW + DAY)),
        ]);
        let old = Allowance::read(Some(item)).unwrap();
        assert_eq!(wait(&old, Purpose::VerifyEmail, NOW + 100), Some(HOUR - 100));
        let next = old.send(Purpose::VerifyEmail, NOW + HOUR, LIMITS).unwrap();
        // What this release writes has every attribute that release 0.1.0 needs.
        let written = to_item(&next).unwrap();
        for name in ["version", "cool_until", "hour_ends", "hour_sent", "day_ends", "day_sent", "expires"] {
            assert!(written.contains_key(name), "{name}");
        }
        assert_eq!(Allowance::read(Some(written)).unwrap(), next);
    }

    proptest! {
        /// However codes are asked for: between two of one purpose lies the cool-down, no window holds more than its limit, and
        /// a wait that is told is true to the second.
        #[test]
        fn limits_hold_and_waits_are_true(
            asked in proptest::collection::vec((prop_oneof![0..90_u64, 0..2 * HOUR, 0..DAY], any::<bool>()), 1..60),
        ) {
            let mut allowance = Allowance::default();
            let (mut now, mut sent) = (NOW, Vec::new());
            for (pause, verifies) in asked {
                now += pause;
                let purpose = if verifies { Purpose::VerifyEmail } else { Purpose::ResetPassword };
                match allowance.send(purpose, now, LIMITS) {
                    Ok(next) => {
                        allowance = next;
                        sent.push((now, purpose));
                    }
                    Err(Error::Throttled(seconds)) => {
                        prop_assert!(seconds > 0);
                        prop_assert_eq!(wait(&allowance, purpose, now + seconds), None);
                        prop_assert_eq!(wait(&allowance, purpose, now + seconds - 1), Some(1));
                    }
                    Err(error) => prop_assert!(false, "{error}"),
                }
            }
            for (at, (time, purpose)) in sent.iter().enumerate() {
                let before = sent[..at].iter().rev().find(|(_, other)| other == purpose);
                prop_assert!(before.is_none_or(|(before, _)| time - before >= 60));
            }
            // A window opens with the first code after the last window.
            for (length, limit) in [(HOUR, 5), (DAY, 10)] {
                let (mut ends, mut count) = (0, 0);
                for (time, _) in &sent {
                    (ends, count) = if *time >= ends { (time + length, 1) } else { (ends, count + 1) };
                    prop_assert!(count <= limit);
                }
            }
        }
    }
}
