//! Without rotation (`RotateRefreshTokens=false`): the client keeps its refresh token and shows it again.

use std::path::Path;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Api, Client, PASSWORD, User, token, token_not_valid};

const KEEPS: [(&str, &str); 1] = [("RotateRefreshTokens", "false")];
const ROTATES: [(&str, &str); 1] = [("RotateRefreshTokens", "true")];

/// Shows the refresh token of a user as another client.
async fn shown_by(client: &Client, user: &User) -> Answer {
    client.post("/api/token/refresh", &json!({ "refresh": user.refresh })).await
}

/// Shows the refresh token of a user, and gives the user with the access token that comes for it.
async fn refreshed_by(client: &Client, user: &User) -> User {
    let answer = shown_by(client, user).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let access = &answer.body["access"];
    assert_eq!(answer.body, json!({ "access": access }));
    User::new(client, &json!({ "access": access, "refresh": user.refresh }))
}

#[tokio::test]
async fn one_token_serves_two_clients_for_as_long_as_it_lives() {
    let api = Api::with(&KEEPS).await;
    let ada = api.signed_in().await;
    let (laptop, phone): (&Client, _) = (&api, &api.at([127, 0, 0, 2]).header("User-Agent", "Phone/1.0"));

    for client in [laptop, phone, laptop, phone] {
        let refreshed = refreshed_by(client, &ada).await;
        assert_ne!(refreshed.access, ada.access);
        assert_eq!((refreshed.sid(), refreshed.id()), (ada.sid(), ada.id()));
        refreshed.is_signed_in().await;
    }
    join_all((0..10).map(|_| refreshed_by(&api, &ada))).await;

    ada.is_signed_in().await;
    let kinds = ["refresh repeated", "refresh replaced", "session killed for reuse", "dead token shown"];
    assert!(kinds.iter().all(|kind| api.audited(kind).is_empty()), "{:?}", api.logged());
}

#[tokio::test]
async fn it_dies_when_the_login_said() {
    let api = Api::with(&[KEEPS[0], ("RefreshTokenSeconds", "1000"), ("AccessTokenSeconds", "3600")]).await;
    let ada = api.signed_in().await;
    let before = api.sessions().await;

    let refreshed = refreshed_by(&api, &ada).await;

    assert_eq!(api.sessions().await, before);
    // No access token outlives the session that it belongs to.
    assert_eq!(token::claims(&refreshed.access)["exp"], token::claims(&ada.refresh)["exp"]);
    api.set("Tokens", |key| key.contains("session#"), "expires", &json!({ "N": "1000000000" })).await;
    ada.is_signed_out().await;

    let api = Api::with(&[KEEPS[0], ("RefreshTokenSeconds", "0")]).await;
    api.signed_in().await.try_refresh().await.is(401, &token_not_valid("Token is expired"));
}

#[tokio::test]
async fn whatever_ends_the_session_ends_it() {
    let api = Api::with(&KEEPS).await;
    api.registered("ada").await;
    let blacklisted = token_not_valid("Token is blacklisted");
    let log_in = async || {
        let ada = api.log_in("ada").await;
        refreshed_by(&api, &ada).await
    };

    let ada = log_in().await;
    assert_eq!(api.post("/api/logout", &json!({ "refresh": ada.refresh })).await.status, 200);
    ada.is_signed_out().await;

    let (ada, other) = (log_in().await, log_in().await);
    assert_eq!(other.delete(&format!("/api/sessions/{}", ada.sid())).await.status, 204);
    ada.is_signed_out().await;
    refreshed_by(&api, &other).await.is_signed_in().await;

    assert_eq!(other.post("/api/logout/all", &json!({})).await.status, 200);
    other.is_signed_out().await;

    let ada = log_in().await;
    let next = "another long phrase";
    let body = json!({ "old_password": PASSWORD, "new_password": next, "confirm_password": next });
    let changed = User::new(&api, &ada.post("/api/password/reset", &body).await.body);
    shown_by(&api, &ada).await.is(401, &blacklisted);
    refreshed_by(&api, &changed).await.is_signed_in().await;

    let admin = api.staff().await;
    let path = format!("/api/users/{}", changed.id());
    assert_eq!(admin.patch(&path, &json!({ "is_active": false })).await.status, 200);
    let answer = shown_by(&api, &changed).await;
    assert_eq!((answer.status, &answer.body["code"]), (401, &json!("no_active_account")));
    assert_eq!(admin.patch(&path, &json!({ "is_active": true })).await.status, 200);
    shown_by(&api, &changed).await.is(401, &blacklisted);
}

