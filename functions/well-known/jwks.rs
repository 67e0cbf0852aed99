//! `GET /.well-known/jwks.json`: the public signing keys (RFC 7517), for anyone.

use serde_json::json as object;
use shared::{Anyone, App, Reply, Request, json_public, token};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(keys).await
}

async fn keys(app: &App, _: Anyone, _: Request) -> Reply {
    json_public(&object!({ "keys": token::published(app).await? }), 60)
}
