//! A password that is recovered with a code by SMS.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Api, PASSWORD, User, complaint, otp_invalid, unlimited, unlimited_seeds};

const PHONE: &str = "+919881167671";
const NEXT: &str = "another long phrase";

fn sent() -> Value {
    json!({ "message": "If an account has that number, a code to set a new password has been sent." })
}

async fn forgot(api: &Api, phone: &str) -> Answer {
    api.post("/api/password/forgot", &json!({ "phone_number": phone })).await
}

async fn confirm(api: &Api, phone: &str, otp: &str, password: &str) -> Answer {
    let body =
        json!({ "phone_number": phone, "otp": otp, "new_password": password, "confirm_password": password });
    api.post("/api/password/forgot/confirm", &body).await
}

/// Somebody with a phone number and nothing else.
async fn signed_up(api: &Api) -> User {
    api.post("/auth/check-phone", &json!({ "phone": PHONE })).await;
    let message = api.message_to(PHONE).await;
    let code: String = message.body.chars().filter(char::is_ascii_digit).collect();
    let code = code.strip_suffix("10").expect("the minutes");
    let body = json!({ "phone": PHONE, "code": code });
    let token = api.post("/auth/verify", &body).await.body["registration_token"].clone();
    let answer = api.post("/auth/register", &json!({ "reg_token": token, "password": PASSWORD })).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    User::new(api, &api.post("/auth/login", &json!({ "phone": PHONE, "password": PASSWORD })).await.body)
}

/// Asks for a code, and gives it.
async fn code(api: &Api) -> String {
    let before = api.stack.messages(PHONE).len();
    forgot(api, "9881167671").await.is(200, &sent());
    let message = api.stack.message(PHONE, before).await.expect("a message");
    assert!(message.body.contains("is your Rollcall code to set a new password."), "{}", message.body);
    api.code_after(PHONE, before).await
}

#[tokio::test]
async fn a_user_with_only_a_phone_comes_back() {
    for parameters in [unlimited(), unlimited_seeds()] {
        let api = Api::with(&parameters).await;
        let ada = signed_up(&api).await;

        let code = code(&api).await;
        // Four digits, as the Django systems had them, would be too few for an account.
        assert_eq!(code.len(), 6);
        let answer = confirm(&api, PHONE, &code, NEXT).await;

        answer.is(200, &json!({ "message": "Password changed successfully." }));
        ada.is_signed_out().await;
        let by_phone = async |password: &str| {
            api.post("/auth/login", &json!({ "phone": PHONE, "password": password })).await.status
        };
        assert_eq!((by_phone(PASSWORD).await, by_phone(NEXT).await), (401, 200));
        confirm(&api, PHONE, &code, "a third long phrase").await.is(400, &otp_invalid());
    }
}

#[tokio::test]
async fn a_user_whom_strangers_have_locked_out_comes_back() {
    let api =
        Api::with(&[("LoginFailuresPerIdentifier", "4"), ("LoginFailuresPerIdentifierAndIp", "2")]).await;
    signed_up(&api).await;
    for n in 0..4 {
        let body = json!({ "phone": PHONE, "password": "a wrong password" });
        assert_eq!(api.at([127, 0, 1, 2 + n]).post("/auth/login", &body).await.status, 401);
    }
    let elsewhere = api.at([127, 0, 0, 9]);
    let body = json!({ "phone": PHONE, "password": PASSWORD });
    elsewhere.post("/auth/login", &body).await.is_throttled();
    api.delete_items("Throttles", |key| key.starts_with("codes#")).await;

    let code = code(&api).await;
    assert_eq!(confirm(&api, PHONE, &code, NEXT).await.status, 200);

    let body = json!({ "phone": PHONE, "password": NEXT });
    assert_eq!(elsewhere.post("/auth/login", &body).await.status, 200);
}

