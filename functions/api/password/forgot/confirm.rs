//! `POST /api/password/forgot/confirm`: sets a new password with a code, for anyone who received it. All sessions end.

use futures_util::join;
use serde_json::json as object;
use shared::{
    Anyone, App, Error, Reply, Request,
    email::Email,
    json,
    log::{self, Act},
    otp::{self, Purpose},
    password::{About, NewPassword},
    user,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(confirm).await
}

async fn confirm(app: &App, _: Anyone, request: Request) -> Reply {
    let mut form = request.form()?;
    let email = form.required("email", Email::parse);
    let guess = form.required("otp", otp::guess);
    let about = About { email: email.as_ref().map(Email::typed).unwrap_or_default(), ..About::default() };
    let new = NewPassword::read(&mut form, about)?;
    let (Some(email), Some(guess), Some(new)) = (email, guess, new) else { return Err(form.complaints()) };
    form.check()?;

    let redeemed = otp::redeem(app, Purpose::ResetPassword, &email.key(), &guess).await;
    let code = redeemed.inspect_err(|error| log::audit_code(error, email.typed(), request.ip()))?;
    let account = user::find(app, code.holder()?).await?.ok_or(Error::OtpInvalid)?;
    // Only now is it known whose password it is. The code was right, and is not spent yet.
    if let Err(complaints) = new.check(account.about()) {
        code.forgive(app).await;
        return Err(complaints);
    }
    let (hash, address) = (app.hasher.hash(new.password())?, email.key());
    let (recovered, ()) =
        join!(user::recover_password(app, &account, &address, &code, &hash), code.forgive(app));
    recovered?;
    log::audit(Act::PasswordRecovered, account.user.id, request.ip());
    json(200, &object!({ "message": "Password changed successfully." }))
}
