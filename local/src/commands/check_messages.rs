//! `cargo run -- check-messages`: checks an operator's texts as the functions that send messages do.

use std::process::ExitCode;

use messages::{Channel, Texts};

use crate::commands::cli::CheckMessages;

/// Prints the files that cannot be used, or else what the text messages are as carriers register them.
pub(crate) fn check(asked: &CheckMessages) -> ExitCode {
    let (texts, problems) = Texts::load(&asked.folder);
    if !problems.is_empty() {
        for problem in &problems {
            eprintln!("{problem}");
        }
        eprintln!("error: {} cannot be used as it is", asked.folder.display());
        return ExitCode::FAILURE;
    }
    println!(
        "Every text can be used. The text messages of the stack {}, to register with carriers:",
        asked.stack
    );
    for (of, _) in texts.all().filter(|(of, _)| of.channel == Channel::Sms) {
        if let Some(text) = texts.registered(of.language, of.purpose, &asked.stack) {
            println!("{:<22}{text}", format!("{}/{}:", of.language, of.purpose));
        }
    }
    ExitCode::SUCCESS
}