#[tokio::test]
async fn strangers_hear_the_same_and_nobody_gets_a_message() {
    let api = Api::with(&[("SmsPerDay", "1"), ("OtpCooldownSeconds", "0")]).await;
    let ada = api.signed_in().await;
    // She has not verified it: it may be mistyped.
    let claimed = "+919881167672";
    assert_eq!(ada.patch("/api/profile", &json!({ "phone_number": claimed })).await.status, 200);
    for phone in [claimed, "+919881167673", "+919881167674"] {
        forgot(&api, phone).await.is(200, &sent());
        assert_eq!(api.stack.messages(phone).len(), 0);
        confirm(&api, phone, "000000", NEXT).await.is(400, &otp_invalid());
    }
    forgot(&api, "nowhere").await.is(400, &complaint("phone_number", "Enter a valid phone number."));
    // What was not sent does not count as a message of the stack.
    assert_eq!(api.post("/otp/generate", &json!({ "phone_number": PHONE })).await.status, 200);
    // With an address, the number is not looked at.
    let both = json!({ "email": "ada@example.com", "phone_number": "nowhere" });
    assert_eq!(api.post("/api/password/forgot", &both).await.status, 200);
}

#[tokio::test]
async fn the_codes_of_both_ways_die_with_the_password() {
    let api = Api::with(&unlimited()).await;
    let email = "ada@example.com";
    let change = |old: &'static str, new: &'static str| json!({ "old_password": old, "new_password": new, "confirm_password": new });
    let ada = signed_up(&api).await;
    assert_eq!(ada.patch("/api/profile", &json!({ "email": email })).await.status, 200);
    api.verify_by(&ada, email).await;
    let by_mail = async || {
        let mails = api.mails_to(email).await;
        assert_eq!(api.post("/api/password/forgot", &json!({ "email": email })).await.status, 200);
        api.code_after(email, mails).await
    };
    let confirm_by_mail = async |otp: &str, password: &str| {
        let body =
            json!({ "email": email, "otp": otp, "new_password": password, "confirm_password": password });
        api.post("/api/password/forgot/confirm", &body).await
    };

    let (by_sms, mailed) = (code(&api).await, by_mail().await);
    assert_eq!(ada.post("/api/password/reset", &change(PASSWORD, NEXT)).await.status, 200);
    confirm(&api, PHONE, &by_sms, PASSWORD).await.is(400, &otp_invalid());
    confirm_by_mail(&mailed, PASSWORD).await.is(400, &otp_invalid());

    let (by_sms, mailed) = (code(&api).await, by_mail().await);
    assert_eq!(confirm(&api, PHONE, &by_sms, PASSWORD).await.status, 200);
    confirm_by_mail(&mailed, NEXT).await.is(400, &otp_invalid());

    let (by_sms, mailed) = (code(&api).await, by_mail().await);
    assert_eq!(confirm_by_mail(&mailed, NEXT).await.status, 200);
    confirm(&api, PHONE, &by_sms, PASSWORD).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn a_code_is_worth_nothing_once_the_number_is_another_s() {
    let api = Api::with(&unlimited()).await;
    let ada = signed_up(&api).await;
    let code = code(&api).await;
    assert_eq!(ada.patch("/api/profile", &json!({ "phone_number": null })).await.status, 200);
    confirm(&api, PHONE, &code, NEXT).await.is(400, &otp_invalid());
    let body = json!({ "username": PHONE, "password": NEXT });
    assert_eq!(api.post("/api/token", &body).await.status, 401);
}

#[tokio::test]
async fn a_mistyped_new_number_keeps_nobody_from_coming_back() {
    let api = Api::with(&unlimited()).await;
    let ada = signed_up(&api).await;
    let mistyped = json!({ "phone_number": "+919881167679" });
    assert_eq!(ada.patch("/api/profile", &mistyped).await.status, 200);
    forgot(&api, "+919881167679").await.is(200, &sent());
    assert_eq!(api.texts_to("+919881167679").await, 0);

    let code = code(&api).await;
    assert_eq!(confirm(&api, PHONE, &code, NEXT).await.status, 200);

    let body = json!({ "phone": PHONE, "password": NEXT });
    assert_eq!(api.post("/auth/login", &body).await.status, 200);
}

#[tokio::test]
async fn of_ten_who_use_a_code_at_once_one_sets_the_password() {
    let api = Api::with(&unlimited()).await;
    signed_up(&api).await;
    let code = code(&api).await;
    let passwords: Vec<String> = (0..10).map(|n| format!("{NEXT} {n}")).collect();
    let answers = join_all(passwords.iter().map(|password| confirm(&api, PHONE, &code, password))).await;
    let right: Vec<_> = answers.iter().zip(&passwords).filter(|(answer, _)| answer.status == 200).collect();
    assert_eq!(right.len(), 1);
    let body = json!({ "phone": PHONE, "password": right[0].1 });
    assert_eq!(api.post("/auth/login", &body).await.status, 200);
}
