//! `cargo run`: builds the functions, starts the stack and shows what happens.

mod cli;
mod import;
mod invoker;
mod superuser;

use std::{error::Error, io, path::Path, process::ExitCode};

use clap::Parser;
use local::{Stack, compile};
use tokio::signal::unix::{Signal, SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match run(arguments).await {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(mut arguments: cli::Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let root = cli::workspace()?;
    match arguments.command.take() {
        Some(cli::Command::CreateSuperuser(known)) => superuser::create(&root, arguments, known).await?,
        Some(cli::Command::ImportDjango(asked)) => return import::import(&root, arguments, asked).await,
        None => serve(&root, arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn serve(root: &Path, arguments: cli::Arguments) -> Result<(), Box<dyn Error>> {
    let release = arguments.release;
    let mut options = arguments.options(root);
    options.check()?;
    let mut signals = Signals::new()?;
    let stack = tokio::select! {
        () = signals.received() => return Ok(()),
        stack = async {
            options.binaries = compile(root, release).await?;
            Ok::<_, Box<dyn Error>>(Stack::start(options).await?)
        } => stack?,
    };
    println!("Listening on {}", stack.url());
    signals.received().await;
    stack.stop().await;
    Ok(())
}

/// Ctrl-C, and being told to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From now on neither ends the process by itself.
    fn new() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
