//! `POST /api/login/code/confirm`: logs in with a code, anyone who received it by e-mail or by SMS.

use shared::{
    Anyone, App, Reply, Request, json,
    login_code::{self, Ways},
    otp,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(confirm).await
}

async fn confirm(app: &App, _: Anyone, request: Request) -> Reply {
    let ways = Ways::from_env()?;
    let mut form = request.form()?;
    let (to, guess) = (ways.read(&mut form), form.required("otp", otp::guess));
    let (Some(to), Some(guess)) = (to, guess) else { return Err(form.complaints()) };
    json(200, &login_code::log_in(app, &request, &to.name(), &guess).await?)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Tokens, OTP_INVALID, SWITCHED_OFF, a_new_session, body, field, post};
    use serde_json::json;

    let body = body(
        "LoginByCode",
        &["otp"],
        json!({
            "email": field::address(),
            "phone_number": field::described(field::phone(), "Where the code came by SMS."),
            "otp": field::code(),
        }),
    )
    .one_of(&["email", "phone_number"]);
    post(Tokens, "/api/login/code/confirm", "Log in with a code")
        .about("Where `LoginByCode` allows it. The code dies when the password changes, and when all sessions of the user end.")
        .takes(body, &[json!({ "email": "testuser@example.com", "otp": "123456" })])
        .refuses(&[OTP_INVALID, SWITCHED_OFF])
        .answers(200, a_new_session())
}
