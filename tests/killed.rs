//! The stack is killed in the middle of its work, and starts again.

use std::collections::BTreeMap;

use futures_util::stream::{FuturesUnordered, StreamExt};
use local::Running;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Client, PASSWORD, Process, employee::nth_id, unlimited};

fn registration(n: usize) -> Value {
    json!({
        "username": format!("user{n}"), "email": format!("user{n}@example.com"), "password": PASSWORD,
        "phone_number": format!("98811676{n:02}"),
    })
}

/// Every claim has its user, and every user their claims.
fn are_whole(users: &BTreeMap<String, Value>) {
    let text = |item: &Value, name: &str| item[name]["S"].as_str().map(str::to_owned);
    let mut claimed = 0;
    for (key, user) in users.iter().filter(|(key, _)| key.starts_with("user#")) {
        let id = key.strip_prefix("user#").unwrap();
        for (kind, name) in [("username", "username"), ("email", "email"), ("phone", "phone_number")] {
            let claim = format!("{kind}#{}", text(user, name).unwrap());
            assert_eq!(text(&users[&claim], "user_id").unwrap(), id, "{claim}");
            claimed += 1;
        }
    }
    let claims = users.keys().filter(|key| !key.starts_with("user#")).count();
    assert_eq!(claims, claimed, "a claim without its user");
}

#[tokio::test]
async fn who_was_told_that_they_are_registered_is_and_nobody_is_so_by_half() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let client = Client::new(&process.url);
    let mut requests: FuturesUnordered<_> = (0..24)
        .map(|n| {
            let client = client.clone();
            async move {
                let body = registration(n).to_string();
                let answer =
                    client.try_send(Method::POST, "/api/register", Some("application/json"), body).await;
                (n, answer)
            }
        })
        .collect();

    let mut registered = Vec::new();
    let mut process = Some(process);
    while let Some((n, answer)) = requests.next().await {
        if answer.is_ok_and(|answer| answer.status == 201) {
            registered.push(n);
        }
        if registered.len() == 6 {
            drop(process.take());
        }
    }
    assert!(
        process.is_none() && registered.len() < 24,
        "the stack was not killed in the middle: {registered:?}"
    );

    let api = Api::kept_in(folder.path(), &unlimited()).await;
    for n in registered {
        assert_eq!(api.try_token(&format!("user{n}"), PASSWORD).await.status, 200, "user{n}");
    }
    let users = api.items("Users").await;
    are_whole(&users);
    for email in users.keys().filter_map(|key| key.strip_prefix("email#")) {
        api.verify(email).await;
    }
    // Who heard nothing may ask again: they are registered, or they are not.
    for n in 0..24 {
        let status = api.post("/api/register", &registration(n)).await.status;
        assert!([201, 400].contains(&status), "user{n}: {status}");
    }
    are_whole(&api.items("Users").await);
}

/// Users to import, each with every name.
fn records(range: std::ops::Range<u32>) -> Value {
    let record = |n| {
        json!({
            "id": nth_id(n), "username": format!("user{n}"), "email": format!("user{n}@example.com"), "password": "!",
            "phone_number": (6_000_000_000_u64 + u64::from(n)).to_string(),
        })
    };
    range.map(record).collect()
}

#[tokio::test]
async fn an_import_that_was_killed_goes_on_and_nobody_is_imported_by_half() {
    const ALL: usize = 300;
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let stack = Running::find(folder.path()).unwrap().unwrap();
    let import = async |records: Value| stack.invoke("import", &json!({ "users": records })).await;

    // While the few are imported, the many are, too.
    let many = import(records(5..300));
    let few_and_kill = async {
        import(records(0..5)).await.unwrap();
        drop(process);
    };
    let (many, ()) = futures_util::join!(many, few_and_kill);

    assert!(many.is_err(), "the stack was not killed in the middle");
    let api = Api::kept_in(folder.path(), &unlimited()).await;
    let users = api.items("Users").await;
    are_whole(&users);
    let there = users.keys().filter(|key| key.starts_with("user#")).count();
    assert!((5..ALL).contains(&there), "{there}");
    let answer = api.stack.invoke("import", json!({ "users": records(0..300) })).await.unwrap();
    let outcomes = answer["users"].as_array().unwrap();
    let present = outcomes.iter().filter(|outcome| outcome["outcome"] == "present").count();
    let imported = outcomes.iter().filter(|outcome| outcome["outcome"] == "imported").count();
    assert_eq!((present, imported), (there, ALL - there));
    are_whole(&api.items("Users").await);
}
