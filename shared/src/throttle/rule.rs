//! For how long a counter refuses once a tally is full.

use crate::dynamo::{AttributeValue, Item, n, number};

use super::DAY;

/// The wait after the last event that is free, in seconds. Each further event doubles it.
const FIRST_WAIT: u64 = 30;
/// So many events in a row, and no more, until the counter is cleared or forgotten (NIST SP 800-63B-4, 3.2.2).
const IN_A_ROW: u64 = 100;
/// A row is forgotten so long after its last event, in seconds: strangers close it for a day, and not for good.
const FORGOTTEN: u64 = DAY;
/// An event that was counted so few seconds ago may not have an outcome yet: it may be cleared at once.
const IN_FLIGHT: u64 = 2;

/// For how long a full tally refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Until the window ends, which the first event opened, in seconds.
    Window(u64),
    /// For a wait after the last event, which grows with each, up to so many seconds; and after [`IN_A_ROW`] for [`FORGOTTEN`].
    Row(u64),
}

/// What a condition asks, and what its placeholders stand for.
pub(super) type Condition = (String, Vec<(String, AttributeValue)>);

impl Rule {
    /// When the record of an event at `now` expires, unless it has an end already that this event does not move.
    pub fn end(self, now: u64) -> u64 {
        now + match self {
            Self::Window(length) => length,
            Self::Row(_) => FORGOTTEN,
        }
    }

    /// The attribute that says since when the record counts: an event is taken back from the same count alone.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Window(_) => "expires",
            Self::Row(_) => "began",
        }
    }

    /// What has to hold at `now` for one more event of a tally, the `at`th of its counter, which allows `limit` for nothing.
    pub fn room(self, at: usize, name: &str, limit: u64, now: u64) -> Condition {
        let free = format!("attribute_not_exists(#{name}) OR #{name} < :free_{at}");
        let mut values = vec![(format!("free_{at}"), n(limit))];
        let Self::Row(longest) = self else { return (free, values) };
        let mut parts = vec![free];
        for (step, (below, wait)) in steps(limit, longest).into_iter().enumerate() {
            parts.push(format!("#{name} < :below_{at}_{step} AND #{name}_at <= :before_{at}_{step}"));
            values.push((format!("below_{at}_{step}"), n(below)));
            values.push((format!("before_{at}_{step}"), n(now.saturating_sub(wait))));
        }
        (parts.join(" OR "), values)
    }

    /// For how many seconds this record refuses at `now`. At least 1: it has refused.
    pub fn wait(self, tallies: &[(String, u64)], record: &Item, now: u64) -> u64 {
        let ends = number(record, "expires").unwrap_or(0).saturating_sub(now);
        let waits = tallies.iter().map(|(name, limit)| match self {
            Self::Window(_) => ends,
            Self::Row(longest) => wait_in_a_row(name, *limit, longest, record, now).unwrap_or(ends),
        });
        waits.max().unwrap_or(0).max(1)
    }
}

/// The wait of one tally; none when it ends with the record.
fn wait_in_a_row(name: &str, limit: u64, longest: u64, record: &Item, now: u64) -> Option<u64> {
    let count = number(record, name).unwrap_or(0);
    let last = number(record, &format!("{name}_at")).unwrap_or(0);
    if count < limit {
        return Some(0);
    }
    let (_, wait) = steps(limit, longest).into_iter().find(|(below, _)| count < *below)?;
    let left = (last + wait).saturating_sub(now);
    Some(if last + IN_FLIGHT > now { left.min(1) } else { left })
}

/// The waits once `limit` events are counted: below how many events each holds, and its seconds.
fn steps(limit: u64, longest: u64) -> Vec<(u64, u64)> {
    let most = IN_A_ROW.max(limit);
    let growing = (0..).map(|step| FIRST_WAIT << step).take_while(|wait| *wait < longest);
    let growing = (limit + 1..most).zip(growing);
    growing.chain([(most, longest)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn wait(count: u64, seconds_ago: u64) -> u64 {
        let record = Item::from([
            ("failed".to_owned(), n(count)),
            ("failed_at".to_owned(), n(NOW - seconds_ago)),
            ("expires".to_owned(), n(NOW - seconds_ago + FORGOTTEN)),
        ]);
        Rule::Row(900).wait(&[("failed".to_owned(), 5)], &record, NOW)
    }

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        assert_eq!(steps(5, 900), [(6, 30), (7, 60), (8, 120), (9, 240), (10, 480), (100, 900)]);
        assert_eq!([5, 6, 7, 8, 9, 10, 99].map(|count| wait(count, 10)), [20, 50, 110, 230, 470, 890, 890]);
    }

    #[test]
    fn after_a_hundred_in_a_row_it_refuses_for_a_day() {
        assert_eq!(wait(100, 1_000), FORGOTTEN - 1_000);
    }

    #[test]
    fn what_may_be_in_flight_is_worth_another_try_at_once() {
        assert_eq!(wait(5, 1), 1);
        assert_eq!(wait(99, 0), 1);
        assert_eq!(wait(5, 2), 28);
    }

    #[test]
    fn a_limit_above_a_hundred_is_the_operators_choice() {
        assert_eq!(steps(200, 900), [(200, 900)]);
        assert_eq!(steps(98, 900), [(99, 30), (100, 900)]);
        assert_eq!(steps(5, 10), [(100, 10)]);
    }
}
