//! Sends what the stream of the Otps table brings: derives each code again and mails it.
//!
//! Records are taken in order. The first that cannot be sent now stops the batch; Lambda brings it and those behind it again
//! until the code would have expired, and then moves the record to the queue of the undelivered.

use lambda_runtime::{LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    App, Error,
    message::{Mail, Sent},
    otp::{Pending, Purpose},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::log::start();
    let app = App::from_env()?;
    let app = &app;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event>| {
        // Boxed: with the SDK in it, the type is deeper than the compiler looks.
        Ok::<_, lambda_runtime::Error>(Box::pin(deliver(app, event.payload)).await)
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
async fn deliver(app: &App, event: Event) -> Value {
    for Change { dynamodb: change } in event.records {
        if let Err(error) = send(app, &change).await {
            tracing::warn!(cause = error.cause(), "a message was not sent and will be tried again");
            return json!({ "batchItemFailures": [{ "itemIdentifier": change.sequence_number }] });
        }
    }
    json!({ "batchItemFailures": [] })
}

async fn send(app: &App, change: &Images) -> Result<(), Error> {
    let Some(image) = &change.new_image else { return Ok(()) };
    let pending = match Pending::read(image) {
        Ok(pending) => pending,
        Err(error) => {
            // It will not become readable: those behind it must not wait.
            tracing::error!(cause = error.cause(), "a record was left out");
            return Ok(());
        }
    };
    let before = change.old_image.as_ref().and_then(|image| Pending::read(image).ok());
    // A guess was counted: the code is the one that was sent.
    let is_sent = before.is_some_and(|before| before.record.nonce == pending.record.nonce);
    if is_sent || pending.record.user_id.is_none() {
        return Ok(());
    }
    if !pending.is_live() {
        return Err(Error::internal("a code expired before it could be sent"));
    }
    let code = match pending.record.purpose {
        Purpose::NoticeEmailChange => String::new(),
        Purpose::VerifyEmail | Purpose::ResetPassword => pending.code(app).await?,
    };
    let sent = Mail::of(&pending.record, &code, app.stack()).send(app, &pending.record.to).await?;
    let to = shared::log::mask(&pending.record.to);
    match sent {
        Sent::Accepted => tracing::info!(purpose = %pending.record.purpose, to, "sent"),
        Sent::Refused(reason) => {
            tracing::error!(purpose = %pending.record.purpose, to, reason, "undeliverable");
        }
    }
    Ok(())
}
