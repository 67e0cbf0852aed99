//! Limits, counted atomically before the guarded work is done, so that parallel requests cannot slip past them.
//!
//! A counter is one record. It counts in a window, which opens with the first event and never moves, or in a row, where each
//! event makes the wait longer. It may hold several tallies: "of this user" and "of this user from that network" are one record
//! and one write, and clearing the record clears both. What is refused is not counted, so that `Retry-After` is true however
//! often a client tries.

mod rule;

use std::future::Future;

use aws_lc_rs::digest::{SHA256, digest};
use rule::Rule;

use crate::{
    Error, config,
    deadline::in_time,
    dynamo::{Db, Item, Retry, Sent, Write, key, n, number, operation_id, s},
    log::{self, Event},
    time,
};

/// Seconds of an hour.
pub const HOUR: u64 = 3_600;
/// Seconds of a day.
pub const DAY: u64 = 86_400;

/// What the names of tallies of single networks begin with.
const FROM: &str = "from_";
/// The most networks whose tallies one record keeps (see [`Throttle::forget_networks`]), and how many are left when it has more.
const MOST_NETWORKS: usize = 128;
const NETWORKS_LEFT: usize = 96;
/// The most networks that one write forgets: an expression of DynamoDB has at most 4 KB.
const NETWORKS_A_WRITE: usize = 64;

/// A counter: what it counts, how it refuses, and the most it allows of each.
#[derive(Debug, Clone)]
pub struct Throttle {
    pk: String,
    rule: Rule,
    tallies: Vec<(String, u64)>,
}

impl Throttle {
    /// A counter of what `subject` does, such as an identifier or a network, in a window of so many seconds.
    #[must_use]
    pub fn new(kind: &str, subject: &str, window: u64) -> Self {
        Self::by_rule(kind, subject, Rule::Window(window))
    }

    /// A counter of what `subject` does in a row: a full tally refuses for a wait that doubles with each further event, from 30
    /// up to `longest` seconds, and after a hundred events for a day, unless the counter is cleared.
    #[must_use]
    pub fn in_a_row(kind: &str, subject: &str, longest: u64) -> Self {
        Self::by_rule(kind, subject, Rule::Row(longest))
    }

    fn by_rule(kind: &str, subject: &str, rule: Rule) -> Self {
        // Hashed, because a subject is whatever a stranger typed: any length, and often a personal address.
        Self { pk: format!("{kind}#{}", fingerprint(subject)), rule, tallies: Vec::new() }
    }

    /// Allows at most `limit` events named `name`.
    #[must_use]
    pub fn at_most(mut self, limit: u64, name: &str) -> Self {
        self.tallies.push((name.to_owned(), limit));
        self
    }

    /// A counter of failed passwords or codes, in a window of `LOGIN_FAILURE_WINDOW_SECONDS`.
    pub fn of_failures(kind: &str, subject: &str) -> Result<Self, Error> {
        Ok(Self::new(kind, subject, config::number("LOGIN_FAILURE_WINDOW_SECONDS")?))
    }

    /// Allows at most `limit` events from `network`.
    #[must_use]
    pub fn at_most_from(self, limit: u64, network: &str) -> Self {
        self.at_most(limit, &format!("{FROM}{}", network_mark(network)))
    }

    /// The answer when it is full, for so many seconds. The log says which kind of limit it was, whatever the client hears:
    /// an alarm waits for some.
    fn refuse(&self, seconds: u64) -> Error {
        let limit = self.pk.split('#').next();
        let event = if limit == Some("sms") { Event::SmsBudgetUsedUp } else { Event::LimitReached };
        tracing::info!(event = event.id(), limit, "a limit was reached");
        Error::Throttled(seconds)
    }
}

pub(crate) fn fingerprint(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hex::encode(hash.as_ref().get(..16).unwrap_or_default())
}

/// What a record holds of a network: half of its fingerprint, which is enough to recognise it and short beside the rest.
pub(crate) fn network_mark(network: &str) -> String {
    let mut mark = fingerprint(network);
    mark.truncate(16);
    mark
}

/// An event that was counted, to be taken back if it turns out not to be one.
#[derive(Debug, Clone)]
pub struct Counted {
    throttle: Throttle,
    /// The value of [`Rule::mark`] in the record that counted it.
    mark: u64,
    op: String,
}

