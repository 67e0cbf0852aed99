//! Rewrites stored records in the shape in which this release writes them. It has no URL: the operator of the stack invokes it.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Deserialize;
use shared::{
    App, log,
    reindex::{Kind, reindex},
};

/// Which records, and after which of them to begin; with none, at the first.
#[derive(Deserialize)]
struct Event {
    kind: Kind,
    #[serde(default)]
    position: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    log::start();
    let app = App::from_env()?;
    let app = &app;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event>| {
        let Event { kind, position } = event.payload;
        Box::pin(reindex(app, kind, position, event.context.deadline())).await.map_err(|error| Diagnostic {
            error_type: "Refused".to_owned(),
            error_message: error.for_operator(),
        })
    }))
    .await
}

#[cfg(contract)]
pub fn contract() -> serde_json::Value {
    serde_json::json!({ "kind": "users", "position": null })
}
