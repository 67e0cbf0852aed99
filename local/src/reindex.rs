//! Rewriting stored records in their present shape, with the function `reindex`.

use serde::Deserialize;
use serde_json::{Value, json};

/// A run over all records of a kind: invocations, of which each goes on where the one before stopped.
#[derive(Debug)]
pub struct Reindex {
    /// Such as `users`.
    pub kind: String,
    /// How many records were looked at.
    pub read: u64,
    /// How many of them had another shape.
    pub rewritten: u64,
    /// The keys of those that could not be rewritten. The function's log has the reasons.
    pub failed: Vec<String>,
    /// The key of the record that was looked at last; none before the first and after the last.
    pub position: Option<String>,
    is_done: bool,
}

/// What the function answers.
#[derive(Deserialize)]
struct Answer {
    read: u64,
    rewritten: u64,
    failed: Vec<String>,
    position: Option<String>,
}

impl Reindex {
    /// The function's name in a local stack.
    pub const FUNCTION: &str = "reindex";
    /// Everything that has a shape.
    pub const KINDS: [&str; 2] = ["users", "employees"];

    /// A run that begins after a position, or with the first record.
    #[must_use]
    pub fn of(kind: &str, position: Option<String>) -> Self {
        Self { kind: kind.to_owned(), read: 0, rewritten: 0, failed: Vec::new(), position, is_done: false }
    }

    /// The event of the next invocation; none when every record was looked at.
    #[must_use]
    pub fn event(&self) -> Option<Value> {
        (!self.is_done).then(|| json!({ "kind": self.kind, "position": self.position }))
    }

    /// Adds what an invocation has answered.
    pub fn add(&mut self, answer: Value) -> Result<(), serde_json::Error> {
        let Answer { read, rewritten, failed, position } = serde_json::from_value(answer)?;
        self.read += read;
        self.rewritten += rewritten;
        self.failed.extend(failed);
        self.is_done = position.is_none();
        self.position = position;
        Ok(())
    }
}
