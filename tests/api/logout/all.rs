//! `POST /api/logout/all`.

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn every_session_of_the_user_is_dead_and_nobody_elses() {
    let api = Api::start().await;
    api.registered("bob").await;
    let (ada, bob) = (api.signed_in().await, api.log_in("bob").await);
    let phone = api.log_in("ada").await;

    let answer = ada.post("/api/logout/all", &json!({})).await;

    answer.is(200, &json!({ "message": "Logged out everywhere." }));
    ada.is_signed_out().await;
    phone.is_signed_out().await;
    bob.is_signed_in().await;
    api.log_in("ada").await.is_signed_in().await;
}
