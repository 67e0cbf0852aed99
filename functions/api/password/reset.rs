//! `POST /api/password/reset`: the caller changes their password. All sessions end, and the caller gets a new one.

use std::sync::Arc;

use futures_util::join;
use serde_json::json as object;
use shared::{
    App, Caller, Error, Reply, Request,
    audit::{self, Changed, Event},
    json, login,
    password::{Match, NewPassword, Password},
    session,
    throttle::{self, Counted},
    token::{Pair, SigningKey},
    user,
};

const WRONG: &str = "Your old password was entered incorrectly. Please enter it again.";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(reset).await
}

async fn reset(app: &App, caller: Caller, request: Request) -> Reply {
    let mut form = request.form()?;
    let old = form.secret("old_password", Password::parse);
    let new = NewPassword::read(&mut form, caller.account.about())?;
    let (Some(old), Some(new)) = (old, new) else { return Err(form.complaints()) };
    form.check()?;

    // Who holds a stolen access token must not guess the password with it.
    let limits = [login::of_old_password(caller.id())?, login::of_new_password(caller.id())?];
    let (tried, key) = join!(throttle::admit(&app.db, limits), app.signing_key());
    let tried = tried?;
    let changed = change(app, caller, &request, &old, &new, key, &tried);
    let tokens = throttle::settle(&app.db, &tried, changed).await?;
    let message = "Password changed successfully.";
    json(200, &object!({ "message": message, "refresh": tokens.refresh, "access": tokens.access }))
}

/// Changes the password, once the try is counted.
async fn change(
    app: &App,
    caller: Caller,
    request: &Request,
    old: &Password,
    new: &NewPassword,
    key: Result<Arc<SigningKey>, Error>,
    [guess, _]: &[Counted; 2],
) -> Result<Pair, Error> {
    let key = key?;
    if app.hasher.compare(old, &caller.account.password)? == Match::Wrong {
        return Err(Error::field("old_password", WRONG));
    }
    let session = session::begin(&caller.account, caller.account.epoch + 1, request.client())?;
    let tokens = session.tokens(&key, &caller.account.user, &app.compatibility.access_token_claims)?;
    let id = caller.id();
    let hash = app.hasher.hash(new.password())?;
    let (changed, ()) = join!(
        user::change_password(&app.db, caller.account, &hash, &session),
        // The old password was right, whatever becomes of the new one.
        throttle::take_back(&app.db, guess),
    );
    audit::change(Event::PasswordChanged, Some(id), Changed::User(id), &changed?, request.ip());
    Ok(tokens)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Passwords, body, field, post, shown};
    use serde_json::json;

    let body = body(
        "PasswordChange",
        &["old_password", "new_password", "confirm_password"],
        json!({
            "old_password": field::password(),
            "new_password": field::new_password(),
            "confirm_password": field::password_again(),
        }),
    );
    let change = json!({
        "old_password": "strongpassword123",
        "new_password": "newpassword456",
        "confirm_password": "newpassword456",
    });
    post(Passwords, "/api/password/reset", "Change the password")
        .about("All sessions end, and the caller gets a new one.")
        .by_user()
        .takes(body, &[change])
        .answers(200, shown("The new session.", "ChangedPassword"))
}
