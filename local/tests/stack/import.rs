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

/// A dump of these users, of whom the probe refuses the one called `taken` and has the one called `there`.
fn dump(folder: &Path, names: &[&str]) {
    let objects = (1..).zip(names).map(|(pk, name)| {
        json!({ "model": "auth.user", "pk": pk, "fields": { "username": name, "password": "!", "email": "" } })
    });
    let other = json!({ "model": "shop.item", "pk": 1, "fields": { "name": "all" } });
    let employee = json!({ "model": "hr.employee", "pk": 7, "fields": { "phone_number": "2348031234560", "owner": null } });
    let objects: Vec<_> = objects.chain([other, employee]).collect();
    std::fs::write(folder.join("dump.json"), json!(objects).to_string()).unwrap();
}

/// The lines of a file beside the dump.
fn lines(folder: &Path, name: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join(format!("dump.json.{name}.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a command says that ends with this status.
fn said(status: i32, output: Output) -> String {
    assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const SAID: &str = "\
auth.user (3): users, because it has passwords and usernames
hr.employee (1): employees, because its name says so
users of auth.user log in with username: 3 of 3 users have one
can log in: 0 with a username at /api/token, 0 with a verified e-mail address at /api/login, 0 with a verified phone number at /auth/login
cannot log in by anything: 3, who have neither a usable password nor an e-mail address; give them an address in the Django system, or as staff after the import
staff: 0
phone numbers by region: NG 1; 0 are not valid, 0 have a valid length but are of no known range
passwords: none (3)
left out: shop.item (1): there is nothing like it here
refused: hr.employee 7: owner: the record names none; name one with --owner
refused: auth.user 2: username: A user with that username already exists.
dropped: password of 1 users, The password hash is malformed.: auth.user 1
users: 1 imported, 1 there already, 1 refused
users that differ from the dump: 1; --update applies the changes
employees: 0 imported, 0 there already, 1 refused
the report of what was refused and dropped: dump.json.report.jsonl
";
const NEW_IDS: &str = "the new ids: dump.json.ids.jsonl\n";

#[tokio::test]
async fn a_dump_is_imported_into_a_stack_of_its_own_or_the_one_that_runs() {
    let (folder, options) = workspace();
    dump(folder.path(), &["ada", "taken", "there"]);

    let alone = said(2, import(folder.path(), &["dump.json"], &[]).await);
    let stack = Stack::start(options).await.unwrap();
    let beside = said(2, import(folder.path(), &["dump.json"], &[]).await);

    assert_eq!(alone, format!("{SAID}{NEW_IDS}"));
    assert_eq!(alone, beside);
    assert_eq!(
        lines(folder.path(), "report"),
        [
            json!({ "model": "hr.employee", "pk": 7, "reason": "owner: the record names none; name one with --owner" }),
            json!({ "model": "auth.user", "pk": 1, "field": "password", "reason": "The password hash is malformed." }),
            json!({ "model": "auth.user", "pk": 2, "reason": "username: A user with that username already exists." }),
        ]
    );
    let ids = lines(folder.path(), "ids");
    let uuid = ids[3]["id"].as_str().unwrap();
    assert_eq!(
        ids,
        [
            json!({ "model": "hr.employee", "key": 7, "id": null }),
            json!({ "model": "auth.user", "key": 1, "id": 1 }),
            json!({ "model": "auth.user", "key": 2, "id": null }),
            json!({ "model": "auth.user", "key": 3, "id": uuid }),
        ]
    );
    stack.stop().await;
}

#[tokio::test]
async fn a_dry_run_says_the_same_and_writes_no_ids() {
    let (folder, _) = workspace();
    dump(folder.path(), &["ada", "taken", "there"]);

    let output = import(folder.path(), &["dump.json", "--dry-run"], &[]).await;

    let complaint = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(complaint.contains("dry run: nothing is written to the stack\n"), "{complaint}");
    assert_eq!(said(2, output), SAID);
    assert!(!folder.path().join("dump.json.ids.jsonl").exists());
}

#[tokio::test]
async fn what_is_missing_is_deleted_unless_it_was_changed_here() {
    let (folder, _) = workspace();
    dump(folder.path(), &["ada", "grace", "there"]);
    let options = ["dump.json", "--owner", "ada", "--update", "--delete-missing"];

    let said = said(0, import(folder.path(), &options, &[]).await);

    let changes = "users with changes in the dump: 1 updated, 1 conflicts, 1 deleted\n";
    assert!(said.contains(changes), "{said}");
    assert!(
        said.contains(
            "conflict: users changed is not in the dump, but it was changed here since its import\n"
        ),
        "{said}"
    );
}

#[tokio::test]
async fn the_dump_of_another_system_deletes_nothing() {
    let (folder, _) = workspace();
    dump(folder.path(), &["ada"]);
    let options = ["dump.json", "--owner", "ada", "--update", "--delete-missing"];

    let output = import(folder.path(), &options, &[]).await;

    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("3 of the 4 users that were imported are not in this dump"), "{complaint}");
}

#[tokio::test]
async fn a_model_with_passwords_that_is_left_out_is_a_warning_and_a_status() {
    let (folder, _) = workspace();
    let fields = json!({ "handle": "ada", "password": "pbkdf2_sha256$1000$salt$aGFzaA==" });
    let dump = json!([{ "model": "accounts.person", "pk": 1, "fields": fields }]);
    std::fs::write(folder.path().join("dump.json"), dump.to_string()).unwrap();

    let left_out = said(2, import(folder.path(), &["dump.json"], &[]).await);
    let mapped = ["dump.json", "--map", "accounts.person.handle=username"];
    let mapped = said(0, import(folder.path(), &mapped, &[]).await);

    assert!(
        left_out.starts_with("warning: accounts.person has passwords that Django hashed, but is left out"),
        "{left_out}"
    );
    assert!(mapped.contains("users: 1 imported"), "{mapped}");
}

#[tokio::test]
async fn a_dump_is_imported_by_the_function_of_a_deployed_stack() {
    let (folder, options) = workspace();
    dump(folder.path(), &["ada", "taken", "there"]);
    let _stack = Stack::start(options).await.unwrap();
    let variables = deployed(folder.path());

    let output = import(folder.path(), &["dump.json", "--function", "import"], &variables).await;
    let unknown = import(folder.path(), &["dump.json", "--function", "nope"], &variables).await;

    assert_eq!(said(2, output), format!("{SAID}{NEW_IDS}"));
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
        said.contains("users: 120 imported, 0 there already, 0 refused\nemployees: 1 imported"),
        "{said}"
    );
    let keys: Vec<_> = lines(folder.path(), "ids").iter().map(|line| line["key"].clone()).collect();
    assert_eq!(keys, (1..=120).chain([7]).map(Value::from).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_guessed_is_said_and_is_none_when_it_is_told() {
    let (folder, _) = workspace();
    let fields = json!({ "phone_number": "2348031234560", "email": "ada@example.com", "password": "!" });
    let dump = json!([{ "model": "accounts.user", "pk": 1, "fields": fields }]);
    std::fs::write(folder.path().join("dump.json"), dump.to_string()).unwrap();

    let guessed = said(0, import(folder.path(), &["dump.json"], &[]).await);
    let told = said(0, import(folder.path(), &["dump.json", "--login", "phone"], &[]).await);

    let guess = "users of accounts.user log in with phone_number: a guess, because the model names it first; --login says what they do\n";
    assert!(guessed.contains(guess), "{guessed}");
    assert!(told.contains("users of accounts.user log in with phone_number: --login says so\n"), "{told}");
}

#[tokio::test]
async fn a_pending_sign_up_is_left_out_and_the_summary_says_why() {
    let (folder, _) = workspace();
    let fields = json!({ "phone": "9881167601", "verification_code": "1234", "password": "!" });
    let dump = json!([{ "model": "user.pendinguser", "pk": 1, "fields": fields }]);
    std::fs::write(folder.path().join("dump.json"), dump.to_string()).unwrap();

    let said = said(0, import(folder.path(), &["dump.json", "--verified", "phone"], &[]).await);

    assert!(said.contains("users: 0 imported, 0 there already, 0 refused\n"), "{said}");
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
async fn an_option_that_cannot_be_is_refused_before_anything_is_built() {
    let (folder, _) = workspace();
    dump(folder.path(), &["ada"]);

    for (option, value, words, status) in [
        ("--region", "XX", "XX is not a region", 1),
        ("--timezone", "Nowhere", "expected the name of a time zone", 2),
        ("--map", "user.handle=username", "expected APP.MODEL.FIELD=FIELD", 2),
        ("--map", "app.user.handle=handle", "unknown field handle; expected one of username, email", 2),
    ] {
        let output = import(folder.path(), &["dump.json", option, value], &[]).await;

        assert_eq!(output.status.code(), Some(status));
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.contains(words), "{complaint}");
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
