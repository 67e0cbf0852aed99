//! Every endpoint, with faults at each of its calls.
//!
//! `FAULTS=all cargo test --workspace --test api faults` lets every call fail in every way; otherwise the ways take turns.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt};
use serde_json::Value;

use crate::{
    depth::{Prepared, Row, budgets},
    support::{Answer, Api, Fault, Proxied, unlimited},
};

/// How many rows are tried at once.
const AT_ONCE: usize = 8;

/// How many ways of failing a row meets in one stack. With more, its instances would have used up what the SDK allows them in
/// repetitions (500 tokens, five or ten a repetition), and fail for that.
const FEW: usize = 3;

/// A row of the table in a stack of its own, and what is wrong with it.
struct Trial {
    row: Row,
    /// Where in the table; the ways of failing begin elsewhere for each.
    place: usize,
    /// Which of the ways of failing it meets in this stack.
    round: usize,
    api: Proxied,
    users: usize,
    prepared: Option<Prepared>,
    /// As they were last seen.
    tables: Tables,
    complaints: Vec<String>,
}

impl Trial {
    async fn new(place: usize, round: usize, row: Row) -> Self {
        let api = Api::behind_a_proxy(&unlimited()).await;
        Self {
            row,
            place,
            round,
            api,
            users: 0,
            prepared: None,
            tables: Tables::new(),
            complaints: Vec::new(),
        }
    }

    /// The ways of failing that it meets. What writes meets a lost answer in any case: only that can be done twice.
    fn faults(&self) -> Vec<Fault> {
        // Neighbours in the list are alike; a step that has no divisor with its length comes to all.
        let mut faults: Vec<_> = (self.round * FEW..(self.round + 1) * FEW)
            .map(|nth| Fault::ALL[(self.place + 4 * nth) % Fault::ALL.len()])
            .collect();
        if !self.row.request.starts_with("GET") && !faults.iter().any(|fault| fault.is_done()) {
            let unheard: Vec<_> = Fault::ALL.into_iter().filter(|fault| fault.is_done()).collect();
            faults.push(unheard[self.place % unheard.len()]);
        }
        faults
    }

    /// Prepares everything for a user, unless it is.
    async fn get_ready(&mut self) {
        if self.prepared.is_none() {
            self.users += 1;
            // Their phone numbers are made of the sums of their letters.
            let name = format!("ad{}", char::from(b'a' + u8::try_from(self.users).unwrap()));
            self.prepared = Some(self.row.prepare(&self.api, &name).await);
            self.tables = tables(&self.api).await;
        }
    }

    /// Sends the request; gives the answer and what it has changed.
    async fn send(&mut self) -> (Answer, Vec<String>) {
        let prepared = self.prepared.take().expect("to be ready");
        let answer = self.row.send(&prepared).await;
        let changes = self.changes().await;
        // Whoever was refused may ask again.
        self.prepared = (answer.status == 503).then_some(prepared);
        (answer, changes)
    }

    /// What has changed since this was asked last.
    async fn changes(&mut self) -> Vec<String> {
        let before = std::mem::replace(&mut self.tables, tables(&self.api).await);
        changes(&before, &self.tables)
    }

    fn complain(&mut self, what: &str, answer: &Answer, changes: &[String]) {
        let causes =
            self.api.logged().into_iter().rev().filter_map(|mut line| line.get_mut("cause").map(Value::take));
        let cause = causes.take(1).next().unwrap_or_default();
        self.complaints.push(format!(
            "{}, {what}: {} {:.100} {changes:?} {cause}\n",
            self.row.request, answer.status, answer.text
        ));
    }

    /// Every fault that passes makes no difference; every one that lasts is a 503 that leaves nothing behind.
    async fn run(mut self) -> Vec<String> {
        self.secret_fails().await;
        let (kinds, expected) = self.calls_fail_once().await;
        for (at, kind) in kinds.iter().enumerate() {
            self.call_fails(kind, lasting_fault(self.place + at), &expected).await;
        }
        if !kinds.is_empty() {
            self.nothing_answers().await;
        }
        self.get_ready().await;
        let (answer, changes) = self.send().await;
        if answer.status != self.row.status {
            self.complain("when all was well again", &answer, &changes);
        }
        self.complaints
    }

    /// Secrets Manager fails while this instance does not know the secret.
    async fn secret_fails(&mut self) {
        for fault in self.faults() {
            self.get_ready().await;
            self.api.services.fail(fault, |call| call.operation == "GetSecretValue");
            let (answer, changes) = self.send().await;
            self.api.services.heal().await;
            if answer.status == self.row.status {
                // It is no business of this function.
                break;
            }
            self.is_refused(&format!("the secret is out of reach, {fault:?}"), &answer, &changes);
        }
    }

    /// Every call fails once. Gives what calls there are, and what they change.
    async fn calls_fail_once(&mut self) -> (BTreeSet<String>, Vec<String>) {
        self.prepared = None;
        self.get_ready().await;
        let prepared = self.prepared.take().expect("to be ready");
        let (answer, calls) = self.api.proxy.watch(self.row.send(&prepared)).await;
        let expected = self.changes().await;
        if answer.status != self.row.status {
            self.complain("without a fault", &answer, &expected);
        }
        if calls.len() > 0 {
            for fault in self.faults() {
                self.get_ready().await;
                self.api.proxy.fail_first(fault, |_| true);
                let (answer, changes) = self.send().await;
                self.api.proxy.heal().await;
                if (answer.status, &changes) != (self.row.status, &expected) {
                    self.complain(&format!("{fault:?} once, for {expected:?}"), &answer, &changes);
                }
            }
        }
        (calls.kinds(), expected)
    }

