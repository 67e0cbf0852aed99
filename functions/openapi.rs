//! `GET /openapi.json`: the documentation of the API for programs, for anyone.

use shared::{Anyone, App, Reply, Request, document::publish};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(openapi).await
}

async fn openapi(_: &App, _: Anyone, request: Request) -> Reply {
    publish(include_str!(concat!(env!("OUT_DIR"), "/document.json")), &request)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::About, get, shown_as};
    use serde_json::json;

    get(About, "/openapi.json", "The documentation for programs")
        .about("This OpenAPI document.")
        .answers(200, shown_as("The document.", &json!({ "type": "object" })))
}
