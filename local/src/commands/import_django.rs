//! `cargo run -- import-django`: brings the users and employees of a Django system.

use std::{
    error::Error,
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use indicatif::{ProgressBar, ProgressStyle};
use local::{Dump, Entry, Login, Refusal, Settings};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::commands::{
    Signals,
    cli::{Address, Arguments, ImportDjango},
    invoker::{Invoker, LocalStack},
};

const FUNCTION: &str = "import";
/// The exit status when records were refused.
const SOME_REFUSED: u8 = 2;
/// So many records take a function seconds, far from its limits.
const BATCH: usize = 50;

/// What the function answers, of one kind of record.
#[derive(Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
enum Outcome {
    Imported,
    Present,
    Refused { reason: String },
}

#[derive(Default)]
struct Count {
    imported: usize,
    present: usize,
    refused: usize,
}

/// Imports a dump into a deployed stack, the stack that runs in the folder, or one started for it; says what became of it and
/// writes the refused records to a report. Its exit status tells whether there are any.
pub(crate) async fn import(
    root: &Path,
    arguments: Arguments,
    asked: ImportDjango,
) -> Result<ExitCode, Box<dyn Error>> {
    let text = std::fs::read_to_string(&asked.dump)
        .map_err(|error| format!("{} cannot be read: {error}", asked.dump.display()))?;
    let settings = Settings {
        emails_are_verified: asked.verified.contains(&Address::Email),
        phones_are_verified: asked.verified.contains(&Address::Phone),
        login: asked.login.map(|address| match address {
            Address::Email => Login::Email,
            Address::Phone => Login::Phone,
        }),
        owner: asked.owner,
    };
    let dump = Dump::read(&text, &settings)?;
    let mut report = Report::create(&asked.dump)?;

    let mut signals = Signals::new()?;
    let function = asked.function.as_deref();
    let run = async {
        let invoker = match function {
            Some(_) => Invoker::deployed().await,
            None => LocalStack::find(root, arguments)?.start().await?,
        };
        let done = run(&invoker, function.unwrap_or(FUNCTION), &dump, &mut report).await;
        invoker.stop().await;
        done
    };
    tokio::select! {
        () = signals.received() => Err("interrupted; the same command goes on where this one stopped".into()),
        done = run => done,
    }
}

async fn run(
    invoker: &Invoker,
    function: &str,
    dump: &Dump,
    report: &mut Report,
) -> Result<ExitCode, Box<dyn Error>> {
    let progress = ProgressBar::new(u64::try_from(dump.users.len() + dump.employees.len())?);
    progress.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}")?);
    for refusal in &dump.refused {
        report.write(refusal)?;
    }
    // Employees come after the users who own them.
    let mut counts = Vec::new();
    for (kind, entries) in [("users", &dump.users), ("employees", &dump.employees)] {
        let mut count = Count::default();
        for batch in entries.chunks(BATCH) {
            let outcomes = invoke(invoker, function, kind, batch).await?;
            for (entry, outcome) in batch.iter().zip(outcomes) {
                match outcome {
                    Outcome::Imported => count.imported += 1,
                    Outcome::Present => count.present += 1,
                    Outcome::Refused { reason } => {
                        count.refused += 1;
                        progress.suspend(|| report.write(&entry.refused(&reason)))?;
                    }
                }
            }
            progress.inc(u64::try_from(batch.len())?);
        }
        counts.push((kind, count));
    }
    progress.finish_and_clear();

    report.finish()?;
    let some_refused = !dump.refused.is_empty() || counts.iter().any(|(_, count)| count.refused > 0);
    for (kind, Count { imported, present, refused }) in counts {
        println!("{kind}: {imported} imported, {present} there already, {refused} refused");
    }
    if !dump.refused.is_empty() {
        println!("refused before they were sent: {}", dump.refused.len());
    }
    for (model, field) in &dump.guesses {
        println!("guessed: users of {model} log in with {field}; --login says what they do");
    }
    for (model, number) in &dump.left_out {
        let reason = if dump.pending.contains(model) { ": pending sign-ups are not users" } else { "" };
        println!("left out: {model} ({number}){reason}");
    }
    println!("the report of what was refused: {}", report.path.display());
    Ok(if some_refused { ExitCode::from(SOME_REFUSED) } else { ExitCode::SUCCESS })
}

async fn invoke(
    invoker: &Invoker,
    function: &str,
    kind: &str,
    batch: &[Entry],
) -> Result<Vec<Outcome>, Box<dyn Error>> {
    let records: Vec<&Value> = batch.iter().map(|entry| &entry.record).collect();
    let answer = invoker.invoke(function, json!({ kind: records })).await;
    let mut answer =
        answer.map_err(|error| format!("{error}; the same command goes on where this one stopped"))?;
    let outcomes: Vec<Outcome> = serde_json::from_value(answer[kind].take())?;
    if outcomes.len() == batch.len() {
        Ok(outcomes)
    } else {
        Err("the function answered for other records".into())
    }
}

/// The refused records: a line each, on standard output and in a file beside the dump.
struct Report {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Report {
    fn create(dump: &Path) -> Result<Self, String> {
        let mut path = dump.to_owned().into_os_string();
        path.push(".report.jsonl");
        let path = PathBuf::from(path);
        let file =
            File::create(&path).map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
        Ok(Self { path, file: BufWriter::new(file) })
    }

    fn write(&mut self, refusal: &Refusal) -> std::io::Result<()> {
        println!("refused: {} {}: {}", refusal.source.model, refusal.source.pk, refusal.reason);
        writeln!(self.file, "{}", json!(refusal))
    }

    fn finish(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
