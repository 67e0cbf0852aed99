//! `POST /api/otp/verify`.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Answer, Api, otp_invalid};

const ADA: &str = "ada@example.com";

async fn guess(api: &Api, otp: &str) -> Answer {
    api.post("/api/otp/verify", &json!({ "email": ADA, "otp": otp })).await
}

/// A code of the same length that is not `code`.
fn wrong(code: &str, n: usize) -> String {
    let number: usize = code.parse().unwrap();
    format!("{:06}", (number + 1 + n) % 1_000_000)
}

#[tokio::test]
async fn a_right_code_proves_the_address() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    assert_eq!(ada.profile().await["is_email_verified"], false);
    let code = api.code_for(ADA).await;

    guess(&api, &code).await.is(200, &json!({ "message": "Email verified successfully." }));

    assert_eq!(ada.profile().await["is_email_verified"], true);
}

#[tokio::test]
async fn a_code_works_once() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;
    assert_eq!(guess(&api, &code).await.status, 200);

    guess(&api, &code).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn a_right_code_used_at_once_by_ten_works_once() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;

    let answers = join_all((0..10).map(|_| guess(&api, &code))).await;

    let (verified, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(verified.len(), 1);
    for answer in refused {
        answer.is(400, &otp_invalid());
    }
}

#[tokio::test]
async fn a_wrong_code_proves_nothing() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let code = api.code_for(ADA).await;

    for guessed in [&wrong(&code, 0), &code[..5], "ｱbcdef"] {
        guess(&api, guessed).await.is(400, &otp_invalid());
    }

    assert_eq!(ada.profile().await["is_email_verified"], false);
}

#[tokio::test]
async fn an_address_without_a_code_hears_the_same() {
    let api = Api::start().await;
    api.verified("bob").await;

    for email in ["nobody@example.com", "bob@example.com"] {
        let answer = api.post("/api/otp/verify", &json!({ "email": email, "otp": "123456" })).await;
        answer.is(400, &otp_invalid());
    }
}

#[tokio::test]
async fn after_two_wrong_guesses_the_right_one_still_works() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;
    guess(&api, &wrong(&code, 0)).await.is(400, &otp_invalid());
    guess(&api, &wrong(&code, 1)).await.is(400, &otp_invalid());

    assert_eq!(guess(&api, &code).await.status, 200);
}

#[tokio::test]
async fn after_three_wrong_guesses_even_the_right_one_is_refused() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;
    for n in 0..3 {
        guess(&api, &wrong(&code, n)).await.is(400, &otp_invalid());
    }

    guess(&api, &code).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn of_twenty_guesses_at_once_three_are_looked_at() {
    let api = Api::with(&[("OtpWrongPerDay", "100")]).await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;

    let guesses: Vec<String> = (0..20).map(|n| wrong(&code, n)).collect();
    for answer in join_all(guesses.iter().map(|guessed| guess(&api, guessed))).await {
        answer.is(400, &otp_invalid());
    }

    let record = api.item("Otps", &format!("verify_email#{ADA}")).await.unwrap();
    assert_eq!(record["attempts_left"], json!({ "N": "0" }));
    guess(&api, &code).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn an_address_is_guessed_at_so_often_a_day() {
    let api = Api::with(&[("OtpWrongPerDay", "2"), ("OtpCooldownSeconds", "0")]).await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;
    guess(&api, &wrong(&code, 0)).await;
    guess(&api, &wrong(&code, 1)).await;

    // Another code does not help.
    assert_eq!(api.post("/api/otp/resend", &json!({ "email": ADA })).await.status, 200);
    let code = api.code_after(ADA, 1).await;
    guess(&api, &code).await.is_throttled();
}

#[tokio::test]
async fn an_expired_code_is_refused_though_its_record_is_still_there() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;
    api.let_code_expire("verify_email", ADA).await;

    guess(&api, &code).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn a_new_code_takes_the_place_of_the_old() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    api.registered("ada").await;
    let old = api.code_for(ADA).await;
    assert_eq!(api.post("/api/otp/resend", &json!({ "email": ADA })).await.status, 200);
    let new = api.code_after(ADA, 1).await;

    if old != new {
        guess(&api, &old).await.is(400, &otp_invalid());
    }
    assert_eq!(guess(&api, &new).await.status, 200);
}

#[tokio::test]
async fn a_code_for_a_new_password_does_not_prove_an_address() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let own = api.code_for(ADA).await;
    assert_eq!(api.post("/api/password/forgot", &json!({ "email": ADA })).await.status, 200);
    let foreign = api.code_after(ADA, 1).await;

    if own != foreign {
        guess(&api, &foreign).await.is(400, &otp_invalid());
        assert_eq!(ada.profile().await["is_email_verified"], false);
    }
}

#[tokio::test]
async fn both_fields_are_required() {
    let api = Api::start().await;
    let required = ["This field is required."];

    let answer = api.post("/api/otp/verify", &json!({})).await;
    answer.is(400, &json!({ "email": required, "otp": required }));

    let answer = api.post("/api/otp/verify", &json!({ "email": "nobody", "otp": "1".repeat(21) })).await;
    let long = ["Ensure this field has no more than 20 characters."];
    answer.is(400, &json!({ "email": ["Enter a valid email address."], "otp": long }));
}

#[tokio::test]
async fn a_code_may_be_a_number() {
    let api = Api::with(&[("OtpLength", "8")]).await;
    api.registered("ada").await;
    let email = "ada@example.com";
    let body = api.message_to(email).await.body;
    let digits: String = body.chars().skip_while(|c| !c.is_ascii_digit()).take(8).collect();
    let otp: u64 = digits.parse().unwrap();
    assert_eq!(api.post("/api/otp/verify", &json!({ "email": email, "otp": otp })).await.status, 200);
}

#[tokio::test]
async fn a_proof_is_audited_by_the_names_of_the_fields_that_it_changes() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let (id, new) = (ada.id(), "new@example.com");

    api.verify(ADA).await;
    ada.patch("/api/profile", &json!({ "email": new })).await;
    api.verify_by(&ada, new).await;

    let events = json!([[id, id, null, "is_email_verified"], [id, id, null, "email,pending_email"]]);
    assert_eq!(api.changes("verified"), events);
}
