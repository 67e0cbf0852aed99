//! `GET /openapi.json`: the documentation of the API for programs, for anyone.

use shared::{Anyone, App, Reply, Request, config, json_public, openapi::document};

/// Seconds for which the answer may be kept.
const FRESH: u32 = 300;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(openapi).await
}

async fn openapi(_: &App, _: Anyone, request: Request) -> Reply {
    json_public(&document(&request.base_url(), config::number("PASSWORD_MIN_LENGTH")?), FRESH)
}
