//! `GET /openapi.json`: the documentation of the API for programs, for anyone.

use shared::{Anyone, App, Reply, Request, config, json_public, openapi::document};

/// Seconds for which the answer may be kept.
const FRESH: u32 = 300;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(openapi).await
}

async fn openapi(_: &App, _: Anyone, request: Request) -> Reply {
    let url = request.url();
    let base = url.trim_end_matches('/').trim_end_matches("/openapi.json");
    json_public(&document(base, config::number("PASSWORD_MIN_LENGTH")?), FRESH)
}
