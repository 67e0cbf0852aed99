//! Records that an earlier dump had, and this one has not.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{
    BATCH, Import, ImportError,
    answer::{Answer, Outcome, answers},
    summary::Summary,
};
use crate::django::Dump;

/// Deletes the records that an import made, that nobody has changed since, and that the dump does not have: employees before the
/// users who own them. In a dry run they are counted.
pub(super) async fn delete(
    import: &Import,
    dump: &Dump,
    summary: &mut Summary,
    invoke: &impl AsyncFn(Value) -> Result<Value, String>,
) -> Result<(), ImportError> {
    let known: HashSet<String> = dump
        .users
        .iter()
        .chain(&dump.employees)
        .map(|entry| &entry.record["id"])
        .chain(summary.ids.iter().map(|line| &line["id"]))
        .map(plain)
        .collect();
    let mut missing = Vec::new();
    for kind in ["employees", "users"] {
        let imported = imported(kind, invoke).await?;
        let absent: Vec<_> = imported.iter().filter(|id| !known.contains(&plain(id))).cloned().collect();
        // The dump of another system has none of them.
        if 2 * absent.len() > imported.len() && kind == "users" {
            return Err(ImportError::new(format!(
                "{} of the {} users that were imported are not in this dump; it is perhaps of another system, so nothing is deleted",
                absent.len(),
                imported.len()
            )));
        }
        missing.push((kind, absent));
    }
    for (kind, ids) in missing {
        for batch in ids.chunks(BATCH) {
            let answers = if import.dry_run {
                let deleted =
                    || Answer { outcome: Outcome::Deleted, id: None, dropped: Vec::new(), reason: None };
                batch.iter().map(|_| deleted()).collect()
            } else {
                let records: Vec<_> = batch.iter().map(|id| json!({ "id": id })).collect();
                let answer = invoke(json!({ "mode": "delete", kind: records })).await.map_err(ImportError)?;
                answers(answer, kind, batch.len())?
            };
            for (id, answer) in batch.iter().zip(&answers) {
                summary.delete(kind, &plain(id), answer);
            }
        }
    }
    Ok(())
}

/// The ids of all records that imports made.
async fn imported(
    kind: &str,
    invoke: &impl AsyncFn(Value) -> Result<Value, String>,
) -> Result<Vec<Value>, ImportError> {
    let mut ids = Vec::new();
    let mut after = Value::Null;
    loop {
        let mut answer =
            invoke(json!({ "mode": "imported", "kind": kind, "after": after })).await.map_err(ImportError)?;
        let page = answer["ids"].as_array_mut();
        let page = page.ok_or_else(|| ImportError::new("the function did not list what was imported"))?;
        ids.append(page);
        after = answer["next"].take();
        if after.is_null() {
            return Ok(ids);
        }
    }
}

/// An id as a text: the API shows it as one or as a number.
fn plain(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
