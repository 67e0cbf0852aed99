//! The data of another release, and tables of another template.

use std::{
    collections::BTreeMap,
    fs,
    future::IntoFuture,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    http::{HeaderMap, StatusCode},
};
use local::{Options, Stack};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    TEMPLATE as WITH_REINDEX, client, dynamodb, put,
    template::{self, TEMPLATE, search, with_template},
};

/// This release, and one that will come.
const RELEASE: &str = env!("CARGO_PKG_VERSION");
const NEWER: &str = "1000.0.0";

/// A table that no template has so far.
const OTHER_TABLE: &str = "  Other:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
      TimeToLiveSpecification: { AttributeName: expires, Enabled: true }
";

/// The template, with a time to live.
fn with_expiry(attribute: &str) -> String {
    TEMPLATE.replace(
        "      StreamSpecification:",
        &format!("      TimeToLiveSpecification: {{ AttributeName: {attribute}, Enabled: true }}\n      StreamSpecification:"),
    )
}

/// Starts a stack with this template in the folder's data.
async fn start(folder: &Path, template: &str) -> Result<Stack, String> {
    Stack::start(with_template(folder, template)).await.map_err(|error| error.to_string())
}

fn place(folder: &Path) -> String {
    folder.join(".local").display().to_string()
}

fn marker(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join(".local/release.json")).unwrap()).unwrap()
}

fn mark(folder: &Path, marker: &Value) {
    fs::write(folder.join(".local/release.json"), marker.to_string()).unwrap();
}

/// Every file of the data, byte by byte.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder.join(".local")).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

