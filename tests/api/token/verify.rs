//! `POST /api/token/verify`.

use serde_json::json;

use crate::support::{Api, Client, complaint, token, token_not_valid};

#[tokio::test]
async fn a_live_token_of_either_kind_is_confirmed() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    for token in [&ada.access, &ada.refresh] {
        let answer = api.post("/api/token/verify", &json!({ "token": token })).await;
        answer.is(200, &json!({}));
    }
}

#[tokio::test]
async fn a_token_that_was_logged_out_is_dead() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    api.post("/api/logout", &json!({ "refresh": ada.refresh })).await;

    for token in [&ada.access, &ada.refresh] {
        let answer = api.post("/api/token/verify", &json!({ "token": token })).await;
        answer.is(401, &token_not_valid("Token is blacklisted"));
    }
}

#[tokio::test]
async fn nobody_waits_with_it_for_the_owner_to_use_a_refresh_token() {
    let api = Api::with(&[("TokenChecksPerHour", "3")]).await;
    let ada = api.signed_in().await;
    let other = api.log_in("ada").await;
    let check = async |client: &Client, token: &str| {
        client.post("/api/token/verify", &json!({ "token": token })).await
    };
    for n in 2..5 {
        assert_eq!(check(&api.at([127, 0, 0, n]), &ada.refresh).await.status, 200);
    }

    // However many networks a thief has.
    assert!(check(&api.at([127, 0, 0, 9]), &ada.refresh).await.is_throttled() <= 3600);
    let refreshed = ada.refreshed().await;
    check(&api, &ada.refresh).await.is_throttled();

    let throttled = api.audited("throttled");
    assert_eq!((throttled.len(), &throttled[0]["user_id"]), (2, &json!(ada.id())));
    // Access tokens and other sessions are not concerned.
    for token in [&refreshed.access, &other.access, &other.refresh] {
        assert_eq!(check(&api, token).await.status, 200);
    }
    api.forget_limits().await;
    assert_eq!(check(&api, &refreshed.refresh).await.status, 200);
}

#[tokio::test]
async fn a_dead_token_that_is_shown_is_audited() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let refreshed = ada.refreshed().await;
    for token in [&refreshed.refresh, &refreshed.access, &ada.access] {
        assert_eq!(api.post("/api/token/verify", &json!({ "token": token })).await.status, 200);
    }
    assert_eq!(api.audited("dead token shown").len(), 0);

    let thief = api.at([127, 0, 0, 2]);
    assert_eq!(thief.post("/api/token/verify", &json!({ "token": ada.refresh })).await.status, 401);

    let shown = api.audited("dead token shown");
    assert_eq!(shown.len(), 1);
    assert_eq!((&shown[0]["user_id"], &shown[0]["ip"]), (&json!(ada.id()), &json!("127.0.0.2")));
}

#[tokio::test]
async fn the_token_of_an_inactive_user_is_dead() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    api.set("Users", |key| key.starts_with("user#"), "is_active", &json!({ "BOOL": false })).await;

    for token in [&ada.access, &ada.refresh] {
        assert_eq!(api.post("/api/token/verify", &json!({ "token": token })).await.status, 401);
    }
}

#[tokio::test]
async fn an_expired_token_is_dead() {
    let api = Api::with(&[("AccessTokenSeconds", "0")]).await;
    let ada = api.signed_in().await;

    let answer = api.post("/api/token/verify", &json!({ "token": ada.access })).await;

    answer.is(401, &token_not_valid("Token is expired"));
}

#[tokio::test]
async fn a_forged_token_is_dead() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let [header, claims, signature] = token::parts(&ada.access);
    let mut other = token::claims(&ada.access);
    other["user_id"] = json!(uuid::Uuid::now_v7());

    for forged in [
        format!("{header}.{}.{signature}", token::encoded(&other)),
        format!("{header}.{claims}."),
        format!("{header}.{claims}.{}", token::encoded_bytes(&[0; 64])),
        "garbage".to_owned(),
    ] {
        let answer = api.post("/api/token/verify", &json!({ "token": forged })).await;
        answer.is(401, &token_not_valid("Token is invalid"));
    }
}

#[tokio::test]
async fn the_token_is_required() {
    let api = Api::start().await;

    let answer = api.post("/api/token/verify", &json!({})).await;

    answer.is(400, &complaint("token", "This field is required."));
}
