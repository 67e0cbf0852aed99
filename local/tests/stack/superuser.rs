//! `create-superuser`, in a stack that runs and in one of its own.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use local::{Data, Options, Running, Stack};
use pty_process::Pty;
use rustix::termios::{LocalModes, tcgetattr};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::timeout,
};

use crate::options;

/// How long a terminal may take to hide what is typed.
const PATIENCE: Duration = Duration::from_mins(2);
const INPUT: &str = "admin\nadmin@example.com\nlong enough\n";

/// A workspace whose functions are the probe, and the options of a stack in it.
pub(crate) fn workspace() -> (TempDir, Options) {
    let folder = tempfile::tempdir().unwrap();
    let kept = Options { data: Data::Folder(folder.path().join(".local")), ..options(folder.path()) };
    std::os::unix::fs::symlink(kept.binaries.join("probe"), folder.path().join("cargo")).unwrap();
    (folder, kept)
}

/// The environment of a command that invokes functions of the stack in that folder as if it were deployed.
pub(crate) fn deployed(folder: &Path) -> [(&'static str, String); 4] {
    let notice = std::fs::read(folder.join(".local/stack.json")).unwrap();
    let notice: serde_json::Value = serde_json::from_slice(&notice).unwrap();
    [
        ("AWS_ENDPOINT_URL", notice["aws_url"].as_str().unwrap().to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "local".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
    ]
}

async fn create_superuser(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut process = Command::new(env!("CARGO_BIN_EXE_local"))
        .current_dir(folder)
        .env("CARGO", folder.join("cargo"))
        .arg("create-superuser")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    // A process that needs no input may have ended before it is written.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    process.wait_with_output().await.unwrap()
}

/// What it said, when it succeeded.
async fn said(folder: &Path, arguments: &[&str], input: &str) -> String {
    let output = create_superuser(folder, arguments, input).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The last line of what it complained about.
async fn complaint(folder: &Path, arguments: &[&str], input: &str) -> String {
    let output = create_superuser(folder, arguments, input).await;
    assert_eq!((output.status.code(), output.stdout), (Some(1), vec![]));
    String::from_utf8(output.stderr).unwrap().lines().last().unwrap_or_default().to_owned()
}

/// What a person at a terminal sees.
struct Terminal {
    pty: Pty,
    seen: String,
}

impl Terminal {
    /// Waits until this is on the screen.
    async fn shows(&mut self, text: &str) {
        let mut bytes = [0; 1024];
        while !self.seen.contains(text) {
            // Linux answers with an error once nobody has the other end.
            let read = self.pty.read(&mut bytes).await.unwrap_or(0);
            assert!(read > 0, "{text}: {}", self.seen);
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
    }

    /// Answers a prompt.
    async fn types(&mut self, prompt: &str, line: &str) {
        self.shows(prompt).await;
        self.pty.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    /// The same for a prompt that is answered unseen: nobody types so fast that the terminal still shows it. If it goes on to,
    /// the line is seen.
    async fn types_unseen(&mut self, prompt: &str, line: &str) {
        self.shows(prompt).await;
        let hidden = async {
            while tcgetattr(&self.pty).unwrap().local_modes.contains(LocalModes::ECHO) {
                tokio::task::yield_now().await;
            }
        };
        let _ = timeout(PATIENCE, hidden).await;
        self.types(prompt, line).await;
    }
}

#[tokio::test]
async fn a_terminal_shows_what_is_asked_and_answered_but_no_password() {
    let (folder, options) = workspace();
    let _stack = Stack::start(options).await.unwrap();
    let (pty, pts) = pty_process::open().unwrap();
    let mut process = pty_process::Command::new(env!("CARGO_BIN_EXE_local"))
        .current_dir(folder.path())
        .env("CARGO", folder.path().join("cargo"))
        .arg("create-superuser")
        .kill_on_drop(true)
        .spawn(pts)
        .unwrap();
    let mut terminal = Terminal { pty, seen: String::new() };

    terminal.types("Username: ", "admin").await;
    terminal.types("Email address: ", "admin@example.com").await;
    terminal.types_unseen("Password: ", "long enough").await;
    terminal.types_unseen("Password (again): ", "long enuff").await;
    let complaint = "Error: Your passwords didn't match.";
    terminal.shows(complaint).await;
    let end = terminal.seen.find(complaint).unwrap() + complaint.len();
    let asked_again = terminal.seen.split_off(end);
    let asked_once = std::mem::replace(&mut terminal.seen, asked_again);
    terminal.types_unseen("Password: ", "long enough").await;
    terminal.types_unseen("Password (again): ", "long enough").await;
    terminal.shows("Superuser created: admin (admin@example.com).").await;

    assert!(process.wait().await.unwrap().success());
    assert!(asked_once.contains("Username: admin\r\n"), "{asked_once}");
    for seen in [asked_once, terminal.seen] {
        assert!(!seen.contains("long") && !seen.contains("enough") && !seen.contains("enuff"), "{seen}");
    }
}

#[tokio::test]
async fn a_superuser_is_created_in_the_stack_that_runs() {
    let (folder, options) = workspace();
    let stack = Stack::start(options).await.unwrap();

    let said = said(folder.path(), &[], INPUT).await;

    assert_eq!(said, "Superuser created: admin (admin@example.com).\n");
    stack.stop().await;
}

#[tokio::test]
async fn a_superuser_is_created_without_a_stack_that_runs() {
    let (folder, options) = workspace();

    let said = said(folder.path(), &["--parameter", "Greeting=hi"], INPUT).await;

    assert_eq!(said, "Superuser created: admin (admin@example.com).\n");
    assert!(folder.path().join(".local/dynamodb.sqlite").is_file());
    Stack::start(options).await.unwrap();
}

#[tokio::test]
async fn a_user_who_was_there_is_staff_now() {
    let (folder, _) = workspace();

    let said = said(folder.path(), &["--username", "ada"], "ada@example.com\r\nlong enough\r\n").await;

    assert_eq!(said, "ada (ada@example.com) is staff now, with the new password.\n");
}

#[tokio::test]
async fn what_the_function_says_is_the_error() {
    let (folder, options) = workspace();
    let arguments = ["--username", "admin", "--email", "admin@example.com"];

    let alone = complaint(folder.path(), &arguments, "password\n").await;
    let _stack = Stack::start(options).await.unwrap();
    let beside = complaint(folder.path(), &arguments, "password\n").await;

    assert_eq!((alone.as_str(), beside.as_str()), ("error: This password is too common.", alone.as_str()));
}

#[tokio::test]
async fn what_is_missing_in_the_input_is_named() {
    let (folder, _) = workspace();
    for (input, missing) in
        [("", "username"), ("admin\n", "e-mail address"), ("admin\nadmin@example.com\n", "password")]
    {
        let complaint = complaint(folder.path(), &[], input).await;

        assert_eq!(complaint, format!("error: the {missing} is missing: the input has ended"));
    }
    assert!(!folder.path().join(".local").exists());
}

#[tokio::test]
async fn memory_would_keep_no_superuser() {
    let (folder, _) = workspace();

    let complaint = complaint(folder.path(), &["--memory"], INPUT).await;

    assert_eq!(complaint, "error: with --memory nothing would be kept; leave it out");
}

#[tokio::test]
async fn a_password_is_no_argument() {
    let (folder, _) = workspace();

    let output = create_superuser(folder.path(), &["--password", "long enough"], INPUT).await;

    assert!(!output.status.success());
}

#[tokio::test]
async fn a_stack_is_found_while_it_runs() {
    let (folder, options) = workspace();
    let path = folder.path().join(".local");
    let notice = path.join("stack.json");
    assert!(Running::find(&path).unwrap().is_none());

    let stack = Stack::start(options).await.unwrap();
    assert!(Running::find(&path).unwrap().is_some());
    assert_eq!(std::fs::metadata(&notice).unwrap().permissions().mode() & 0o777, 0o600);
    let settings = path.join("env");
    let text = std::fs::read_to_string(&settings).unwrap();
    let database = format!("AWS_ENDPOINT_URL_DYNAMODB='{}'", stack.dynamodb_url());
    for line in ["AWS_REGION='us-east-1'", "GREETING='hello'", &database] {
        assert!(text.lines().any(|written| written == line), "{line} is not in\n{text}");
    }
    stack.stop().await;

    assert!(!notice.exists() && !settings.exists());
    // A stack that was killed leaves it behind.
    std::fs::write(&notice, r#"{"aws_url":"http://127.0.0.1:1"}"#).unwrap();
    assert!(Running::find(&path).unwrap().is_none());
}
