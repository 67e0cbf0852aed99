//! Mails the codes and notices that the stream of the Otps table brings.

use shared::message::{Mail, Mailer};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let mailer = Mailer::from_env()?;
    shared::deliver(async |app, record, code| {
        let to = match record.user_id {
            Some(user) => shared::user::as_written(&app.db, user, &record.to).await?,
            None => None,
        };
        mailer.send(&Mail::of(record, code, app.stack())?, to.as_ref().unwrap_or(&record.to)).await
    })
    .await
}

#[cfg(contract)]
pub fn contract() -> serde_json::Value {
    contract::new_code("verify_email", "email", "testuser@example.com")
}