    /// All calls of a kind fail.
    async fn call_fails(&mut self, kind: &str, fault: Fault, expected: &[String]) {
        self.get_ready().await;
        let failing = kind.to_owned();
        self.api.proxy.fail(fault, move |call| call.kind() == failing);
        let (answer, mut changes) = self.send().await;
        self.api.proxy.heal().await;
        let what = format!("{fault:?} of {kind}");
        // What was counted cannot be taken back or forgotten then.
        let is_counted = |change: &str| kind.ends_with("Throttles") && change.starts_with("Throttles");
        changes.retain(|change| !is_counted(change));
        if answer.status == self.row.status {
            // What is noted beside, in one write, may be missing.
            let noted = ["user last_login", "user known_networks", "user sessions_begun +1"];
            let is_noted = |change: &str| kind == "UpdateItem Users" && noted.contains(&change);
            let done = expected.iter().filter(|change| !is_counted(change) && !is_noted(change));
            if !done.eq(&changes) {
                self.complain(&format!("{what}, for {expected:?}"), &answer, &changes);
            }
        } else {
            self.is_refused(&what, &answer, &changes);
        }
    }

    /// Nothing is heard of DynamoDB.
    async fn nothing_answers(&mut self) {
        for stalls in [true, false] {
            self.get_ready().await;
            if stalls {
                self.api.proxy.fail(Fault::Stalled, |_| true);
            } else {
                self.api.proxy.refuse().await;
            }
            let (answer, changes) = self.send().await;
            self.api.proxy.heal().await;
            self.is_refused(
                if stalls { "calls stall" } else { "connections are refused" },
                &answer,
                &changes,
            );
        }
    }

    fn is_refused(&mut self, what: &str, answer: &Answer, changes: &[String]) {
        if answer.status != 503 || answer.header("retry-after") != "1" || !changes.is_empty() {
            self.complain(what, answer, changes);
        }
    }
}

/// One of the faults that leave a call undone.
pub(super) fn lasting_fault(at: usize) -> Fault {
    let undone: Vec<Fault> =
        Fault::ALL.into_iter().filter(|fault| !fault.is_done() && *fault != Fault::Stalled).collect();
    undone[at % undone.len()]
}

type Tables = BTreeMap<String, Value>;

/// Every record, and what is counted.
pub(super) async fn tables(api: &Proxied) -> Tables {
    let mut tables = Tables::new();
    for (key, item) in api.records().await {
        tables.insert(key, item);
    }
    for (key, item) in api.items("Throttles").await {
        tables.insert(format!("Throttles {key}"), item);
    }
    tables
}

/// Attributes that tell nothing of what was done.
const UNTOLD: [&str; 5] = ["pk", "op", "taken_back_by", "expires", "began"];

/// What was made, deleted and changed, without what differs from one user to the next.
pub(super) fn changes(before: &Tables, after: &Tables) -> Vec<String> {
    let mut changes = Vec::new();
    for key in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let kind = if key.contains("session#") { "session" } else { key.split('#').next().unwrap() };
        let (old, new) = (before.get(key), after.get(key));
        let is_counter = key.starts_with("Throttles") && !key.contains("codes#");
        let (old, new) = match (old, new) {
            (Some(_), None) if !is_counter => {
                changes.push(format!("{kind} deleted"));
                continue;
            }
            (None, Some(_)) if !is_counter => {
                changes.push(format!("{kind} made"));
                continue;
            }
            (old, new) => (old.unwrap_or(&Value::Null), new.unwrap_or(&Value::Null)),
        };
        let names = [old, new].into_iter().filter_map(Value::as_object).flat_map(|item| item.keys());
        for name in names.collect::<BTreeSet<_>>() {
            let number =
                |item: &Value| item[name]["N"].as_str().and_then(|number| number.parse::<i64>().ok());
            let is_count = ["version", "epoch", "sessions_begun", "attempts_left", "active"]
                .contains(&name.as_str())
                || is_counter;
            match (number(old), number(new)) {
                _ if old[name] == new[name] || UNTOLD.contains(&name.as_str()) => {}
                // The time of the last event.
                _ if is_counter && name.ends_with("_at") => {}
                (old, new) if is_count => {
                    let by = new.unwrap_or(0) - old.unwrap_or(0);
                    if by != 0 {
                        changes.push(format!("{kind} {name} {by:+}"));
                    }
                }
                _ => changes.push(format!("{kind} {name}")),
            }
        }
    }
    changes.sort();
    changes
}

#[tokio::test]
async fn what_fails_for_a_moment_is_done_once_and_what_fails_for_longer_is_not_done_at_all() {
    let rounds = if std::env::var_os("FAULTS").is_some() { Fault::ALL.len() / FEW } else { 1 };
    let mut complaints = Vec::new();
    for round in 0..rounds {
        let rows = stream::iter(budgets()).enumerate();
        let trials =
            rows.map(|(place, row)| async move { (place, Trial::new(place, round, row).await.run().await) });
        let trials: Vec<(usize, Vec<String>)> = trials.buffered(AT_ONCE).collect().await;
        let suspects: BTreeSet<usize> =
            trials.iter().filter(|(_, complaints)| !complaints.is_empty()).map(|(place, _)| *place).collect();
        // What only failed because the machine had too much to do at once does not fail alone.
        for (place, row) in budgets().into_iter().enumerate().filter(|(place, _)| suspects.contains(place)) {
            complaints.extend(Trial::new(place, round, row).await.run().await);
        }
    }

    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}
