//! `GET /postman_collection.json`: the documentation of the API for Postman, for anyone.

use shared::{Anyone, App, Reply, Request, compatibility::ListFormat, config::Pages, document::publish};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(collection).await
}

async fn collection(app: &App, _: Anyone, request: Request) -> Reply {
    Pages::Documentation.are_public()?;
    let collection = match app.compatibility.lists {
        ListFormat::Cursor => include_str!(concat!(env!("OUT_DIR"), "/collection.json")),
        ListFormat::Page => include_str!(concat!(env!("OUT_DIR"), "/collection-page.json")),
        ListFormat::Array => include_str!(concat!(env!("OUT_DIR"), "/collection-array.json")),
    };
    publish(collection, &request)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::About, SWITCHED_OFF, get, nothing, shown_as};
    use serde_json::json;

    get(About, "/postman_collection.json", "The documentation for Postman")
        .refuses(&[SWITCHED_OFF])
        .answers(200, shown_as("The collection.", &json!({ "type": "object" })))
        .answers(304, nothing("The collection is the one that `If-None-Match` names."))
}
