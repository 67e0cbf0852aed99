//! `POST /api/token/refresh`.

mod kept;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Api, Client, User, complaint, token, token_not_valid};

/// Lets the time pass in which a used refresh token answers once more.
async fn let_grace_pass(api: &Api) {
    api.set("Tokens", |key| key.contains("session#"), "rotated_at", &json!({ "N": "1000000000" })).await;
}

fn jti(token: &str) -> Value {
    token::claims(token)["jti"].take()
}

#[tokio::test]
async fn a_refresh_gives_two_new_tokens_and_uses_up_the_old() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let answer = ada.try_refresh().await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert!(
        answer.text.starts_with("{\"access\":\"") && answer.text.contains("\",\"refresh\":\""),
        "{}",
        answer.text
    );
    let refreshed = User::new(&api, &answer.body);
    assert_ne!(jti(&refreshed.refresh), jti(&ada.refresh));
    assert_eq!((refreshed.sid(), refreshed.id()), (ada.sid(), ada.id()));
    refreshed.is_signed_in().await;
    let answer = api.post("/api/token/verify", &json!({ "token": ada.refresh })).await;
    answer.is(401, &token_not_valid("Token is blacklisted"));
}

#[tokio::test]
async fn a_retry_gets_the_same_successor() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let (first, second) = (ada.refreshed().await, ada.refreshed().await);

    assert_eq!(jti(&first.refresh), jti(&second.refresh));
    first.is_signed_in().await;
    second.is_signed_in().await;
}

#[tokio::test]
async fn thirty_parallel_refreshes_of_one_token_have_one_successor() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let refreshed = join_all((0..30).map(|_| ada.refreshed())).await;

    let successors: BTreeSet<String> = refreshed.iter().map(|user| jti(&user.refresh).to_string()).collect();
    assert_eq!(successors.len(), 1);
    for user in &refreshed {
        assert_eq!(user.get("/api/profile").await.status, 200);
    }
    refreshed[29].refreshed().await.is_signed_in().await;
}

/// Shows a refresh token as another client.
async fn shown_by(client: &Client, user: &User) -> Answer {
    client.post("/api/token/refresh", &json!({ "refresh": user.refresh })).await
}

#[tokio::test]
async fn a_replay_after_the_grace_ends_the_session_for_both() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let successor = ada.refreshed().await;
    let_grace_pass(&api).await;

    let thief = api.at([127, 0, 0, 2]);
    shown_by(&thief, &ada).await.is(401, &token_not_valid("Token is blacklisted"));

    successor.is_signed_out().await;
    let killed = api.audited("session killed for reuse");
    assert_eq!(killed.len(), 1);
    assert_eq!((&killed[0]["user_id"], &killed[0]["ip"]), (&json!(ada.id()), &json!("127.0.0.2")));
}

#[tokio::test]
async fn within_the_grace_only_the_client_that_used_the_token_is_answered() {
    let api = Api::start().await;
    api.registered("ada").await;
    let owner = api.header("User-Agent", "the owner's");
    let elsewhere = api.at([127, 0, 0, 2]).header("User-Agent", "the owner's");
    for (thief, ip) in [(elsewhere, "127.0.0.2"), (api.header("User-Agent", "a thief's"), "127.0.0.1")] {
        let ada = owner.log_in("ada").await;
        let successor = ada.refreshed().await;
        let before = api.audited("session killed for reuse").len();

        shown_by(&thief, &ada).await.is(401, &token_not_valid("Token is blacklisted"));

        successor.is_signed_out().await;
        let killed = api.audited("session killed for reuse");
        assert_eq!(killed[before]["ip"], ip);
    }
    assert_eq!(api.audited("refresh repeated").len(), 0);
}

#[tokio::test]
async fn who_uses_a_stolen_token_first_is_not_joined_by_its_owner() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let thief = User::new(&api, &shown_by(&api.at([127, 0, 0, 2]), &ada).await.body);

    ada.try_refresh().await.is(401, &token_not_valid("Token is blacklisted"));

    thief.is_signed_out().await;
}

#[tokio::test]
async fn every_answer_within_the_grace_is_audited() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    ada.refreshed().await;
    assert_eq!(api.audited("refresh repeated").len(), 0);

    ada.refreshed().await;

    let repeated = api.audited("refresh repeated");
    assert_eq!(repeated.len(), 1);
    assert_eq!((&repeated[0]["user_id"], &repeated[0]["ip"]), (&json!(ada.id()), &json!("127.0.0.1")));
}

#[tokio::test]
async fn a_client_whose_answer_was_lost_gets_another_successor_after_the_grace() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let lost = ada.refreshed().await;
    let_grace_pass(&api).await;

    let refreshed = ada.refreshed().await;

    assert_ne!(jti(&refreshed.refresh), jti(&lost.refresh));
    refreshed.is_signed_in().await;
    let replaced = api.audited("refresh replaced");
    assert_eq!((replaced.len(), &replaced[0]["user_id"]), (1, &json!(ada.id())));
    // It goes on from there, and the first token is used up for good.
    let next = refreshed.refreshed().await;
    next.is_signed_in().await;
    ada.try_refresh().await.is(401, &token_not_valid("Token is blacklisted"));
    next.is_signed_out().await;
}

