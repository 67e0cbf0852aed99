//! `POST /api/login/code/confirm`.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{EMAIL, PHONE, ask, change, code, confirm, verified};
use crate::support::{Api, PASSWORD, User, complaint, otp_invalid, unlimited, wrong_code};

const NEXT: &str = "another long phrase";

#[tokio::test]
async fn a_right_code_begins_a_session() {
    let api = Api::with(&unlimited()).await;
    let admin = api.staff().await;
    let id = verified(&api, &admin).await;
    for to in [EMAIL, PHONE] {
        let otp = code(&api, to).await;
        let before = api.audited("logged in").len();

        // Somewhere else than where it was asked for.
        let answer = confirm(&api.at([127, 0, 0, 2]), to, &otp).await;

        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body.as_object().unwrap().len(), 2);
        let ada = User::new(&api, &answer.body);
        assert_eq!(ada.id(), id);
        ada.is_signed_in().await;
        let ada = ada.refreshed().await;
        assert!(ada.profile().await["last_login"].is_string());
        assert_eq!(ada.get("/api/sessions").await.body[0]["ip"], "127.0.0.2");
        let events = api.audited("logged in");
        let [event] = &events[before..] else { panic!("{events:?}") };
        assert_eq!((&event["user_id"], &event["ip"]), (&json!(id), &json!("127.0.0.2")));

        confirm(&api, to, &otp).await.is(400, &otp_invalid());
    }
    // The password is as it was.
    api.log_in("ada").await.is_signed_in().await;
}

#[tokio::test]
async fn of_ten_who_have_a_code_one_logs_in() {
    let api = Api::with(&unlimited()).await;
    api.verified("ada").await;
    let otp = code(&api, EMAIL).await;
    let sessions = api.sessions().await.len();

    let answers = join_all((0..10).map(|_| confirm(&api, EMAIL, &otp))).await;

    let (right, wrong): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(right.len(), 1);
    for answer in wrong {
        answer.is(400, &otp_invalid());
    }
    assert_eq!(api.sessions().await.len(), sessions + 1);
    let user = api.items("Users").await.into_values().find(|item| item.get("sessions_begun").is_some());
    assert_eq!(user.unwrap()["sessions_begun"], json!({ "N": "1" }));
}

