//! `GET`, `HEAD /health`: whether every table answers, for anyone.

use serde_json::json as object;
use shared::{Anyone, App, Error, Reply, Request, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(health).await
}

async fn health(app: &App, _: Anyone, _: Request) -> Reply {
    app.tables_answer().await.map_err(Error::into_unavailable)?;
    json(200, &object!({ "status": "ok" }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::About, get, shown};

    get(About, "/health", "Whether the tables answer").answers(200, shown("They do.", "Health"))
}