/// Counts an event in every counter, all at once. When one of them is full none counts it, and the answer is 429 with the
/// longest wait, which is the true one.
pub async fn admit<const N: usize>(db: &Db, throttles: [Throttle; N]) -> Result<[Counted; N], Error> {
    let answers =
        futures_util::future::join_all(throttles.into_iter().map(|throttle| in_time(count(db, throttle))))
            .await;
    let (mut counted, mut longest, mut failure) = (Vec::new(), None, None);
    for answer in answers {
        match answer {
            Ok(one) => counted.push(one),
            Err(Error::Throttled(seconds)) => longest = longest.max(Some(seconds)),
            Err(error) => failure = Some(error),
        }
    }
    if let Some(refusal) = failure.or(longest.map(Error::Throttled)) {
        futures_util::future::join_all(counted.iter().map(|one| take_back(db, one))).await;
        return Err(refusal);
    }
    counted.try_into().map_err(|_| Error::internal("a counter neither counted nor refused"))
}

/// Does what these events were counted for. When it fails for no fault of the client's, or takes too long, they are taken
/// back: an outage locks nobody out.
pub async fn settle<T>(
    db: &Db,
    counted: &[Counted],
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let done = in_time(work).await;
    if done.as_ref().is_err_and(Error::is_ours) {
        futures_util::future::join_all(counted.iter().map(|one| take_back(db, one))).await;
    }
    done
}

/// Takes a counted event back, once, as long as the count is the one it was counted in. A failure is no matter: the counter
/// then allows one event fewer.
pub async fn take_back(db: &Db, counted: &Counted) {
    revise(db, counted, -1).await;
}

/// Leaves a counted event counted, with the same write as [`take_back`]: the time of an answer then does not tell which of the
/// two was done.
pub async fn keep(db: &Db, counted: &Counted) {
    revise(db, counted, 0).await;
}

/// Takes a counted event back from one tally alone, with the same write.
pub async fn take_back_from(db: &Db, counted: &Counted, tally: &str) {
    let mut counted = counted.clone();
    counted.throttle.tallies.retain(|(name, _)| name == tally);
    revise(db, &counted, -1).await;
}

/// Adds `by` to every tally that counted the event, once.
async fn revise(db: &Db, counted: &Counted, by: i8) {
    if counted.throttle.tallies.is_empty() {
        return;
    }
    let write = counted.throttle.write(db, by).once("taken_back_by", &counted.op);
    if let Err(error) = write.if_equals(counted.throttle.rule.mark(), n(counted.mark)).send(db).await {
        log::failed_call(&error.cause(), "an event stays counted");
    }
}

/// Forgets all that a counter has counted, in all its tallies.
pub async fn clear(db: &Db, throttle: &Throttle) -> Result<(), Error> {
    Write::delete(&db.tables.throttles, key(&throttle.pk)).send(db).await.map(drop)
}

impl Counted {
    /// The counter that counted.
    #[must_use]
    pub fn throttle(&self) -> &Throttle {
        &self.throttle
    }
}

async fn count(db: &Db, throttle: Throttle) -> Result<Counted, Error> {
    let now = time::seconds(time::now());
    // Below, the event that opens a count is not held against the limits.
    if throttle.tallies.iter().any(|(_, limit)| *limit == 0) {
        return Err(throttle.refuse(throttle.rule.end(0)));
    }
    let op = operation_id();
    let mut retry = Retry::of("a counter");
    loop {
        let record = match throttle.count(db, now, &op).await? {
            Sent::Written(record) => {
                throttle.forget_networks(db, &record).await;
                let mark = number(&record, throttle.rule.mark()).unwrap_or(0);
                return Ok(Counted { throttle, mark, op });
            }
            Sent::Refused(record) => record,
        };
        let expires = number(&record, "expires").unwrap_or(0);
        if expires > now {
            return Err(throttle.refuse(throttle.rule.wait(&throttle.tallies, &record, now)));
        }
        // Its time has passed and DynamoDB has not deleted the record yet: begin the next one.
        if let Some(record) = throttle.restart(db, now, expires, &op).await? {
            let mark = number(&record, throttle.rule.mark()).unwrap_or(0);
            return Ok(Counted { throttle, mark, op });
        }
        retry.again().await?;
    }
}

