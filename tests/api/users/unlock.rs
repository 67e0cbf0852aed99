//! `POST /api/users/{id}/unlock`.

use serde_json::{Value, json};

use super::{NOBODY, forbidden, is_refused, no_user, not_authenticated, path, path_to, signed_in};
use crate::support::{Answer, Api, Client, PASSWORD, User};

const EMAIL: &str = "ada@example.com";
const PHONE: &str = "+919881167671";

fn unlocked() -> Value {
    json!({ "message": "The user can log in again." })
}

async fn unlock(client: &Client, path: &str) -> Answer {
    client.post(&format!("{path}/unlock"), &json!({})).await
}

/// Fails to log in as `identifier` until even the right password is not looked at.
async fn lock(api: &Api, identifier: &str) {
    for _ in 0..5 {
        assert_eq!(api.try_token(identifier, "a wrong password").await.status, 401);
    }
    api.try_token(identifier, PASSWORD).await.is_throttled();
}

async fn change_password(user: &User, old: &str) -> Answer {
    let body = json!({ "old_password": old, "new_password": PASSWORD, "confirm_password": PASSWORD });
    user.post("/api/password/reset", &body).await
}

#[tokio::test]
async fn an_unlocked_user_can_log_in_again_by_every_name() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let proven = json!({ "phone_number": PHONE, "is_phone_verified": true, "is_email_verified": true });
    assert_eq!(admin.patch(&path(&ada), &proven).await.status, 200);
    // By one of her names, and so by each.
    lock(&api, "ADA").await;
    for identifier in ["Ada@example.com", "9881167671"] {
        api.try_token(identifier, PASSWORD).await.is_throttled();
    }

    unlock(&admin, &path(&ada)).await.is(200, &unlocked());

    for identifier in ["ada", EMAIL, PHONE] {
        assert_eq!(api.try_token(identifier, PASSWORD).await.status, 200, "{identifier}");
    }
}

#[tokio::test]
async fn an_unlocked_user_is_unlocked_at_every_door_and_every_address() {
    let api = Api::with(&[("LoginFailuresPerIdentifier", "6")]).await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let proven = json!({ "phone_number": PHONE, "is_phone_verified": true, "is_email_verified": true });
    assert_eq!(admin.patch(&path(&ada), &proven).await.status, 200);
    let by_email = json!({ "email": EMAIL, "password": PASSWORD });
    let by_phone = json!({ "phone": PHONE, "password": PASSWORD });
    let elsewhere = api.at([127, 0, 0, 2]);
    lock(&api, EMAIL).await;
    let body = json!({ "username": PHONE, "password": "a wrong password" });
    assert_eq!(elsewhere.post("/api/token", &body).await.status, 401);
    // Six from everywhere: now strangers have locked her out at every address.
    let at_home = api.at([127, 0, 0, 3]);
    at_home.post("/api/login", &by_email).await.is_throttled();
    at_home.post("/auth/login", &by_phone).await.is_throttled();

    unlock(&admin, &path(&ada)).await.is(200, &unlocked());

    for client in [&*api, &elsewhere, &at_home] {
        assert_eq!(client.post("/api/login", &by_email).await.status, 200);
        assert_eq!(client.post("/auth/login", &by_phone).await.status, 200);
    }
}

#[tokio::test]
async fn an_unlocked_user_can_log_in_by_a_username_that_counts_as_a_number() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let user = signed_in(&api, "112233").await;
    lock(&api, "112233").await;

    unlock(&admin, &path(&user)).await.is(200, &unlocked());

    assert_eq!(api.try_token("112233", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn an_unlocked_user_can_verify_the_number_for_which_they_wait() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let proven = json!({ "phone_number": PHONE, "is_phone_verified": true });
    assert_eq!(admin.patch(&path(&ada), &proven).await.status, 200);
    let next = json!({ "phone_number": "+919881167672" });
    assert_eq!(ada.patch("/api/profile", &next).await.status, 200);
    assert_eq!(ada.post("/otp/generate", &next).await.status, 200);
    let code = api.code_for("+919881167672").await;
    assert_eq!(api.post("/otp/generate", &next).await.status, 200);
    for n in 0..10 {
        let guess = json!({ "phone_number": "+919881167672", "otp": "0000000" });
        assert_eq!(api.at([127, 0, 1, 2 + n]).post("/otp/verify", &guess).await.status, 400);
    }
    let elsewhere = User::new(&api.at([127, 0, 0, 9]), &json!({ "access": ada.access, "refresh": "" }));
    let proof = json!({ "phone_number": "+919881167672", "otp": code });
    elsewhere.post("/otp/verify", &proof).await.is_throttled();

    unlock(&admin, &path(&ada)).await.is(200, &unlocked());

    // What was sent is forgotten, and so are the guesses.
    assert_eq!(elsewhere.post("/otp/verify", &proof).await.status, 200);
}

#[tokio::test]
async fn an_unlocked_user_can_give_the_old_password_again() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    for _ in 0..5 {
        assert_eq!(change_password(&ada, "a wrong password").await.status, 400);
    }
    change_password(&ada, PASSWORD).await.is_throttled();

    unlock(&admin, &path(&ada)).await.is(200, &unlocked());

    assert_eq!(change_password(&ada, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn an_unlocked_user_can_fail_as_often_as_before() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    lock(&api, "ada").await;
    unlock(&admin, &path(&ada)).await.is(200, &unlocked());

    lock(&api, "ada").await;
}

#[tokio::test]
async fn nobody_else_is_unlocked() {
    let api = Api::start().await;
    let admin = api.staff().await;
    api.registered("bob").await;
    let ada = api.signed_in().await;
    lock(&api, "bob").await;

    unlock(&admin, &path(&ada)).await.is(200, &unlocked());

    api.try_token("bob", PASSWORD).await.is_throttled();
}

#[tokio::test]
async fn what_is_not_locked_can_be_unlocked() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let before = api.records().await;

    for _ in 0..2 {
        unlock(&admin, &path(&ada)).await.is(200, &unlocked());
    }

    assert_eq!(api.records().await, before);
    ada.is_signed_in().await;
}

#[tokio::test]
async fn who_is_not_staff_unlocks_nobody() {
    let api = Api::start().await;
    let bob = signed_in(&api, "bob").await;
    let ada = api.signed_in().await;
    lock(&api, "ada").await;

    for id in [ada.id().as_str(), &bob.id()].into_iter().chain(NOBODY) {
        is_refused(&api, unlock(&ada, &path_to(id)), 403, &forbidden()).await;
    }
    api.try_token("ada", PASSWORD).await.is_throttled();
}

#[tokio::test]
async fn who_is_not_signed_in_unlocks_nobody() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    lock(&api, "ada").await;

    is_refused(&api, unlock(&api, &path(&ada)), 401, &not_authenticated()).await;

    api.try_token("ada", PASSWORD).await.is_throttled();
}

#[tokio::test]
async fn nobody_cannot_be_unlocked() {
    let api = Api::start().await;
    let admin = api.staff().await;

    for id in NOBODY {
        is_refused(&api, unlock(&admin, &path_to(id)), 404, &no_user()).await;
    }
}

#[tokio::test]
async fn it_is_audited_with_who_did_it_to_whom() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;

    unlock(&admin, &path(&ada)).await.is(200, &unlocked());

    let [event] = api.audited("unlocked").try_into().unwrap();
    assert_eq!((&event["actor_id"], &event["user_id"]), (&json!(admin.id()), &json!(ada.id())));
    assert_eq!((&event["fields"], &event["ip"]), (&json!(""), &json!("127.0.0.1")));
}
