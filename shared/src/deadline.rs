//! How long a request may take.

use std::{future::Future, time::Duration};

use tokio::{
    task_local,
    time::{Instant, timeout, timeout_at},
};

use crate::Error;

// An instance is not frozen during a request, so a monotonic clock is right.

/// Work beside or after a count is given up after this time. The rest, until [`END`], is for taking the count back.
const PATIENCE: Duration = Duration::from_secs(11);
/// A request is answered within this time. It is less than a function's `Timeout` in the template, so that a slow dependency
/// gives a 503 from the function, which takes back what it counted, and not one from the gateway.
const END: Duration = Duration::from_secs(14);

task_local! {
    static GIVEN_UP_AT: Instant;
}

/// Answers a request, or fails with 503 at its end.
pub(crate) async fn of_request<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let answer = GIVEN_UP_AT.scope(Instant::now() + PATIENCE, timeout(END, answer));
    answer.await.unwrap_or_else(|_| Err(late()))
}

/// Does slow work beside or after a count. It is given up while there is time to take the count back. Outside a request it has
/// no deadline.
pub(crate) async fn in_time<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let Ok(end) = GIVEN_UP_AT.try_with(|end| *end) else { return work.await };
    if Instant::now() >= end {
        // `timeout_at` polls the work once, even when the time has passed.
        return Err(late());
    }
    timeout_at(end, work).await.unwrap_or_else(|_| Err(late()))
}

fn late() -> Error {
    Error::Unavailable("the request took too long".into())
}
