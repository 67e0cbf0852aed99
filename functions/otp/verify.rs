//! `POST /otp/verify`: proves a phone number, its employee's and its user's, with the code sent to it; for anyone.

use futures_util::join;
use serde_json::json as object;
use shared::{
    Anyone, App, Error, Reply, Request, employee, json,
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
        otp::redeem(app, &request, Purpose::VerifyPhone, phone.e164(), &guess),
        employee::find_bearers(app, &phone)
    );
    let audit = |error: &Error| log::audit_code(error, phone.e164(), request.ip());
    let code = redeemed.inspect_err(audit)?;
    let verified = code.use_for(app, async { employee::verify_phone(app, &phone, &code, bearers?).await });
    let actor = code.user_id.filter(|_| code.by_themselves);
    for record in verified.await.inspect_err(audit)? {
        log::audit_change(Act::Verified, actor, record, &["is_phone_verified"], request.ip());
    }
    json(200, &object!({ "message": "Phone number verified successfully" }))
}
