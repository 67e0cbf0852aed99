//! `POST /api/logout`.

mod all;

use serde_json::json;

use crate::support::{Api, complaint, token, token_not_valid};

#[tokio::test]
async fn both_tokens_are_dead_at_once_under_either_name_of_the_field() {
    let api = Api::start().await;
    api.registered("ada").await;
    let other = api.log_in("ada").await;
    for field in ["refresh", "refresh_token"] {
        let ada = api.log_in("ada").await;

        let answer = ada.post("/api/logout", &json!({ field: ada.refresh })).await;

        answer.is(200, &json!({ "message": "Logged out successfully." }));
        ada.is_signed_out().await;
    }
    other.is_signed_in().await;
}

#[tokio::test]
async fn no_bearer_token_is_needed_and_a_wrong_one_does_not_matter() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let answer = api.bearer("garbage").post("/api/logout", &json!({ "refresh": ada.refresh })).await;

    answer.is(200, &json!({ "message": "Logged out successfully." }));
    ada.is_signed_out().await;
}

#[tokio::test]
async fn repeating_it_is_no_error() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    for _ in 0..2 {
        let answer = api.post("/api/logout", &json!({ "refresh": ada.refresh })).await;
        answer.is(200, &json!({ "message": "Logged out successfully." }));
    }
}

#[tokio::test]
async fn a_token_that_was_rotated_out_still_ends_its_session() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let successor = ada.refreshed().await;

    assert_eq!(api.post("/api/logout", &json!({ "refresh": ada.refresh })).await.status, 200);

    successor.is_signed_out().await;
}

#[tokio::test]
async fn a_forged_or_wrong_token_ends_nothing() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let [header, claims, _] = token::parts(&ada.refresh);
    let unsigned = format!("{header}.{claims}.{}", token::encoded_bytes(&[1; 64]));

    for (token, reason) in [
        (unsigned.as_str(), "Token is invalid"),
        ("garbage", "Token is invalid"),
        (ada.access.as_str(), "Token has wrong type"),
    ] {
        let answer = api.post("/api/logout", &json!({ "refresh": token })).await;
        answer.is(401, &token_not_valid(reason));
    }
    ada.is_signed_in().await;
}

#[tokio::test]
async fn an_expired_token_is_told_so() {
    let api = Api::with(&[("RefreshTokenSeconds", "0")]).await;
    let ada = api.signed_in().await;

    let answer = api.post("/api/logout", &json!({ "refresh": ada.refresh })).await;

    answer.is(401, &token_not_valid("Token is expired"));
}

#[tokio::test]
async fn the_token_is_required() {
    let api = Api::start().await;

    let answer = api.post("/api/logout", &json!({})).await;

    answer.is(400, &complaint("refresh", "This field is required."));
}
