//! A function that does as it is told, for the tests of the local stack; it speaks the runtime API itself.

use std::{collections::BTreeMap, process::exit, time::Duration};

use reqwest::Client;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), reqwest::Error> {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|argument| argument == "build") {
        // It stands in for cargo, too: the binaries are there.
        println!("{}", json!({ "executable": arguments[0].replace("/cargo", "/binaries/probe") }));
        return Ok(());
    }
    let variables: BTreeMap<String, String> = std::env::vars().collect();
    let client = Client::builder().no_proxy().build()?;
    let invocations = format!("http://{}/2018-06-01/runtime/invocation", variables["AWS_LAMBDA_RUNTIME_API"]);
    if variables.contains_key("BROKEN") {
        eprintln!("this function cannot start");
        exit(1);
    }
    loop {
        let next = client.get(format!("{invocations}/next")).send().await?;
        let id = next.headers()["lambda-runtime-aws-request-id"].to_str().unwrap_or_default().to_owned();
        let event: Value = serde_json::from_str(&next.text().await?).unwrap_or_default();
        let (outcome, answer) = act(&client, &variables, &event).await;
        client.post(format!("{invocations}/{id}/{outcome}")).body(answer).send().await?;
    }
}

async fn act(client: &Client, variables: &BTreeMap<String, String>, event: &Value) -> (&'static str, String) {
    if event["Records"].is_array() {
        return ("response", deliver(client, variables, event).await.to_string());
    }
    if event["users"].is_array() || event["employees"].is_array() {
        return import(event);
    }
    if event["mode"] == "imported" {
        return imported(event);
    }
    if event["kind"].is_string() {
        return reindex(event);
    }
    if event["password"].is_string() {
        return create_superuser(event);
    }
    match event["pathParameters"]["act"].as_str() {
        Some("crash") => exit(3),
        Some("hang") => {
            tokio::time::sleep(Duration::from_hours(1)).await;
            ("response", String::new())
        }
        Some("garble") => ("response", "{".to_owned()),
        Some("fail") => ("error", json!({ "errorType": "Probe", "errorMessage": "as told" }).to_string()),
        Some("log") => {
            println!("a line before the answer");
            ("response", proxy_answer(&json!({})))
        }
        Some("large") => ("response", "x".repeat(7 * 1024 * 1024)),
        Some(_) => (
            "response",
            proxy_answer(&json!({ "pid": std::process::id(), "event": event, "variables": variables })),
        ),
        None => ("response", event.to_string()),
    }
}

fn proxy_answer(body: &Value) -> String {
    json!({ "statusCode": 200, "multiValueHeaders": { "x-probe": ["1"] }, "body": body.to_string() })
        .to_string()
}

/// Knows nobody but Ada, and takes every password but `password`.
fn create_superuser(event: &Value) -> (&'static str, String) {
    if event["password"] == "password" {
        let error = json!({ "errorType": "Invalid", "errorMessage": "This password is too common." });
        return ("error", error.to_string());
    }
    let user = json!({ "username": event["username"], "email": event["email"] });
    ("response", json!({ "created": event["username"] != "ada", "user": user }).to_string())
}

/// Imports all but the users called `taken` and `there`, and fails for `broken`. It knows two users of an earlier import: one that
/// can be deleted, and one that was changed since.
fn import(event: &Value) -> (&'static str, String) {
    let outcome = |record: &Value| match record["username"].as_str() {
        _ if event["mode"] == "delete" && record["id"] == "changed" => json!({ "outcome": "conflict" }),
        _ if event["mode"] == "delete" => json!({ "outcome": "deleted" }),
        Some("taken") => {
            json!({ "outcome": "refused", "reason": "username: A user with that username already exists." })
        }
        Some("there") if event["mode"] == "update" => json!({ "outcome": "updated", "id": record["id"] }),
        Some("there") => json!({ "outcome": "differs", "id": record["id"] }),
        _ => {
            let dropped = json!([{ "field": "password", "reason": "The password hash is malformed." }]);
            json!({ "outcome": "imported", "id": record["number"], "dropped": dropped })
        }
    };
    let records = |kind: &str| event[kind].as_array().into_iter().flatten().collect::<Vec<_>>();
    if records("users").iter().any(|user| user["username"] == "broken") {
        return ("error", json!({ "errorType": "Probe", "errorMessage": "as told" }).to_string());
    }
    let outcomes = |kind: &str| records(kind).into_iter().map(outcome).collect::<Vec<_>>();
    let answer = json!({
        "users": outcomes("users"), "employees": outcomes("employees"), "mode": event["mode"], "region": "NG",
    });
    ("response", answer.to_string())
}

/// Lists what an earlier import made, in two pages.
fn imported(event: &Value) -> (&'static str, String) {
    let page = match (event["kind"].as_str(), event["after"].as_str()) {
        (Some("users"), None) => json!({ "ids": ["gone"], "next": "gone" }),
        (Some("users"), Some(_)) => json!({ "ids": ["changed", 1, 2] }),
        _ => json!({ "ids": [] }),
    };
    ("response", page.to_string())
}

/// Rewrites one of three users, in two parts, and fails for one of two employees. After a fifth user it fails for one and is lost.
fn reindex(event: &Value) -> (&'static str, String) {
    let part = match (event["kind"].as_str(), event["position"].as_str()) {
        (Some("users"), None) => json!({ "read": 2, "rewritten": 1, "failed": [], "position": "user#2" }),
        (Some("users"), Some("user#2")) => {
            json!({ "read": 1, "rewritten": 0, "failed": [], "position": null })
        }
        (Some("employees"), None) => {
            json!({ "read": 2, "rewritten": 0, "failed": ["employee#1"], "position": null })
        }
        (Some("users"), Some("user#5")) => {
            json!({ "read": 1, "rewritten": 0, "failed": ["user#6"], "position": "user#6" })
        }
        _ => {
            return (
                "error",
                json!({ "errorType": "Probe", "errorMessage": "no such position" }).to_string(),
            );
        }
    };
    ("response", part.to_string())
}

/// Sends a message for every record, in their order, and reports the first that cannot be sent.
async fn deliver(client: &Client, variables: &BTreeMap<String, String>, event: &Value) -> Value {
    for record in event["Records"].as_array().into_iter().flatten() {
        let change = &record["dynamodb"];
        let email = json!({
            "FromEmailAddress": "probe@example.com",
            "Destination": { "ToAddresses": [change["NewImage"]["to"]["S"]] },
            "Content": { "Simple": { "Subject": { "Data": variables["AWS_LAMBDA_FUNCTION_NAME"] }, "Body": { "Text": { "Data": change["Keys"]["pk"]["S"] } } } },
        });
        let url = format!("{}/v2/email/outbound-emails", variables["AWS_ENDPOINT_URL_SESV2"]);
        let sent = client.post(url).body(email.to_string()).send().await;
        if !sent.is_ok_and(|answer| answer.status().is_success()) {
            return json!({ "batchItemFailures": [{ "itemIdentifier": change["SequenceNumber"] }] });
        }
    }
    json!({ "batchItemFailures": [] })
}
