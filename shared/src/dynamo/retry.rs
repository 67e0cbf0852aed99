//! The one policy by which contended work is tried again.

use std::time::Duration;

use uuid::Uuid;

use crate::Error;

/// How often contended work is tried.
const ATTEMPTS: u32 = 6;

/// Counts the attempts at work that another request may get in the way of:
///
/// ```ignore
/// let mut retry = Retry::of("a change of a user");
/// loop {
///     // ... make the writes from what was loaded
///     if db.transact(writes).await? {
///         return Ok(next);
///     }
///     retry.again().await?;
///     account = load(db, id).await?;
/// }
/// ```
pub(crate) struct Retry {
    what: &'static str,
    attempt: u32,
}

impl Retry {
    /// For work that the log names like this when it is given up.
    pub fn of(what: &'static str) -> Self {
        Self { what, attempt: 0 }
    }

    /// Pauses before the next attempt, exponentially with full jitter: at most 20, 40, 80, 160, 320 ms. 503 when there have been
    /// enough.
    pub async fn again(&mut self) -> Result<(), Error> {
        self.attempt += 1;
        if self.attempt == ATTEMPTS {
            let what = self.what;
            return Err(Error::Unavailable(format!("{what} gave up after {ATTEMPTS} attempts")));
        }
        let most = 10_u64 << self.attempt;
        let jitter = Uuid::new_v4().as_u64_pair().0 % most;
        tokio::time::sleep(Duration::from_millis(jitter)).await;
        Ok(())
    }
}
