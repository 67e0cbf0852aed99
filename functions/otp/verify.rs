//! `POST /otp/verify`: proves a phone number with the code sent to it: an employee's, by anyone, and a user's own, when both
//! the code was asked for and it is entered with that user's token.

use futures_util::join;
use serde_json::json as object;
use shared::{
    Anyone, App, Caller, Error, Reply, Request, employee, json,
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

    let (redeemed, bearers, caller) = join!(
        otp::redeem(app, &request, Purpose::VerifyPhone, phone.e164(), &guess),
        employee::find_bearers(app, &phone),
        Caller::if_given(app, &request)
    );
    let audit = |error: &Error| log::audit_code(error, phone.e164(), request.ip());
    let code = redeemed.inspect_err(audit)?;
    let (caller, refusal) = match caller {
        Ok(caller) => (caller.map(|caller| caller.account), None),
        Err(error) => (None, Some(error)),
    };
    let actor = caller.as_ref().map(|account| account.user.id);
    let verified = code.use_for(app, async {
        // An invalid token does not matter for a code that no user asked for. The code of a user is kept: they can log in and
        // enter it again.
        if let Some(error) = refusal.filter(|error| code.by_themselves || error.is_ours()) {
            return Err(error);
        }
        employee::verify_phone(app, &request, &phone, &code, caller, bearers?).await
    });
    for (record, fields) in verified.await.inspect_err(audit)? {
        log::audit_change(Act::Verified, actor, record, fields, request.ip());
    }
    json(200, &object!({ "message": "Phone number verified successfully" }))
}
