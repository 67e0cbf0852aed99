//! What the functions depend on fails: for a moment, and whoever asked hears nothing of it and nothing is done twice; or for
//! longer, and they hear 503, and nothing is done.

mod endpoints;
mod messages;
mod operator;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use futures_util::join;
use serde_json::json;

use crate::support::{Answer, Api, Fault, PASSWORD, Proxied, User, employee::employee, registration};

#[tokio::test]
async fn a_read_that_fails_is_tried_again() {
    let api = Api::behind_a_proxy(&[]).await;
    let ada = api.signed_in().await;
    let expected = ada.profile().await;
    for fault in [Fault::ServerError, Fault::RequestLost, Fault::AnswerLost] {
        api.proxy.fail_next(fault, |call| call.operation == "BatchGetItem");

        let (answer, calls) = api.proxy.watch(ada.get("/api/profile")).await;

        answer.is(200, &expected);
        assert_eq!(calls.of("BatchGetItem"), 2, "{fault:?}\n{calls}");
    }
}

#[tokio::test]
async fn a_registration_that_was_written_unheard_is_one_registration() {
    let api = Api::behind_a_proxy(&[]).await;
    api.proxy.fail_next(Fault::AnswerLost, |call| call.operation == "TransactWriteItems");

    let (answer, calls) = api.proxy.watch(api.post("/api/register", &registration("ada"))).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(calls.of("TransactWriteItems"), 2, "{calls}");
    let users = api.items("Users").await.into_keys().filter(|key| key.starts_with("user#"));
    assert_eq!(users.collect::<Vec<_>>(), [format!("user#{}", answer.body["id"].as_str().unwrap())]);
    assert_eq!(api.mails_to("ada@example.com").await, 1);
    api.log_in("ada").await.is_signed_in().await;
}

#[tokio::test]
async fn a_rotation_that_was_written_unheard_is_one_rotation() {
    let api = Api::behind_a_proxy(&[]).await;
    let ada = api.signed_in().await;
    api.proxy.fail_next(Fault::AnswerLost, |call| call.operation == "UpdateItem");

    let (answer, calls) = api.proxy.watch(ada.try_refresh()).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(calls.of("UpdateItem"), 2, "{calls}");
    let refreshed = User::new(&api, &answer.body);
    refreshed.is_signed_in().await;
    // The successor was not rotated out by the second try.
    refreshed.refreshed().await.is_signed_in().await;
}

#[tokio::test]
async fn many_calls_that_each_take_their_time_end_before_the_function_does() {
    let api = Api::behind_a_proxy(&[]).await;
    let ada = api.signed_in().await;
    // Each call is answered at the fourth attempt, and the transaction is then asked for again.
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    // What kind of ids the stack has is loaded beside other calls, whose attempts it would use up.
    let is_counted = move || counted.fetch_add(1, Ordering::Relaxed) % 4 < 3;
    api.proxy.fail(Fault::Stalled, move |call| !call.is_of("ids") && is_counted());
    api.proxy.fail(Fault::Contended, |call| call.operation == "TransactWriteItems");

    let answer = ada.post("/api/employees", &employee("9881167671")).await;
    api.proxy.heal().await;

    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{}", answer.text);
    assert!(attempts.load(Ordering::Relaxed) > 12, "it was not for want of time");
    ada.employs(&employee("9881167671")).await;
}

/// What is answered when every call of an operation is answered at its fourth attempt, and has then to be made again.
async fn dragging(api: &Proxied, operation: &'static str, request: impl Future<Output = Answer>) -> Answer {
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&attempts);
    let is_late = move || counted.fetch_add(1, Ordering::Relaxed) % 4 < 3;
    api.proxy.fail(Fault::Stalled, move |call| call.operation == operation && is_late());
    api.proxy.fail(Fault::Contended, move |call| call.operation == operation);
    let answer = request.await;
    api.proxy.heal().await;
    assert!(attempts.load(Ordering::Relaxed) > 12, "it was not for want of time");
    answer
}

#[tokio::test]
async fn what_was_counted_is_taken_back_when_the_time_is_up() {
    let login = async {
        let api = Api::behind_a_proxy(&[("LoginFailuresPerIdentifierAndIp", "1")]).await;
        api.registered("ada").await;

        let late = dragging(&api, "BatchGetItem", api.try_token("ada", PASSWORD)).await;
        let next = api.try_token("ada", PASSWORD).await;

        assert_eq!((late.status, next.status), (503, 200), "{late:?} {next:?}");
    };
    let guess = async {
        let api = Api::behind_a_proxy(&[("MaxOtpAttempts", "1"), ("OtpWrongPerDay", "1")]).await;
        api.registered("bob").await;
        let otp = api.code_for("bob@example.com").await;
        let guess = json!({ "email": "bob@example.com", "otp": otp });

        let late = dragging(&api, "TransactWriteItems", api.post("/api/otp/verify", &guess)).await;
        let next = api.post("/api/otp/verify", &guess).await;

        assert_eq!((late.status, next.status), (503, 200), "{late:?} {next:?}");
    };
    join!(login, guess);
}