#[tokio::test]
async fn tables_get_the_shape_of_the_template_and_keep_their_items() {
    for (from, to, done) in [
        (
            "- IndexName: by-owner",
            "- IndexName: by-somebody",
            "removed the index by-owner of rollcall-Staff, added the index by-somebody of rollcall-Staff",
        ),
        ("ProjectionType: ALL", "ProjectionType: KEYS_ONLY", "rebuilt the index by-owner of rollcall-Staff"),
        ("name, search", "name, search, kind", "rebuilt the index everybody of rollcall-Staff"),
        (
            "{ AttributeName: owner, KeyType: HASH }, { AttributeName: created_at, KeyType: RANGE }",
            "{ AttributeName: owner, KeyType: HASH }",
            "rebuilt the index by-owner of rollcall-Staff",
        ),
        (
            "StreamViewType: NEW_IMAGE",
            "StreamViewType: NEW_AND_OLD_IMAGES",
            "changed the stream of rollcall-Staff",
        ),
        ("Resources:\n", &format!("Resources:\n{OTHER_TABLE}"), "created the table rollcall-Other"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let changed = TEMPLATE.replacen(from, to, 1);
        let before = start(folder.path(), TEMPLATE).await.unwrap();
        assert_eq!(before.upgraded(), None, "a new folder");
        for id in ["anna", "bob"] {
            template::put(&before, id, "person", "2026-01-01").await;
        }
        before.stop().await;

        let expected = format!("upgraded {}: {done}", place(folder.path()));
        for expected in [Some(expected.as_str()), None] {
            let stack = start(folder.path(), &changed).await.unwrap();
            assert_eq!(stack.upgraded(), expected);
            template::put(&stack, "hanna", "person", "2026-01-02").await;
            for (index, key, value) in [("by-owner", "owner", "ada"), ("everybody", "listed", "0")] {
                let index = if changed.contains("by-somebody") {
                    index.replace("owner", "somebody")
                } else {
                    index.to_owned()
                };
                if !changed.contains("KEYS_ONLY") {
                    let (found, _) = search(&stack, &index, key, value, "anna").await;
                    let found: std::collections::BTreeSet<_> = found.iter().map(String::as_str).collect();
                    assert_eq!(found, ["anna", "hanna"].into(), "{to}: {index}");
                }
            }
            stack.stop().await;
        }
    }
}

#[tokio::test]
async fn the_time_to_live_is_the_template_s() {
    let folder = tempfile::tempdir().unwrap();
    for (template, expected) in [
        (TEMPLATE.to_owned(), json!("DISABLED")),
        (with_expiry("expires"), json!("ENABLED")),
        (with_expiry("ends"), json!("ENABLED")),
        (TEMPLATE.to_owned(), json!("DISABLED")),
    ] {
        let stack = start(folder.path(), &template).await.unwrap();

        let table = json!({ "TableName": "rollcall-Staff" });
        let description =
            dynamodb(&stack, "DescribeTimeToLive", &table).await["TimeToLiveDescription"].take();
        assert_eq!(description["TimeToLiveStatus"], expected);
        if expected == "ENABLED" {
            assert!(template.contains(description["AttributeName"].as_str().unwrap()), "{description}");
        }
        stack.stop().await;
    }
}

#[tokio::test]
async fn a_stream_that_is_new_delivers_what_is_written_from_now_on() {
    let folder = tempfile::tempdir().unwrap();
    let without = TEMPLATE.replace("      StreamSpecification: { StreamViewType: NEW_IMAGE }\n", "");
    let stack = start(folder.path(), &without).await.unwrap();
    template::put(&stack, "before", "person", "2026-01-01").await;
    stack.stop().await;

    let stack = start(folder.path(), TEMPLATE).await.unwrap();
    template::put(&stack, "after", "person", "2026-01-01").await;

    assert_eq!(stack.message("ada@example.com", 0).await.unwrap().body, "after");
}

/// A stack with this template that uses the database of another.
fn beside(host: &Stack, folder: &Path, template: &str) -> Options {
    Options { dynamodb: Some(host.dynamodb_url().to_owned()), ..with_template(folder, template) }
}

#[tokio::test]
async fn a_table_elsewhere_that_was_made_from_another_template_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let expiring = with_expiry("expires");
    let host = start(folder.path(), &expiring).await.unwrap();
    template::put(&host, "anna", "person", "2026-01-01").await;
    let described = async || {
        let table = json!({ "TableName": "rollcall-Staff" });
        let expiry = dynamodb(&host, "DescribeTimeToLive", &table).await;
        (dynamodb(&host, "DescribeTable", &table).await, expiry)
    };
    let before = described().await;
    for (from, to) in [
        ("by-owner", "by-somebody"),
        ("ProjectionType: ALL", "ProjectionType: KEYS_ONLY"),
        ("name, search", "name, search, kind"),
        (
            "{ AttributeName: owner, KeyType: HASH }, { AttributeName: created_at, KeyType: RANGE }",
            "{ AttributeName: owner, KeyType: HASH }",
        ),
        (
            "KeySchema: [{ AttributeName: pk, KeyType: HASH }]",
            "KeySchema: [{ AttributeName: owner, KeyType: HASH }]",
        ),
        ("StreamViewType: NEW_IMAGE", "StreamViewType: NEW_AND_OLD_IMAGES"),
        ("AttributeName: expires", "AttributeName: ends"),
        ("      TimeToLiveSpecification: { AttributeName: expires, Enabled: true }\n", ""),
    ] {
        let other = tempfile::tempdir().unwrap();
        let changed = expiring.replacen(from, to, 1);
        assert_ne!(changed, expiring, "{from}");

        let error = Stack::start(beside(&host, other.path(), &changed)).await.unwrap_err().to_string();

        assert_eq!(
            error,
            "DynamoDB: the table rollcall-Staff does not match the template, and only data in a folder is upgraded: use another database, or delete the table if nothing else uses it",
            "{from}"
        );
        assert_eq!(described().await, before, "{from}");
    }
}

#[tokio::test]
async fn a_table_that_is_missing_elsewhere_is_made() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let host = start(folder.path(), TEMPLATE).await.unwrap();
    let more = TEMPLATE.replacen("Resources:\n", &format!("Resources:\n{OTHER_TABLE}"), 1);

    let guest = Stack::start(beside(&host, other.path(), &more)).await.unwrap();

    assert_eq!(guest.upgraded(), None);
    let table = json!({ "TableName": "rollcall-Other" });
    let expiry = dynamodb(&host, "DescribeTimeToLive", &table).await;
    assert_eq!(expiry["TimeToLiveDescription"]["TimeToLiveStatus"], "ENABLED");
}

