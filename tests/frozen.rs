//! Instances that Lambda has frozen between two requests. Their monotonic clocks stood still, and nobody was there to notice that
//! the other side of a connection was gone: what is kept must be as old as it is.

use serde_json::{Value, json};

use crate::{
    deliver::batch,
    rotation::rotate,
    support::{
        Api, Fault, TWILIO, User, bearer_not_valid,
        token::{self, Key},
    },
};

/// Longer than an instance keeps what it has fetched.
const LONG: i64 = 320;
/// Longer than it keeps a connection.
const QUIET: i64 = 21;

fn kid(user: &User) -> Value {
    token::header(&user.access)["kid"].clone()
}

#[tokio::test]
async fn a_key_that_was_withdrawn_is_refused_after_a_freeze() {
    let (api, mut freezer) = Api::that_freezes(&[]).await;
    let ada = api.signed_in().await;
    let leaked = Key::believed(&api).await;
    let thief = api.bearer(&leaked.sign(&token::claims(&ada.access)));
    assert_eq!(thief.get("/api/profile").await.status, 200);
    api.delete_items("Tokens", |key| key.contains(&leaked.kid)).await;
    assert_eq!(thief.get("/api/profile").await.status, 200, "a key is known for five minutes");

    freezer.freeze(LONG);

    thief.get("/api/profile").await.is(401, &bearer_not_valid("Token is invalid"));
    assert_eq!(ada.get("/api/profile").await.status, 200);
}

#[tokio::test]
async fn a_rotation_is_seen_after_a_freeze() {
    let (api, mut freezer) = Api::that_freezes(&[]).await;
    let old = kid(&api.signed_in().await);
    rotate(&api).await;
    assert_eq!(kid(&api.log_in("ada").await), old, "a secret is known for five minutes");

    freezer.freeze(LONG);
    api.services.fail(Fault::ServerError, |call| call.operation == "GetSecretValue");
    assert_eq!(kid(&api.log_in("ada").await), old, "what is at hand serves on");
    api.services.heal().await;
    assert_eq!(kid(&api.log_in("ada").await), old, "nobody asks again for ten seconds");

    freezer.freeze(11);
    assert_ne!(kid(&api.log_in("ada").await), old);
}

#[tokio::test]
async fn a_clock_that_was_set_back_keeps_nothing() {
    let (api, mut freezer) = Api::that_freezes(&[]).await;
    let old = kid(&api.signed_in().await);
    rotate(&api).await;

    freezer.freeze(-60);

    assert_ne!(kid(&api.log_in("ada").await), old);
}

#[tokio::test]
async fn that_there_is_no_key_is_remembered_for_thirty_seconds() {
    let (api, mut freezer) = Api::that_freezes(&[]).await;
    let ada = api.signed_in().await;
    let stranger = Key::named("a-key-of-a-stranger-which-nobody-published-");
    let mallory = api.bearer(&stranger.sign(&token::claims(&ada.access)));
    let read = async || api.proxy.watch(mallory.get("/api/profile")).await;
    assert_eq!(read().await.0.status, 401);

    freezer.freeze(20);
    let (answer, calls) = read().await;
    assert_eq!((answer.status, calls.len()), (401, 0), "{calls}");

    freezer.freeze(11);
    let (answer, calls) = read().await;
    assert_eq!((answer.status, calls.len()), (401, 1), "{calls}");
}

#[tokio::test]
async fn no_call_is_made_on_a_connection_that_may_have_died_in_a_freeze() {
    let (api, mut freezer) = Api::that_freezes(&[]).await;
    let ada = api.signed_in().await;
    assert_eq!(ada.get("/api/profile").await.status, 200);

    api.proxy.forget_connections();
    api.services.forget_connections();
    freezer.freeze(QUIET);
    assert_eq!(ada.get("/api/profile").await.status, 200);
    freezer.freeze(LONG);
    api.log_in("ada").await;

    assert_eq!((api.proxy.broken(), api.services.broken()), (0, 0));
}

