//! What an operator invokes, with faults at each of its calls.

use serde_json::{Value, json};

use super::endpoints::{changes, lasting_fault, tables};
use crate::support::{Api, Fault, PASSWORD};

/// Invokes a function for user after user, whom `event` makes of a number.
///
/// Every fault that passes makes no difference. Every one that lasts is a failure that leaves no record by halves, after which
/// the same event does the rest.
async fn does_each_once(function: &str, event: fn(usize) -> Value) {
    let api = Api::behind_a_proxy(&[]).await;
    let mut numbers = 0..;
    let mut next = || event(numbers.next().unwrap());
    let invoke = async |event: &Value| api.stack.invoke(function, event.clone()).await;
    // The first of all makes what counts the others.
    invoke(&next()).await.unwrap();
    let mut seen = tables(&api).await;
    let mut changed = async || {
        let before = std::mem::replace(&mut seen, tables(&api).await);
        changes(&before, &seen)
    };

    let event = next();
    let (done, calls) = api.proxy.watch(invoke(&event)).await;
    done.unwrap();
    let expected = changed().await;
    assert!(!expected.is_empty() && calls.len() > 0, "{expected:?}\n{calls}");

    for fault in Fault::ALL {
        api.proxy.fail_first(fault, |_| true);
        let done = invoke(&next()).await;
        api.proxy.heal().await;
        assert!(done.is_ok(), "{function}, {fault:?} once: {done:?}");
        assert_eq!(changed().await, expected, "{function}, {fault:?} once");
    }
    for (at, kind) in calls.kinds().into_iter().enumerate() {
        let (event, fault) = (next(), lasting_fault(at));
        let failing = kind.clone();
        api.proxy.fail(fault, move |call| call.kind() == failing);
        let failed = invoke(&event).await;
        api.proxy.heal().await;
        assert!(failed.is_err(), "{function}, {fault:?} of {kind}: {failed:?}");
        let mut done = changed().await;
        invoke(&event).await.unwrap();
        done.extend(changed().await);
        done.sort();
        assert_eq!(done, expected, "{function}, {fault:?} of {kind}");
    }
}

#[tokio::test]
async fn a_superuser_is_made_once_or_not_at_all() {
    does_each_once("create-superuser", |number| {
        json!({ "username": format!("ada{number}"), "email": format!("ada{number}@example.com"), "password": PASSWORD })
    })
    .await;
}

#[tokio::test]
async fn what_is_imported_is_imported_once_or_not_at_all() {
    does_each_once("import", |number| {
        let id = |kind: usize| format!("018bcfe5-6800-7000-8000-00000{kind}0000{number:02}");
        let (user, phone) = (format!("bob{number}"), |kind| format!("+91988116{kind}0{number:02}"));
        json!({
            "users": [{
                "id": id(1), "username": user, "email": format!("{user}@example.com"), "phone_number": phone(1),
                "password": "",
            }],
            "employees": [{
                "id": id(2), "owner_username": user, "first_name": "Bob", "last_name": "X", "phone_number": phone(2),
                "email": format!("{user}@work.example.com"),
            }],
        })
    })
    .await;
}
