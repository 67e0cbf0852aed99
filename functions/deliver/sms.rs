//! Texts the codes that the stream of the Otps table brings, by SNS or Twilio.

use shared::message::{Messages, Texter};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let (messages, texter) = (Messages::from_env()?, Texter::from_env()?);
    shared::deliver(async |record, code| texter.send(&messages.sms(record, code)?, &record.to).await).await
}

#[cfg(contract)]
pub fn contract() -> serde_json::Value {
    contract::new_code("verify_phone", "sms", "+911234567890")
}
