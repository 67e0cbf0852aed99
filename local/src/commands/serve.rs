//! `cargo run`: builds the functions, starts the stack and shows what happens.

use std::{error::Error, path::Path};

use local::Stack;

use crate::commands::{Signals, cli::Arguments, compile::compile};

/// Runs a stack until Ctrl-C.
pub(crate) async fn serve(root: &Path, arguments: Arguments) -> Result<(), Box<dyn Error>> {
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
    println!("{}", compatibility(&stack));
    println!("Listening on {}", stack.url());
    signals.received().await;
    stack.stop().await;
    Ok(())
}

/// Which clients the stack is for, and how to have it for others.
fn compatibility(stack: &Stack) -> &'static str {
    match (stack.setting("COMPATIBILITY"), stack.setting("IDS")) {
        (Some("django"), Some("uuid")) => {
            "Lists and refresh tokens are those of a Django system, and ids are UUIDs (for new clients: --parameter Compatibility=none)"
        }
        (Some("django"), _) => {
            "Lists, ids and refresh tokens are those of a Django system (for new clients: --parameter Compatibility=none)"
        }
        _ => {
            "Lists, ids and refresh tokens are for new clients (for those of a Django system: --parameter Compatibility=django)"
        }
    }
}
