//! What works once, and does not work again or elsewhere.

use serde_json::{Value, json};

use crate::support::{
    Api, Client, PASSWORD, User, bearer_not_valid, otp_invalid, phone_otp_invalid,
    registration_token_invalid, token_not_valid,
};

const EMAIL: &str = "ada@example.com";
const NUMBER: &str = "+919881167671";
const NEXT: &str = "another long phrase";

/// Sends the same request twice: the first succeeds. Gives what it said.
async fn once(api: &Client, path: &str, body: &Value, refusal: &Value) -> Value {
    let first = api.post(path, body).await;
    assert!(first.status < 300, "{path}: {}", first.text);
    api.post(path, body).await.is(400, refusal);
    first.body
}

#[tokio::test]
async fn asvs_6_5_1_a_code_or_registration_token_works_once() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    api.registered("ada").await;
    let otp = api.code_for(EMAIL).await;
    once(&api, "/api/otp/verify", &json!({ "email": EMAIL, "otp": otp }), &otp_invalid()).await;

    let mails = api.mails_to(EMAIL).await;
    api.post("/api/password/forgot", &json!({ "email": EMAIL })).await;
    let otp = api.code_after(EMAIL, mails).await;
    let body = json!({ "email": EMAIL, "otp": otp, "new_password": NEXT, "confirm_password": NEXT });
    once(&api, "/api/password/forgot/confirm", &body, &otp_invalid()).await;

    let mails = api.mails_to(EMAIL).await;
    api.post("/api/login/code", &json!({ "email": EMAIL })).await;
    let body = json!({ "email": EMAIL, "otp": api.code_after(EMAIL, mails).await });
    once(&api, "/api/login/code/confirm", &body, &otp_invalid()).await;

    api.post("/auth/check-phone", &json!({ "phone": NUMBER })).await;
    let body = json!({ "phone": NUMBER, "code": api.code_for(NUMBER).await });
    let token = once(&api, "/auth/verify", &body, &otp_invalid()).await["registration_token"].take();
    let body = json!({ "reg_token": token, "password": PASSWORD });
    let user = once(&api, "/auth/register", &body, &registration_token_invalid()).await;
    let user = User::new(&api, &user);

    let texts = api.texts_to(NUMBER).await;
    user.post("/otp/generate", &json!({ "phone_number": NUMBER })).await;
    let body = json!({ "phone_number": NUMBER, "otp": api.code_after(NUMBER, texts).await });
    once(&user, "/otp/verify", &body, &phone_otp_invalid()).await;
}

#[tokio::test]
async fn asvs_6_6_2_a_code_is_good_for_its_purpose_and_address_alone() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    api.registered("ada").await;
    api.registered("bob").await;
    let otp = api.code_for(EMAIL).await;

    let elsewhere = json!({ "email": "bob@example.com", "otp": otp });
    api.post("/api/otp/verify", &elsewhere).await.is(400, &otp_invalid());
    let recovery = json!({ "email": EMAIL, "otp": otp, "new_password": NEXT, "confirm_password": NEXT });
    api.post("/api/password/forgot/confirm", &recovery).await.is(400, &otp_invalid());

    api.post("/otp/generate", &json!({ "phone_number": NUMBER })).await;
    let code = api.code_for(NUMBER).await;
    api.post("/auth/verify", &json!({ "phone": NUMBER, "code": code })).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn asvs_9_2_2_each_token_is_taken_for_its_own_purpose_alone() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    api.post("/auth/check-phone", &json!({ "phone": NUMBER })).await;
    let body = json!({ "phone": NUMBER, "code": api.code_for(NUMBER).await });
    let registration = api.post("/auth/verify", &body).await.body["registration_token"].take();
    let registration = registration.as_str().unwrap();

    let profile = async |token: &str| api.bearer(token).get("/api/profile").await;
    profile(&ada.refresh).await.is(401, &bearer_not_valid("Token has wrong type"));
    profile(registration).await.is(401, &bearer_not_valid("Token is invalid"));

    for path in ["/api/token/refresh", "/api/logout"] {
        let answer = api.post(path, &json!({ "refresh": ada.access })).await;
        answer.is(401, &token_not_valid("Token has wrong type"));
        let answer = api.post(path, &json!({ "refresh": registration })).await;
        answer.is(401, &token_not_valid("Token is invalid"));
    }
    for token in [&ada.access, &ada.refresh] {
        let body = json!({ "reg_token": token, "password": PASSWORD });
        api.post("/auth/register", &body).await.is(400, &registration_token_invalid());
    }
    ada.is_signed_in().await;
}
