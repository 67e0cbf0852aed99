//! `cargo run -- create-superuser`: makes a staff user, in the spirit of Django's command.

use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    path::Path,
};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::commands::{
    Signals,
    cli::{Arguments, CreateSuperuser},
    invoker::LocalStack,
};

const FUNCTION: &str = "create-superuser";

/// What the function answers.
#[derive(Deserialize)]
struct Made {
    created: bool,
    user: User,
}

#[derive(Deserialize)]
struct User {
    username: String,
    email: Option<String>,
}

/// Asks, invokes the function in the stack that runs in the folder or in one started for it, and says what became of it.
pub(crate) async fn create(
    root: &Path,
    arguments: Arguments,
    known: CreateSuperuser,
) -> Result<(), Box<dyn Error>> {
    let stack = LocalStack::find(root, arguments)?;
    let username = known.username.map_or_else(|| line("username", "Username: "), Ok)?;
    let email = known.email.map_or_else(|| line("e-mail address", "Email address: "), Ok)?;
    // Until here Ctrl-C ends the process; from here it is heard, so that the terminal and a stack are left in order.
    let mut signals = Signals::new()?;
    let password = password()?;
    let event = json!({ "username": username, "email": email, "password": password });
    let made = tokio::select! {
        () = signals.received() => return Err("interrupted".into()),
        made = async {
            let invoker = stack.start().await?;
            let made = invoker.invoke(FUNCTION, event).await;
            invoker.stop().await;
            Ok::<_, Box<dyn Error>>(made?)
        } => made?,
    };
    println!("{}", outcome(made)?);
    Ok(())
}

fn outcome(answer: Value) -> Result<String, Box<dyn Error>> {
    let Made { created, user: User { username, email } } = serde_json::from_value(answer)?;
    let email = email.unwrap_or_default();
    Ok(if created {
        format!("Superuser created: {username} ({email}).")
    } else {
        format!("{username} ({email}) is staff now, with the new password.")
    })
}

/// The next line of standard input; a person at a terminal is asked for it.
fn line(name: &str, prompt: &str) -> io::Result<String> {
    if io::stdin().is_terminal() {
        print!("{prompt}");
        io::stdout().flush()?;
    }
    let mut line = String::new();
    if io::stdin().read_line(&mut line)? == 0 {
        return Err(missing(name));
    }
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// A person types it twice, unseen; whoever pipes it knows it.
fn password() -> io::Result<String> {
    if !io::stdin().is_terminal() {
        return line("password", "");
    }
    let unseen = |prompt| {
        rpassword::prompt_password(prompt).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => missing("password"),
            _ => error,
        })
    };
    loop {
        let password = unseen("Password: ")?;
        if password == unseen("Password (again): ")? {
            return Ok(password);
        }
        eprintln!("Error: Your passwords didn't match.");
    }
}

fn missing(name: &str) -> io::Error {
    io::Error::other(format!("the {name} is missing: the input has ended"))
}
