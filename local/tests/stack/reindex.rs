//! `reindex`, for a stack that runs, one of its own, and one that is deployed as far as the command can tell.

use std::{path::Path, process::Output};

use local::Stack;
use tokio::process::Command;

use crate::superuser::{deployed, workspace};

async fn reindex(folder: &Path, arguments: &[&str], variables: &[(&str, String)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_local"))
        .current_dir(folder)
        .env("CARGO", folder.join("cargo"))
        .envs(variables.iter().cloned())
        .arg("reindex")
        .args(arguments)
        .output()
        .await
        .unwrap()
}

/// What a command says that ends with this status: on standard output, and on standard error.
fn said(status: i32, output: Output) -> (String, String) {
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(output.status.code(), Some(status), "{stderr}");
    (stdout, stderr)
}

const SAID: &str = "\
users: 3 read, 1 rewritten, 0 failed
failed: employee#1
employees: 2 read, 0 rewritten, 1 failed
";
const PROGRESS: &str = "users: 2 read, 1 rewritten, 0 failed, up to user#2\n";

#[tokio::test]
async fn records_are_rewritten_in_a_stack_of_its_own_or_the_one_that_runs() {
    let (folder, options) = workspace();

    let alone = said(2, reindex(folder.path(), &[], &[]).await);
    let stack = Stack::start(options).await.unwrap();
    let beside = said(2, reindex(folder.path(), &[], &[]).await);

    assert_eq!((alone.0.as_str(), alone.1.as_str()), (SAID, PROGRESS));
    assert_eq!(beside, alone);
    stack.stop().await;
}

#[tokio::test]
async fn records_are_rewritten_by_the_function_of_a_deployed_stack() {
    let (folder, options) = workspace();
    let _stack = Stack::start(options).await.unwrap();
    let variables = deployed(folder.path());

    let output = reindex(folder.path(), &["users", "--function", "reindex"], &variables).await;
    let unknown = reindex(folder.path(), &["--function", "nope"], &variables).await;

    assert_eq!(said(0, output).0, "users: 3 read, 1 rewritten, 0 failed\n");
    let (_, complaint) = said(1, unknown);
    assert!(complaint.contains("Function not found: nope"), "{complaint}");
}

#[tokio::test]
async fn an_interrupted_run_goes_on_where_it_stopped() {
    let (folder, options) = workspace();
    let _stack = Stack::start(options).await.unwrap();
    for (arguments, expected) in [
        (["--after", "user#2"].as_slice(), SAID.replace("3 read, 1", "1 read, 0")),
        (&["users", "--after", "user#2"], "users: 1 read, 0 rewritten, 0 failed\n".to_owned()),
    ] {
        let output = reindex(folder.path(), arguments, &[]).await;
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{arguments:?}");
    }

    let failed = reindex(folder.path(), &["users", "--after", "user#7"], &[]).await;
    let explained = "error: no such position; with --after and the last key above, the same command goes on where this one stopped\n";
    assert_eq!(said(1, failed), (String::new(), explained.to_owned()));

    let failed = reindex(folder.path(), &["users", "--after", "user#5"], &[]).await;
    let (told, complaint) = said(1, failed);
    assert_eq!(told, "failed: user#6\n", "what failed before is told");
    assert_eq!(complaint, format!("users: 1 read, 0 rewritten, 1 failed, up to user#6\n{explained}"));

    let explained = "error: --after takes a key that an earlier run has printed\n";
    for arguments in [["employees", "--after", "user#2"].as_slice(), &["--after", "email#ada@example.com"]] {
        let refused = reindex(folder.path(), arguments, &[]).await;
        assert_eq!(said(1, refused), (String::new(), explained.to_owned()), "{arguments:?}");
    }
}
