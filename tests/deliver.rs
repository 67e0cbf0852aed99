//! `deliver`, fed by the stream of the codes.

mod sms;

use serde_json::{Value, json};

use crate::support::Api;

/// A batch of the stream: each record's key, and what it holds besides.
pub(crate) fn batch(records: &[(&str, Value)]) -> Value {
    let records = records.iter().enumerate().map(|(n, (pk, fields))| {
        let mut image = json!({
            "pk": { "S": pk }, "purpose": { "S": pk.split_once('#').unwrap().0 }, "channel": { "S": "email" },
            "to": { "S": pk.split_once('#').unwrap().1 }, "user_id": { "S": "01900000-0000-7000-8000-000000000000" },
            "nonce": { "S": "0123456789abcdef0123456789abcdef" }, "digits": { "N": "6" }, "attempts_left": { "N": "3" },
            "expires": { "N": "4102444800" },
        });
        image.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({
            "eventID": n.to_string(), "eventName": "INSERT", "eventSource": "aws:dynamodb",
            "dynamodb": { "Keys": { "pk": { "S": pk } }, "SequenceNumber": format!("{n}00"), "NewImage": image },
        })
    });
    json!({ "Records": records.collect::<Vec<_>>() })
}

#[tokio::test]
async fn what_the_stream_brings_is_sent() {
    let api = Api::start().await;

    let answer =
        api.stack.invoke("deliver", batch(&[("verify_email#ada@example.com", json!({}))])).await.unwrap();

    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    api.code_for("ada@example.com").await;
}

#[tokio::test]
async fn the_first_that_cannot_be_sent_stops_the_batch_and_is_brought_again() {
    let api = Api::start().await;
    let expired = json!({ "expires": { "N": "1000000000" } });
    let records = [
        ("verify_email#ada@example.com", json!({})),
        ("verify_email#bob@example.com", expired),
        ("verify_email#eve@example.com", json!({})),
    ];

    let answer = api.stack.invoke("deliver", batch(&records)).await.unwrap();

    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "100" }] }));
    let sent = ["ada", "bob", "eve"].map(|name| api.stack.messages(&format!("{name}@example.com")).len());
    assert_eq!(sent, [1, 0, 0]);
}

#[tokio::test]
async fn a_guess_that_was_counted_sends_nothing_again() {
    let api = Api::start().await;
    let mut event = batch(&[("verify_email#ada@example.com", json!({ "attempts_left": { "N": "2" } }))]);
    let images = &mut event["Records"][0]["dynamodb"];
    images["OldImage"] = images["NewImage"].clone();

    assert_eq!(api.stack.invoke("deliver", event).await.unwrap(), json!({ "batchItemFailures": [] }));

    assert_eq!(api.stack.messages("ada@example.com"), []);
}

#[tokio::test]
async fn a_decoy_is_not_sent() {
    let api = Api::start().await;
    let mut event = batch(&[("verify_email#nobody@example.com", json!({ "channel": { "S": "none" } }))]);
    event["Records"][0]["dynamodb"]["NewImage"].as_object_mut().unwrap().remove("user_id");

    assert_eq!(api.stack.invoke("deliver", event).await.unwrap(), json!({ "batchItemFailures": [] }));

    assert_eq!(api.stack.messages("nobody@example.com"), []);
}

#[tokio::test]
async fn while_the_mail_is_down_messages_wait_in_order() {
    let api = Api::start().await;
    api.stack.refuse_mail(true);
    let answer =
        api.stack.invoke("deliver", batch(&[("verify_email#ada@example.com", json!({}))])).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "000" }] }));
    assert!(
        api.logged().iter().any(|line| line["message"] == "a message was not sent and will be tried again")
    );
    for name in ["bob", "eve"] {
        api.registered(name).await;
    }

    api.stack.refuse_mail(false);

    for name in ["bob", "eve"] {
        assert_eq!(api.mails_to(&format!("{name}@example.com")).await, 1);
    }
    assert_eq!(api.stack.undelivered(), [] as [Value; 0]);
}

#[tokio::test]
async fn what_could_not_be_sent_before_its_code_expired_is_in_the_queue() {
    let api = Api::with_codes_of_a_second().await;
    api.stack.refuse_mail(true);

    api.registered("ada").await;

    let given_up = api.given_up().await;
    api.stack.refuse_mail(false);
    assert_eq!(api.mails_to("ada@example.com").await, 0);
    assert_eq!(api.stack.undelivered(), [given_up]);
}
