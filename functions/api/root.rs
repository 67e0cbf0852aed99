//! `GET`, `HEAD /api`: every endpoint's name and URL, for anyone.

use shared::{Anyone, App, Reply, Request, document::publish};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(root).await
}

async fn root(_: &App, _: Anyone, request: Request) -> Reply {
    publish(include_str!(concat!(env!("OUT_DIR"), "/endpoints.json")), &request)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::About, get, nothing, shown};

    get(About, "/api", "Every endpoint's name and URL")
        .listed_as("root")
        .answers(200, shown("The endpoints.", "Endpoints"))
        .answers(304, nothing("They are those that `If-None-Match` names."))
}
