//! `import-django`, into a stack that runs, one of its own, and one that is deployed as far as the command can tell.

use std::{path::Path, process::Output};

use local::Stack;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::superuser::{deployed, workspace};

async fn import(folder: &Path, arguments: &[&str], variables: &[(&str, String)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_local"))
        .current_dir(folder)
        .env("CARGO", folder.join("cargo"))
        .envs(variables.iter().cloned())
        .arg("import-django")
        .args(arguments)
        .output()
        .await
        .unwrap()
}

/// A dump of so many users, of whom the probe refuses the one called `taken`.
fn dump(folder: &Path, names: &[&str]) {
    let objects = names.iter().enumerate().map(|(pk, name)| {
        json!({ "model": "auth.user", "pk": pk, "fields": { "username": name, "password": "!", "email": "" } })
    });
    let other = json!({ "model": "auth.group", "pk": 1, "fields": { "name": "all" } });
    let employee =
        json!({ "model": "hr.employee", "pk": 7, "fields": { "phone_number": "1", "owner": null } });
    let objects: Vec<_> = objects.chain([other, employee]).collect();
    std::fs::write(folder.join("dump.json"), json!(objects).to_string()).unwrap();
}

fn report(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("dump.json.report.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a command says that ends with this status.
fn said(status: i32, output: Output) -> String {
    assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const SAID: &str = "\
refused: hr.employee 7: owner: the record names none; name one with --owner
refused: auth.user 1: username: A user with that username already exists.
users: 1 imported, 1 there already, 1 refused
employees: 0 imported, 0 there already, 0 refused
refused before they were sent: 1
left out: auth.group (1)
the report of what was refused: dump.json.report.jsonl
";

#[tokio::test]
async fn a_dump_is_imported_into_a_stack_of_its_own_or_the_one_that_runs() {
    let (folder, options) = workspace();
    dump(folder.path(), &["ada", "taken", "there"]);

    let alone = said(2, import(folder.path(), &["dump.json"], &[]).await);
    let stack = Stack::start(options).await.unwrap();
    let beside = said(2, import(folder.path(), &["dump.json"], &[]).await);

    assert_eq!((alone.as_str(), beside.as_str()), (SAID, SAID));
    assert_eq!(
        report(folder.path()),
        [
            json!({ "model": "hr.employee", "pk": 7, "reason": "owner: the record names none; name one with --owner" }),
            json!({ "model": "auth.user", "pk": 1, "reason": "username: A user with that username already exists." }),
        ]
    );
    stack.stop().await;
}

#[tokio::test]
async fn a_dump_is_imported_by_the_function_of_a_deployed_stack() {
    let (folder, options) = workspace();
    dump(folder.path(), &["ada", "taken", "there"]);
    let _stack = Stack::start(options).await.unwrap();
    let variables = deployed(folder.path());

    let output = import(folder.path(), &["dump.json", "--function", "import"], &variables).await;
    let unknown = import(folder.path(), &["dump.json", "--function", "nope"], &variables).await;

    assert_eq!(said(2, output), SAID);
    assert!(!unknown.status.success());
    let complaint = String::from_utf8(unknown.stderr).unwrap();
    assert!(complaint.contains("Function not found: nope"), "{complaint}");
}

#[tokio::test]
async fn many_records_are_sent_in_their_order() {
    let (folder, _) = workspace();
    let names: Vec<_> = (0..120).map(|n| format!("user{n}")).collect();
    dump(folder.path(), &names.iter().map(String::as_str).collect::<Vec<_>>());
    let owned = ["dump.json", "--owner", "admin"];

    let said = said(0, import(folder.path(), &owned, &[]).await);

    assert!(
        said.starts_with("users: 120 imported, 0 there already, 0 refused\nemployees: 1 imported"),
        "{said}"
    );
    assert_eq!(report(folder.path()), [] as [Value; 0]);
}

#[tokio::test]
async fn what_was_guessed_is_said_and_is_none_when_it_is_told() {
    let (folder, _) = workspace();
    let fields = json!({ "phone_number": "1", "email": "ada@example.com", "password": "!" });
    let dump = json!([{ "model": "accounts.user", "pk": 1, "fields": fields }]);
    std::fs::write(folder.path().join("dump.json"), dump.to_string()).unwrap();

    let guessed = said(0, import(folder.path(), &["dump.json"], &[]).await);
    let told = said(0, import(folder.path(), &["dump.json", "--login", "phone"], &[]).await);

    let guess = "guessed: users of accounts.user log in with phone_number; --login says what they do\n";
    assert!(guessed.contains(guess), "{guessed}");
    assert!(!told.contains("guessed"), "{told}");
}

#[tokio::test]
async fn a_pending_sign_up_is_left_out_and_the_summary_says_why() {
    let (folder, _) = workspace();
    let fields = json!({ "phone": "9881167601", "verification_code": "1234", "password": "!" });
    let dump = json!([{ "model": "user.pendinguser", "pk": 1, "fields": fields }]);
    std::fs::write(folder.path().join("dump.json"), dump.to_string()).unwrap();

    let said = said(0, import(folder.path(), &["dump.json", "--verified", "phone"], &[]).await);

    assert!(said.starts_with("users: 0 imported, 0 there already, 0 refused\n"), "{said}");
    assert!(said.contains("left out: user.pendinguser (1): pending sign-ups are not users\n"), "{said}");
}

#[tokio::test]
async fn what_is_no_dump_is_said_before_anything_is_built() {
    let (folder, _) = workspace();
    std::fs::write(folder.path().join("dump.json"), "{\"model\": 1}").unwrap();

    for (file, words) in
        [("dump.json", "this is not what dumpdata writes"), ("none.json", "none.json cannot be read")]
    {
        let output = import(folder.path(), &[file], &[]).await;

        assert_eq!(output.status.code(), Some(1));
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.starts_with(&format!("error: {words}")), "{complaint}");
        assert!(!folder.path().join(".local").exists());
    }
}

#[tokio::test]
async fn a_function_that_fails_is_the_error_and_nothing_is_lost() {
    let (folder, _) = workspace();
    dump(folder.path(), &["broken"]);

    let output = import(folder.path(), &["dump.json"], &[]).await;

    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(
        complaint.ends_with("error: as told; the same command goes on where this one stopped\n"),
        "{complaint}"
    );
}
