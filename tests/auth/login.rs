//! `POST /auth/login`.

use futures_util::future::join_all;
use serde_json::json;

use super::{NUMBER, OTHER, log_in, prove, registered_with, signed_up};
use crate::support::{Api, PASSWORD, User, complaint, no_active_account};

#[tokio::test]
async fn a_proven_number_logs_in_in_any_spelling() {
    let api = Api::start().await;
    signed_up(&api, NUMBER).await;

    for spelling in ["9881167671", "+91 98811 67671", "(098811) 67671"] {
        let answer = log_in(&api, spelling, PASSWORD).await;
        let tokens = json!({ "refresh": answer.body["refresh"], "access": answer.body["access"] });
        answer.is(200, &tokens);
        assert!(answer.text.starts_with("{\"refresh\":\""), "{}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store");
        User::new(&api, &answer.body).is_signed_in().await;
    }
}

#[tokio::test]
async fn a_number_logs_in_once_it_is_proven() {
    let api = Api::start().await;
    let ada = registered_with(&api, "ada", NUMBER).await;
    log_in(&api, NUMBER, PASSWORD).await.is(401, &no_active_account());

    prove(&api, &ada, NUMBER).await;

    let answer = log_in(&api, NUMBER, PASSWORD).await;
    assert_eq!(User::new(&api, &answer.body).id(), ada.id());
    assert_eq!(api.try_token(NUMBER, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_changed_number_logs_in_once_it_is_verified_and_the_old_one_until_then() {
    let api = Api::start().await;
    let ada = signed_up(&api, NUMBER).await;
    let changed = ada.patch("/api/profile", &json!({ "phone_number": OTHER })).await;
    assert_eq!((changed.status, &changed.body["pending_phone_number"]), (200, &json!(OTHER)));

    log_in(&api, OTHER, PASSWORD).await.is(401, &no_active_account());
    api.try_token(OTHER, PASSWORD).await.is(401, &no_active_account());
    // It may be mistyped, and this is the only way in.
    assert_eq!(log_in(&api, NUMBER, PASSWORD).await.status, 200);

    prove(&api, &ada, OTHER).await;
    api.try_token(NUMBER, PASSWORD).await.is(401, &no_active_account());
    log_in(&api, NUMBER, PASSWORD).await.is(401, &no_active_account());
    let answer = log_in(&api, OTHER, PASSWORD).await;
    assert_eq!(User::new(&api, &answer.body).id(), ada.id());
}

#[tokio::test]
async fn a_wrong_password_an_unknown_an_unproven_and_an_inactive_number_hear_the_same() {
    let api = Api::start().await;
    registered_with(&api, "ada", OTHER).await;
    let eve = signed_up(&api, "+919881167673").await.id();
    api.set("Users", |key| key == format!("user#{eve}"), "is_active", &json!({ "BOOL": false })).await;
    signed_up(&api, NUMBER).await;
    let before = api.records().await;

    for (number, password) in
        [(NUMBER, "wrong"), (OTHER, PASSWORD), ("+919881167673", PASSWORD), ("+919881167674", PASSWORD)]
    {
        log_in(&api, number, password).await.is(401, &no_active_account());
    }

    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn a_refusal_costs_the_same_calls_whether_or_not_anybody_has_the_number() {
    let api = Api::behind_a_proxy(&[]).await;
    signed_up(&api, NUMBER).await;
    // An instance's first request fetches more.
    log_in(&api, NUMBER, PASSWORD).await;

    let mut seen = Vec::new();
    for number in [NUMBER, OTHER] {
        let (answer, calls) = api.proxy.watch(log_in(&api, number, "wrong")).await;
        answer.is(401, &no_active_account());
        seen.push(calls.costs());
    }

    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn five_failures_lock_a_number_for_one_ip_address_and_at_api_token_too() {
    let api = Api::start().await;
    signed_up(&api, NUMBER).await;
    for spelling in ["9881167671", "+91 98811 67671", NUMBER, NUMBER, NUMBER] {
        log_in(&api, spelling, "wrong").await.is(401, &no_active_account());
    }

    assert!(log_in(&api, NUMBER, PASSWORD).await.is_throttled() <= 900);
    assert!(api.try_token("98811 67671", PASSWORD).await.is_throttled() <= 900);
    assert_eq!(log_in(&api.at([127, 0, 0, 2]), NUMBER, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn failures_at_api_token_count_here_and_so_do_those_of_a_number_that_nobody_has() {
    let api = Api::start().await;
    for _ in 0..3 {
        api.try_token(NUMBER, "wrong").await.is(401, &no_active_account());
    }
    for _ in 0..2 {
        log_in(&api, NUMBER, "wrong").await.is(401, &no_active_account());
    }

    log_in(&api, NUMBER, "wrong").await.is_throttled();
}

#[tokio::test]
async fn failures_of_one_number_are_counted_from_everywhere() {
    let api = Api::with(&[("LoginFailuresPerIdentifier", "2")]).await;
    log_in(&api, NUMBER, "wrong").await.is(401, &no_active_account());
    log_in(&api.at([127, 0, 0, 2]), NUMBER, "wrong").await.is(401, &no_active_account());

    log_in(&api.at([127, 0, 0, 3]), NUMBER, "wrong").await.is_throttled();
}

#[tokio::test]
async fn failures_from_one_ip_address_are_counted_for_all_numbers() {
    let api = Api::with(&[("LoginFailuresPerIp", "2")]).await;
    for number in [NUMBER, OTHER] {
        log_in(&api, number, "wrong").await.is(401, &no_active_account());
    }

    log_in(&api, "+919881167673", "wrong").await.is_throttled();
}

#[tokio::test]
async fn of_twenty_wrong_guesses_at_once_five_are_looked_at() {
    let api = Api::start().await;
    signed_up(&api, NUMBER).await;

    let answers = join_all((0..20).map(|_| log_in(&api, NUMBER, "wrong"))).await;

    let (refused, throttled): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 401);
    assert_eq!(refused.len(), 5);
    for answer in throttled {
        answer.is_throttled();
    }
}

#[tokio::test]
async fn success_clears_the_failures() {
    let api = Api::start().await;
    signed_up(&api, NUMBER).await;
    for _ in 0..2 {
        for _ in 0..4 {
            log_in(&api, NUMBER, "wrong").await.is(401, &no_active_account());
        }
        assert_eq!(log_in(&api, NUMBER, PASSWORD).await.status, 200);
    }
}

#[tokio::test]
async fn both_fields_are_required_and_a_name_is_no_number() {
    let api = Api::start().await;
    let required = ["This field is required."];

    let answer = api.post("/auth/login", &json!({})).await;
    answer.is(400, &json!({ "phone": required, "password": required }));
    log_in(&api, "ada", PASSWORD).await.is(400, &complaint("phone", "Enter a valid phone number."));
}
