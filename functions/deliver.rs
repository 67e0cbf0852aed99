//! Mails the codes and notices that the stream of the Otps table brings.

use shared::message::{Mail, Mailer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let mailer = Mailer::from_env()?;
    shared::deliver(async |app, record, code| {
        mailer.send(&Mail::of(record, code, app.stack())?, &record.to).await
    })
    .await
}

#[cfg(contract)]
pub fn contract() -> serde_json::Value {
    contract::new_code("verify_email", "email", "testuser@example.com")
}
