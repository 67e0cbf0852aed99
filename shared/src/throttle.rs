//! Limits, counted atomically before the guarded work is done, so that parallel requests cannot slip past them.
//!
//! A counter is one record with one window, which opens with the first event and never moves. It may hold several
//! tallies: "of this identifier" and "of this identifier from that network" are one record and one write, and clearing
//! the record clears both. What is refused is not counted, so that `Retry-After` is true however often a client tries.

use std::{collections::HashMap, fmt::Write, future::Future};

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure};

use crate::{
    App, Error, config,
    deadline::in_time,
    dynamo::{ATTEMPTS, Item, in_the_way, is_refused, key, n, number, operation_id, pause_before, s, text},
    log::{self, Event},
    time,
};

/// Seconds of an hour.
pub const HOUR: u64 = 3_600;
/// Seconds of a day.
pub const DAY: u64 = 86_400;

/// A counter: what it counts, for how long, and the most it allows of each.
#[derive(Debug, Clone)]
pub struct Throttle {
    pk: String,
    window: u64,
    tallies: Vec<(String, u64)>,
}

impl Throttle {
    /// A counter of what `subject` does, such as an identifier or a network, in a window of so many seconds.
    #[must_use]
    pub fn new(kind: &str, subject: &str, window: u64) -> Self {
        // Hashed, because a subject is whatever a stranger typed: any length, and often a personal address.
        Self { pk: format!("{kind}#{}", fingerprint(subject)), window, tallies: Vec::new() }
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
        let name = format!("from_{}", fingerprint(network));
        self.at_most(limit, &name)
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

/// An event that was counted, to be taken back if it turns out not to be one.
#[derive(Debug, Clone)]
pub struct Counted {
    throttle: Throttle,
    expires: u64,
    op: String,
}

/// Counts an event in every counter, all at once. When one of them is full none counts it, and the answer is 429 with the
/// longest wait, which is the true one.
pub async fn admit<const N: usize>(app: &App, throttles: [Throttle; N]) -> Result<[Counted; N], Error> {
    let answers =
        futures_util::future::join_all(throttles.into_iter().map(|throttle| in_time(count(app, throttle))))
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
        futures_util::future::join_all(counted.iter().map(|one| take_back(app, one))).await;
        return Err(refusal);
    }
    counted.try_into().map_err(|_| Error::internal("a counter neither counted nor refused"))
}

/// Does what these events were counted for. When it fails for no fault of the client's, or takes too long, they are taken
/// back: an outage locks nobody out.
pub async fn settle<T>(
    app: &App,
    counted: &[Counted],
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let done = in_time(work).await;
    if done.as_ref().is_err_and(Error::is_ours) {
        futures_util::future::join_all(counted.iter().map(|one| take_back(app, one))).await;
    }
    done
}

/// Takes a counted event back, once, as long as its window is the one it was counted in. A failure is no matter: the counter
/// then allows one event fewer.
pub async fn take_back(app: &App, counted: &Counted) {
    revise(app, counted, -1).await;
}

/// Leaves a counted event counted, with the same write as [`take_back`]: the time of an answer then does not tell which of the
/// two was done.
pub async fn keep(app: &App, counted: &Counted) {
    revise(app, counted, 0).await;
}

/// Takes a counted event back from one tally alone, with the same write.
pub async fn take_back_from(app: &App, counted: &Counted, tally: &str) {
    let mut counted = counted.clone();
    counted.throttle.tallies.retain(|(name, _)| name == tally);
    revise(app, &counted, -1).await;
}

/// Adds `by` to every tally that counted the event, once.
async fn revise(app: &App, counted: &Counted, by: i8) {
    if counted.throttle.tallies.is_empty() {
        return;
    }
    let (names, mut values, sum) = tallies(&counted.throttle, by);
    values.insert(":window".to_owned(), n(counted.expires));
    values.insert(":op".to_owned(), s(&counted.op));
    let revised = app
        .dynamodb
        .update_item()
        .table_name(&app.tables.throttles)
        .set_key(Some(key(&counted.throttle.pk)))
        .update_expression(format!("SET taken_back_by = :op ADD {sum}"))
        .condition_expression(
            "expires = :window AND (attribute_not_exists(taken_back_by) OR taken_back_by <> :op)",
        )
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(Some(values))
        .send()
        .await;
    if let Err(error) = revised
        && !is_refused(&error)
    {
        log::failed_call(&Error::from_aws(error).cause(), "an event stays counted");
    }
}

/// Forgets all that a counter has counted, in all its tallies.
pub async fn clear(app: &App, throttle: &Throttle) -> Result<(), Error> {
    let delete =
        app.dynamodb.delete_item().table_name(&app.tables.throttles).set_key(Some(key(&throttle.pk)));
    delete.send().await.map_err(Error::from_aws)?;
    Ok(())
}

impl Counted {
    /// The counter that counted.
    #[must_use]
    pub fn throttle(&self) -> &Throttle {
        &self.throttle
    }
}

async fn count(app: &App, throttle: Throttle) -> Result<Counted, Error> {
    // Below, the event that opens a window is not held against the limits.
    if throttle.tallies.iter().any(|(_, limit)| *limit == 0) {
        return Err(throttle.refuse(throttle.window));
    }
    let now = time::seconds(time::now());
    let op = operation_id();
    for attempt in 0..ATTEMPTS {
        pause_before(attempt).await;
        let old = match try_count(app, &throttle, now, &op).await? {
            Ok(expires) => return Ok(Counted { throttle, expires, op }),
            Err(old) => old,
        };
        let expires = number(&old, "expires").unwrap_or(0);
        if text(&old, "op") == Some(&op) {
            return Ok(Counted { throttle, expires, op });
        }
        if expires <= now {
            // The window has passed and DynamoDB has not deleted the record yet: begin the next one.
            if restart(app, &throttle, now, expires, &op).await? {
                let expires = now + throttle.window;
                return Ok(Counted { throttle, expires, op });
            }
            continue;
        }
        return Err(throttle.refuse(expires - now));
    }
    Err(Error::Unavailable("a counter found no quiet moment".into()))
}

/// Counts in an open window, or opens the first. Gives the window's end, or the record that stood in the way.
async fn try_count(app: &App, throttle: &Throttle, now: u64, op: &str) -> Result<Result<u64, Item>, Error> {
    let (names, mut values, sum) = tallies(throttle, 1);
    let mut room = String::new();
    for (at, (_, limit)) in throttle.tallies.iter().enumerate() {
        let _ = write!(room, " AND (attribute_not_exists(#t{at}) OR #t{at} < :limit{at})");
        values.insert(format!(":limit{at}"), n(*limit));
    }
    values.extend([
        (":now".to_owned(), n(now)),
        (":end".to_owned(), n(now + throttle.window)),
        (":op".to_owned(), s(op)),
    ]);
    let counted = app
        .dynamodb
        .update_item()
        .table_name(&app.tables.throttles)
        .set_key(Some(key(&throttle.pk)))
        .update_expression(format!("SET expires = if_not_exists(expires, :end), op = :op ADD {sum}"))
        .condition_expression(format!("attribute_not_exists(pk) OR (expires > :now AND op <> :op{room})"))
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(Some(values))
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    match counted {
        Ok(counted) => Ok(Ok(counted.attributes.and_then(|item| number(&item, "expires")).unwrap_or(0))),
        Err(error) => in_the_way(&error).map(Err).ok_or_else(|| Error::from_aws(error)),
    }
}

/// Replaces a window that has passed by one that begins now, with this event in it. False if another request did.
async fn restart(app: &App, throttle: &Throttle, now: u64, passed: u64, op: &str) -> Result<bool, Error> {
    let mut record = key(&throttle.pk);
    record.insert("expires".to_owned(), n(now + throttle.window));
    record.insert("op".to_owned(), s(op));
    record.extend(throttle.tallies.iter().map(|(name, _)| (name.clone(), n(1))));
    let put = app
        .dynamodb
        .put_item()
        .table_name(&app.tables.throttles)
        .set_item(Some(record))
        .condition_expression("expires = :passed OR op = :op")
        .expression_attribute_values(":passed", n(passed))
        .expression_attribute_values(":op", s(op))
        .send()
        .await;
    match put {
        Ok(_) => Ok(true),
        Err(error) if is_refused(&error) => Ok(false),
        Err(error) => Err(Error::from_aws(error)),
    }
}

type Names = HashMap<String, String>;
type Values = HashMap<String, AttributeValue>;

/// The names and values that add `by` to every tally, and the clause that does it.
fn tallies(throttle: &Throttle, by: i8) -> (Names, Values, String) {
    let names = throttle
        .tallies
        .iter()
        .enumerate()
        .map(|(at, (name, _))| (format!("#t{at}"), name.clone()))
        .collect();
    let values = Values::from([(":by".to_owned(), AttributeValue::N(by.to_string()))]);
    let sum: Vec<_> = (0..throttle.tallies.len()).map(|at| format!("#t{at} :by")).collect();
    (names, values, sum.join(", "))
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
