//! `POST /api/login`.

mod code;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Api, PASSWORD, no_active_account, token};

fn by(email: &str, password: &str) -> Value {
    json!({ "email": email, "password": password })
}

#[tokio::test]
async fn a_verified_address_logs_in() {
    let api = Api::start().await;
    let user = api.verified("ada").await;

    let answer = api.post("/api/login", &by("Ada@Example.com", PASSWORD)).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(
        answer.text.starts_with("{\"refresh\":\"") && answer.text.contains("\",\"access\":\""),
        "{}",
        answer.text
    );
    assert_eq!(answer.body.as_object().unwrap().len(), 2);
    for (name, lifetime, own) in [("access", 900, "sub"), ("refresh", 604_800, "aud")] {
        let token = answer.body[name].as_str().unwrap();
        let claims = token::claims(token);
        let names: BTreeSet<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, BTreeSet::from(["exp", "iat", "iss", "jti", own, "sid", "token_type", "user_id"]));
        assert_eq!(
            (&claims["token_type"], &claims["user_id"], &claims["iss"]),
            (&json!(name), &user["id"], &json!("rollcall"))
        );
        assert_eq!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(), lifetime);
        let jti = claims["jti"].as_str().unwrap();
        assert!(jti.len() == 32 && jti.bytes().all(|byte| byte.is_ascii_hexdigit()), "{jti}");
        assert_eq!(token::header(token)["alg"], "ES256");
    }
}

#[tokio::test]
async fn an_unverified_address_is_told_so_only_after_the_right_password() {
    let api = Api::start().await;
    api.registered("ada").await;
    let sessions = api.sessions().await;

    let answer = api.post("/api/login", &by("ada@example.com", PASSWORD)).await;
    answer.is(403, &json!({ "detail": "Email address is not verified.", "code": "email_not_verified" }));

    let answer = api.post("/api/login", &by("ada@example.com", "wrong")).await;
    answer.is(401, &no_active_account());
    assert_eq!(api.sessions().await, sessions);
}

#[tokio::test]
async fn a_wrong_password_an_unknown_and_an_inactive_user_hear_the_same() {
    let api = Api::start().await;
    api.verified("ada").await;
    api.verified("bob").await;
    let bob = api.item("Users", "email#bob@example.com").await.unwrap()["user_id"]["S"]
        .as_str()
        .unwrap()
        .to_owned();
    api.set("Users", |key| key == format!("user#{bob}"), "is_active", &json!({ "BOOL": false })).await;

    let wrong = api.post("/api/login", &by("ada@example.com", "wrong")).await;
    let unknown = api.post("/api/login", &by("nobody@example.com", PASSWORD)).await;
    let inactive = api.post("/api/login", &by("bob@example.com", PASSWORD)).await;

    for answer in [wrong, unknown, inactive] {
        answer.is(401, &no_active_account());
        assert_eq!(answer.header("x-amzn-remapped-www-authenticate"), "Bearer realm=\"api\"");
    }
    assert_eq!(api.sessions().await.len(), 0);
}

#[tokio::test]
async fn a_login_is_noted() {
    let api = Api::start().await;
    api.verified("ada").await;

    let answer = api.post("/api/login", &by("ada@example.com", PASSWORD)).await;

    let profile = api.bearer(answer.body["access"].as_str().unwrap()).get("/api/profile").await.body;
    assert!(profile["last_login"].as_str().unwrap() > profile["date_joined"].as_str().unwrap());
}

#[tokio::test]
async fn a_staged_address_does_not_log_in() {
    let api = Api::start().await;
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    assert_eq!(ada.patch("/api/profile", &json!({ "email": "new@example.com" })).await.status, 200);

    api.post("/api/login", &by("new@example.com", PASSWORD)).await.is(401, &no_active_account());
}

#[tokio::test]
async fn the_sixth_failure_from_one_ip_address_is_throttled_even_for_the_right_password() {
    let api = Api::start().await;
    api.verified("ada").await;
    for email in ["ada@example.com", "nobody@example.com"] {
        for _ in 0..5 {
            api.post("/api/login", &by(email, "wrong")).await.is(401, &no_active_account());
        }
        assert!(api.post("/api/login", &by(email, PASSWORD)).await.is_throttled() <= 900, "{email}");
    }

    // Who sits elsewhere is not locked out with them.
    assert_eq!(api.at([127, 0, 0, 2]).post("/api/login", &by("ada@example.com", PASSWORD)).await.status, 200);
}

#[tokio::test]
async fn both_fields_are_required() {
    let api = Api::start().await;
    let required = ["This field is required."];

    let answer = api.post("/api/login", &json!({})).await;

    answer.is(400, &json!({ "email": required, "password": required }));
}
