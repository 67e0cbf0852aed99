//! `POST /api/password/forgot/confirm`.

use futures_util::{future::join_all, join};
use serde_json::{Value, json};

use super::{ADA, forgot};
use crate::support::{Api, PASSWORD, complaint, no_active_account, otp_invalid};

const NEXT: &str = "another long phrase";

fn with(otp: &str, new: &str) -> Value {
    json!({ "email": ADA, "otp": otp, "new_password": new, "confirm_password": new })
}

/// The code that Ada gets, who has registered already.
async fn code(api: &Api) -> String {
    let mails = api.mails_to(ADA).await;
    assert_eq!(forgot(api, ADA).await.status, 200);
    api.code_after(ADA, mails).await
}

async fn is_refused(api: &Api, body: &Value, answer: &Value) {
    let users = api.items("Users").await;
    api.post("/api/password/forgot/confirm", body).await.is(400, answer);
    assert_eq!(api.items("Users").await, users);
}

#[tokio::test]
async fn a_right_code_sets_the_password_and_ends_every_session() {
    let api = Api::start().await;
    let (ada, phone) = (api.signed_in().await, api.log_in("ada").await);
    let code = code(&api).await;

    let answer = api.post("/api/password/forgot/confirm", &with(&code, NEXT)).await;

    answer.is(200, &json!({ "message": "Password changed successfully." }));
    ada.is_signed_out().await;
    phone.is_signed_out().await;
    api.try_token("ada", PASSWORD).await.is(401, &no_active_account());
    api.log_in_with("ada", NEXT).await.is_signed_in().await;
}

#[tokio::test]
async fn a_right_code_is_right_whatever_becomes_of_the_account_meanwhile() {
    let api = Api::behind_a_proxy(&[]).await;
    let ada = api.signed_in().await;
    let code = code(&api).await;
    let begun = api.proxy.hold_up_the_next_change();
    let body = with(&code, NEXT);
    let logout = async {
        begun.notified().await;
        ada.post("/api/logout/all", &json!({})).await
    };

    let (answer, logout) = join!(api.post("/api/password/forgot/confirm", &body), logout);

    assert_eq!((answer.status, logout.status), (200, 200), "{} {}", answer.text, logout.text);
    api.log_in_with("ada", NEXT).await.is_signed_in().await;
    is_refused(&api, &body, &otp_invalid()).await;
}

#[tokio::test]
async fn a_right_code_proves_the_address_too() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = code(&api).await;

    assert_eq!(api.post("/api/password/forgot/confirm", &with(&code, NEXT)).await.status, 200);

    let answer = api.post("/api/login", &json!({ "email": ADA, "password": NEXT })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn a_code_works_once_even_for_ten_at_once() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = code(&api).await;

    let bodies: Vec<Value> = (0..10).map(|n| with(&code, &format!("{NEXT} {n}"))).collect();
    let answers = join_all(bodies.iter().map(|body| api.post("/api/password/forgot/confirm", body))).await;

    let (changed, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(changed.len(), 1);
    for answer in refused {
        answer.is(400, &otp_invalid());
    }
    is_refused(&api, &with(&code, NEXT), &otp_invalid()).await;
}

#[tokio::test]
async fn after_three_wrong_guesses_even_the_right_one_is_refused() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = code(&api).await;
    for n in 1..4 {
        let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + n) % 1_000_000);
        is_refused(&api, &with(&wrong, NEXT), &otp_invalid()).await;
    }

    is_refused(&api, &with(&code, NEXT), &otp_invalid()).await;
}

#[tokio::test]
async fn a_code_for_the_address_or_for_somebody_else_is_refused() {
    let api = Api::start().await;
    api.registered("ada").await;
    api.registered("bob").await;
    let own = code(&api).await;
    for other in [api.stack.messages(ADA)[0].body.clone(), api.message_to("bob@example.com").await.body] {
        let other: String = other.chars().filter(char::is_ascii_digit).take(6).collect();
        if other != own {
            is_refused(&api, &with(&other, NEXT), &otp_invalid()).await;
        }
    }

    let mut body = with(&own, NEXT);
    body["email"] = json!("bob@example.com");
    is_refused(&api, &body, &otp_invalid()).await;
}

