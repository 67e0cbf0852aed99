//! What the function `import` answers for a record.

use serde::Deserialize;
use serde_json::Value;

use super::ImportError;
use crate::django::Dropped;

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Outcome {
    Imported,
    /// It was there, and is as the dump has it.
    Present,
    /// It was there, and is otherwise.
    Differs,
    Updated,
    /// It was there and was changed here, so that the dump's changes were not applied.
    Conflict,
    Refused,
    Deleted,
    /// It was to be deleted, and was not there.
    Absent,
}

/// What the function answers for a record.
#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    pub(super) outcome: Outcome,
    /// As the API shows it.
    #[serde(default)]
    pub(super) id: Option<Value>,
    /// What was dropped of a record that was imported.
    #[serde(default)]
    pub(super) dropped: Vec<Dropped>,
    #[serde(default)]
    pub(super) reason: Option<String>,
}

/// The answers for a batch, in its order.
pub(super) fn answers(mut answer: Value, kind: &str, records: usize) -> Result<Vec<Answer>, ImportError> {
    let answers: Vec<Answer> =
        serde_json::from_value(answer[kind].take()).map_err(|error| ImportError::new(error.to_string()))?;
    if answers.len() == records {
        Ok(answers)
    } else {
        Err(ImportError::new("the function answered for other records"))
    }
}
