//! The sample events, for `sam local invoke` and `cargo lambda invoke`.

use std::collections::BTreeMap;

use local::Template;
use serde_json::{Value, json};

use crate::support::{Api, root};

#[tokio::test]
async fn every_function_takes_its_sample_event() {
    // The bodies are the Django systems' own.
    let api = Api::seeds().await;
    for function in Template::load(&root().join("template.yaml"), &BTreeMap::new()).unwrap().functions {
        let file = root().join(format!("events/{}.json", function.binary));
        let event: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let is_routed = function.routes.iter().any(|route| {
            event["resource"] == route.path.as_str() && event["httpMethod"] == route.method.as_str()
        });
        assert!(is_routed || function.routes.is_empty(), "{} is not of its function's route", file.display());

        let answer = api.stack.invoke(&function.binary, event).await.unwrap();

        if function.routes.is_empty() {
            assert_eq!(answer, json!({ "batchItemFailures": [] }));
        } else {
            let status = answer["statusCode"].as_u64().unwrap();
            assert!((200..500).contains(&status) && status != 415, "{}: {answer}", function.binary);
        }
    }
    // What can succeed without a token has succeeded.
    let user = api.item("Users", "username#testuser").await;
    assert!(user.is_some());
}