/// The other side gave the connection up so lately that this one still takes it for good.
#[tokio::test]
async fn a_connection_that_has_just_died_costs_no_request() {
    let (api, mut freezer) = Api::that_freezes(&[]).await;
    let ada = api.signed_in().await;
    assert_eq!(ada.patch("/api/profile", &json!({ "address": "1 Main Street" })).await.status, 200);
    let version = async || {
        let users = api.items("Users").await;
        users[&format!("user#{}", ada.id())]["version"]["N"].as_str().unwrap().parse::<u64>().unwrap()
    };
    let before = version().await;

    api.proxy.forget_connections();
    freezer.freeze(QUIET - 2);
    assert_eq!(ada.patch("/api/profile", &json!({ "address": "2 Main Street" })).await.status, 200);

    assert!(api.proxy.broken() > 0);
    assert_eq!(version().await, before + 1);
}

#[tokio::test]
async fn a_message_whose_connection_has_just_died_is_sent_once() {
    for (parameters, function, [first, second, _]) in PROVIDERS {
        let (api, mut freezer) = Api::that_freezes(parameters).await;
        assert_eq!(sent(&api, function, first).await, 0);

        api.services.forget_connections();
        freezer.freeze(QUIET - 2);
        let failures = sent(&api, function, second).await;
        // What went out on a connection that broke may have been taken: it is for the stream to bring it again.
        assert!(failures <= 1);
        for _ in 0..failures {
            assert_eq!(sent(&api, function, second).await, 0);
        }

        assert_eq!(
            [first, second].map(|to| api.stack.messages(to).len()),
            [1; 2],
            "{function} {parameters:?}"
        );
    }
}

/// A provider with parameters that choose it, the function that sends by it, and three addressees.
type Provider = (&'static [(&'static str, &'static str)], &'static str, [&'static str; 3]);

const MAILBOXES: [&str; 3] = ["ada@example.com", "bob@example.com", "eve@example.com"];
const NUMBERS: [&str; 3] = ["+919881167671", "+919881167672", "+919881167673"];
const PROVIDERS: [Provider; 3] = [
    (&[], "deliver", MAILBOXES),
    (&[("SmsProvider", "sns")], "deliver-sms", NUMBERS),
    (&TWILIO, "deliver-sms", NUMBERS),
];

/// Has a function send a code; gives the number of messages that are to be tried again.
async fn sent(api: &Api, function: &str, to: &str) -> usize {
    let (purpose, channel) =
        if to.contains('@') { ("verify_email", "email") } else { ("verify_phone", "sms") };
    let event = batch(&[(&format!("{purpose}#{to}"), json!({ "channel": { "S": channel } }))]);
    let answer = api.stack.invoke(function, event).await.unwrap();
    answer["batchItemFailures"].as_array().unwrap().len()
}

#[tokio::test]
async fn the_first_message_after_a_freeze_is_sent_once() {
    for (parameters, function, addressees) in PROVIDERS {
        let (api, mut freezer) = Api::that_freezes(parameters).await;
        let send =
            async |to: &str| assert_eq!(sent(&api, function, to).await, 0, "{function} {parameters:?}");
        let [first, second, third] = addressees;
        send(first).await;

        api.services.forget_connections();
        freezer.freeze(LONG);
        send(second).await;

        // A connection that cannot be made has carried nothing: another one is tried.
        freezer.refuse_next_connection_to(api.services.port());
        freezer.freeze(QUIET);
        send(third).await;

        assert!(!freezer.is_to_refuse());
        assert_eq!(addressees.map(|to| api.stack.messages(to).len()), [1; 3], "{function} {parameters:?}");
        assert_eq!(api.services.broken(), 0);
    }
}

#[tokio::test]
async fn credentials_of_twilio_are_read_again_after_a_freeze() {
    let (api, mut freezer) = Api::that_freezes(&TWILIO).await;
    let send = async |to: &str| {
        let event = batch(&[(&format!("verify_phone#{to}"), json!({ "channel": { "S": "sms" } }))]);
        let (answer, calls) = api.services.watch(api.stack.invoke("deliver-sms", event)).await;
        assert_eq!(answer.unwrap(), json!({ "batchItemFailures": [] }));
        calls.of("GetSecretValue")
    };
    let [first, second, third] = NUMBERS;
    // The stack's secret, current and previous, and Twilio's.
    let all = send(first).await;
    assert_eq!(send(second).await, 0);

    freezer.freeze(LONG);

    assert_eq!(send(third).await, all);
}
