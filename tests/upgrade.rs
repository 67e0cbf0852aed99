//! The local stack brings the data of an earlier release up to date when it starts.

use std::{fs, path::Path};

use local::Data;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    records::{RELEASES, session},
    reindex::is_rewritten,
    rotation::rotate_to,
    support::{Api, PASSWORD, Process, employee::nth_employee, poll, root},
};

const MARKER: &str = "release.json";

/// The records that a release left, and its template.
fn left_by(release: &str) -> (Value, String) {
    let read = |path: String| fs::read_to_string(root().join("tests").join(path)).unwrap();
    let records = read(format!("records/{release}.json"));
    (serde_json::from_str(&records).unwrap(), read(format!("releases/{release}/template.yaml")))
}

/// A stack with the tables of a template, in a folder that has the records of a release.
async fn filled(folder: &Path, template: &str, stored: &Value) -> Api {
    let template_folder = tempfile::tempdir().unwrap();
    let file = template_folder.path().join("template.yaml");
    fs::write(&file, template).unwrap();
    let api = Api::on(Data::Folder(folder.to_owned()), &file, &[], &[]).await;
    rotate_to(&api, stored["secret"].as_str().unwrap()).await;
    for (table, items) in stored["tables"].as_object().unwrap() {
        api.put_items(table, items.as_array().unwrap().iter().cloned()).await;
    }
    api
}

/// Ends the stack, and makes the folder one of release 0.1.0, which left no marker.
async fn as_left_by(release: &str, api: Api, folder: &Path) {
    api.stack.stop().await;
    match release {
        "0.1.0" => fs::remove_file(folder.join(MARKER)).unwrap(),
        release => mark(folder, &json!({ "release": release })),
    }
}

fn mark(folder: &Path, marker: &Value) {
    fs::write(folder.join(MARKER), marker.to_string()).unwrap();
}

fn marker(folder: &Path) -> Value {
    fs::read(folder.join(MARKER)).map_or(Value::Null, |text| serde_json::from_slice(&text).unwrap())
}

