//! `POST /api/otp/verify`: proves an e-mail address with the code that was sent to it; for anyone, and for the user when it is to
//! replace their present one.

use futures_util::join;
use serde_json::json as object;
use shared::{
    Anyone, App, Caller, Error, Reply, Request, Who,
    audit::{self, Changed, Event},
    email::Email,
    json,
    otp::{self, Purpose},
    user,
    user::claim::{self, Name},
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
    let (redeemed, holders) = join!(
        app.codes().redeem(request.client(), Purpose::VerifyEmail, &address, &guess),
        claim::read_twins(&app.db, &name)
    );
    let audit = |error: &Error| audit::code_refused(error, email.typed(), request.ip());
    let code = redeemed.inspect_err(audit)?;
    // A code whose user is signed out is kept: they can log in and enter it again.
    let verified = code.use_for(&app.db, async {
        let holders = holders?;
        let needs_caller = holders.of(&name).is_some_and(|holder| holder.staged && holder.by_user);
        let caller = if needs_caller { Some(Caller::of(app, &request).await?.account) } else { None };
        user::verify_email(&app.db, &address, &holders, &code, caller).await
    });
    let fields = verified.await.inspect_err(audit)?;
    let id = code.holder()?;
    audit::change(Event::Verified, Some(id), Changed::User(id), &fields, request.ip());
    json(200, &object!({ "message": "Email verified successfully." }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Registration, OTP_INVALID, body, field, post, says};
    use serde_json::json;

    post(Registration, "/api/otp/verify", "Prove an e-mail address with its code")
        .about(
            "A new address of a user takes effect with it. If you asked for that address yourself, send your access token, too.",
        )
        .also_by_user()
        .takes(
            body("EmailProof", &["email", "otp"], json!({ "email": field::address(), "otp": field::code() })),
            &[json!({ "email": "testuser@example.com", "otp": "123456" })],
        )
        .refuses(&[OTP_INVALID])
        .answers(200, says("Email verified successfully."))
}
