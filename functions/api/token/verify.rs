//! `POST /api/token/verify`: tells anyone whether a token of either kind is alive.

use serde_json::json as object;
use shared::{Anyone, App, Error, Reply, Request, http::TokenFault, json, shown, token};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(verify).await
}

async fn verify(app: &App, _: Anyone, request: Request) -> Reply {
    let mut form = request.form()?;
    let Some(text) = form.required("token", token::text) else { return Err(form.complaints()) };

    if shown(app, &text, None).await?.is_live() {
        json(200, &object!({}))
    } else {
        Err(Error::TokenNotValid(TokenFault::Blacklisted))
    }
}