#[tokio::test]
async fn an_expired_code_is_refused() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = code(&api).await;
    api.let_code_expire("reset_password", ADA).await;

    is_refused(&api, &with(&code, NEXT), &otp_invalid()).await;
}

#[tokio::test]
async fn a_password_that_breaks_the_rules_does_not_use_up_the_code() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = code(&api).await;

    let complaints = [
        "This password is too short. It must contain at least 8 characters.",
        "This password is too common.",
    ];
    is_refused(&api, &with(&code, "qwerty"), &json!({ "new_password": complaints })).await;
    let mut body = with(&code, NEXT);
    body["confirm_password"] = json!("something else");
    is_refused(&api, &body, &complaint("confirm_password", "The two password fields didn't match.")).await;

    assert_eq!(api.post("/api/password/forgot/confirm", &with(&code, NEXT)).await.status, 200);
}

#[tokio::test]
async fn a_password_like_its_user_is_refused_once_the_code_tells_who_it_is() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    ada.patch("/api/profile", &json!({ "last_name": "Lovelace" })).await;
    let code = code(&api).await;

    let similar = complaint("new_password", "The password is too similar to the last name.");
    is_refused(&api, &with(&code, "lovelace1"), &similar).await;
    is_refused(&api, &with("000000x", "lovelace1"), &otp_invalid()).await;

    assert_eq!(api.post("/api/password/forgot/confirm", &with(&code, NEXT)).await.status, 200);
}

#[tokio::test]
async fn a_code_of_an_account_that_lost_the_address_is_refused_and_its_next_owner_gets_one() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let lost = code(&api).await;
    let long_ago = json!({ "N": "1000000000" });
    api.let_code_expire("verify_email", ADA).await;
    api.set("Users", |key| key == format!("email#{ADA}"), "reserved_until", &long_ago).await;
    let bob = json!({ "username": "bob", "email": ADA, "password": PASSWORD });
    assert_eq!(api.post("/api/register", &bob).await.status, 201);
    api.forget_limits().await;

    is_refused(&api, &with(&lost, NEXT), &otp_invalid()).await;

    let own = code(&api).await;
    assert_eq!(api.post("/api/password/forgot/confirm", &with(&own, NEXT)).await.status, 200);
    assert_eq!(api.try_token("bob", NEXT).await.status, 200);
    ada.is_signed_in().await;
}

#[tokio::test]
async fn a_code_to_an_address_that_was_given_up_is_refused() {
    let api = Api::start().await;
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    let old = code(&api).await;
    assert_eq!(ada.patch("/api/profile", &json!({ "email": "new@example.com" })).await.status, 200);
    api.verify_by(&ada, "new@example.com").await;

    is_refused(&api, &with(&old, NEXT), &otp_invalid()).await;

    ada.is_signed_in().await;
}

#[tokio::test]
async fn strangers_hear_that_the_code_is_no_good() {
    let api = Api::start().await;

    is_refused(&api, &with("123456", NEXT), &otp_invalid()).await;
}

#[tokio::test]
async fn all_fields_are_required() {
    let api = Api::start().await;
    let required = ["This field is required."];

    let complaints =
        json!({ "email": required, "otp": required, "new_password": required, "confirm_password": required });
    is_refused(&api, &json!({}), &complaints).await;
}

#[tokio::test]
async fn an_address_that_a_thief_staged_is_given_up() {
    let api = Api::start().await;
    let thief = api.signed_in().await;
    let address = "thief@example.com";
    assert_eq!(thief.patch("/api/profile", &json!({ "email": address })).await.status, 200);
    let (staged, code) = (api.code_for(address).await, code(&api).await);

    assert_eq!(api.post("/api/password/forgot/confirm", &with(&code, NEXT)).await.status, 200);

    api.post("/api/otp/verify", &json!({ "email": address, "otp": staged })).await.is(400, &otp_invalid());
    assert!(api.item("Users", &format!("email#{address}")).await.is_none());
    assert_eq!(api.log_in_with("ada", NEXT).await.profile().await["email"], ADA);
}

#[tokio::test]
async fn a_recovery_is_audited_by_the_names_of_its_fields() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let code = code(&api).await;

    assert_eq!(api.post("/api/password/forgot/confirm", &with(&code, NEXT)).await.status, 200);

    let id = ada.id();
    let events = json!([[id, id, null, "password,is_email_verified"]]);
    assert_eq!(api.changes("password recovered"), events);
}
