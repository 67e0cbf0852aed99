//! Importing a dump with the function `import`: in batches, and what became of each record.

mod answer;
mod missing;
mod summary;

use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use crate::django::{Dump, Entry, Records, Settings};
use answer::{Answer, answers};
use summary::Summary;

/// So many records take a function seconds, far from its limits.
const BATCH: usize = 100;
/// Lambda takes 6 MB.
const BATCH_BYTES: usize = 1_000_000;
/// Batches at once: identifiers are unique in a dump, so that their order does not matter.
const PARALLEL: usize = 4;

/// What is to be done with the records of a dump.
#[derive(Debug, Clone, Default)]
pub struct Import {
    /// What the dump cannot say. Without a region, the stack's is taken.
    pub settings: Settings,
    /// Whether nothing is written.
    pub dry_run: bool,
    /// Whether the changes in the dump are applied to records that nobody has changed here.
    pub update: bool,
    /// Whether those of them that are not in the dump are deleted.
    pub delete_missing: bool,
}

/// Why an import did not end. Run again, it goes on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(String);

impl ImportError {
    fn new(error: impl Into<String>) -> Self {
        Self(error.into())
    }
}

/// What became of a dump.
#[derive(Debug)]
pub struct Imported {
    /// The counts, and what was refused and dropped, in lines.
    pub summary: String,
    /// What was refused and dropped: a record each.
    pub report: Vec<Value>,
    /// The new id of each record: `model`, `key` and `id`, which is `null` for a record that was refused.
    pub ids: Vec<Value>,
    /// Whether a user, an employee, or a model with passwords that Django hashed was left out.
    pub is_anybody_left_out: bool,
}

impl Import {
    /// Makes users and employees of the records, by what the stack says of itself.
    pub async fn plan(
        &self,
        records: &Records,
        invoke: &impl AsyncFn(Value) -> Result<Value, String>,
    ) -> Result<Dump, ImportError> {
        let answer =
            invoke(json!({ "users": [], "employees": [], "mode": "compare" })).await.map_err(ImportError)?;
        if self.dry_run || self.update {
            // An earlier release answers this like an empty batch. It would import, whatever the mode says.
            let listed =
                invoke(json!({ "mode": "imported", "kind": "employees" })).await.map_err(ImportError)?;
            if !listed["ids"].is_array() {
                return Err(ImportError::new(
                    "the function Import is of an earlier release, which can do nothing but import; deploy this release first",
                ));
            }
        }
        let mut settings = self.settings.clone();
        settings.region = settings.region.or_else(|| answer["region"].as_str().map(str::to_owned));
        Dump::of(records, &settings).map_err(|error| ImportError::new(error.to_string()))
    }

    /// Imports a dump; `progress` hears of each batch how many records it had.
    pub async fn run(
        &self,
        dump: &Dump,
        invoke: &impl AsyncFn(Value) -> Result<Value, String>,
        progress: impl Fn(usize),
    ) -> Result<Imported, ImportError> {
        let mut summary = Summary::default();
        for refusal in &dump.refused {
            summary.refuse(refusal);
        }
        // Employees come after the users who own them.
        for (kind, entries) in [("users", &dump.users), ("employees", &dump.employees)] {
            let sent = stream::iter(batches(entries))
                .map(async |batch| (batch, self.send(kind, batch, invoke).await))
                .buffered(PARALLEL);
            let mut sent = std::pin::pin!(sent);
            while let Some((batch, answers)) = sent.next().await {
                for (entry, answer) in batch.iter().zip(answers?) {
                    summary.add(kind, entry, answer);
                }
                progress(batch.len());
            }
        }
        if self.delete_missing {
            missing::delete(self, dump, &mut summary, invoke).await?;
        }
        Ok(Imported {
            summary: summary.text(self.update),
            is_anybody_left_out: summary.is_any_refused() || !dump.report.with_passwords.is_empty(),
            report: summary.report,
            ids: summary.ids,
        })
    }

    async fn send(
        &self,
        kind: &str,
        batch: &[Entry],
        invoke: &impl AsyncFn(Value) -> Result<Value, String>,
    ) -> Result<Vec<Answer>, ImportError> {
        let mode = match (self.dry_run, self.update) {
            (true, _) => "compare",
            (false, true) => "update",
            (false, false) => "import",
        };
        let records: Vec<&Value> = batch.iter().map(|entry| &entry.record).collect();
        let answer = invoke(json!({ kind: records, "mode": mode })).await.map_err(ImportError)?;
        answers(answer, kind, batch.len())
    }
}

/// Entries in batches that an invocation takes.
fn batches(entries: &[Entry]) -> Vec<&[Entry]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (at, entry) in entries.iter().enumerate() {
        let size = entry.record.to_string().len();
        if at > start && (at - start == BATCH || bytes + size > BATCH_BYTES) {
            batches.push(&entries[start..at]);
            (start, bytes) = (at, 0);
        }
        bytes += size;
    }
    batches.extend(Some(&entries[start..]).filter(|rest| !rest.is_empty()));
    batches
}