/// Users and employees of the release are there, with their sessions, in every list.
async fn works(api: &Api, stored: &Value) {
    let ada = session(api, stored, "ada");
    ada.is_signed_in().await;
    assert_eq!(ada.get("/api/employees").await.body["results"].as_array().unwrap().len(), 2);
    let admin = api.log_in("admin").await;
    for (path, count) in [
        ("/api/users", 7),
        ("/api/users?is_active=false", 1),
        ("/api/users?is_staff=true", 1),
        ("/api/users?search=lovelace", 1),
        ("/api/employees?search=turing", 1),
        ("/api/employees?department=Engineering", 1),
    ] {
        let answer = admin.get(path).await;
        assert_eq!(answer.body["results"].as_array().unwrap().len(), count, "{path}: {}", answer.text);
    }
    assert_eq!(api.try_token("bob", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_folder_of_an_earlier_release_is_upgraded_once_and_used() {
    // What this release has kept of itself needs no upgrade.
    for release in RELEASES.into_iter().filter(|release| *release != env!("CARGO_PKG_VERSION")) {
        let folder = tempfile::tempdir().unwrap();
        let (stored, template) = left_by(release);
        let api = filled(folder.path(), &template, &stored).await;
        as_left_by(release, api, folder.path()).await;

        let api = Api::kept_in(folder.path(), &[]).await;

        let said = api.stack.upgraded().expect("a line").to_owned();
        let releases = format!("from release {release} to {}: ", env!("CARGO_PKG_VERSION"));
        assert!(said.starts_with(&format!("upgraded {} {releases}", folder.path().display())), "{said}");
        assert!(said.ends_with(" of 10 records"), "{said}");
        works(&api, &stored).await;
        for (kind, count) in [("users", 7), ("employees", 3)] {
            assert_eq!(is_rewritten(&api, kind).await, count);
        }
        api.stack.stop().await;
        let api = Api::kept_in(folder.path(), &[]).await;
        assert_eq!(api.stack.upgraded(), None);
        works(&api, &stored).await;
    }
}

#[tokio::test]
async fn a_table_without_an_index_gets_it_with_every_record() {
    let index = "        - IndexName: by_shard_department\n          KeySchema: [{ AttributeName: by_shard_department, KeyType: HASH }, { AttributeName: id, KeyType: RANGE }]\n          Projection: { ProjectionType: ALL }\n";
    let attribute = "        - { AttributeName: by_shard_department, AttributeType: S }\n";
    for release in RELEASES {
        let folder = tempfile::tempdir().unwrap();
        let (stored, template) = left_by(release);
        assert!(template.contains(index) && template.contains(attribute));
        let template = template.replace(index, "").replace(attribute, "");
        let api = filled(folder.path(), &template, &stored).await;
        as_left_by(release, api, folder.path()).await;

        let api = Api::kept_in(folder.path(), &[]).await;

        let said = api.stack.upgraded().unwrap();
        assert!(said.contains(": added the index by_shard_department of rollcall-Employees, "), "{said}");
        works(&api, &stored).await;
    }
}

/// A folder that release 0.1.0 left, without an index and with many employees, as if it had known nothing of searches.
async fn outdated(many: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (stored, template) = left_by("0.1.0");
    let index = template.find("        - IndexName: by_shard_department\n").unwrap();
    let end = index + template[index..].find("\n\n").unwrap();
    let template = template
        .replace(&template[index..end], "")
        .replace("        - { AttributeName: by_shard_department, AttributeType: S }\n", "");
    let api = filled(folder.path(), &template, &stored).await;
    let ada = session(&api, &stored, "ada").id();
    let employees = (0..many).map(|n| {
        let mut employee = nth_employee(&ada, n);
        employee["department"] = json!("Engineering");
        employee
    });
    api.store_employees(employees).await;
    let outdated = api.items("Employees").await.into_values().filter(|item| item.get("search").is_some());
    let outdated: Vec<Value> = outdated
        .map(|mut item| {
            item.as_object_mut().unwrap().remove("search");
            item
        })
        .collect();
    api.put_items("Employees", outdated).await;
    as_left_by("0.1.0", api, folder.path()).await;
    folder
}

fn copy(folder: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap();
        fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

/// Starts a stack in the folder and kills it in its upgrade, after the database has changed this often. Whether it was not done.
async fn killed(folder: &Path, changes: u32) -> bool {
    // The database's log, which every write touches.
    let log = || fs::metadata(folder.join("dynamodb.sqlite-wal")).and_then(|log| log.modified()).ok();
    let is_upgrading = || marker(folder)["upgrading_from"] == "0.1.0";
    let process = Process::spawn(folder);
    poll(async || (!marker(folder).is_null()).then_some(())).await;
    for _ in 0..changes {
        let before = log();
        poll(async || (log() != before || !is_upgrading()).then_some(())).await;
    }
    drop(process);
    is_upgrading()
}

/// Starts a stack in the folder, in which everything is upgraded then. How many records were left to be rewritten.
async fn upgraded(folder: &Path, many: u32) -> u32 {
    let api = Api::kept_in(folder, &[]).await;
    let said = api.stack.upgraded().unwrap();
    assert!(said.contains(" from release 0.1.0 to "), "{said}");
    assert_eq!(is_rewritten(&api, "employees").await, u64::from(many) + 3);
    assert_eq!(is_rewritten(&api, "users").await, 7);
    let admin = api.log_in("admin").await;
    let mut path = "/api/employees?department=Engineering&search=hopper&page_size=100".to_owned();
    let mut found = 0;
    loop {
        let page = admin.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text);
        found += page.body["results"].as_array().unwrap().len();
        let Some(next) = page.body["next"].as_str() else { break };
        path = next.strip_prefix(api.stack.url()).unwrap().to_owned();
    }
    assert_eq!(found, many as usize);
    let (_, rewritten) = said.split_once("rewrote ").unwrap();
    rewritten.split(' ').next().unwrap().parse().unwrap()
}

/// Kills a stack when it is about to change the tables, and then ever later, until it has rewritten some of the records and not all.
#[tokio::test]
async fn an_upgrade_that_was_killed_is_done_by_the_next_start() {
    let mut many = 800;
    let mut before = outdated(many).await;
    let mut changes = 0;
    loop {
        let folder = copy(before.path());
        let left = if killed(folder.path(), changes).await { upgraded(folder.path(), many).await } else { 0 };
        if left == 0 {
            // It was done, or all but done: with more records it takes longer.
            many *= 2;
            before = outdated(many).await;
        } else if left < many {
            break;
        } else {
            changes += 1;
        }
    }
}

#[tokio::test]
async fn a_folder_of_a_newer_release_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::kept_in(folder.path(), &[]).await;
    api.registered("ada").await;
    api.stack.stop().await;
    mark(folder.path(), &json!({ "release": "1000.0.0" }));
    let files = || {
        let mut files: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.into_iter().map(|path| (fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
    };
    let before = files();

    let mut process = Process::spawn(folder.path());

    assert!(!process.ended().success());
    assert!(files() == before, "something was changed");
}
