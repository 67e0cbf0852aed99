//! What became of the records.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Value, json};

use super::answer::{Answer, Outcome};
use crate::django::{Dropped, Entry, Refusal, Source};

/// The most records that a line names.
const NAMED: usize = 5;

/// What became of the records, counted.
#[derive(Default)]
pub(super) struct Summary {
    counts: BTreeMap<(&'static str, Outcome), usize>,
    lines: Vec<String>,
    dropped: BTreeMap<(&'static str, String, String), Vec<String>>,
    pub(super) report: Vec<Value>,
    /// A line for each record.
    pub(super) ids: Vec<Value>,
}

impl Summary {
    /// An employee who was refused before they were sent.
    pub(super) fn refuse(&mut self, refusal: &Refusal) {
        *self.counts.entry(("employees", Outcome::Refused)).or_default() += 1;
        self.list("refused", &refusal.source, &refusal.reason);
        self.ids.push(id_line(&refusal.source, "employee", &Value::Null));
    }

    pub(super) fn add(&mut self, kind: &'static str, entry: &Entry, answer: Answer) {
        *self.counts.entry((kind, answer.outcome)).or_default() += 1;
        let reason = answer.reason.unwrap_or_default();
        match answer.outcome {
            Outcome::Refused => self.list("refused", &entry.source, &reason),
            Outcome::Conflict => self.list("conflict", &entry.source, &reason),
            _ => {}
        }
        let is_refused = answer.outcome == Outcome::Refused;
        let id = answer.id.unwrap_or_else(|| entry.record["id"].clone());
        let id = if is_refused { Value::Null } else { id };
        self.ids.push(id_line(&entry.source, kind.trim_end_matches('s'), &id));
        for dropped in entry.dropped.iter().chain(&answer.dropped).filter(|_| !is_refused) {
            self.drop(kind, &entry.source, dropped);
        }
    }

    fn drop(&mut self, kind: &'static str, source: &Source, dropped: &Dropped) {
        let Dropped { field, value, reason } = dropped;
        let mut line = json!({ "model": source.model, "pk": source.pk, "field": field, "reason": reason });
        if let Some(value) = value {
            line["value"] = value.clone();
        }
        self.report.push(line);
        let value = value.as_ref().map(|value| format!(" {value}")).unwrap_or_default();
        let name = format!("{} {}{value}", source.model, source.pk);
        // A reason may say what the field becomes, which differs from record to record.
        let reason = reason.split("; ").next().unwrap_or_default().to_owned();
        self.dropped.entry((kind, field.clone(), reason)).or_default().push(name);
    }

    /// A record that is not in the dump.
    pub(super) fn delete(&mut self, kind: &'static str, id: &str, answer: &Answer) {
        *self.counts.entry((kind, answer.outcome)).or_default() += 1;
        let reason =
            answer.reason.clone().unwrap_or_else(|| "it was changed here since its import".to_owned());
        if answer.outcome == Outcome::Conflict {
            self.lines.push(format!("conflict: {kind} {id} is not in the dump, but {reason}"));
        }
    }

    fn list(&mut self, what: &str, source: &Source, reason: &str) {
        self.lines.push(format!("{what}: {} {}: {reason}", source.model, source.pk));
        self.report.push(json!({ "model": source.model, "pk": source.pk, "reason": reason }));
    }

    pub(super) fn is_any_refused(&self) -> bool {
        self.counts.keys().any(|(_, outcome)| *outcome == Outcome::Refused)
    }

    pub(super) fn text(&self, is_update: bool) -> String {
        let mut text = String::new();
        for line in &self.lines {
            let _ = writeln!(text, "{line}");
        }
        for ((kind, field, reason), names) in &self.dropped {
            let more = if names.len() > NAMED {
                format!(" and {} more", names.len() - NAMED)
            } else {
                String::new()
            };
            let named = names[..names.len().min(NAMED)].join(", ");
            let _ = writeln!(text, "dropped: {field} of {} {kind}, {reason}: {named}{more}", names.len());
        }
        for kind in ["users", "employees"] {
            let count = |outcome| self.counts.get(&(kind, outcome)).copied().unwrap_or_default();
            let there: usize = [Outcome::Present, Outcome::Differs, Outcome::Updated, Outcome::Conflict]
                .map(count)
                .iter()
                .sum();
            let _ = writeln!(
                text,
                "{kind}: {} imported, {there} there already, {} refused",
                count(Outcome::Imported),
                count(Outcome::Refused)
            );
            let differs = count(Outcome::Differs);
            if is_update {
                let _ = writeln!(
                    text,
                    "{kind} with changes in the dump: {} updated, {} conflicts, {} deleted",
                    count(Outcome::Updated) + differs,
                    count(Outcome::Conflict),
                    count(Outcome::Deleted)
                );
            } else if differs > 0 {
                let _ = writeln!(
                    text,
                    "{kind} that differ from the dump: {differs}; --update applies the changes"
                );
            }
        }
        text
    }
}

/// Of a model of users who are employees, a line says which of the two it is.
fn id_line(source: &Source, kind: &str, id: &Value) -> Value {
    let mut line = json!({ "model": source.model, "key": source.pk, "id": id });
    if source.is_both {
        line["kind"] = json!(kind);
    }
    line
}
