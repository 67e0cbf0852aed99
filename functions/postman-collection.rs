//! `GET /postman_collection.json`: the documentation of the API for Postman, for anyone.

use shared::{Anyone, App, Reply, Request, openapi::published};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(collection).await
}

async fn collection(_: &App, _: Anyone, request: Request) -> Reply {
    published(include_str!(concat!(env!("OUT_DIR"), "/collection.json")), &request)
}
