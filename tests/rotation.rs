//! The secret is rotated, as Secrets Manager does it: a new version becomes current, the last one previous.

use serde_json::{Value, json};

use crate::support::{Answer, Api, PASSWORD, token};

pub(crate) async fn rotate(api: &Api) {
    rotate_to(api, &uuid::Uuid::new_v4().to_string().repeat(2)).await;
}

/// Makes this text the current version of the secret.
pub(crate) async fn rotate_to(api: &Api, text: &str) {
    put_secret(api, "rollcall-Secret", text).await;
}

/// Makes this text the current version of a secret.
pub(crate) async fn put_secret(api: &Api, name: &str, text: &str) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = json!({
        "SecretId": name, "SecretString": text, "ClientRequestToken": uuid::Uuid::new_v4(),
    });
    let request = client.post(api.stack.aws_url()).header("x-amz-target", "secretsmanager.PutSecretValue");
    let answer = request
        .header("content-type", "application/x-amz-json-1.1")
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
}

async fn kids(api: &Api) -> Vec<Value> {
    let answer: Answer = api.get("/.well-known/jwks.json").await;
    answer.body["keys"].as_array().unwrap().iter().map(|key| key["kid"].clone()).collect()
}

#[tokio::test]
async fn a_rotation_signs_nobody_out_and_both_keys_are_published() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::kept_in(folder.path(), &[]).await;
    let ada = api.signed_in().await;
    let code = api.code_for("ada@example.com").await;
    let old = token::header(&ada.access)["kid"].clone();
    assert_eq!(kids(&api).await, std::slice::from_ref(&old));

    rotate(&api).await;
    ada.is_signed_in().await;
    // Instances know the last secret for some minutes: these are new ones.
    api.stack.stop().await;
    let api = Api::kept_in(folder.path(), &[]).await;
    let ada = ada.at_home_of(&api);

    ada.is_signed_in().await;
    let phone = api.log_in("ada").await;
    let new = token::header(&phone.access)["kid"].clone();
    assert_ne!(new, old);
    let mut published = kids(&api).await;
    published.sort_by_key(Value::to_string);
    let mut expected = vec![old, new.clone()];
    expected.sort_by_key(Value::to_string);
    assert_eq!(published, expected);

    // A code that was sent before still works, and a refresh signs with the new key.
    let answer = api.post("/api/otp/verify", &json!({ "email": "ada@example.com", "otp": code })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let refreshed = ada.refreshed().await;
    assert_eq!(token::header(&refreshed.refresh)["kid"], new);
    refreshed.is_signed_in().await;
    phone.is_signed_in().await;
}

#[tokio::test]
async fn a_code_that_was_sent_before_a_rotation_still_works() {
    let api = Api::start().await;
    api.verified("bob").await;
    api.registered("ada").await;
    let code = api.code_for("ada@example.com").await;
    rotate(&api).await;

    let answer = api.post("/api/otp/verify", &json!({ "email": "ada@example.com", "otp": code })).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(api.try_token("ada", PASSWORD).await.status, 200);
}
