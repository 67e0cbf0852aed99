//! How many sessions a user may have.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Api, PASSWORD, unlimited};

/// Lets it be the `n`th session of every user that has begun last.
async fn have_begun(api: &Api, n: u32) {
    api.set("Users", |key| key.starts_with("user#"), "sessions_begun", &json!({ "N": n.to_string() })).await;
}

#[tokio::test]
async fn with_the_hundred_and_first_session_of_a_user_the_first_ends() {
    let api = Api::start().await;
    api.registered("bob").await;
    let (first, bob) = (api.signed_in().await, api.log_in("bob").await);
    have_begun(&api, 99).await;
    let hundredth = api.log_in("ada").await;
    first.is_signed_in().await;

    let next = api.log_in("ada").await;

    first.is_signed_out().await;
    for session in [&hundredth, &next] {
        session.is_signed_in().await;
    }
    let listed = next.get("/api/sessions").await;
    let ids: Vec<&Value> = listed.body.as_array().unwrap().iter().map(|session| &session["id"]).collect();
    assert_eq!(ids, [&json!(next.sid()), &json!(hundredth.sid())]);
    let ended = next.delete(&format!("/api/sessions/{}", first.sid())).await;
    ended.is(404, &json!({ "detail": "No Session matches the given query." }));
    assert_eq!(next.delete(&format!("/api/sessions/{}", hundredth.sid())).await.status, 204);
    // What ends is a user's own.
    bob.refreshed().await.is_signed_in().await;
}

#[tokio::test]
async fn sessions_that_begin_at_once_are_all_counted() {
    let api = Api::with(&unlimited()).await;
    let first = api.signed_in().await;
    have_begun(&api, 95).await;

    let others = join_all((0..6).map(|_| api.log_in("ada"))).await;

    first.is_signed_out().await;
    for session in others {
        session.is_signed_in().await;
    }
    let key = format!("user#{}", first.id());
    assert_eq!(api.item("Users", &key).await.unwrap()["sessions_begun"], json!({ "N": "101" }));
}

#[tokio::test]
async fn a_new_password_begins_the_only_session() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    have_begun(&api, 100).await;
    let body = json!({ "old_password": PASSWORD, "new_password": "another long phrase", "confirm_password": "another long phrase" });

    let answer = ada.post("/api/password/reset", &body).await;

    let ada = crate::support::User::new(&api, &answer.body);
    ada.is_signed_in().await;
    assert_eq!(ada.get("/api/sessions").await.body.as_array().unwrap().len(), 1);
}

/// As the release before this one wrote them, which neither counted sessions nor ended the oldest.
#[tokio::test]
async fn sessions_that_began_before_they_were_counted_are_live_and_the_newest_are_listed() {
    let api = Api::behind_a_proxy(&[]).await;
    let ada = api.signed_in().await;
    for (mut user, table, attribute) in [
        (api.item("Users", &format!("user#{}", ada.id())).await.unwrap(), "Users", "sessions_begun"),
        (api.sessions().await.into_values().next().unwrap(), "Tokens", "ordinal"),
    ] {
        assert!(user.as_object_mut().unwrap().remove(attribute).is_some());
        api.put_item(table, &user).await;
    }
    let session = api.sessions().await.into_values().next().unwrap();
    let many = (0..3_000).map(|_| {
        let (mut session, sid) = (session.clone(), uuid::Uuid::now_v7());
        session["sk"] = json!({ "S": format!("session#{sid}") });
        session["sid"] = json!({ "S": sid });
        session
    });
    api.put_items("Tokens", many).await;

    ada.is_signed_in().await;
    let ada = ada.refreshed().await;
    let (answer, calls) = api.proxy.watch(ada.get("/api/sessions")).await;

    let listed = answer.body.as_array().unwrap();
    assert_eq!((answer.status, listed.len()), (200, 100));
    assert!(listed.is_sorted_by_key(|session| std::cmp::Reverse(session["id"].as_str().unwrap().to_owned())));
    assert!(calls.of("Query") == 1 && calls.units() < 30.0, "{calls}");

    // They are counted from the next login on.
    assert_eq!(api.log_in("ada").await.get("/api/sessions").await.body.as_array().unwrap().len(), 100);
    have_begun(&api, 100).await;
    ada.is_signed_out().await;
}
