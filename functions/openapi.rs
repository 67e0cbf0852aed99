//! `GET`, `HEAD /openapi.json`: the documentation of the API for programs, for anyone.

use std::sync::OnceLock;

use serde_json::Value;
use shared::{
    Anyone, App, Error, Reply, Request,
    compatibility::Compatibility,
    config::Pages,
    document::{merge, publish, settings},
};

const DOCUMENT: &str = include_str!(concat!(env!("OUT_DIR"), "/document.json"));
/// What changes in it with each setting.
const PATCHES: &str = include_str!(concat!(env!("OUT_DIR"), "/patches.json"));

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(openapi).await
}

async fn openapi(app: &App, _: Anyone, request: Request) -> Reply {
    static OF_THIS_STACK: OnceLock<String> = OnceLock::new();
    Pages::Documentation.are_public()?;
    let document = if let Some(document) = OF_THIS_STACK.get() {
        document
    } else {
        let document = document(&app.compatibility)?;
        OF_THIS_STACK.get_or_init(|| document)
    };
    publish(document, &request)
}

/// The document of a stack that answers like this.
fn document(answers: &Compatibility) -> Result<String, Error> {
    let parse =
        |text| serde_json::from_str::<Value>(text).map_err(|error| Error::internal(error.to_string()));
    let (mut document, patches) = (parse(DOCUMENT)?, parse(PATCHES)?);
    for setting in settings(answers) {
        merge(&mut document, &patches[setting]);
    }
    Ok(document.to_string())
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::About, SWITCHED_OFF, get, nothing, shown_as};
    use serde_json::json;

    get(About, "/openapi.json", "The documentation for programs")
        .about("This OpenAPI document.")
        .refuses(&[SWITCHED_OFF])
        .answers(200, shown_as("The document.", &json!({ "type": "object" })))
        .answers(304, nothing("The document is the one that `If-None-Match` names."))
}