#[tokio::test]
async fn a_successor_that_was_replaced_ends_the_session() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let owner = ada.refreshed().await;
    let_grace_pass(&api).await;
    // On the same network and with the same agent a thief is taken for the owner, once.
    let thief = ada.refreshed().await;

    owner.try_refresh().await.is(401, &token_not_valid("Token is blacklisted"));

    thief.is_signed_out().await;
    assert_eq!(api.audited("session killed for reuse").len(), 1);
}

#[tokio::test]
async fn parallel_retries_after_the_grace_have_one_successor() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    ada.refreshed().await;
    let_grace_pass(&api).await;

    let refreshed = join_all((0..10).map(|_| ada.refreshed())).await;

    let successors: BTreeSet<String> = refreshed.iter().map(|user| jti(&user.refresh).to_string()).collect();
    assert_eq!(successors.len(), 1);
    assert_eq!(api.audited("refresh replaced").len(), 1);
}

#[tokio::test]
async fn a_session_of_the_previous_release_knows_the_client_that_used_its_token() {
    const ATTRIBUTES: [&str; 15] = [
        "pk",
        "sk",
        "user_id",
        "sid",
        "epoch",
        "current_jti",
        "previous_jti",
        "rotated_at",
        "created_at",
        "last_used_at",
        "ip",
        "user_agent",
        "revoked",
        "ends",
        "expires",
    ];
    let api = Api::start().await;
    let ada = api.signed_in().await;
    ada.refreshed().await;
    for (_, mut session) in api.sessions().await {
        session.as_object_mut().unwrap().retain(|name, _| ATTRIBUTES.contains(&name.as_str()));
        api.put_item("Tokens", &session).await;
    }

    let again = ada.refreshed().await;
    again.is_signed_in().await;
    let thief = shown_by(&api.at([127, 0, 0, 2]), &ada).await;
    thief.is(401, &token_not_valid("Token is blacklisted"));
    again.is_signed_out().await;
}

#[tokio::test]
async fn a_token_two_generations_old_ends_the_session_at_once() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let successor = ada.refreshed().await.refreshed().await;

    ada.try_refresh().await.is(401, &token_not_valid("Token is blacklisted"));

    successor.is_signed_out().await;
}

#[tokio::test]
async fn a_replay_leaves_other_sessions_alone() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let other = api.log_in("ada").await;
    ada.refreshed().await.refreshed().await;

    assert_eq!(ada.try_refresh().await.status, 401);

    other.is_signed_in().await;
}

#[tokio::test]
async fn another_spelling_of_the_signature_is_the_same_token() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let respelled = token::respelled(&ada.refresh);
    assert_ne!(respelled, ada.refresh);

    let body = json!({ "refresh": respelled });
    let first = User::new(&api, &api.post("/api/token/refresh", &body).await.body);
    assert_eq!(jti(&first.refresh), jti(&ada.refreshed().await.refresh));

    let thief = api.at([127, 0, 0, 2]);
    thief.post("/api/token/refresh", &body).await.is(401, &token_not_valid("Token is blacklisted"));
    first.is_signed_out().await;
}

#[tokio::test]
async fn another_spelling_of_a_logged_out_token_is_dead_too() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    assert_eq!(ada.post("/api/logout", &json!({ "refresh": ada.refresh })).await.status, 200);

    let body = json!({ "refresh": token::respelled(&ada.refresh) });
    api.post("/api/token/refresh", &body).await.is(401, &token_not_valid("Token is blacklisted"));
}

#[tokio::test]
async fn an_access_token_does_not_refresh() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let answer = api.post("/api/token/refresh", &json!({ "refresh": ada.access })).await;

    answer.is(401, &token_not_valid("Token has wrong type"));
    ada.is_signed_in().await;
}

#[tokio::test]
async fn an_expired_token_does_not_refresh() {
    let api = Api::with(&[("RefreshTokenSeconds", "0")]).await;
    let ada = api.signed_in().await;

    ada.try_refresh().await.is(401, &token_not_valid("Token is expired"));
}

#[tokio::test]
async fn the_token_of_an_inactive_or_deleted_user_does_not_refresh() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let none =
        json!({ "detail": "No active account found for the given token.", "code": "no_active_account" });
    let is_ada = |key: &str| key == format!("user#{}", ada.id());

    api.set("Users", is_ada, "is_active", &json!({ "BOOL": false })).await;
    ada.try_refresh().await.is(401, &none);

    api.delete_items("Users", is_ada).await;
    ada.try_refresh().await.is(401, &none);
}

#[tokio::test]
async fn a_token_whose_session_is_gone_does_not_refresh() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    api.delete_items("Tokens", |key| key.contains("session#")).await;

    ada.try_refresh().await.is(401, &token_not_valid("Token is blacklisted"));
}

#[tokio::test]
async fn garbage_and_nothing_do_not_refresh() {
    let api = Api::start().await;

    for garbage in ["x", "a.b.c", "..", "eyJhbGciOiJub25lIn0.e30."] {
        let answer = api.post("/api/token/refresh", &json!({ "refresh": garbage })).await;
        answer.is(401, &token_not_valid("Token is invalid"));
        assert_eq!(answer.header("x-amzn-remapped-www-authenticate"), "Bearer realm=\"api\"");
    }
    let answer = api.post("/api/token/refresh", &json!({})).await;
    answer.is(400, &complaint("refresh", "This field is required."));
}
