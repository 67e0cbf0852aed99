//! `POST /api/token/refresh`: a new access token for anyone with a refresh token, which is used up unless `RotateRefreshTokens` is
//! `false`.

use futures_util::join;
use serde_json::json as object;
use shared::{
    Anyone, App, Error, Reply, Request, VerifiedToken, http::TokenFault, json, session, token, verify_legacy,
    verify_token,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(refresh).await
}

async fn refresh(app: &App, _: Anyone, request: Request) -> Reply {
    let mut form = request.form()?;
    let Some(text) = form.required("refresh", token::text) else { return Err(form.complaints()) };

    let (token, key) = join!(verify(app, &request, &text), app.signing_key());
    let (token, key) = (token?, key?);
    let account =
        token.account.filter(|account| account.user.is_active).ok_or(Error::NoActiveAccountForToken)?;
    let session = token.session.ok_or(Error::TokenNotValid(TokenFault::Blacklisted))?;
    let shown = session::Shown { claims: &token.claims, account: &account, client: request.client() };
    let claims = &app.compatibility.access_token_claims;
    if app.compatibility.rotates_refresh_tokens {
        let session = shown.rotate(&app.db, session).await?;
        return json(200, &token::Refreshed::from(session.tokens(&key, &account.user, claims)?));
    }
    let session = shown.keep(&app.db, session).await?;
    json(200, &object!({ "access": session.access_token(&key, &account.user, claims)? }))
}

/// A refresh token of this stack, or of the Django system that the user came from.
async fn verify(app: &App, request: &Request, text: &str) -> Result<VerifiedToken, Error> {
    match verify_legacy(app, text).await? {
        Some(legacy) => legacy.begin(app, request).await,
        None => verify_token(app, text, Some(token::Kind::Refresh)).await,
    }
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Tokens, TOKEN_REFUSED, body, field, post, shown};
    use serde_json::json;

    post(Tokens, "/api/token/refresh", "Get new tokens")
        .about(
            "The refresh token is used up. The client that used it (the same network and `User-Agent`) may \
             repeat it: within a few seconds it gets the same successor, and later another one, as long as \
             the first has not been used. Any other use of the token again ends the session.",
        )
        .about_without_rotation(
            "The refresh token stays valid until it expires, its session ends or the password changes.",
        )
        .takes(
            body("Refresh", &["refresh"], json!({ "refresh": field::token("A refresh token.") })),
            &[json!({ "refresh": "<refresh_token>" })],
        )
        .refuses(&[TOKEN_REFUSED])
        .answers(200, shown("What the session goes on with.", "RefreshedTokens"))
}
