//! Notices: what changes in an account is told to its verified address, in the transaction that makes the change.

use serde_json::{Value, json};

use crate::{
    auth::signed_up,
    support::{Api, Client, PASSWORD, User},
};

const EMAIL: &str = "ada@example.com";
const NUMBER: &str = "+919881167671";
const OTHER: &str = "+919101234567";
const NEXT: &str = "another long phrase";

/// A stack with staff and with `ada`, who has verified her address and her number.
async fn with_ada() -> (Api, User, User) {
    let api = Api::start().await;
    let admin = api.staff().await;
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    let number = json!({ "phone_number": NUMBER, "is_phone_verified": true });
    assert_eq!(admin.patch(&path(&ada), &number).await.status, 200);
    (api, admin, ada)
}

fn path(user: &User) -> String {
    format!("/api/users/{}", user.id())
}

fn change(old: &str, new: &str) -> Value {
    json!({ "old_password": old, "new_password": new, "confirm_password": new })
}

/// The subjects of the mails to an address after the first `before`, once all have come. None of them has a code.
async fn subjects(api: &Api, address: &str, before: usize) -> Vec<String> {
    api.mails_to(address).await;
    let mails = api.stack.messages(address).split_off(before);
    for mail in &mails {
        assert!(!mail.body.contains(|c: char| c.is_ascii_digit()), "{}", mail.body);
    }
    mails.into_iter().map(|mail| mail.subject).collect()
}

/// Asserts that a change of a user tells her address this, and nothing else.
async fn tells(api: &Api, by: &Client, path: &str, change: &Value, subject: &str) {
    let before = api.mails_to(EMAIL).await;
    let answer = by.patch(path, change).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(subjects(api, EMAIL, before).await, [subject], "{change}");
}

#[tokio::test]
async fn a_changed_password_is_told() {
    let (api, _, ada) = with_ada().await;
    let before = api.mails_to(EMAIL).await;

    assert_eq!(ada.post("/api/password/reset", &change(PASSWORD, NEXT)).await.status, 200);

    assert_eq!(subjects(&api, EMAIL, before).await, ["Rollcall: your password was changed"]);
}

#[tokio::test]
async fn a_password_that_stays_is_not_told() {
    let (api, _, ada) = with_ada().await;
    let before = api.mails_to(EMAIL).await;

    assert_eq!(ada.post("/api/password/reset", &change("wrong", NEXT)).await.status, 400);

    assert_eq!(api.mails_to(EMAIL).await, before);
}

#[tokio::test]
async fn a_password_that_was_recovered_by_sms_is_told_by_mail() {
    let (api, _, _) = with_ada().await;
    let (mails, texts) = (api.mails_to(EMAIL).await, api.texts_to(NUMBER).await);
    let asked = api.post("/api/password/forgot", &json!({ "phone_number": NUMBER })).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    let code = api.code_after(NUMBER, texts).await;

    let recovery =
        json!({ "phone_number": NUMBER, "otp": code, "new_password": NEXT, "confirm_password": NEXT });
    let recovered = api.post("/api/password/forgot/confirm", &recovery).await;

    assert_eq!(recovered.status, 200, "{}", recovered.text);
    assert_eq!(subjects(&api, EMAIL, mails).await, ["Rollcall: your password was changed"]);
}

/// A script that changes a password all day fills no mailbox.
#[tokio::test]
async fn a_password_changes_twenty_times_in_a_quarter_of_an_hour() {
    let (api, _, mut ada) = with_ada().await;
    let mut old = PASSWORD.to_owned();
    for at in 0..20 {
        let new = format!("another long phrase {at}");
        let answer = ada.post("/api/password/reset", &change(&old, &new)).await;
        assert_eq!(answer.status, 200, "{at}: {}", answer.text);
        (ada, old) = (User::new(&api, &answer.body), new);
    }

    let refused = ada.post("/api/password/reset", &change(&old, NEXT)).await;

    assert!(refused.is_throttled() <= 900);
}

