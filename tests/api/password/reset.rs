//! `POST /api/password/reset`.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Api, PASSWORD, User, complaint, no_active_account, otp_invalid};

const NEXT: &str = "another long phrase";

fn change(old: &str, new: &str) -> Value {
    json!({ "old_password": old, "new_password": new, "confirm_password": new })
}

/// Asserts that a change is refused with these complaints, and that the session and the password stay.
async fn is_refused(api: &Api, user: &User, body: &Value, complaints: &Value) {
    let before = api.records().await;
    user.post("/api/password/reset", body).await.is(400, complaints);
    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn the_caller_gets_a_new_session_and_every_other_one_is_dead() {
    let api = Api::start().await;
    let (ada, phone) = (api.signed_in().await, api.log_in("ada").await);

    let answer = ada.post("/api/password/reset", &change(PASSWORD, NEXT)).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    let (refresh, access) = (&answer.body["refresh"], &answer.body["access"]);
    answer.is(
        200,
        &json!({ "message": "Password changed successfully.", "refresh": refresh, "access": access }),
    );
    let next = User::new(&api, &answer.body);
    next.is_signed_in().await;
    assert_ne!(next.sid(), ada.sid());
    ada.is_signed_out().await;
    phone.is_signed_out().await;
    assert_eq!(next.get("/api/sessions").await.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_new_password_logs_in_and_the_old_one_does_not() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    ada.post("/api/password/reset", &change(PASSWORD, NEXT)).await;

    assert_eq!(api.try_token("ada", NEXT).await.status, 200);
    api.try_token("ada", PASSWORD).await.is(401, &no_active_account());
}

#[tokio::test]
async fn a_wrong_old_password_changes_nothing() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let words = "Your old password was entered incorrectly. Please enter it again.";
    is_refused(&api, &ada, &change("wrong", NEXT), &complaint("old_password", words)).await;

    ada.is_signed_in().await;
}

#[tokio::test]
async fn the_old_password_cannot_be_guessed_without_end() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    for _ in 0..5 {
        assert_eq!(ada.post("/api/password/reset", &change("wrong", NEXT)).await.status, 400);
    }

    ada.post("/api/password/reset", &change(PASSWORD, NEXT)).await.is_throttled();

    api.try_token("ada", NEXT).await.is(401, &no_active_account());
}

#[tokio::test]
async fn the_rules_for_a_new_password_hold() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    ada.patch("/api/profile", &json!({ "first_name": "Basavraj" })).await;
    let required = ["This field is required."];
    let all = json!({ "old_password": required, "new_password": required, "confirm_password": required });
    is_refused(&api, &ada, &json!({}), &all).await;

    let differing =
        json!({ "old_password": PASSWORD, "new_password": "123456", "confirm_password": "1234567" });
    let complaints = json!({
        "new_password": [
            "This password is too short. It must contain at least 8 characters.",
            "This password is too common.",
            "This password is entirely numeric.",
        ],
        "confirm_password": ["The two password fields didn't match."],
    });
    is_refused(&api, &ada, &differing, &complaints).await;

    let similar = complaint("new_password", "The password is too similar to the first name.");
    is_refused(&api, &ada, &change(PASSWORD, "basavraj7"), &similar).await;
}

#[tokio::test]
async fn of_parallel_changes_one_succeeds_and_its_session_lives() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let bodies: Vec<Value> = (0..4).map(|n| change(PASSWORD, &format!("{NEXT} {n}"))).collect();
    let answers = join_all(bodies.iter().map(|body| ada.post("/api/password/reset", body))).await;

    let changed: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(changed.len(), 1);
    assert!(answers.iter().all(|answer| [200, 400, 401].contains(&answer.status)));
    User::new(&api, &changed[0].body).is_signed_in().await;
}

#[tokio::test]
async fn an_address_that_somebody_staged_with_the_old_password_is_given_up() {
    let api = Api::start().await;
    let (ada, thief) = (api.signed_in().await, api.log_in("ada").await);
    let address = "thief@example.com";
    assert_eq!(thief.patch("/api/profile", &json!({ "email": address })).await.status, 200);
    let otp = api.code_for(address).await;

    let answer = ada.post("/api/password/reset", &change(PASSWORD, NEXT)).await;

    api.post("/api/otp/verify", &json!({ "email": address, "otp": otp })).await.is(400, &otp_invalid());
    let profile = User::new(&api, &answer.body).profile().await;
    assert_eq!((&profile["email"], &profile["pending_email"]), (&json!("ada@example.com"), &Value::Null));
    assert!(api.item("Users", &format!("email#{address}")).await.is_none());
}

#[tokio::test]
async fn a_change_is_audited_by_the_names_of_its_fields() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let id = ada.id();
    let answer = ada.post("/api/password/reset", &change(PASSWORD, NEXT)).await;
    let ada = User::new(&api, &answer.body);
    ada.patch("/api/profile", &json!({ "email": "new@example.com" })).await;

    ada.post("/api/password/reset", &change(NEXT, PASSWORD)).await;

    let events = json!([[id, id, null, "password"], [id, id, null, "password,pending_email"]]);
    assert_eq!(api.changes("password changed"), events);
}
