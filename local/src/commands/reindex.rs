//! `cargo run -- reindex`: rewrites stored records in the shape of this release.

use std::{error::Error, path::Path, process::ExitCode};

use local::Reindex;

use crate::commands::{
    Signals,
    cli::{self, Arguments},
    invoker::{Invoker, LocalStack},
};

/// The exit status when records could not be rewritten.
const SOME_FAILED: u8 = 2;
const GO_ON: &str = "with --after and the last key above, the same command goes on where this one stopped";

/// Rewrites the records of a deployed stack, of the stack that runs in the folder, or of one started for it. Its exit status tells
/// whether there are any that could not be rewritten.
pub(crate) async fn reindex(
    root: &Path,
    arguments: Arguments,
    asked: cli::Reindex,
) -> Result<ExitCode, Box<dyn Error>> {
    let kinds = kinds(&asked)?;
    let mut signals = Signals::new()?;
    let work = async {
        let invoker = match &asked.function {
            Some(_) => Invoker::deployed().await,
            None => LocalStack::find(root, arguments)?.start().await?,
        };
        let done = run(&invoker, &asked, kinds).await;
        invoker.stop().await;
        done
    };
    tokio::select! {
        () = signals.received() => Err(format!("interrupted; {GO_ON}").into()),
        done = work => done,
    }
}

async fn run(invoker: &Invoker, asked: &cli::Reindex, kinds: Vec<&str>) -> Result<ExitCode, Box<dyn Error>> {
    let function = asked.function.as_deref().unwrap_or(Reindex::FUNCTION);
    let mut after = asked.after.clone();
    let mut status = ExitCode::SUCCESS;
    for kind in kinds {
        let mut run = Reindex::of(kind, after.take());
        while let Some(event) = run.event() {
            let answer =
                invoker.invoke(function, event).await.map_err(|error| format!("{error}; {GO_ON}"))?;
            let known = run.failed.len();
            run.add(answer)?;
            // At once: what comes after may be interrupted, or fail.
            for key in run.failed.iter().skip(known) {
                println!("failed: {key}");
                status = ExitCode::from(SOME_FAILED);
            }
            if let Some(position) = &run.position {
                eprintln!("{}, up to {position}", counts(&run));
            }
        }
        println!("{}", counts(&run));
    }
    Ok(status)
}

fn counts(run: &Reindex) -> String {
    let Reindex { kind, read, rewritten, failed, .. } = run;
    format!("{kind}: {read} read, {rewritten} rewritten, {} failed", failed.len())
}

/// The kinds of records to rewrite: of those that are asked for, all from the one to which the position belongs.
fn kinds(asked: &cli::Reindex) -> Result<Vec<&'static str>, &'static str> {
    let is_asked = |kind: &&str| asked.kind.as_deref().is_none_or(|asked| asked == *kind);
    // The key of one of the users is `user#` and an id.
    let is_of = |kind: &str| {
        let key = asked.after.as_deref().map(|key| key.split('#').next());
        key.is_none_or(|key| key == kind.strip_suffix('s'))
    };
    let kinds: Vec<_> = Reindex::KINDS.into_iter().filter(is_asked).skip_while(|kind| !is_of(kind)).collect();
    if kinds.is_empty() { Err("--after takes a key that an earlier run has printed") } else { Ok(kinds) }
}
