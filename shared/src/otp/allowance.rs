//! What may be sent to one address.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::TransactWriteItem;
use serde::{Deserialize, Serialize};

use super::Purpose;
use crate::{
    App, Error, config,
    dynamo::{Item, Write, from_item, key, n, to_item},
    throttle::{self, DAY, HOUR},
    time,
};

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
