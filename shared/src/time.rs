//! The clock, and times as they are stored and sent.

use std::time::{Duration, SystemTime};

use jiff::{RoundMode, Timestamp, TimestampRound, Unit};
use uuid::{NoContext, Uuid};

/// Now, to the microsecond: RFC 3339 in UTC when sent, as Django REST Framework does.
#[must_use]
pub fn now() -> Timestamp {
    truncated(Timestamp::now(), Unit::Microsecond)
}

/// Milliseconds since 1970.
#[must_use]
pub fn milliseconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_millisecond()).unwrap_or(0)
}

/// Seconds since 1970, as tokens and DynamoDB's TTL count them.
#[must_use]
pub fn seconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_second()).unwrap_or(0)
}

/// A new `UUIDv7`, and the time that is in it, to the millisecond.
#[must_use]
pub(crate) fn new_uuid() -> (Uuid, Timestamp) {
    let now = Timestamp::now();
    let (seconds, nanoseconds) = (seconds(now), u32::try_from(now.subsec_nanosecond()).unwrap_or(0));
    let id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanoseconds));
    (id, truncated(now, Unit::Millisecond))
}

/// Now, to the millisecond.
pub(crate) fn to_milliseconds() -> Timestamp {
    truncated(Timestamp::now(), Unit::Millisecond)
}

fn truncated(time: Timestamp, unit: Unit) -> Timestamp {
    time.round(TimestampRound::new().smallest(unit).mode(RoundMode::Trunc)).unwrap_or(time)
}

/// The time that is in a `UUIDv7`; `None` for another id.
#[must_use]
pub(crate) fn of_uuid(id: Uuid) -> Option<Timestamp> {
    let milliseconds = id.as_u128() >> 80;
    let is_v7 = id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122;
    Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok().filter(|_| is_v7)
}

/// When an instance got something that it keeps, by the wall clock. Monotonic clocks, and so [`std::time::Instant`], stand still
/// while Lambda freezes an instance between two requests: by them, what is hours old is fresh.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stamp(SystemTime);

impl Stamp {
    pub fn now() -> Self {
        Self(SystemTime::now())
    }

    #[cfg(test)]
    pub fn ago(age: Duration) -> Self {
        Self(SystemTime::now() - age)
    }

    /// Whether less than `age` has passed. When the clock was set back, nobody knows how much has.
    pub fn is_younger_than(self, age: Duration) -> bool {
        self.0.elapsed().is_ok_and(|elapsed| elapsed < age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_of_the_future_is_of_no_age() {
        let now = SystemTime::now();
        let minute = Duration::from_mins(1);
        assert!(Stamp(now - minute).is_younger_than(2 * minute));
        assert!(!Stamp(now - minute).is_younger_than(minute));
        assert!(!Stamp(now + minute).is_younger_than(2 * minute));
    }
}
