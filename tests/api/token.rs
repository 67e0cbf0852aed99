//! `POST /api/token`.

mod refresh;
mod verify;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Api, PASSWORD, User, no_active_account, registration};

#[tokio::test]
async fn a_username_logs_in_in_any_spelling() {
    let api = Api::start().await;
    api.registered("ada").await;

    let answer = api.try_token("ADA", PASSWORD).await;

    assert_eq!(answer.status, 200);
    assert!(
        answer.text.starts_with("{\"refresh\":\"") && answer.text.contains("\",\"access\":\""),
        "{}",
        answer.text
    );
    User::new(&api, &answer.body).is_signed_in().await;
}

#[tokio::test]
async fn a_wrong_password_an_unknown_and_an_inactive_user_hear_the_same() {
    let api = Api::start().await;
    api.registered("ada").await;
    let bob = api.registered("bob").await["id"].as_str().unwrap().to_owned();
    api.set("Users", |key| key == format!("user#{bob}"), "is_active", &json!({ "BOOL": false })).await;

    for (name, password) in [("ada", "wrong"), ("nobody", PASSWORD), ("bob", PASSWORD)] {
        api.try_token(name, password).await.is(401, &no_active_account());
    }
    assert_eq!(api.sessions().await.len(), 0);
}

#[tokio::test]
async fn an_address_or_number_logs_in_once_it_is_verified() {
    let api = Api::start().await;
    let mut body = registration("ada");
    body["phone_number"] = json!("9881167671");
    assert_eq!(api.post("/api/register", &body).await.status, 201);
    for name in ["ada@example.com", "9881167671"] {
        api.try_token(name, PASSWORD).await.is(401, &no_active_account());
    }

    api.verify("ada@example.com").await;
    api.set("Users", |key| key == "phone#+919881167671", "verified", &json!({ "BOOL": true })).await;

    for name in ["Ada@example.com", "98811 67671", "+919881167671"] {
        assert_eq!(api.try_token(name, PASSWORD).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn a_stack_may_require_a_verified_address() {
    let api = Api::with(&[("RequireVerifiedEmail", "true")]).await;
    api.registered("ada").await;

    let answer = api.try_token("ada", PASSWORD).await;
    answer.is(403, &json!({ "detail": "Email address is not verified.", "code": "email_not_verified" }));
    api.try_token("ada", "wrong").await.is(401, &no_active_account());

    api.verify("ada@example.com").await;
    assert_eq!(api.try_token("ada", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn the_sixth_failure_from_one_ip_address_is_throttled_even_for_the_right_password() {
    let api = Api::start().await;
    api.registered("ada").await;
    for name in ["ada", "nobody"] {
        for spelling in
            [name.to_uppercase(), name.to_owned(), name.to_owned(), name.to_owned(), name.to_owned()]
        {
            api.try_token(&spelling, "wrong").await.is(401, &no_active_account());
        }
        assert!(api.try_token(name, PASSWORD).await.is_throttled() <= 900, "{name}");
    }
    assert_eq!(api.sessions().await.len(), 0);
}

#[tokio::test]
async fn of_twenty_wrong_guesses_at_once_five_are_looked_at() {
    let api = Api::start().await;
    api.registered("ada").await;

    let answers = join_all((0..20).map(|_| api.try_token("ada", "wrong"))).await;

    let (refused, throttled): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 401);
    assert_eq!(refused.len(), 5);
    for answer in throttled {
        answer.is_throttled();
    }
}

#[tokio::test]
async fn success_clears_the_failures() {
    let api = Api::start().await;
    api.registered("ada").await;
    for _ in 0..2 {
        for _ in 0..4 {
            api.try_token("ada", "wrong").await.is(401, &no_active_account());
        }
        assert_eq!(api.try_token("ada", PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn failures_of_one_identifier_are_counted_from_everywhere() {
    let api = Api::with(&[("LoginFailuresPerIdentifier", "2")]).await;
    api.registered("ada").await;
    api.try_token("ada", "wrong").await.is(401, &no_active_account());
    let body = json!({ "username": "ada", "password": "wrong" });
    api.at([127, 0, 0, 2]).post("/api/token", &body).await.is(401, &no_active_account());

    api.at([127, 0, 0, 3]).post("/api/token", &body).await.is_throttled();
}

#[tokio::test]
async fn failures_from_one_ip_address_are_counted_for_all_identifiers() {
    let api = Api::with(&[("LoginFailuresPerIp", "2")]).await;
    api.registered("ada").await;
    // Logins that succeed are no failures.
    for _ in 0..3 {
        assert_eq!(api.try_token("ada", PASSWORD).await.status, 200);
    }
    for name in ["bob", "eve"] {
        api.try_token(name, "wrong").await.is(401, &no_active_account());
    }

    api.try_token("ada", PASSWORD).await.is_throttled();
}

#[tokio::test]
async fn parallel_logins_get_a_session_each() {
    let api = Api::start().await;
    api.registered("ada").await;

    let answers = join_all((0..5).map(|_| api.try_token("ada", PASSWORD))).await;

    let users: Vec<User> = answers.iter().map(|answer| User::new(&api, &answer.body)).collect();
    for user in &users {
        user.is_signed_in().await;
    }
    assert_eq!(users[0].get("/api/sessions").await.body.as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_session_ends_at_its_time_however_long_its_tokens_could_live() {
    let api = Api::with(&[("SessionSeconds", "100")]).await;
    let ada = api.signed_in().await.refreshed().await;

    for token in [&ada.access, &ada.refresh] {
        let claims = crate::support::token::claims(token);
        assert!(claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap() <= 100);
    }
}

#[tokio::test]
async fn what_no_username_can_be_is_no_account() {
    let api = Api::start().await;
    let required = ["This field is required."];

    api.post("/api/token", &json!({})).await.is(400, &json!({ "username": required, "password": required }));
    api.try_token("<script>", "x").await.is(401, &no_active_account());
    let long = ["Ensure this field has no more than 254 characters."];
    api.try_token(&"a".repeat(255), "x").await.is(400, &json!({ "username": long }));
}

#[tokio::test]
async fn a_hash_made_by_old_rules_is_made_anew_at_the_next_login() {
    // Argon2id of the password, with less memory and one pass.
    const OLD: &str =
        "$argon2id$v=19$m=1024,t=1,p=1$TQUIU60GH7GALUli2VkTYg$k1dKh15rQDgEFBwtq/jEr7tiLANaXv4zHkSEi2929O0";
    let api = Api::start().await;
    let ada = format!("user#{}", api.registered("ada").await["id"].as_str().unwrap());
    api.set("Users", |key| key == ada, "password", &json!({ "S": OLD })).await;

    let session = api.log_in("ada").await;

    let hash = api.item("Users", &ada).await.unwrap()["password"]["S"].take();
    assert!(hash.as_str().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    session.is_signed_in().await;
    api.log_in("ada").await;
}

#[tokio::test]
async fn what_cannot_be_a_name_is_nobodys() {
    let api = Api::start().await;
    // Composed, it is eighteen times as long.
    for username in ["\u{fdfa}".repeat(200), "a b".into(), "<b>".into(), "x".repeat(254)] {
        api.try_token(&username, PASSWORD).await.is(401, &no_active_account());
    }
}

#[tokio::test]
async fn every_spelling_of_a_number_is_one_identifier() {
    let api = Api::with(&[("LoginFailuresPerIdentifierAndIp", "3")]).await;
    for number in ["9881167671", "+91 98811 67671", "098811-67671"] {
        api.try_token(number, PASSWORD).await.is(401, &no_active_account());
    }

    api.try_token("(98811) 67671", PASSWORD).await.is_throttled();
}
