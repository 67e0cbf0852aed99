//! `DELETE /api/sessions/{id}`.

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn a_user_ends_one_session() {
    let api = Api::start().await;
    let (ada, phone) = (api.signed_in().await, api.log_in("ada").await);

    let answer = ada.delete(&format!("/api/sessions/{}", phone.sid())).await;

    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    phone.is_signed_out().await;
    ada.is_signed_in().await;
    assert_eq!(ada.get("/api/sessions").await.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_user_may_end_the_session_they_are_in() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    assert_eq!(ada.delete(&format!("/api/sessions/{}", ada.sid())).await.status, 204);

    ada.is_signed_out().await;
}

#[tokio::test]
async fn a_session_of_another_user_or_of_nobody_is_not_found() {
    let api = Api::start().await;
    api.registered("bob").await;
    let (ada, bob) = (api.signed_in().await, api.log_in("bob").await);
    let before = api.records().await;

    for id in [bob.sid(), uuid::Uuid::now_v7().to_string(), "x".to_owned(), "%00".to_owned()] {
        let answer = ada.delete(&format!("/api/sessions/{id}")).await;
        answer.is(404, &json!({ "detail": "No Session matches the given query." }));
    }
    assert_eq!(api.records().await, before);
    bob.is_signed_in().await;
}

#[tokio::test]
async fn a_session_that_has_ended_is_not_found() {
    let api = Api::start().await;
    let (ada, phone) = (api.signed_in().await, api.log_in("ada").await);
    let path = format!("/api/sessions/{}", phone.sid());
    assert_eq!(ada.delete(&path).await.status, 204);

    ada.delete(&path).await.is(404, &json!({ "detail": "No Session matches the given query." }));
}
