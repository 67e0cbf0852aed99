//! `POST /api/otp/resend`: sends another code to an e-mail address that is not verified yet; for anyone.

use serde_json::json as object;
use shared::{Anyone, App, Reply, Request, json, otp::Purpose, send_code, user::claim::Holder};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(resend).await
}

async fn resend(app: &App, _: Anyone, request: Request) -> Reply {
    send_code::by_email(app, &request, Purpose::VerifyEmail, Holder::is_waiting).await?;
    json(200, &object!({ "message": "If the address awaits verification, a new code has been sent." }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Registration, email_address, post, says};
    use serde_json::json;

    post(Registration, "/api/otp/resend", "Send another code")
        .about("The answer is the same whether or not anybody has the address.")
        .takes(email_address(), &[json!({ "email": "testuser@example.com" })])
        .answers(200, says("If the address awaits verification, a new code has been sent."))
}
