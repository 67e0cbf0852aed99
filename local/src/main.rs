//! `cargo run`: builds the functions, starts the stack and shows what happens.

mod cli;

use std::{error::Error, process::ExitCode};

use clap::Parser;
use local::{Stack, compile};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: cli::Arguments) -> Result<(), Box<dyn Error>> {
    let root = cli::workspace()?;
    let release = arguments.release;
    let mut options = arguments.options(&root);
    options.check()?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stack = tokio::select! {
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
        stack = async {
            options.binaries = compile(&root, release).await?;
            Ok::<_, Box<dyn Error>>(Stack::start(options).await?)
        } => stack?,
    };
    println!("Listening on {}", stack.url());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    stack.stop().await;
    Ok(())
}
