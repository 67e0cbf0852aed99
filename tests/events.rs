//! The sample events, for `sam local invoke` and `cargo lambda invoke`.

use std::collections::BTreeMap;

use local::Template;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    process::Command,
};

use crate::support::{Api, poll, registration, root};

#[tokio::test]
async fn every_function_takes_its_sample_event() {
    // The bodies are the Django systems' own.
    let api = Api::seeds().await;
    for function in Template::load(&root().join("template.yaml"), &BTreeMap::new()).unwrap().functions {
        let file = root().join(format!("events/{}.json", function.binary));
        let event: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let is_routed = function.routes.iter().any(|route| {
            event["resource"] == route.path.as_str() && event["httpMethod"] == route.method.as_str()
        });
        assert!(is_routed || function.routes.is_empty(), "{} is not of its function's route", file.display());

        let answer = api.stack.invoke(&function.binary, event).await.unwrap();

        if function.binary == "create-superuser" {
            assert_eq!(answer["created"], true, "{answer}");
        } else if function.binary == "import" {
            let is_imported = |kind: &str| answer[kind][0]["outcome"] == "imported";
            assert!(is_imported("users") && is_imported("employees"), "{answer}");
        } else if function.binary == "authorizer" {
            assert_eq!(answer, json!({ "isAuthorized": false }));
        } else if function.binary == "reindex" {
            assert_eq!((&answer["failed"], &answer["position"]), (&json!([]), &Value::Null), "{answer}");
        } else if function.binary == "mail-events" {
            assert_eq!(answer, Value::Null);
        } else if function.routes.is_empty() {
            assert_eq!(answer, json!({ "batchItemFailures": [] }));
        } else {
            let status = answer["statusCode"].as_u64().unwrap();
            assert!((200..500).contains(&status) && status != 415, "{}: {answer}", function.binary);
        }
    }
    // What can succeed without a token has succeeded.
    assert!(api.item("Users", "username#testuser").await.is_some());
}

/// As the README says: a function that is being worked on runs beside the stack, with its data.
#[tokio::test]
#[ignore = "needs cargo-lambda: .ci/deployment"]
async fn cargo_lambda_runs_a_function_beside_the_stack() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::kept_in(folder.path(), &[("Policy", "seeds")]).await;
    let address = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let port = address.port().to_string();
    let env = folder.path().join("env");
    let cargo_lambda = |arguments: &[&str]| {
        let mut command = Command::new("cargo");
        command.arg("lambda").args(arguments).args(["--invoke-address", "127.0.0.1", "--invoke-port", &port]);
        command.current_dir(root());
        command
    };
    let watch = ["watch", "--package", "functions", "--env-file", env.to_str().unwrap()];
    let mut watch = cargo_lambda(&watch).kill_on_drop(true).spawn().unwrap();
    poll(async || {
        assert_eq!(watch.try_wait().unwrap(), None, "it has ended");
        TcpStream::connect(address).await.ok()
    })
    .await;

    // It compiles the function first.
    let invoke = ["invoke", "api-register", "--data-file", "events/api-register.json"];
    let invoked = cargo_lambda(&invoke).output().await.unwrap();

    let pid = watch.id().unwrap().to_string();
    Command::new("kill").args(["-INT", &pid]).status().await.unwrap();
    watch.wait().await.unwrap();
    let said = String::from_utf8(invoked.stdout).unwrap();
    assert!(invoked.status.success(), "{said}{}", String::from_utf8_lossy(&invoked.stderr));
    assert_eq!(serde_json::from_str::<Value>(&said).unwrap()["statusCode"], 201, "{said}");
    assert!(api.item("Users", "username#testuser").await.is_some());
}

/// The sample event of a function, from another IP address.
fn sample(binary: &str, source_ip: &str) -> Value {
    let file = root().join(format!("events/{binary}.json"));
    let mut event: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    event["requestContext"]["identity"]["sourceIp"] = json!(source_ip);
    event
}

#[tokio::test]
async fn an_ipv6_network_counts_as_one_client() {
    let api = Api::with(&[("OtpPerIpPerHour", "1")]).await;
    let mut statuses = Vec::new();
    for source_ip in
        ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1", "192.0.2.1", "::ffff:192.0.2.2"]
    {
        let mut event = sample("api-otp-resend", source_ip);
        event["body"] = json!(json!({ "email": format!("user{}@example.com", statuses.len()) }).to_string());
        statuses.push(api.stack.invoke("api-otp-resend", event).await.unwrap()["statusCode"].clone());
    }

    assert_eq!(statuses, [200, 429, 200, 200, 200]);
}

#[tokio::test]
async fn a_function_takes_the_events_of_an_http_api_too() {
    let api = Api::start().await;
    let event = json!({
        "version": "2.0", "routeKey": "POST /api/register", "rawPath": "/api/register", "rawQueryString": "",
        "headers": { "content-type": "application/json", "host": "127.0.0.1" },
        "requestContext": {
            "accountId": "000000000000", "apiId": "local", "domainName": "127.0.0.1", "domainPrefix": "local",
            "http": {
                "method": "POST", "path": "/api/register", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
                "userAgent": "curl",
            },
            "requestId": "an-id-of-the-gateway", "routeKey": "POST /api/register", "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
        },
        "body": registration("ada").to_string(), "isBase64Encoded": false,
    });

    let answer = api.stack.invoke("api-register", event).await.unwrap();

    assert_eq!(answer["statusCode"], 201, "{answer}");
    let line = api.logged().into_iter().find(|line| line["message"] == "request").unwrap();
    assert_eq!(
        (&line["route"], &line["span"]["request_id"]),
        (&json!("/api/register"), &json!("an-id-of-the-gateway"))
    );
    assert_eq!(api.audited("registered")[0]["ip"], "192.0.2.1");
}
