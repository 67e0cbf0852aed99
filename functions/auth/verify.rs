//! `POST /auth/verify`: exchanges the code sent to a phone number for a registration token; for anyone.

use serde_json::json as object;
use shared::{
    Anyone, App, Error, Reply, Request,
    audit::{self, Event},
    json,
    otp::{self, Purpose},
    phone::PhoneRules,
    registration,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(verify).await
}

async fn verify(app: &App, _: Anyone, request: Request) -> Reply {
    let phones = PhoneRules::from_env()?;
    let mut form = request.form()?;
    let phone = form.required("phone", |text| phones.parse(text));
    let guess = form.required("code", otp::guess);
    let (Some(phone), Some(guess)) = (phone, guess) else { return Err(form.complaints()) };

    let redeemed = app.codes().redeem(request.client(), Purpose::SignUp, phone.e164(), &guess).await;
    let audit = |error: &Error| audit::code_refused(error, phone.e164(), request.ip());
    let code = redeemed.inspect_err(audit)?;
    let token =
        code.use_for(&app.db, registration::issue(&app.db, &phone, &code)).await.inspect_err(audit)?;
    audit::unknown(Event::Verified, phone.e164(), request.ip());
    json(200, &object!({ "message": "Phone verified.", "registration_token": token.text() }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::PhoneNumbers, OTP_INVALID, body, field, post, shown, such_as};
    use serde_json::json;

    let verified =
        json!({ "message": "Phone verified.", "registration_token": "fef8702768384d1d88a2e1454e6c749c" });
    post(PhoneNumbers, "/auth/verify", "Exchange a code for a registration token")
        .listed_as("phone-verify")
        .about("It lives for ten minutes and makes one account.")
        .takes(
            body("PhoneProof", &["phone", "code"], json!({ "phone": field::phone(), "code": field::code() })),
            &[json!({ "phone": "09101234567", "code": "1234" })],
        )
        .refuses(&[OTP_INVALID])
        .answers(200, such_as(shown("The number is proven.", "PhoneVerified"), &verified))
}
