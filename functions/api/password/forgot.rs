//! `POST /api/password/forgot`: sends a code to set a new password; for anyone.

use serde_json::json as object;
use shared::{Anyone, App, Reply, Request, json, otp::Purpose, send_code};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(forgot).await
}

async fn forgot(app: &App, _: Anyone, request: Request) -> Reply {
    // A code proves the address as well as it sets the password, so that an unverified one will do; one that is only
    // staged is not the account's yet.
    send_code::by_email(app, &request, Purpose::ResetPassword, |holder| !holder.staged).await?;
    json(
        200,
        &object!({ "message": "If an account has that address, a code to set a new password has been sent." }),
    )
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Passwords, email_address, post, says};
    use serde_json::json;

    let sent = "If an account has that address, a code to set a new password has been sent.";
    post(Passwords, "/api/password/forgot", "Ask for a code to set a new password")
        .about("The answer is the same whether or not anybody has the address.")
        .takes(email_address(), &[json!({ "email": "testuser@example.com" })])
        .answers(200, says(sent))
}
