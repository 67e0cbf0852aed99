//! What becomes of a batch: how an answer moves the checkpoint, what is tried again and what is given up.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>

use std::{collections::VecDeque, time::Duration};

use serde_json::Value;

use crate::emulator::{lambda::InvokeError, template::StreamSource};

/// The wait before the first retry; it doubles with every further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(3);

/// Why records were given up, in the words of the on-failure destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    RetryAttemptsExhausted,
    RecordAgeExceeded,
}

/// What to do next with a batch.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Hand these records to the function, after this wait.
    Invoke { records: Vec<Value>, after: Duration },
    /// These are lost to the function; tell the destination.
    GiveUp { records: Vec<Value>, condition: Condition, attempts: u64 },
    /// Every record has been dealt with.
    Done,
}

/// The records of a batch that still have to be dealt with, in pieces when a failed one is bisected.
#[derive(Debug)]
pub(super) struct Batch<'a> {
    source: &'a StreamSource,
    pieces: VecDeque<Vec<Value>>,
    failures: u64,
}

impl<'a> Batch<'a> {
    pub(super) fn new(source: &'a StreamSource, records: Vec<Value>) -> Self {
        Self { source, pieces: VecDeque::from([records]), failures: 0 }
    }

    /// The next step. `now` is in seconds since the epoch.
    pub(super) fn next(&mut self, now: f64) -> Step {
        while self.pieces.front().is_some_and(Vec::is_empty) {
            self.pieces.pop_front();
            self.failures = 0;
        }
        let Some(piece) = self.pieces.front_mut() else {
            return Step::Done;
        };
        if let Some(age) = self.source.maximum_age {
            let expired =
                piece.iter().take_while(|record| created(record) + age.as_secs_f64() <= now).count();
            if expired > 0 {
                let records = piece.drain(..expired).collect();
                return Step::GiveUp {
                    records,
                    condition: Condition::RecordAgeExceeded,
                    attempts: self.failures,
                };
            }
        }
        if self.source.maximum_retries.is_some_and(|retries| self.failures > retries) {
            let records = std::mem::take(piece);
            return Step::GiveUp {
                records,
                condition: Condition::RetryAttemptsExhausted,
                attempts: self.failures,
            };
        }
        Step::Invoke { records: piece.clone(), after: backoff(self.failures) }
    }

    /// Takes the function's answer to the records of the last [`Step::Invoke`].
    pub(super) fn answered(&mut self, answer: &Result<Value, InvokeError>) {
        let Some(piece) = self.pieces.front_mut() else { return };
        match failed_at(self.source, piece, answer) {
            None => piece.clear(),
            Some(0) => {
                self.failures += 1;
                // Cutting a batch in two does not count as a retry.
                if self.source.bisects && piece.len() > 1 {
                    let later = piece.split_off(piece.len() / 2);
                    self.pieces.insert(1, later);
                    self.failures -= 1;
                }
            }
            Some(checkpoint) => {
                piece.drain(..checkpoint);
                self.failures = 1;
            }
        }
    }
}

/// The index of the first record to try again: the lowest that failed, or the first when the answer does not say.
fn failed_at(source: &StreamSource, records: &[Value], answer: &Result<Value, InvokeError>) -> Option<usize> {
    let Ok(answer) = answer else { return Some(0) };
    if !source.reports_failures {
        return None;
    }
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return None,
        Some(Value::Array(failures)) => failures,
        Some(_) => return Some(0),
    };
    let position = |failure: &Value| {
        let failed = failure["itemIdentifier"].as_str().filter(|identifier| !identifier.is_empty())?;
        records.iter().position(|record| sequence_number(record) == failed)
    };
    // An identifier that names no record fails the whole batch.
    failures.iter().map(|failure| position(failure).unwrap_or(0)).min()
}

fn backoff(failures: u64) -> Duration {
    match u32::try_from(failures) {
        Ok(0) => Duration::ZERO,
        Ok(failures) => FIRST_BACKOFF.saturating_mul(2_u32.saturating_pow(failures - 1)).min(LONGEST_BACKOFF),
        Err(_) => LONGEST_BACKOFF,
    }
}

pub(super) fn sequence_number(record: &Value) -> &str {
    record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default()
}

