//! `cargo run`: the operator's commands; without one, the local stack.

mod commands;

use std::process::ExitCode;

use clap::Parser;

use commands::cli::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    match commands::run(Arguments::parse()).await {
        Ok(status) => status,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
