//! `POST /api/login/code`: sends a code to log in, by e-mail or SMS; for anyone, where `LoginByCode` allows it.

use serde_json::json as object;
use shared::{
    Anyone, App, Reply, Request, json,
    login_code::{self, To},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(ask).await
}

async fn ask(app: &App, _: Anyone, request: Request) -> Reply {
    let message = match login_code::ask(app, &request).await? {
        To::Email(_) => "If an account has that address, a code to log in has been sent.",
        To::Phone(_) => "If an account has that number, a code to log in has been sent.",
    };
    json(200, &object!({ "message": message }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Tokens, SWITCHED_OFF, body, field, post, says};
    use serde_json::json;

    let addresses = json!({
        "email": field::described(field::address(), "A verified address."),
        "phone_number": field::described(field::phone(), "A verified number, where there is no `email`."),
    });
    post(Tokens, "/api/login/code", "Ask for a code to log in")
        .about(
            "By e-mail or by SMS, as `LoginByCode` allows, to a verified address or number of a user who is not staff. The answer is \
             the same whether or not anybody has it.",
        )
        .takes(
            body("CodeForLogin", &[], addresses).one_of(&["email", "phone_number"]),
            &[json!({ "email": "testuser@example.com" }), json!({ "phone_number": "9881167671" })],
        )
        .refuses(&[SWITCHED_OFF])
        .answers(200, says("If an account has that address, a code to log in has been sent."))
}
