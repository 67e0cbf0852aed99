//! `GET /api/profile`.

use crate::support::Api;

#[tokio::test]
async fn the_caller_sees_themselves_and_no_hash() {
    let api = Api::start().await;
    let mut registered = api.registered("ada").await;
    let ada = api.log_in("ada").await;

    let answer = ada.get("/api/profile").await;

    registered["last_login"] = answer.body["last_login"].clone();
    answer.is(200, &registered);
    assert!(answer.body["last_login"].as_str().unwrap().ends_with('Z'));
    assert!(!answer.text.contains("argon2") && !answer.text.contains("password"));
}