impl Throttle {
    /// Counts an event where there is room for it, or the first.
    async fn count(&self, db: &Db, now: u64, op: &str) -> Result<Sent, Error> {
        let mut write =
            self.write(db, 1).once("op", op).value("end", n(self.rule.end(now))).value("now", n(now));
        write = match self.rule {
            Rule::Window(_) => write.set_to("expires", "if_not_exists(#expires, :end)"),
            Rule::Row(_) => write.set_to("expires", ":end").set_to("began", "if_not_exists(#began, :now)"),
        };
        let mut has_room = vec!["expires > :now".to_owned()];
        for (at, (name, limit)) in self.tallies.iter().enumerate() {
            let (condition, values) = self.rule.room(at, name, *limit, now);
            has_room.push(format!("({condition})"));
            write = values.into_iter().fold(write, |write, (name, value)| write.value(&name, value));
            if matches!(self.rule, Rule::Row(_)) {
                write = write.set_to(&format!("{name}_at"), ":now");
            }
        }
        let condition = format!("attribute_not_exists(pk) OR ({})", has_room.join(" AND "));
        write.when(&condition).returning_record().send(db).await
    }

    /// Replaces a record whose time has passed by one that begins now, with this event in it, and returns that; none if another
    /// request did.
    async fn restart(&self, db: &Db, now: u64, passed: u64, op: &str) -> Result<Option<Item>, Error> {
        let mut record = key(&self.pk);
        record.insert("expires".to_owned(), n(self.rule.end(now)));
        record.insert("op".to_owned(), s(op));
        record.extend(self.tallies.iter().map(|(name, _)| (name.clone(), n(1))));
        if matches!(self.rule, Rule::Row(_)) {
            record.insert("began".to_owned(), n(now));
            record.extend(self.tallies.iter().map(|(name, _)| (format!("{name}_at"), n(now))));
        }
        // Its own first success, when the answer to that was lost, does not refuse it.
        let put = Write::put(&db.tables.throttles, record.clone()).when("expires = :passed OR op = :op");
        let sent = put.value("passed", n(passed)).value("op", s(op)).send(db).await?;
        Ok(sent.is_written().then_some(record))
    }

    /// Bounds the record of a counter, however many networks come: DynamoDB takes at most 400 KB, and a write costs a unit for each
    /// KB. Those whose last event is the longest ago are forgotten or, in a window, those that have the fewest. A network that is
    /// forgotten begins again, within what the counter allows from everywhere.
    async fn forget_networks(&self, db: &Db, record: &Item) {
        let time = |name: &str| format!("{name}_at");
        let is_own = |name: &str| self.tallies.iter().any(|(own, _)| own == name);
        let networks = record.keys().filter(|name| name.starts_with(FROM) && !name.ends_with("_at"));
        let mut networks: Vec<&String> = networks.collect();
        if networks.len() <= MOST_NETWORKS {
            return;
        }
        let surplus = (networks.len() - NETWORKS_LEFT).min(NETWORKS_A_WRITE);
        networks.retain(|name| !is_own(name));
        networks.sort_by_key(|name| (number(record, &time(name)), number(record, name)));
        let mut write = Write::update(&db.tables.throttles, key(&self.pk)).if_exists();
        for name in networks.into_iter().take(surplus) {
            write = write.remove(name);
            if record.contains_key(&time(name)) {
                write = write.remove(&time(name));
            }
        }
        if let Err(error) = write.send(db).await {
            log::failed_call(&error.cause(), "a counter keeps more networks than it needs");
        }
    }

    /// The write that adds to every tally.
    fn write(&self, db: &Db, by: i8) -> Write {
        let write = Write::update(&db.tables.throttles, key(&self.pk));
        self.tallies.iter().fold(write, |write, (name, _)| write.add(name, by.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_does_not_hold_what_was_typed() {
        let throttle =
            Throttle::new("login", "ada@example.com", 900).at_most(50, "all").at_most_from(5, "192.0.2.1");
        assert!(!format!("{throttle:?}").contains("ada"));
        assert!(!format!("{throttle:?}").contains("192.0.2.1"));
    }
}