/// When the record was made, in seconds since the epoch.
pub(super) fn created(record: &Value) -> f64 {
    record["dynamodb"]["ApproximateCreationDateTime"].as_f64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn source() -> StreamSource {
        StreamSource {
            table: "t".to_owned(),
            batch_size: 10,
            from_now: false,
            filters: Vec::new(),
            reports_failures: true,
            bisects: false,
            maximum_retries: None,
            maximum_age: None,
            has_destination: true,
        }
    }

    fn record(number: u32) -> Value {
        json!({ "dynamodb": { "SequenceNumber": number.to_string(), "ApproximateCreationDateTime": f64::from(number) } })
    }

    fn records(numbers: std::ops::RangeInclusive<u32>) -> Vec<Value> {
        numbers.map(record).collect()
    }

    fn invoke(numbers: std::ops::RangeInclusive<u32>, milliseconds: u64) -> Step {
        Step::Invoke { records: records(numbers), after: Duration::from_millis(milliseconds) }
    }

    #[expect(clippy::unnecessary_wraps, reason = "it stands for the result of an invocation")]
    fn failures(identifiers: &[&str]) -> Result<Value, InvokeError> {
        let failures: Vec<Value> =
            identifiers.iter().map(|identifier| json!({ "itemIdentifier": identifier })).collect();
        Ok(json!({ "batchItemFailures": failures }))
    }

    #[test]
    fn an_answer_without_failures_finishes_the_batch() {
        for answer in
            [json!({ "batchItemFailures": [] }), json!({ "batchItemFailures": null }), json!({}), Value::Null]
        {
            let source = source();
            let mut batch = Batch::new(&source, records(1..=3));
            batch.answered(&Ok(answer));
            assert_eq!(batch.next(0.0), Step::Done);
        }
    }

    #[test]
    fn the_lowest_failure_is_the_checkpoint() {
        let source = source();
        let mut batch = Batch::new(&source, records(1..=4));

        assert_eq!(batch.next(0.0), invoke(1..=4, 0));
        batch.answered(&failures(&["4", "3"]));
        assert_eq!(batch.next(0.0), invoke(3..=4, 100));
        batch.answered(&failures(&["3"]));
        assert_eq!(batch.next(0.0), invoke(3..=4, 200));
        batch.answered(&failures(&[]));
        assert_eq!(batch.next(0.0), Step::Done);
    }

    #[test]
    fn an_answer_that_names_no_record_fails_the_whole_batch() {
        for answer in [
            failures(&["2", ""]),
            failures(&["2", "99"]),
            Ok(json!({ "batchItemFailures": [{ "itemIdentifier": null }] })),
            Ok(json!({ "batchItemFailures": [{ "wrong": "2" }] })),
            Ok(json!({ "batchItemFailures": "2" })),
            Err(InvokeError::BadAnswer),
        ] {
            let source = source();
            let mut batch = Batch::new(&source, records(1..=2));
            batch.answered(&answer);
            assert_eq!(batch.next(0.0), invoke(1..=2, 100), "{answer:?}");
        }
    }

    #[test]
    fn what_is_reported_counts_only_when_the_source_asks_for_it() {
        let source = StreamSource { reports_failures: false, ..source() };
        let mut batch = Batch::new(&source, records(1..=2));

        batch.answered(&failures(&["1"]));

        assert_eq!(batch.next(0.0), Step::Done);
    }

    #[test]
    fn a_batch_is_given_up_after_its_retries() {
        let source = StreamSource { maximum_retries: Some(1), ..source() };
        let mut batch = Batch::new(&source, records(1..=2));

        batch.answered(&Err(InvokeError::BadAnswer));
        assert_eq!(batch.next(0.0), invoke(1..=2, 100));
        batch.answered(&Err(InvokeError::BadAnswer));

        let given_up = Step::GiveUp {
            records: records(1..=2),
            condition: Condition::RetryAttemptsExhausted,
            attempts: 2,
        };
        assert_eq!(batch.next(0.0), given_up);
        assert_eq!(batch.next(0.0), Step::Done);
    }

    #[test]
    fn records_that_are_too_old_are_given_up_and_the_others_tried() {
        let source = StreamSource { maximum_age: Some(Duration::from_secs(10)), ..source() };
        let mut batch = Batch::new(&source, records(1..=3));

        let given_up =
            Step::GiveUp { records: records(1..=2), condition: Condition::RecordAgeExceeded, attempts: 0 };
        assert_eq!(batch.next(12.5), given_up);
        assert_eq!(batch.next(12.5), invoke(3..=3, 0));
    }

    #[test]
    fn a_failed_batch_is_bisected_down_to_the_record_that_fails() {
        let source = StreamSource { bisects: true, maximum_retries: Some(0), ..source() };
        let mut batch = Batch::new(&source, records(1..=4));

        batch.answered(&Err(InvokeError::BadAnswer));
        assert_eq!(batch.next(0.0), invoke(1..=2, 0));
        batch.answered(&Err(InvokeError::BadAnswer));
        assert_eq!(batch.next(0.0), invoke(1..=1, 0));
        batch.answered(&Err(InvokeError::BadAnswer));
        let given_up = Step::GiveUp {
            records: records(1..=1),
            condition: Condition::RetryAttemptsExhausted,
            attempts: 1,
        };
        assert_eq!(batch.next(0.0), given_up);
        assert_eq!(batch.next(0.0), invoke(2..=2, 0));
        batch.answered(&Ok(Value::Null));
        assert_eq!(batch.next(0.0), invoke(3..=4, 0));
    }

    #[test]
    fn retries_come_at_growing_intervals_up_to_three_seconds() {
        let waits: Vec<u128> = (0..8).map(|failures| backoff(failures).as_millis()).collect();

        assert_eq!(waits, [0, 100, 200, 400, 800, 1600, 3000, 3000]);
        assert_eq!(backoff(u64::MAX), LONGEST_BACKOFF);
    }
}
