//! Logs what becomes of mails after SES has taken them: bounces, complaints, rejections and delays, by EventBridge.

use lambda_runtime::{LambdaEvent, service_fn};
use shared::{log, message::MailEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    log::start();
    lambda_runtime::run(service_fn(async |event: LambdaEvent<MailEvent>| {
        event.payload.log();
        Ok::<_, lambda_runtime::Error>(())
    }))
    .await
}

#[cfg(contract)]
pub fn contract() -> serde_json::Value {
    contract::bounced_mail("testuser@example.com")
}
