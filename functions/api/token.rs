//! `POST /api/token`: logs anyone in by username, verified e-mail address or verified phone number.

use shared::{
    Anyone, App, Error, Reply, Request, claim, config, json,
    login::login,
    password::Password,
    phone::{Phone, PhoneRules},
    user,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(obtain).await
}

async fn obtain(app: &App, _: Anyone, request: Request) -> Reply {
    let mut form = request.form()?;
    let username = form.required("username", user::login_text);
    let password = form.secret("password", Password::parse);
    let (Some(username), Some(password)) = (username, password) else { return Err(form.complaints()) };

    let phone = PhoneRules::from_env()?.parse(&username).ok();
    let only_verified = config::flag("REQUIRE_VERIFIED_EMAIL")?;
    let find = claim::find_login(app, &username, phone.as_ref().map(Phone::e164));
    let identifier = user::username_key(&username);
    let tokens = login(app, &request, &identifier, find, &password, |account| {
        if only_verified && !account.user.is_email_verified { Err(Error::EmailNotVerified) } else { Ok(()) }
    });
    json(200, &tokens.await?)
}