/// The database of a stack, as another one has just left it: it tells first that a table is being changed, and that a time to live is
/// being enabled. Meanwhile it refuses to change the time to live, as DynamoDB does.
async fn busy(host: &Stack) -> String {
    let url = host.dynamodb_url().to_owned();
    let (is_described, is_idle) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let answer = move |mut headers: HeaderMap, body: String| {
        let (url, is_described, is_idle) = (url.clone(), Arc::clone(&is_described), Arc::clone(&is_idle));
        async move {
            let target = headers["x-amz-target"].to_str().unwrap().to_owned();
            if target.ends_with(".UpdateTimeToLive") && !is_idle.load(Ordering::Relaxed) {
                let refused = json!({ "__type": "ResourceInUseException" });
                return (StatusCode::BAD_REQUEST, refused.to_string());
            }
            headers.remove("host");
            let answer = client().post(url).headers(headers).body(body).send().await.unwrap();
            let (status, mut answer) = (answer.status(), crate::body(answer).await);
            if answer["Table"]["TableStatus"] == "ACTIVE" {
                if is_described.swap(true, Ordering::Relaxed) {
                    is_idle.store(true, Ordering::Relaxed);
                } else {
                    answer["Table"]["TableStatus"] = json!("UPDATING");
                }
            }
            if answer["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED" {
                is_idle.store(false, Ordering::Relaxed);
                answer["TimeToLiveDescription"]["TimeToLiveStatus"] = json!("ENABLING");
            }
            (status, answer.to_string())
        }
    };
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, Router::new().fallback(answer)).into_future());
    format!("http://{address}")
}

#[tokio::test]
async fn a_table_elsewhere_that_is_being_made_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let host = start(folder.path(), TEMPLATE).await.unwrap();

    for _ in ["enables the time to live", "finds that it is being enabled"] {
        let other = tempfile::tempdir().unwrap();
        let options = with_template(other.path(), &with_expiry("expires"));
        let guest = Options { dynamodb: Some(busy(&host).await), ..options };
        Stack::start(guest).await.unwrap().stop().await;

        let table = json!({ "TableName": "rollcall-Staff" });
        let expiry = dynamodb(&host, "DescribeTimeToLive", &table).await;
        assert_eq!(expiry["TimeToLiveDescription"]["TimeToLiveStatus"], "ENABLED");
    }
}

#[tokio::test]
async fn a_table_with_other_keys_is_refused_and_nothing_is_changed() {
    let folder = tempfile::tempdir().unwrap();
    let stack = start(folder.path(), TEMPLATE).await.unwrap();
    template::put(&stack, "anna", "person", "2026-01-01").await;
    stack.stop().await;
    let changed = TEMPLATE
        .replace(
            "KeySchema: [{ AttributeName: pk, KeyType: HASH }]",
            "KeySchema: [{ AttributeName: owner, KeyType: HASH }]",
        )
        .replace("by-owner", "by-somebody");

    let refused = start(folder.path(), &changed).await.unwrap_err();

    let explained = " was made from another version of the template (the table rollcall-Staff has other keys, which no update can change); nothing was changed. Move that folder away to begin with an empty one";
    assert_eq!(refused, place(folder.path()) + explained);
    let stack = start(folder.path(), TEMPLATE).await.unwrap();
    assert_eq!(stack.upgraded(), None);
    assert_eq!(search(&stack, "by-owner", "owner", "ada", "anna").await.0, ["anna"]);
}

