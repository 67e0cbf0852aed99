//! `POST /api/otp/resend`.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Api, complaint};

const ADA: &str = "ada@example.com";

fn sent() -> Value {
    json!({ "message": "If the address awaits verification, a new code has been sent." })
}

async fn resend(api: &Api, email: &str) -> Answer {
    api.post("/api/otp/resend", &json!({ "email": email })).await
}

#[tokio::test]
async fn another_code_is_sent_to_an_address_that_awaits_one() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    api.registered("ada").await;
    api.code_for(ADA).await;

    resend(&api, "Ada@Example.com").await.is(200, &sent());

    let code = api.code_after(ADA, 1).await;
    let answer = api.post("/api/otp/verify", &json!({ "email": ADA, "otp": code })).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn strangers_and_verified_users_hear_the_same_and_get_no_mail() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    api.verified("ada").await;

    resend(&api, ADA).await.is(200, &sent());
    resend(&api, "nobody@example.com").await.is(200, &sent());

    assert_eq!(api.mails_to(ADA).await, 1);
    assert_eq!(api.mails_to("nobody@example.com").await, 0);
}

#[tokio::test]
async fn an_address_that_was_proven_otherwise_hears_the_same() {
    let api = Api::start().await;
    api.registered("ada").await;
    api.code_for(ADA).await;
    assert_eq!(api.post("/api/password/forgot", &json!({ "email": ADA })).await.status, 200);
    let code = api.code_after(ADA, 1).await;
    let new = "another long phrase";
    let body = json!({ "email": ADA, "otp": code, "new_password": new, "confirm_password": new });
    assert_eq!(api.post("/api/password/forgot/confirm", &body).await.status, 200);
    api.forget_limits().await;

    resend(&api, ADA).await.is(200, &sent());

    assert_eq!(api.mails_to(ADA).await, 2);
}

#[tokio::test]
async fn an_address_rests_before_the_next_code_whoever_has_it() {
    let api = Api::start().await;
    api.registered("ada").await;
    assert!(resend(&api, ADA).await.is_throttled() <= 60);

    resend(&api, "nobody@example.com").await.is(200, &sent());
    assert!(resend(&api, "nobody@example.com").await.is_throttled() <= 60);

    assert_eq!(api.mails_to(ADA).await, 1);
}

#[tokio::test]
async fn an_address_gets_so_many_codes_an_hour() {
    let api = Api::with(&[("OtpCooldownSeconds", "0"), ("OtpPerHour", "2")]).await;
    api.registered("ada").await;
    resend(&api, ADA).await.is(200, &sent());

    assert!(resend(&api, ADA).await.is_throttled() > 60);
    assert_eq!(api.mails_to(ADA).await, 2);
}

#[tokio::test]
async fn an_address_gets_so_many_codes_a_day() {
    let api = Api::with(&[("OtpCooldownSeconds", "0"), ("OtpPerDay", "1")]).await;
    api.registered("ada").await;

    assert!(resend(&api, ADA).await.is_throttled() > 3600);
}

#[tokio::test]
async fn an_ip_address_asks_for_so_many_codes_an_hour() {
    let api = Api::with(&[("OtpPerIpPerHour", "2")]).await;
    api.registered("ada").await;
    resend(&api, "bob@example.com").await.is(200, &sent());

    assert!(resend(&api, "eve@example.com").await.is_throttled() > 60);
    let spoofed = api.header("X-Forwarded-For", "203.0.113.9");
    spoofed.post("/api/otp/resend", &json!({ "email": "eve@example.com" })).await.is_throttled();
    let elsewhere = api.at([127, 0, 0, 2]);
    elsewhere.post("/api/otp/resend", &json!({ "email": "eve@example.com" })).await.is(200, &sent());
}

#[tokio::test]
async fn of_parallel_requests_one_is_granted_and_one_mail_goes_out() {
    let api = Api::start().await;
    api.registered("ada").await;
    api.code_for(ADA).await;
    api.forget_limits().await;

    let answers = join_all((0..10).map(|_| resend(&api, ADA))).await;

    let (granted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(granted.len(), 1);
    for answer in refused {
        answer.is_throttled();
    }
    assert_eq!(api.mails_to(ADA).await, 2);
}

#[tokio::test]
async fn the_address_is_required() {
    let api = Api::start().await;

    api.post("/api/otp/resend", &json!({})).await.is(400, &complaint("email", "This field is required."));
    resend(&api, "nobody").await.is(400, &complaint("email", "Enter a valid email address."));

    assert_eq!(api.records().await.len(), 0);
}
