//! `POST /otp/verify`: proves a phone number, its employee's and its user's, with the code sent to it; for anyone.

use futures_util::join;
use serde_json::json as object;
use shared::{
    Anyone, App, Reply, Request, employee, json,
    log::{self, Act},
    otp::{self, Purpose},
    phone::PhoneRules,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(verify).await
}

async fn verify(app: &App, _: Anyone, request: Request) -> Reply {
    let phones = PhoneRules::from_env()?;
    let mut form = request.form()?;
    let phone = form.required("phone_number", |text| phones.parse(text));
    let guess = form.required("otp", otp::guess);
    let (Some(phone), Some(guess)) = (phone, guess) else { return Err(form.complaints()) };

    let (redeemed, bearers) = join!(
        otp::redeem(app, Purpose::VerifyPhone, phone.e164(), &guess),
        employee::find_bearers(app, &phone)
    );
    let code = redeemed.inspect_err(|error| log::audit_code(error, phone.e164(), request.ip()))?;
    // The guess was right, whatever becomes of it: it is no wrong one.
    let (verified, ()) = join!(employee::verify_phone(app, &phone, &code, bearers?), code.forgive(app));
    verified.inspect_err(|error| log::audit_code(error, phone.e164(), request.ip()))?;
    log::audit_unknown(Act::Verified, phone.e164(), request.ip());
    json(200, &object!({ "message": "Phone number verified successfully" }))
}
