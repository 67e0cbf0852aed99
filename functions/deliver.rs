//! Mails the codes and notices that the stream of the Otps table brings.

use shared::message::{Mailer, Messages};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let (messages, mailer) = (Messages::from_env()?, Mailer::from_env()?);
    shared::deliver(async |record, code| mailer.send(&messages.mail(record, code)?, &record.to).await).await
}

#[cfg(contract)]
pub fn contract() -> serde_json::Value {
    contract::new_code("verify_email", "email", "testuser@example.com")
}
