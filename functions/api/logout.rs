//! `POST /api/logout`: ends the session of a refresh token, for anyone who has it. Repeating it is no error.

use serde_json::json as object;
use shared::{
    Anyone, App, Reply, Request,
    audit::{self, Event},
    json, session, token, verify_legacy, verify_token,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(log_out).await
}

async fn log_out(app: &App, _: Anyone, request: Request) -> Reply {
    let mut form = request.form()?;
    // The Django systems disagree on the name.
    let name = if form.has("refresh_token") && !form.has("refresh") { "refresh_token" } else { "refresh" };
    let Some(text) = form.required(name, token::text) else { return Err(form.complaints()) };

    let (user, is_ended) = if let Some(legacy) = verify_legacy(app, &text).await? {
        (legacy.token.claims.user_id, legacy.end(app).await?)
    } else {
        let claims = verify_token(app, &text, Some(token::Kind::Refresh)).await?.claims;
        (claims.user_id, session::end(&app.db, claims.user_id, claims.sid).await?)
    };
    if is_ended {
        audit::user(Event::LoggedOut, user, request.ip());
    }
    json(200, &object!({ "message": "Logged out successfully." }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Tokens, TOKEN_REFUSED, body, field, post, says};
    use serde_json::json;

    // Either spelling will do; the Django systems disagree on it.
    let names = json!({
        "refresh": field::token("A refresh token of the session."),
        "refresh_token": field::token("The same, by another name."),
    });
    let body = body("Logout", &[], names).one_of(&["refresh", "refresh_token"]);
    post(Tokens, "/api/logout", "Log out")
        .about("The session of the refresh token ends at once. Repeating it is no error.")
        .takes(
            body,
            &[json!({ "refresh_token": "<refresh_token>" }), json!({ "refresh": "<refresh_token>" })],
        )
        .refuses(&[TOKEN_REFUSED])
        .answers(200, says("Logged out successfully."))
}
