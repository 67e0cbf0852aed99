//! `POST /api/token/verify`.

use serde_json::json;

use crate::support::{Api, complaint, token, token_not_valid};

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
