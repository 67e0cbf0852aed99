//! `POST /api/token`: logs anyone in by username, verified e-mail address or verified phone number.

use shared::{
    Anyone, App, Error, Reply, Request, config, json,
    login::{Login, login},
    password::Password,
    phone::PhoneRules,
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

    let named = Login::read(&username, PhoneRules::from_env()?);
    let only_verified = config::flag("REQUIRE_VERIFIED_EMAIL")?;
    let tokens = login(app, &request, &named.identifier, named.find(app), &password, |account| {
        if only_verified && !account.user.is_email_verified { Err(Error::EmailNotVerified) } else { Ok(()) }
    });
    json(200, &tokens.await?)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{EMAIL_NOT_VERIFIED, Group::Tokens, LOGIN_REFUSED, a_new_session, body, field, post};
    use serde_json::json;

    let username = field::described(
        field::filled(user::LOGIN_LENGTH),
        "The username, or an e-mail address or phone number that is verified.",
    );
    let body = body(
        "Login",
        &["username", "password"],
        json!({ "username": username, "password": field::password() }),
    );
    let logins = [
        json!({ "username": "testuser", "password": "strongpassword123" }),
        json!({ "username": "bunny0909", "password": "password123" }),
        json!({ "username": "your_username", "password": "your_password" }),
    ];
    post(Tokens, "/api/token", "Log in by username")
        .about("Or by a verified e-mail address or phone number.")
        .takes(body, &logins)
        .refuses(&[LOGIN_REFUSED, EMAIL_NOT_VERIFIED])
        .answers(200, a_new_session())
}
