//! Hostile bodies: each is the client's fault, and the next request is served.

use serde_json::json;

use crate::support::{Api, complaint};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Every endpoint that reads a body and asks for no token.
const OPEN: [&str; 9] = [
    "/api/register",
    "/api/otp/verify",
    "/api/otp/resend",
    "/api/login",
    "/api/token",
    "/api/token/refresh",
    "/api/token/verify",
    "/api/logout",
    "/api/password/forgot/confirm",
];

#[tokio::test]
async fn a_hostile_body_is_the_clients_fault_everywhere() {
    let api = Api::with(&[("RegistrationsPerIpPerHour", "1000"), ("OtpPerIpPerHour", "1000")]).await;
    let fields: Vec<String> = (0..10_000).map(|n| format!("\"field{n}\":{n}")).collect();
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        (JSON, "[".repeat(100_000).into_bytes()),
        (JSON, format!("{{\"a\":{}", "{\"a\":".repeat(100_000)).into_bytes()),
        (JSON, format!("{{\"username\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes()),
        (JSON, format!("{{{}}}", fields.join(",")).into_bytes()),
        (JSON, b"{\"username\":\"a\",\"username\":\"b\",\"email\":\"x\",\"email\":[]}".to_vec()),
        (JSON, br#"{"username":"\ud800","email":"\udfff@example.com","password":"\ud83d","token":"\ud800"}"#.to_vec()),
        (JSON, br#"{"username":"a\u0000b","email":"a\u0000@example.com","password":"\u0000","refresh":"\u0000"}"#.to_vec()),
        (JSON, br#"{"username":1e999,"email":-1e999,"otp":1e400}"#.to_vec()),
        (JSON, format!("{{\"username\":{},\"email\":\"x\"}}", "9".repeat(10_000)).into_bytes()),
        (JSON, b"{\"username\":\"\xff\xfe\",\"email\":\"\xc3\x28\"}".to_vec()),
        (JSON, b"\0\0\0\0".to_vec()),
        (JSON, format!("{{\"email\":\"{}\"}}", "a@".repeat(500_000)).into_bytes()),
        (FORM, "&".repeat(100_000).into_bytes()),
        (FORM, "a=b&".repeat(10_000).into_bytes()),
        (FORM, b"username=%ff%fe&email=%00&password=%&otp=%zz&refresh=%00&token=%00".to_vec()),
        (JSON, " ".repeat(1_000_000).into_bytes()),
    ];
    for path in OPEN {
        for (content_type, body) in &bodies {
            let answer = api.post_text(path, content_type, body.clone()).await;
            let start = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            assert!((400..500).contains(&answer.status), "{path} {start}: {} {}", answer.status, answer.text);
            assert!(answer.body.is_object(), "{path} {start}: {}", answer.text);
        }
    }
    assert_eq!(api.records().await.len(), 0);
}

#[tokio::test]
async fn a_password_of_a_megabyte_is_too_long() {
    let api = Api::start().await;
    let long = "x".repeat(1_000_000);
    let words = "Ensure this field has no more than 128 characters.";

    let body = json!({ "username": "ada", "email": "ada@example.com", "password": long });
    api.post("/api/register", &body).await.is(400, &complaint("password", words));
    let body = json!({ "username": "ada", "password": long });
    api.post("/api/token", &body).await.is(400, &complaint("password", words));
    let body = json!({ "email": "ada@example.com", "password": long });
    api.post("/api/login", &body).await.is(400, &complaint("password", words));

    let ada = api.signed_in().await;
    let body = json!({ "old_password": long, "new_password": long, "confirm_password": long });
    let all = json!({ "old_password": [words], "new_password": [words], "confirm_password": [words] });
    ada.post("/api/password/reset", &body).await.is(400, &all);
}

#[tokio::test]
async fn of_two_fields_of_one_name_the_last_counts() {
    let api = Api::start().await;
    let body =
        r#"{"username":"eve","email":"ada@example.com","password":"correct horse battery","username":"ada"}"#;

    let answer = api.post_text("/api/register", JSON, body).await;

    assert_eq!((answer.status, &answer.body["username"]), (201, &json!("ada")));
}

#[tokio::test]
async fn a_body_larger_than_the_gateway_takes_is_refused() {
    let api = Api::start().await;

    let answer = api.post_text("/api/token", JSON, vec![b' '; 11 << 20]).await;

    answer.is(413, &json!({ "detail": "Request body too large." }));
    assert_eq!(api.logged().len(), 0);
}

#[tokio::test]
async fn a_hostile_header_does_no_harm() {
    let api = Api::start().await;
    let ada = api.header("User-Agent", &"x".repeat(8_000)).header("X-Forwarded-For", "' OR 1=1 --");

    api.registered("ada").await;
    let answer =
        ada.post("/api/token", &json!({ "username": "ada", "password": crate::support::PASSWORD })).await;

    let user = crate::support::User::new(&api, &answer.body);
    let session = &user.get("/api/sessions").await.body[0];
    assert_eq!((session["user_agent"].as_str().unwrap().len(), &session["ip"]), (200, &json!("127.0.0.1")));
}
