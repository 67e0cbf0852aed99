//! `POST /api/otp/verify`: proves an e-mail address with the code that was sent to it; for anyone.

use futures_util::join;
use serde_json::json as object;
use shared::{
    Anyone, App, Error, Reply, Request,
    claim::{self, Name},
    email::Email,
    json,
    log::{self, Act},
    otp::{self, Purpose},
    user,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(verify).await
}

async fn verify(app: &App, _: Anyone, request: Request) -> Reply {
    let mut form = request.form()?;
    let email = form.required("email", Email::parse);
    let guess = form.required("otp", otp::guess);
    let (Some(email), Some(guess)) = (email, guess) else { return Err(form.complaints()) };

    let address = email.key();
    let name = Name::Email(address.clone());
    let (redeemed, holder) =
        join!(otp::redeem(app, Purpose::VerifyEmail, &address, &guess), claim::find(app, &name));
    let verified = match (redeemed, holder?) {
        (Ok(code), Some(holder)) => {
            // The guess was right, whatever becomes of it: it is no wrong one.
            let (verified, ()) =
                join!(user::verify_email(app, &address, holder.staged, &code), code.forgive(app));
            verified.map(|()| code)
        }
        (Ok(_), None) => Err(Error::OtpInvalid),
        (Err(error), _) => Err(error),
    };
    let code = verified.inspect_err(|error| log::audit_code(error, email.typed(), request.ip()))?;
    log::audit(Act::Verified, code.holder()?, request.ip());
    json(200, &object!({ "message": "Email verified successfully." }))
}
