//! Rewrites stored records in the shape in which this release writes them: for whoever operates the stack, who may invoke it. It
//! has no URL.

use std::time::{Duration, Instant, SystemTime};

use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
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
        let end = Instant::now() + time_left(&event.context);
        Box::pin(reindex(app, kind, position, end)).await.map_err(|error| Diagnostic {
            error_type: "Refused".to_owned(),
            error_message: error.for_operator(),
        })
    }))
    .await
}

fn time_left(context: &Context) -> Duration {
    context.deadline().duration_since(SystemTime::now()).unwrap_or_default()
}

#[cfg(contract)]
pub fn contract() -> serde_json::Value {
    serde_json::json!({ "kind": "users", "position": null })
}
