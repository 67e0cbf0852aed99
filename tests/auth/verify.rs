//! `POST /auth/verify`.

use futures_util::future::join_all;
use serde_json::json;

use super::{NUMBER, OTHER, check, code_to, newcomer, register, token_of, verify};
use crate::support::{Api, otp_invalid, phone_otp_invalid, wrong_code};

#[tokio::test]
async fn a_right_code_is_exchanged_for_a_registration_token() {
    let api = Api::start().await;
    let code = code_to(&api, NUMBER).await;

    let answer = verify(&api, "98811 67671", &code).await;

    let token = answer.body["registration_token"].as_str().unwrap();
    answer.is(200, &json!({ "message": "Phone verified.", "registration_token": token }));
    let is_lower_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    assert!(token.len() == 32 && token.chars().all(is_lower_hex), "{token}");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn the_registration_token_is_not_stored() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;

    let records = api.records().await;

    // The code is used up: what is left is the token's hash.
    assert_eq!(records.len(), 1);
    assert!(!json!(records).to_string().contains(&token));
}

#[tokio::test]
async fn a_code_works_once() {
    let api = Api::start().await;
    let code = code_to(&api, NUMBER).await;
    assert_eq!(verify(&api, NUMBER, &code).await.status, 200);
    let before = api.records().await;

    verify(&api, NUMBER, &code).await.is(400, &otp_invalid());

    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn a_right_code_used_at_once_by_ten_gives_one_token() {
    let api = Api::start().await;
    let code = code_to(&api, NUMBER).await;

    let answers = join_all((0..10).map(|_| verify(&api, NUMBER, &code))).await;

    let (right, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(right.len(), 1);
    for answer in refused {
        answer.is(400, &otp_invalid());
    }
    assert_eq!(api.records().await.len(), 1);
}

#[tokio::test]
async fn after_three_wrong_guesses_even_the_right_one_is_refused() {
    let api = Api::start().await;
    let code = code_to(&api, NUMBER).await;
    for n in 0..3 {
        verify(&api, NUMBER, &wrong_code(&code, n)).await.is(400, &otp_invalid());
    }

    verify(&api, NUMBER, &code).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn after_ten_wrong_guesses_in_a_day_a_number_is_throttled() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    for guesses in [3, 3, 3, 1] {
        let code = code_to(&api, NUMBER).await;
        for n in 0..guesses {
            verify(&api, NUMBER, &wrong_code(&code, n)).await.is(400, &otp_invalid());
        }
    }

    let code = code_to(&api, NUMBER).await;
    let seconds = verify(&api, NUMBER, &code).await.is_throttled();

    assert!(seconds > 3600 && seconds <= 86_400, "{seconds}");
    let code = code_to(&api, OTHER).await;
    assert_eq!(verify(&api, OTHER, &code).await.status, 200);
}

#[tokio::test]
async fn wrong_guesses_are_counted_for_all_purposes_together() {
    let api = Api::with(&[("OtpWrongPerDay", "2")]).await;
    assert_eq!(api.post("/otp/generate", &json!({ "phone_number": NUMBER })).await.status, 200);
    let code = api.code_for(NUMBER).await;
    for n in 0..2 {
        let body = json!({ "phone_number": NUMBER, "otp": wrong_code(&code, n) });
        api.post("/otp/verify", &body).await.is(400, &phone_otp_invalid());
    }

    check(&api, NUMBER).await.is(200, &newcomer());
    let code = api.code_after(NUMBER, 1).await;
    verify(&api, NUMBER, &code).await.is_throttled();
}

#[tokio::test]
async fn an_expired_code_is_refused_though_its_record_is_still_there() {
    let api = Api::start().await;
    let code = code_to(&api, NUMBER).await;
    api.let_code_expire("sign_up", NUMBER).await;

    verify(&api, NUMBER, &code).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn a_code_that_proves_a_number_signs_nobody_up() {
    let api = Api::start().await;
    assert_eq!(api.post("/otp/generate", &json!({ "phone_number": NUMBER })).await.status, 200);
    let foreign = api.code_for(NUMBER).await;
    verify(&api, NUMBER, &foreign).await.is(400, &otp_invalid());

    check(&api, NUMBER).await.is(200, &newcomer());
    let own = api.code_after(NUMBER, 1).await;
    if own != foreign {
        verify(&api, NUMBER, &foreign).await.is(400, &otp_invalid());
    }
    assert_eq!(verify(&api, NUMBER, &own).await.status, 200);
}

#[tokio::test]
async fn a_code_signs_no_other_number_up() {
    let api = Api::start().await;
    let (code, others) = (code_to(&api, NUMBER).await, code_to(&api, OTHER).await);

    if code != others {
        verify(&api, OTHER, &code).await.is(400, &otp_invalid());
    }
}

#[tokio::test]
async fn a_token_is_for_the_number_that_was_proven() {
    let api = Api::start().await;
    let (one, other) = (token_of(&api, NUMBER).await, token_of(&api, OTHER).await);

    assert_eq!(register(&api, &other).await.body["phone_number"], OTHER);
    assert_eq!(register(&api, &one).await.body["phone_number"], NUMBER);
}

#[tokio::test]
async fn both_fields_are_required() {
    let api = Api::start().await;
    let required = ["This field is required."];

    let answer = api.post("/auth/verify", &json!({})).await;
    answer.is(400, &json!({ "phone": required, "code": required }));

    let answer = verify(&api, "abc", &"1".repeat(21)).await;
    let long = ["Ensure this field has no more than 20 characters."];
    answer.is(400, &json!({ "phone": ["Enter a valid phone number."], "code": long }));
}
