//! `GET /.well-known/jwks.json`: the public signing keys (RFC 7517), for anyone.

use serde_json::json as object;
use shared::{Anyone, App, Reply, Request, json_public, token};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(keys).await
}

async fn keys(app: &App, _: Anyone, _: Request) -> Reply {
    json_public(&object!({ "keys": token::published(&app.db).await? }), 60)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::About, get, shown};

    get(About, "/.well-known/jwks.json", "The public keys that verify tokens")
        .listed_as("jwks")
        .about("A JSON Web Key Set (RFC 7517).")
        .answers(200, shown("The keys.", "Keys"))
}
