//! `POST /api/token/verify`: tells anyone whether a token of either kind is alive.
//!
//! Answers about refresh tokens and dead tokens are limited for each session: from them a thief could learn when the owner uses a
//! refresh token. Live access tokens are not counted.

use serde_json::json as object;
use shared::{
    Anyone, App, Error, Reply, Request,
    audit::{self, Event},
    config,
    http::TokenFault,
    json,
    throttle::{self, HOUR, Throttle},
    token, verify_token,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(verify).await
}

async fn verify(app: &App, _: Anyone, request: Request) -> Reply {
    let mut form = request.form()?;
    let Some(text) = form.required("token", token::text) else { return Err(form.complaints()) };

    let token = verify_token(app, &text, None).await?;
    let (claims, is_live) = (&token.claims, token.is_live());
    if !is_live || claims.token_type == token::Kind::Refresh {
        let checks = Throttle::new("token_checks", &claims.sid.to_string(), HOUR)
            .at_most(config::number("TOKEN_CHECKS_PER_HOUR")?, "made");
        if let Err(error) = throttle::admit(&app.db, [checks]).await {
            if matches!(error, Error::Throttled(_)) {
                audit::user(Event::Throttled, claims.user_id, request.ip());
            }
            return Err(error);
        }
    }
    if !is_live {
        audit::user(Event::DeadTokenShown, claims.user_id, request.ip());
        return Err(Error::TokenNotValid(TokenFault::Blacklisted));
    }
    json(200, &object!({}))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Tokens, TOKEN_REFUSED, body, field, post, shown_as};
    use serde_json::json;

    post(Tokens, "/api/token/verify", "Ask whether a token is alive")
        .about(
            "Answers about a refresh token, and about dead tokens, are limited for each session. Those about \
                 live access tokens are not.",
        )
        .takes(
            body("AnyToken", &["token"], json!({ "token": field::token("An access or a refresh token.") })),
            &[json!({ "token": "<access_token>" })],
        )
        .refuses(&[TOKEN_REFUSED])
        .answers(200, shown_as("It is.", &json!({ "type": "object", "maxProperties": 0 })))
}
