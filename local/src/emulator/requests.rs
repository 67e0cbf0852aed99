//! What was asked of each endpoint and how long it took, cold starts included: for the page of the local stack.

use std::{collections::BTreeMap, sync::Mutex, time::Duration};

use serde::Serialize;
use tokio::sync::watch;

use crate::emulator::logs::lock;

/// The requests of this run.
#[derive(Debug)]
pub(crate) struct Requests {
    endpoints: Mutex<BTreeMap<String, Endpoint>>,
    asked: watch::Sender<()>,
}

/// What one endpoint was asked. Times are in milliseconds, as the client waited for them.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(crate) struct Endpoint {
    /// Method and route, such as `GET /api/users/{id}`.
    name: String,
    requests: u32,
    last_status: u16,
    last_ms: f64,
    slowest_ms: f64,
    /// The mean of those that found an instance waiting; `null` as long as there was none.
    warm_ms: Option<f64>,
    cold_starts: u32,
    /// The mean of those for which an instance had to start.
    cold_ms: Option<f64>,
}

impl Requests {
    pub(crate) fn new() -> Self {
        Self { endpoints: Mutex::default(), asked: watch::Sender::new(()) }
    }

    /// Notes a request that was answered.
    pub(crate) fn note(&self, endpoint: &str, status: u16, took: Duration, cold: bool) {
        lock(&self.endpoints).entry(endpoint.to_owned()).or_default().note(endpoint, status, took, cold);
        self.asked.send_replace(());
    }

    /// Every endpoint that was asked, in the order of their names.
    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        lock(&self.endpoints).values().cloned().collect()
    }

    /// Changes whenever there is one more request.
    pub(crate) fn subscribe(&self) -> watch::Receiver<()> {
        self.asked.subscribe()
    }
}

impl Endpoint {
    fn note(&mut self, endpoint: &str, status: u16, took: Duration, cold: bool) {
        let ms = (took.as_secs_f64() * 1e4).round() / 10.0;
        endpoint.clone_into(&mut self.name);
        self.requests += 1;
        self.last_status = status;
        self.last_ms = ms;
        self.slowest_ms = self.slowest_ms.max(ms);
        if cold {
            self.cold_starts += 1;
            self.cold_ms = Some(mean(self.cold_ms, ms, self.cold_starts));
        } else {
            self.warm_ms = Some(mean(self.warm_ms, ms, self.requests - self.cold_starts));
        }
    }
}

/// The mean of `count` numbers, the last of which is `next`.
fn mean(before: Option<f64>, next: f64, count: u32) -> f64 {
    let before = before.unwrap_or(next);
    before + (next - before) / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cold_and_warm_requests_are_told_apart() {
        let requests = Requests::new();
        for (status, ms, cold) in [(201, 90, true), (400, 10, false), (201, 20, false)] {
            requests.note("POST /api/register", status, Duration::from_millis(ms), cold);
        }

        let expected = Endpoint {
            name: "POST /api/register".to_owned(),
            requests: 3,
            last_status: 201,
            last_ms: 20.0,
            slowest_ms: 90.0,
            warm_ms: Some(15.0),
            cold_starts: 1,
            cold_ms: Some(90.0),
        };
        assert_eq!(requests.endpoints(), [expected]);
    }
}
