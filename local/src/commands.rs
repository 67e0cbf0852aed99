//! The operator's commands.

mod check_deploy;
mod check_messages;
pub(crate) mod cli;
mod compile;
mod create_superuser;
mod import_django;
mod invoker;
mod reindex;
mod serve;

use std::{error::Error, io, process::ExitCode};

use tokio::signal::unix::{Signal, SignalKind, signal};

use cli::{Arguments, Command};

/// Runs the command, or the local stack if there is none.
pub(crate) async fn run(mut arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let root = cli::workspace()?;
    match arguments.command.take() {
        Some(Command::CheckDeploy(asked)) => println!("{}", check_deploy::check(&root, &asked)?),
        Some(Command::CreateSuperuser(known)) => create_superuser::create(&root, arguments, known).await?,
        Some(Command::ImportDjango(asked)) => return import_django::import(&root, arguments, asked).await,
        Some(Command::Reindex(asked)) => return reindex::reindex(&root, arguments, asked).await,
        Some(Command::CheckMessages(asked)) => return Ok(check_messages::check(&asked)),
        None => serve::serve(&root, arguments).await?,
    }
    Ok(ExitCode::SUCCESS)
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
