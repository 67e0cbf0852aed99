//! `POST /api/password/forgot`: sends a code to set a new password, by e-mail or to a verified phone number; for anyone.

use serde_json::json as object;
use shared::{
    Anyone, App, Reply, Request, json,
    otp::{Purpose, Record},
    phone::{Phone, PhoneRules, Reach},
    send_code,
    user::{Account, claim::Holder},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(forgot).await
}

async fn forgot(app: &App, _: Anyone, request: Request) -> Reply {
    if request.form().is_ok_and(|form| form.has("phone_number") && !form.has("email")) {
        return by_sms(app, &request).await;
    }
    // A code proves the address as well as it sets the password, so that an unverified one will do; one that is only
    // staged is not the account's yet.
    send_code::by_email(app, &request, Purpose::ResetPassword, |holder| !holder.staged).await?;
    json(
        200,
        &object!({ "message": "If an account has that address, a code to set a new password has been sent." }),
    )
}

/// Only to a verified number: an unverified one may be mistyped, and its owner would get the account.
async fn by_sms(app: &App, request: &Request) -> Reply {
    let (phones, reach) = (PhoneRules::from_env()?, Reach::from_env()?);
    let mut form = request.form();
    let parse = |text: &str| phones.parse(text).and_then(|phone| reach.check(phone));
    let phone = form.as_mut().ok().and_then(|form| form.required("phone_number", parse));
    let record = |phone: &Phone, holder: Option<&Holder>, _: Option<&Account>| {
        let holder = holder.filter(|holder| holder.verified);
        let code = Record::recovery_by_sms(phone, holder.map(|holder| holder.user_id), request.client())?;
        Ok(Some(code.in_language(holder.map_or("", Holder::language))))
    };
    let asked = send_code::ask(app, request, form, phone).await?.with_decoys();
    send_code::by_sms(app, request, asked, Ok(None), record).await?;
    json(
        200,
        &object!({ "message": "If an account has that number, a code to set a new password has been sent." }),
    )
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Passwords, body, field, post, says};
    use serde_json::json;

    let addresses = json!({
        "email": field::address(),
        "phone_number": field::described(field::phone(), "A verified number, where there is no `email`."),
    });
    let sent = "If an account has that address, a code to set a new password has been sent.";
    post(Passwords, "/api/password/forgot", "Ask for a code to set a new password")
        .about(
            "By e-mail, or by SMS to a verified phone number. The answer is the same whether or not anybody has the \
             address or number.",
        )
        .takes(
            body("Forgotten", &[], addresses).one_of(&["email", "phone_number"]),
            &[json!({ "email": "testuser@example.com" }), json!({ "phone_number": "9881167671" })],
        )
        .answers(200, says(sent))
}
