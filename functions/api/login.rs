//! `POST /api/login`: logs anyone in by e-mail address, once it is verified.

use shared::{
    Anyone, App, Error, Reply, Request,
    email::Email,
    json,
    login::{Named, login},
    password::Password,
    user::claim::{self, Name},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(log_in).await
}

async fn log_in(app: &App, _: Anyone, request: Request) -> Reply {
    let mut form = request.form()?;
    let (email, password) = (form.required("email", Email::parse), form.secret("password", Password::parse));
    let (Some(email), Some(password)) = (email, password) else { return Err(form.complaints()) };

    let identifier = email.key();
    let name = Name::Email(identifier.clone());
    let find = async {
        let holder = claim::find(&app.db, &name).await?;
        let holder = holder.filter(|holder| !holder.staged);
        Ok(holder.map(|holder| Named { user: holder.user_id, is_theirs: holder.verified }))
    };
    let tokens = login(app, &request, &identifier, find, &password, |account| {
        if account.user.is_email_verified { Ok(()) } else { Err(Error::EmailNotVerified) }
    });
    json(200, &tokens.await?)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{EMAIL_NOT_VERIFIED, Group::Tokens, LOGIN_REFUSED, a_new_session, body, field, post};
    use serde_json::json;

    post(Tokens, "/api/login", "Log in by e-mail address")
        .about("The address has to be verified.")
        .takes(
            body(
                "EmailLogin",
                &["email", "password"],
                json!({ "email": field::address(), "password": field::password() }),
            ),
            &[json!({ "email": "testuser@example.com", "password": "strongpassword123" })],
        )
        .refuses(&[LOGIN_REFUSED, EMAIL_NOT_VERIFIED])
        .answers(200, a_new_session())
}
