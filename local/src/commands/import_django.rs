//! `cargo run -- import-django`: imports the users and employees of a Django system.

use std::{
    error::Error,
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use indicatif::{ProgressBar, ProgressStyle};
use local::{Import, Records};
use serde_json::Value;

use crate::commands::{
    Signals,
    cli::{Arguments, ImportDjango},
    invoker::{Invoker, LocalStack},
};

const FUNCTION: &str = "import";
/// The exit status when a user, an employee, or a model with passwords was left out.
const SOME_LEFT_OUT: u8 = 2;
const GO_ON: &str = "the same command goes on where this one stopped";

/// Imports a dump into a deployed stack, the stack that runs in the folder, or one started for it. Prints what was found and what
/// became of it, and writes what was refused and the new ids to files beside the dump.
pub(crate) async fn import(
    root: &Path,
    arguments: Arguments,
    asked: ImportDjango,
) -> Result<ExitCode, Box<dyn Error>> {
    let bytes = std::fs::read(&asked.dump)
        .map_err(|error| format!("{} cannot be read: {error}", asked.dump.display()))?;
    let records = Records::parse(&bytes)?;
    drop(bytes);
    let import = asked.import();
    // A region that does not exist is an error before anything is built.
    import.settings.check()?;

    let mut signals = Signals::new()?;
    let work = async {
        let invoker = match asked.function {
            Some(_) => Invoker::deployed().await,
            None => LocalStack::find(root, arguments)?.start().await?,
        };
        let done = run(&invoker, &asked, &import, &records).await;
        invoker.stop().await;
        done
    };
    tokio::select! {
        () = signals.received() => Err(format!("interrupted; {GO_ON}").into()),
        done = work => done,
    }
}

async fn run(
    invoker: &Invoker,
    asked: &ImportDjango,
    import: &Import,
    records: &Records,
) -> Result<ExitCode, Box<dyn Error>> {
    let function = asked.function.as_deref().unwrap_or(FUNCTION);
    let invoke = async |event: Value| {
        invoker.invoke(function, event).await.map_err(|error| format!("{error}; {GO_ON}"))
    };
    let dump = import.plan(records, &invoke).await?;
    print!("{}", dump.report);
    if import.dry_run {
        eprintln!("dry run: nothing is written to the stack");
    }
    // Standard error, and only a terminal's.
    let progress = ProgressBar::new(u64::try_from(dump.users.len() + dump.employees.len())?);
    progress.set_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} {eta}")?);
    let imported = import.run(&dump, &invoke, |records| progress.inc(records as u64)).await?;
    progress.finish_and_clear();
    print!("{}", imported.summary);
    let report = write(&asked.dump, "report", &imported.report)?;
    println!("the report of what was refused and dropped: {}", report.display());
    // In a dry run nothing has an id yet.
    if !import.dry_run {
        println!("the new ids: {}", write(&asked.dump, "ids", &imported.ids)?.display());
    }
    Ok(if imported.is_anybody_left_out { ExitCode::from(SOME_LEFT_OUT) } else { ExitCode::SUCCESS })
}

/// Writes lines to a file beside the dump, such as `dump.json.report.jsonl`.
fn write(dump: &Path, name: &str, lines: &[Value]) -> Result<PathBuf, String> {
    let mut path = dump.to_owned().into_os_string();
    path.push(format!(".{name}.jsonl"));
    let path = PathBuf::from(path);
    let text: String = lines.iter().flat_map(|line| [line.to_string(), "\n".to_owned()]).collect();
    let written = std::fs::File::create(&path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
    Ok(path)
}
