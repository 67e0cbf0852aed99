//! `GET /postman_collection.json`: the documentation of the API for Postman, for anyone.

use shared::{Anyone, App, Reply, Request, document::publish};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(collection).await
}

async fn collection(_: &App, _: Anyone, request: Request) -> Reply {
    publish(include_str!(concat!(env!("OUT_DIR"), "/collection.json")), &request)
}
