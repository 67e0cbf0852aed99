//! What only a deployment can settle, from outside: docs/first-deployment.md. Without `API_URL`, a local stack answers as the page
//! expects of a deployment, so that these cannot go stale.

use std::{os::unix::fs::PermissionsExt, time::Duration};

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{process::Command, time};

use crate::support::{Answer, Deployment, PASSWORD, root};

/// An account that nobody has used gets as many instances at least.
const AT_ONCE: usize = 30;

/// A request that is refused for now gets 429 or 503, with the time after which to try again.
fn is_refused_for_now(answer: &Answer) -> bool {
    [429, 503].contains(&answer.status) && answer.headers.contains_key("retry-after")
}

/// Makes an account and takes it away again.
async fn register_and_leave(api: &Deployment, who: &str) {
    let user = api.signed_in(who).await;
    assert_eq!(user.delete(&format!("/api/users/{}", user.id())).await.status, 204);
}

/// API Gateway takes what is in the header for a signature, and its own complaint repeats the header.
#[tokio::test]
async fn an_unknown_path_with_a_token_is_refused_without_repeating_it() {
    let api = Deployment::start().await;
    let token = "e30.e30.this-is-no-token";

    for authorization in [format!("Bearer {token}"), format!("JWT {token}"), format!("Basic {token}")] {
        let answer = api.authorization(&authorization).get("/api/unknown").await;
        assert!([403, 404].contains(&answer.status), "{authorization}: {answer:?}");
        assert!(
            answer.body["detail"].is_string() && !answer.text.contains(token),
            "{authorization}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn a_burst_is_answered_or_refused_for_now() {
    let api = Deployment::start().await;

    let answers = join_all((0..AT_ONCE).map(|_| api.get("/health"))).await;

    for answer in answers {
        assert!(answer.status == 200 || is_refused_for_now(&answer), "{answer:?}");
    }
}

/// Lambda freezes an instance between requests. What it held then has aged: connections, keys, the secret.
#[tokio::test]
async fn a_registration_after_a_silence_needs_no_second_try() {
    let api = Deployment::start().await;
    register_and_leave(&api, "before").await;

    if let Some(minutes) = Deployment::silence() {
        time::sleep(Duration::from_mins(minutes)).await;
    }
    register_and_leave(&api, "after").await;
}

/// API Gateway takes a body for UTF-8 and puts U+FFFD in place of what is none. No user may get such a name.
#[tokio::test]
async fn a_body_in_latin_1_is_refused() {
    let api = Deployment::start().await;
    let body = json!({ "username": "Ren?", "email": api.email("rene"), "password": PASSWORD }).to_string();
    let body: Vec<u8> = body.bytes().map(|byte| if byte == b'?' { 0xe9 } else { byte }).collect();

    let answer = api.post_text("/api/register", "application/json; charset=iso-8859-1", body).await;

    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(answer.body["username"].is_array(), "{answer:?}");
}

/// What SES then reports is in the log: docs/first-deployment.md.
#[tokio::test]
async fn a_registration_whose_mail_bounces_is_made() {
    let api = Deployment::start().await;
    let email = format!("bounce+{}@simulator.amazonses.com", api.name("bounce"));
    let body = json!({ "username": api.name("bounce"), "email": email, "password": PASSWORD });

    let answer = api.post("/api/register", &body).await;

    assert_eq!(answer.status, 201, "{answer:?}");
    let user = api.log_in(&api.name("bounce")).await;
    assert_eq!(user.delete(&format!("/api/users/{}", user.id())).await.status, 204);
}

/// With `RequestsPerSecond=0`, whatever the route and the method.
#[tokio::test]
#[ignore = "it takes a deployment that is closed: docs/first-deployment.md"]
async fn a_closed_api_refuses_everything() {
    let api = Deployment::start().await;
    let routes = [
        (Method::GET, "/"),
        (Method::GET, "/health"),
        (Method::GET, "/docs/page.js"),
        (Method::POST, "/api/login"),
        (Method::POST, "/api/register"),
        (Method::GET, "/api/profile"),
    ];
    for (method, path) in routes {
        let answer = api.send(method.clone(), path, None, Value::Null.to_string()).await;
        assert_eq!(answer.status, 429, "{method} {path}: {answer:?}");
        assert!(is_refused_for_now(&answer), "{method} {path}: {answer:?}");
    }
}

/// What the script says in an account where the commands of the AWS CLI and of cargo answer as these two do.
async fn script(aws: &str, cargo: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("aws", aws), ("cargo", cargo)] {
        let file = folder.path().join(name);
        std::fs::write(&file, format!("#!/usr/bin/env bash\n{text}")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", folder.path().display());
    let mut script = Command::new(root().join("tests/tools/first-deployment"));
    script.args(["rollcall", "arn:aws:iam::111122223333:role/tester"]).env("PATH", path);
    let output = script.output().await.unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// An account of which everything is as expected.
const ACCOUNT: &str = r#"
case "$1 $2" in
"cloudformation describe-stacks")
    echo '[{"OutputKey": "Url", "OutputValue": "https://a.example.com/Prod/"}, {"OutputKey": "UsersTable", "OutputValue": "users"},
        {"OutputKey": "LogGroup", "OutputValue": "logs"}]' ;;
"lambda get-account-settings") echo 1000 ;;
"sesv2 get-account") echo true ;;
"dynamodb describe-table") echo arn:aws:dynamodb:us-east-1:111122223333:table/users ;;
"sts assume-role")
    jq -e '.Statement[0].Resource == "arn:aws:dynamodb:us-east-1:111122223333:table/users"' >/dev/null || exit 1
    echo '{"Credentials": {"AccessKeyId": "limited", "SecretAccessKey": "s", "SessionToken": "t"}}' ;;
"dynamodb transact-write-items")
    [ "$AWS_ACCESS_KEY_ID" = limited ] || exit 1
    ! grep -q user#first || { echo "AccessDeniedException: no" >&2; exit 254; } ;;
"dynamodb delete-item") [ "${AWS_ACCESS_KEY_ID:-}" != limited ] ;;
"logs filter-log-events") echo '{"event": "mail_bounced"}' ;;
*) exit 1 ;;
esac
"#;

#[tokio::test]
#[ignore = "needs jq: .ci/api-tools"]
async fn the_script_says_what_is_as_expected_and_what_is_not() {
    let journeys = r#"[ "$API_URL" = https://a.example.com/Prod/ ] && [ "$API_SILENCE" = 40 ]"#;
    let (is_success, said) = script(ACCOUNT, journeys).await;
    assert!(is_success && said.matches("as expected: ").count() == 7, "{said}");
    assert!(!said.contains("NOT AS EXPECTED"), "{said}");

    for (old, new, complaint) in [
        ("echo 1000", "echo 10", "Lambda runs 10 instances at once"),
        ("echo true", "echo false", "SES is in its sandbox"),
        ("! grep -q user#first", "true", "a transaction wrote a key that the condition does not allow"),
        ("! grep -q user#first", "false", "allowed keys: AccessDeniedException: no"),
        ("echo '{\"event\": \"mail_bounced\"}'", "true", "the log has no bounce"),
    ] {
        assert!(ACCOUNT.contains(old), "{old}");
        let (is_success, said) = script(&ACCOUNT.replace(old, new), journeys).await;
        assert!(!is_success && said.contains(&format!("NOT AS EXPECTED: {complaint}")), "{new}: {said}");
    }
    let (is_success, said) = script(ACCOUNT, "false").await;
    assert!(!is_success && said.contains("NOT AS EXPECTED: a journey failed"), "{said}");
}
