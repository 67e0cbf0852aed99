//! Texts the codes that the stream of the Otps table brings, by SNS or Twilio.

use shared::message::{Sms, Texter};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    let texter = Texter::from_env()?;
    shared::deliver(async |app, record, code| {
        texter.send(&Sms::of(record, code, app.stack()), &record.to).await
    })
    .await
}

#[cfg(contract)]
pub fn contract() -> serde_json::Value {
    contract::new_code("verify_phone", "sms", "+911234567890")
}