#[tokio::test]
async fn another_username_is_told_and_another_spelling_is_not() {
    let (api, admin, ada) = with_ada().await;
    let subject = "Rollcall: your username was changed";
    tells(&api, &ada, "/api/profile", &json!({ "username": "lovelace" }), subject).await;
    tells(&api, &admin, &path(&ada), &json!({ "username": "countess" }), subject).await;
    let before = api.mails_to(EMAIL).await;

    assert_eq!(ada.patch("/api/profile", &json!({ "username": "Countess" })).await.status, 200);

    assert_eq!(api.mails_to(EMAIL).await, before);
}

#[tokio::test]
async fn a_number_that_staff_verify_and_one_that_goes_are_told() {
    let (api, admin, ada) = with_ada().await;
    let removed = "Rollcall: the phone number of your account was removed";
    tells(&api, &ada, "/api/profile", &json!({ "phone_number": null }), removed).await;
    let verified = "Rollcall: a phone number of your account was verified";
    let vouched = json!({ "phone_number": NUMBER, "is_phone_verified": true });
    tells(&api, &admin, &path(&ada), &vouched, verified).await;
    tells(&api, &admin, &path(&ada), &json!({ "phone_number": OTHER }), removed).await;
}

#[tokio::test]
async fn staff_rights_are_told_once() {
    let (api, admin, ada) = with_ada().await;
    let rights = json!({ "is_staff": true });
    tells(&api, &admin, &path(&ada), &rights, "Rollcall: your account has staff rights").await;
    let before = api.mails_to(EMAIL).await;

    assert_eq!(admin.patch(&path(&ada), &rights).await.status, 200);

    assert_eq!(api.mails_to(EMAIL).await, before);
}

#[tokio::test]
async fn a_deleted_user_is_told() {
    let (api, admin, ada) = with_ada().await;
    api.verified("eve").await;
    let eve = api.log_in("eve").await;
    for (by, user, address) in [(&ada, &ada, EMAIL), (&admin, &eve, "eve@example.com")] {
        let before = api.mails_to(address).await;
        assert_eq!(by.delete(&path(user)).await.status, 204);
        assert_eq!(subjects(&api, address, before).await, ["Rollcall: your account was deleted"]);
    }
}

#[tokio::test]
async fn a_user_whom_the_operator_makes_staff_is_told() {
    let (api, _, _) = with_ada().await;
    let before = api.mails_to(EMAIL).await;

    let event = json!({ "username": "ada", "email": EMAIL, "password": NEXT });
    api.stack.invoke("create-superuser", event).await.unwrap();

    let mut subjects = subjects(&api, EMAIL, before).await;
    subjects.sort();
    assert_eq!(subjects, ["Rollcall: your account has staff rights", "Rollcall: your password was changed"]);
}

/// An address that an account merely claims may be somebody else's.
#[tokio::test]
async fn an_address_that_is_not_verified_is_told_nothing() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let before = api.mails_to(EMAIL).await;

    assert_eq!(ada.patch("/api/profile", &json!({ "username": "lovelace" })).await.status, 200);
    let changed = ada.post("/api/password/reset", &change(PASSWORD, NEXT)).await;
    let ada = User::new(&api, &changed.body);
    assert_eq!(ada.delete(&path(&ada)).await.status, 204);

    assert_eq!(api.mails_to(EMAIL).await, before);
}

/// Without a mail the old number is the last place where its owner can hear of it.
#[tokio::test]
async fn a_number_is_told_of_the_one_that_replaces_it_where_there_is_no_address() {
    let api = Api::start().await;
    let user = signed_up(&api, NUMBER).await;
    assert_eq!(user.patch("/api/profile", &json!({ "phone_number": OTHER })).await.status, 200);
    let texts = api.texts_to(NUMBER).await;
    assert_eq!(user.post("/otp/generate", &json!({ "phone_number": OTHER })).await.status, 200);
    let code = api.code_for(OTHER).await;

    let verified = user.post("/otp/verify", &json!({ "phone_number": OTHER, "otp": code })).await;

    assert_eq!(verified.status, 200, "{}", verified.text);
    let text = api.stack.message(NUMBER, texts).await.unwrap().body;
    assert!(text.starts_with("Rollcall: another phone number was verified for your account"), "{text}");
    assert!(!text.contains(|c: char| c.is_ascii_digit()), "{text}");
}
