//! What the functions do that send messages: they are fed by the stream of the Otps table, each with one channel.
//!
//! Records are taken in order. The first that cannot be sent now stops the batch; Lambda brings it and those behind it again
//! until the code would have expired, and then moves the record to the queue of the undelivered.

use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    App, Error, log,
    message::Sent,
    otp::{Pending, Record},
};

/// Answers batches of the stream with `send`, which gets a record and its code (empty for a notice), until Lambda ends the
/// instance.
pub async fn deliver(
    send: impl AsyncFn(&Record, &str) -> Result<Sent, Error>,
) -> Result<(), lambda_runtime::Error> {
    log::start();
    let app = App::from_env()?;
    let (app, send) = (&app, &send);
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event>| {
        // Boxed: with the SDK in it, the type is deeper than the compiler looks.
        Ok::<_, lambda_runtime::Error>(Box::pin(batch(app, send, event.payload)).await)
    }))
    .await
}

/// A batch of the stream, as Lambda brings it.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    dynamodb: Images,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Images {
    sequence_number: String,
    new_image: Option<Value>,
    old_image: Option<Value>,
}

/// Answers with the first record to bring again, if there is one (Lambda's `ReportBatchItemFailures`).
async fn batch(app: &App, send: &impl AsyncFn(&Record, &str) -> Result<Sent, Error>, event: Event) -> Value {
    for Change { dynamodb: change } in event.records {
        if let Err(error) = one(app, send, &change).await {
            let event = log::Event::MessageDelayed.id();
            tracing::warn!(event, cause = error.cause(), "a message was not sent and will be tried again");
            return json!({ "batchItemFailures": [{ "itemIdentifier": change.sequence_number }] });
        }
    }
    json!({ "batchItemFailures": [] })
}

async fn one(
    app: &App,
    send: &impl AsyncFn(&Record, &str) -> Result<Sent, Error>,
    change: &Images,
) -> Result<(), Error> {
    let Some(image) = &change.new_image else { return Ok(()) };
    let pending = match Pending::read(image) {
        Ok(pending) => pending,
        Err(error) => {
            // It will not become readable: those behind it must not wait.
            let event = log::Event::MessageUnreadable.id();
            tracing::error!(event, cause = error.cause(), "a record was left out");
            return Ok(());
        }
    };
    let before = change.old_image.as_ref().and_then(|image| Pending::read(image).ok());
    // A guess was counted: the code is the one that was sent.
    if before.is_some_and(|before| before.record.nonce == pending.record.nonce) || !pending.is_to_be_sent() {
        return Ok(());
    }
    let record = &pending.record;
    let (purpose, to) = (record.purpose, log::mask(&record.to));
    if !pending.is_live() {
        let (event, expired) = (log::Event::MessageExpired.id(), "a code expired before it could be sent");
        tracing::error!(event, %purpose, to, "{expired}");
        return Err(Error::internal(expired));
    }
    let code = if record.purpose.is_notice() { String::new() } else { pending.code(&app.secrets).await? };
    match send(record, &code).await? {
        Sent::Accepted => {
            let event = log::Event::MessageSent.id();
            tracing::info!(event, %purpose, to, "sent");
        }
        Sent::Refused(reason) => {
            let event = log::Event::MessageUndeliverable.id();
            tracing::error!(event, %purpose, to, reason, "undeliverable");
        }
    }
    Ok(())
}