#[tokio::test]
async fn a_code_dies_with_what_ends_sessions_and_with_what_it_came_to() {
    let api = Api::with(&unlimited()).await;
    let admin = api.staff().await;
    let id = verified(&api, &admin).await;
    let dead = async |otp: &str| confirm(&api, EMAIL, otp).await.is(400, &otp_invalid());

    let otp = code(&api, EMAIL).await;
    let passwords = json!({ "old_password": PASSWORD, "new_password": NEXT, "confirm_password": NEXT });
    let answer = api.log_in("ada").await.post("/api/password/reset", &passwords).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    dead(&otp).await;

    let otp = code(&api, EMAIL).await;
    let mails = api.mails_to(EMAIL.1).await;
    assert_eq!(api.post("/api/password/forgot", &json!({ "email": EMAIL.1 })).await.status, 200);
    let recovery = api.code_after(EMAIL.1, mails).await;
    // One for a new password does not log in, nor the other way round.
    dead(&recovery).await;
    let with = |otp: &str| {
        let mut body = passwords.clone();
        body["email"] = json!(EMAIL.1);
        body["otp"] = json!(otp);
        body
    };
    api.post("/api/password/forgot/confirm", &with(&otp)).await.is(400, &otp_invalid());
    assert_eq!(api.post("/api/password/forgot/confirm", &with(&recovery)).await.status, 200);
    dead(&otp).await;

    let otp = code(&api, EMAIL).await;
    change(&admin, &id, json!({ "is_active": false })).await;
    dead(&otp).await;
    change(&admin, &id, json!({ "is_active": true })).await;
    dead(&otp).await;

    let otp = code(&api, EMAIL).await;
    assert_eq!(admin.post(&format!("/api/users/{id}/logout"), &json!({})).await.status, 200);
    dead(&otp).await;

    let otp = code(&api, EMAIL).await;
    change(&admin, &id, json!({ "is_staff": true })).await;
    dead(&otp).await;
    change(&admin, &id, json!({ "is_staff": false, "is_email_verified": false })).await;
    dead(&otp).await;

    let otp = code(&api, PHONE).await;
    change(&admin, &id, json!({ "phone_number": "+919881167672", "is_phone_verified": true })).await;
    confirm(&api, PHONE, &otp).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn who_was_locked_out_by_strangers_gets_in_and_has_the_password_back() {
    let limits = [("LoginFailuresPerIdentifier", "4"), ("LoginFailuresPerIdentifierAndIp", "2")];
    let api = Api::with(&limits).await;
    api.verified("ada").await;
    for n in 0..4 {
        let stranger = api.at([127, 0, 1, 2 + n]);
        let body = json!({ "username": "ada", "password": "a wrong password" });
        assert_eq!(stranger.post("/api/token", &body).await.status, 401);
    }
    api.try_token("ada", PASSWORD).await.is_throttled();

    let otp = code(&api, EMAIL).await;
    assert_eq!(confirm(&api, EMAIL, &otp).await.status, 200);

    assert_eq!(api.try_token("ada", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn the_network_counts_as_the_user_s_from_then_on() {
    let limits = [("LoginFailuresPerIdentifier", "2"), ("LoginFailuresPerIdentifierAndIp", "2")];
    let api = Api::with(&limits).await;
    api.verified("ada").await;
    let otp = code(&api, EMAIL).await;
    assert_eq!(confirm(&api, EMAIL, &otp).await.status, 200);
    for n in 0..2 {
        let body = json!({ "username": "ada", "password": "a wrong password" });
        assert_eq!(api.at([127, 0, 1, 2 + n]).post("/api/token", &body).await.status, 401);
    }

    assert_eq!(api.try_token("ada", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn guesses_are_counted_like_those_at_other_codes() {
    let api = Api::with(&[("MaxOtpAttempts", "2"), ("OtpWrongPerDay", "3")]).await;
    api.verified("ada").await;
    let otp = code(&api, EMAIL).await;
    let stranger = api.at([127, 0, 0, 2]);
    for n in 0..3 {
        confirm(&stranger, EMAIL, &wrong_code(&otp, n)).await.is(400, &otp_invalid());
    }
    confirm(&stranger, EMAIL, &otp).await.is_throttled();
    // The network that asked for it has its own guesses.
    confirm(&api, EMAIL, &wrong_code(&otp, 3)).await.is(400, &otp_invalid());
    assert_eq!(confirm(&api, EMAIL, &otp).await.status, 200);

    api.forget_limits().await;
    let otp = code(&api, EMAIL).await;
    for n in 0..2 {
        confirm(&api, EMAIL, &wrong_code(&otp, n)).await.is(400, &otp_invalid());
    }
    confirm(&api, EMAIL, &otp).await.is(400, &otp_invalid());
    assert!(!api.audited("code refused").is_empty());
}

#[tokio::test]
async fn an_expired_code_is_refused() {
    let api = Api::start().await;
    api.verified("ada").await;
    let otp = code(&api, EMAIL).await;
    api.let_code_expire("log_in", EMAIL.1).await;

    confirm(&api, EMAIL, &otp).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn another_code_takes_the_place_of_the_first() {
    let api = Api::with(&unlimited()).await;
    api.verified("ada").await;
    let first = code(&api, EMAIL).await;
    let second = code(&api, EMAIL).await;

    if first != second {
        confirm(&api, EMAIL, &first).await.is(400, &otp_invalid());
    }
    assert_eq!(confirm(&api, EMAIL, &second).await.status, 200);
}

#[tokio::test]
async fn every_complaint_is_told_at_once() {
    let api = Api::start().await;
    ask(&api, EMAIL).await;
    let required = "This field is required.";

    let both: Value = json!({ "email": [required], "otp": [required] });
    api.post("/api/login/code/confirm", &json!({})).await.is(400, &both);
    let body = json!({ "phone_number": "nowhere", "otp": "123456" });
    let invalid = complaint("phone_number", "Enter a valid phone number.");
    api.post("/api/login/code/confirm", &body).await.is(400, &invalid);
}
