//! `POST /api/users/{id}/logout`.

use serde_json::{Value, json};

use super::{NOBODY, forbidden, is_refused, no_user, not_authenticated, path, path_to, signed_in};
use crate::support::{Answer, Api, User};

fn logged_out() -> Value {
    json!({ "message": "Logged out everywhere." })
}

async fn log_out(client: &crate::support::Client, path: &str) -> Answer {
    client.post(&format!("{path}/logout"), &json!({})).await
}

#[tokio::test]
async fn staff_end_every_session_of_a_user_and_of_nobody_else() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let bob = signed_in(&api, "bob").await;
    let (laptop, phone) = (api.signed_in().await, api.log_in("ada").await);

    log_out(&admin, &path(&laptop)).await.is(200, &logged_out());

    for session in [&laptop, &phone] {
        session.is_signed_out().await;
    }
    bob.is_signed_in().await;
    admin.is_signed_in().await;
}

#[tokio::test]
async fn who_was_logged_out_can_log_in_again() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    log_out(&admin, &path(&ada)).await.is(200, &logged_out());

    api.log_in("ada").await.is_signed_in().await;
}

#[tokio::test]
async fn staff_log_themselves_out_too() {
    let api = Api::start().await;
    let admin = api.staff().await;

    log_out(&admin, &path(&admin)).await.is(200, &logged_out());

    admin.is_signed_out().await;
}

#[tokio::test]
async fn who_is_not_staff_logs_nobody_out() {
    let api = Api::start().await;
    let bob = signed_in(&api, "bob").await;
    let ada = api.signed_in().await;

    for id in [ada.id().as_str(), &bob.id()].into_iter().chain(NOBODY) {
        is_refused(&api, log_out(&ada, &path_to(id)), 403, &forbidden()).await;
    }
    bob.is_signed_in().await;
}

#[tokio::test]
async fn who_is_not_signed_in_logs_nobody_out() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    is_refused(&api, log_out(&api, &path(&ada)), 401, &not_authenticated()).await;

    ada.is_signed_in().await;
}

#[tokio::test]
async fn nobody_has_no_sessions() {
    let api = Api::start().await;
    let admin = api.staff().await;

    for id in NOBODY {
        is_refused(&api, log_out(&admin, &path_to(id)), 404, &no_user()).await;
    }
}

#[tokio::test]
async fn it_is_audited_with_who_did_it_to_whom() {
    let api = Api::start().await;
    let admin: User = api.staff().await;
    let ada = api.signed_in().await;

    log_out(&admin, &path(&ada)).await.is(200, &logged_out());

    let [event] = api.audited("logged out everywhere").try_into().unwrap();
    assert_eq!((&event["actor_id"], &event["user_id"]), (&json!(admin.id()), &json!(ada.id())));
    assert_eq!((&event["fields"], &event["ip"]), (&json!(""), &json!("127.0.0.1")));
}