#[tokio::test]
async fn records_of_an_earlier_release_are_rewritten_once_even_when_the_stack_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let rewritten = "rewrote 1 of 5 records, 1 failed (functions.log says why)";
    let stack = start(folder.path(), WITH_REINDEX).await.unwrap();
    assert_eq!(stack.upgraded(), None);
    put(&stack, "kept", None).await;
    stack.stop().await;
    assert_eq!(marker(folder.path()), json!({ "release": RELEASE }));

    for (found, from) in [
        (None, "0.1.0"),
        (Some(json!({ "release": "0.0.7" })), "0.0.7"),
        // It was killed during an upgrade, in this release or one before it.
        (Some(json!({ "release": RELEASE, "upgrading_from": "0.0.7" })), "0.0.7"),
        (Some(json!({ "release": "0.0.8", "upgrading_from": "0.0.7" })), "0.0.7"),
    ] {
        match &found {
            None => fs::remove_file(folder.path().join(".local/release.json")).unwrap(),
            Some(found) => mark(folder.path(), found),
        }

        let stack = start(folder.path(), WITH_REINDEX).await.unwrap();
        let place = place(folder.path());
        let expected = format!("upgraded {place} from release {from} to {RELEASE}: {rewritten}");
        assert_eq!(stack.upgraded(), Some(expected.as_str()));
        stack.stop().await;

        let again = start(folder.path(), WITH_REINDEX).await.unwrap();
        assert_eq!(again.upgraded(), None);
        let item = json!({ "TableName": "rollcall-Posts", "Key": { "pk": { "S": "kept" } } });
        assert!(dynamodb(&again, "GetItem", &item).await["Item"].is_object());
        again.stop().await;
        assert_eq!(marker(folder.path()), json!({ "release": RELEASE }));
    }
}

#[tokio::test]
async fn data_of_a_newer_release_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let stack = start(folder.path(), TEMPLATE).await.unwrap();
    template::put(&stack, "anna", "person", "2026-01-01").await;
    stack.stop().await;
    mark(folder.path(), &json!({ "release": NEWER, "something": "new" }));
    // As a stack leaves it that was killed.
    fs::write(folder.path().join(".local/stack.json"), "{}").unwrap();
    let before = files(folder.path());
    let options = with_template(folder.path(), &TEMPLATE.replace("by-owner", "by-somebody"));

    let refused = [options.check().unwrap_err(), Stack::start(options).await.unwrap_err()];

    for error in refused {
        let expected = format!(
            "{} was written by release {NEWER}, and this is {RELEASE}; nothing was changed. Update, or keep the data elsewhere",
            place(folder.path())
        );
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(files(folder.path()), before);
}

#[tokio::test]
async fn a_new_folder_stays_new_until_its_tables_are_made() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(folder.path().join(".local")).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("database"), folder.path().join(".local/dynamodb.sqlite"))
        .unwrap();
    let refused = start(folder.path(), TEMPLATE).await.unwrap_err();
    assert!(refused.starts_with("the database cannot be opened"), "{refused}");
    // As a stack leaves it that was killed when the database was open.
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("database"), "").unwrap();
    let broken =
        OTHER_TABLE.replace("AttributeName: pk, AttributeType: S", "AttributeName: id, AttributeType: S");
    let refused = start(folder.path(), &format!("{TEMPLATE}{broken}")).await.unwrap_err();
    assert!(refused.starts_with("DynamoDB: ValidationException"), "{refused}");

    let stack = start(folder.path(), TEMPLATE).await.unwrap();

    assert_eq!(stack.upgraded(), None);
    assert_eq!(marker(folder.path()), json!({ "release": RELEASE }));
}

#[tokio::test]
async fn a_marker_that_is_broken_is_told_with_a_way_out() {
    let folder = tempfile::tempdir().unwrap();
    let stack = start(folder.path(), TEMPLATE).await.unwrap();
    template::put(&stack, "anna", "person", "2026-01-01").await;
    stack.stop().await;
    let file = folder.path().join(".local/release.json");
    for broken in ["", "{", r#"{ "release": 1 }"#, "{}"] {
        fs::write(&file, broken).unwrap();
        let before = files(folder.path());
        let options = with_template(folder.path(), TEMPLATE);

        for error in [options.check().unwrap_err(), Stack::start(options).await.unwrap_err()] {
            let error = error.to_string();
            assert!(error.starts_with(&format!("{} is broken (", file.display())), "{error}");
            let way_out = format!(
                "); nothing was changed. If no release after {RELEASE} has used the folder, delete that file, and the next start upgrades the data again"
            );
            assert!(error.ends_with(&way_out), "{error}");
        }
        assert_eq!(files(folder.path()), before);
    }

    fs::remove_file(&file).unwrap();
    let stack = start(folder.path(), TEMPLATE).await.unwrap();
    assert_eq!(search(&stack, "by-owner", "owner", "ada", "anna").await.0, ["anna"]);
}