#[tokio::test]
async fn its_use_is_stored_once_an_hour() {
    let api = Api::with(&KEEPS).await;
    let ada = api.signed_in().await;
    let first = ada.get("/api/sessions").await.body[0].clone();
    let phone = api.at([127, 0, 0, 2]).header("User-Agent", "Phone/1.0");
    refreshed_by(&phone, &ada).await;
    assert_eq!(ada.get("/api/sessions").await.body[0], first);

    let long_ago = json!({ "S": "2001-02-03T04:05:06Z" });
    api.set("Tokens", |key| key.contains("session#"), "last_used_at", &long_ago).await;
    join_all((0..5).map(|_| refreshed_by(&phone, &ada))).await;

    let seen = ada.get("/api/sessions").await.body[0].clone();
    assert_eq!((&seen["ip"], &seen["user_agent"]), (&json!("127.0.0.2"), &json!("Phone/1.0")));
    assert!(seen["last_used_at"].as_str() > first["last_used_at"].as_str());
    refreshed_by(&api, &ada).await;
    assert_eq!(ada.get("/api/sessions").await.body[0], seen);
}

/// A user whose session was refreshed once while refreshes rotated, as they were before and after; and a stack with the same data
/// that does not rotate.
async fn after_the_switch(folder: &Path) -> (Api, User, User) {
    let rotating = Api::kept_in(folder, &ROTATES).await;
    let first = rotating.signed_in().await;
    let second = first.refreshed().await;
    rotating.stack.stop().await;
    let api = Api::kept_in(folder, &KEEPS).await;
    let (first, second) = (first.at_home_of(&api), second.at_home_of(&api));
    (api, first, second)
}

#[tokio::test]
async fn a_session_that_rotated_goes_on_without() {
    let folder = tempfile::tempdir().unwrap();
    let (api, first, second) = after_the_switch(folder.path()).await;

    for _ in 0..2 {
        refreshed_by(&api, &second).await.is_signed_in().await;
    }
    // The client that used the first token up may have missed the answer.
    for _ in 0..2 {
        assert_eq!(shown_by(&api, &first).await.status, 200);
    }
    assert_eq!(api.audited("session killed for reuse").len(), 0);

    // In the hand of another it is as stolen as it was.
    shown_by(&api.at([127, 0, 0, 2]), &first).await.is(401, &token_not_valid("Token is blacklisted"));
    second.is_signed_out().await;
    assert_eq!(api.audited("session killed for reuse").len(), 1);
}

#[tokio::test]
async fn a_session_that_kept_its_token_begins_to_rotate() {
    let folder = tempfile::tempdir().unwrap();
    let keeping = Api::kept_in(folder.path(), &KEEPS).await;
    let ada = keeping.signed_in().await;
    refreshed_by(&keeping.at([127, 0, 0, 2]), &ada).await;
    keeping.stack.stop().await;

    let api = Api::kept_in(folder.path(), &ROTATES).await;
    let ada = ada.at_home_of(&api);
    let next = ada.refreshed().await;

    assert_ne!(next.refresh, ada.refresh);
    next.refreshed().await.is_signed_in().await;
    shown_by(&api.at([127, 0, 0, 2]), &ada).await.is(401, &token_not_valid("Token is blacklisted"));
    assert_eq!(api.audited("session killed for reuse").len(), 1);
}

#[tokio::test]
async fn its_answer_has_the_access_token_alone() {
    let api = Api::with(&KEEPS).await;
    let ada = api.signed_in().await;

    let answer = ada.try_refresh().await;

    assert!(answer.status == 200 && answer.text.starts_with("{\"access\":\""), "{}", answer.text);
    assert_eq!(answer.body.as_object().unwrap().len(), 1);
    let claims = token::claims(answer.body["access"].as_str().unwrap());
    assert_eq!(claims["token_type"], Value::from("access"));
}
