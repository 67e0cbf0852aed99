//! `POST /api/password/forgot/confirm`: sets a new password with a code, for anyone who received it by e-mail or by SMS. All
//! sessions end.

use futures_util::join;
use serde_json::json as object;
use shared::{
    Anyone, App, Error, Reply, Request,
    audit::{self, Changed, Event},
    email::Email,
    json, log, login,
    otp::{self, Purpose},
    password::{About, NewPassword},
    phone::PhoneRules,
    user::{self, claim::Name},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(confirm).await
}

async fn confirm(app: &App, _: Anyone, request: Request) -> Reply {
    let mut form = request.form()?;
    let by_sms = form.has("phone_number") && !form.has("email");
    let phones = PhoneRules::from_env()?;
    let name = if by_sms {
        let phone = form.required("phone_number", |text| phones.parse(text));
        phone.map(|phone| Name::Phone(phone.e164().to_owned()))
    } else {
        form.required("email", Email::parse).map(|email| Name::Email(email.key()))
    };
    let guess = form.required("otp", otp::guess);
    let email = name.as_ref().filter(|_| !by_sms).map(Name::text).unwrap_or_default();
    let about = About { email, ..About::default() };
    let new = NewPassword::read(&mut form, about)?;
    let (Some(name), Some(guess), Some(new)) = (&name, guess, new) else { return Err(form.complaints()) };
    form.check()?;

    let redeemed = app.codes().redeem(request.client(), Purpose::ResetPassword, name.text(), &guess).await;
    let code = redeemed.inspect_err(|error| audit::code_refused(error, name.text(), request.ip()))?;
    let holder = code.holder()?;
    let recovered = code.use_for(&app.db, async {
        let account = user::find(&app.db, holder).await?.ok_or(Error::OtpInvalid)?;
        // Only now is it known whose password it is.
        new.check(account.about())?;
        let hash = app.hasher.hash(new.password())?;
        let user = account.user.clone();
        let recovered = user::recover_password(&app.db, request.client(), account, name, &code, &hash);
        // The right code shows whose account it is: strangers' failures must not keep its owner out.
        let (recovered, unlocked) = join!(recovered, login::unlock_recovered(app, &user, name.text()));
        if let Err(error) = unlocked {
            // The new password stands; failures of before pass by themselves.
            log::failed_call(&error.cause(), "failures were not cleared");
        }
        recovered
    });
    let fields = recovered.await?;
    audit::change(Event::PasswordRecovered, Some(holder), Changed::User(holder), &fields, request.ip());
    json(200, &object!({ "message": "Password changed successfully." }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Passwords, OTP_INVALID, body, field, post, says};
    use serde_json::json;

    let body = body(
        "PasswordRecovery",
        &["otp", "new_password", "confirm_password"],
        json!({
            "email": field::address(),
            "phone_number": field::described(field::phone(), "Where the code came by SMS."),
            "otp": field::code(),
            "new_password": field::new_password(),
            "confirm_password": field::password_again(),
        }),
    )
    .one_of(&["email", "phone_number"]);
    let recovery = json!({
        "email": "testuser@example.com",
        "otp": "123456",
        "new_password": "newpassword456",
        "confirm_password": "newpassword456",
    });
    post(Passwords, "/api/password/forgot/confirm", "Set a new password with a code")
        .about("All sessions end.")
        .takes(body, &[recovery])
        .refuses(&[OTP_INVALID])
        .answers(200, says("Password changed successfully."))
}
