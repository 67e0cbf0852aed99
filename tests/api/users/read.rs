//! `GET /api/users/{id}`.

use serde_json::json;

use super::{NOBODY, is_refused, no_user, not_authenticated, path, path_to, signed_in};
use crate::support::Api;

#[tokio::test]
async fn users_read_themselves() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    ada.get(&path(&ada)).await.is(200, &ada.profile().await);
}

#[tokio::test]
async fn staff_read_anybody() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;

    admin.get(&path(&ada)).await.is(200, &ada.profile().await);
    admin.get(&path(&admin)).await.is(200, &admin.profile().await);
}

#[tokio::test]
async fn another_user_is_nobody() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let bob = signed_in(&api, "bob").await;
    let ada = api.signed_in().await;

    for id in [admin.id().as_str(), &bob.id()].into_iter().chain(NOBODY) {
        ada.get(&path_to(id)).await.is(404, &no_user());
    }
}

#[tokio::test]
async fn staff_find_nobody_under_an_unknown_id() {
    let api = Api::start().await;
    let admin = api.staff().await;

    for id in NOBODY {
        admin.get(&path_to(id)).await.is(404, &no_user());
    }
}

#[tokio::test]
async fn who_is_not_signed_in_reads_nobody() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    is_refused(&api, api.get(&path(&ada)), 401, &not_authenticated()).await;
}

#[tokio::test]
async fn the_entity_tag_moves_with_every_change_and_with_nothing_else() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let tag = async || ada.get(&path(&ada)).await.header("etag").to_owned();
    let first = tag().await;
    assert!(first.starts_with('"') && first.ends_with('"') && first.len() > 2, "{first}");

    api.log_in("ada").await;
    ada.patch(&path(&ada), &json!({ "first_name": "" })).await;
    assert_eq!(tag().await, first);

    let written = ada.patch(&path(&ada), &json!({ "first_name": "Ada" })).await;
    assert_eq!(tag().await, written.header("etag"));
    assert_ne!(tag().await, first);

    let before = tag().await;
    api.verify("ada@example.com").await;
    assert_ne!(tag().await, before);
}
