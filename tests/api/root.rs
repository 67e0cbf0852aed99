//! `GET /api`.

use std::collections::{BTreeMap, BTreeSet};

use local::Template;
use serde_json::json;

use crate::support::{Api, root};

#[tokio::test]
async fn the_root_names_every_endpoint_with_its_url() {
    let api = Api::start().await;
    let template = Template::load(&root().join("template.yaml"), &BTreeMap::new()).unwrap();
    let routes = template.functions.iter().flat_map(|function| &function.routes);
    let expected: BTreeSet<String> =
        routes.map(|route| format!("{}{}", api.stack.url(), route.path)).collect();

    let answer = api.get("/api/").await;

    assert_eq!(answer.status, 200);
    let named = answer.body.as_object().unwrap();
    assert_eq!(named.values().map(|url| url.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), expected);
    assert_eq!(named.len(), expected.len());
    assert_eq!(named["employees"], format!("{}/api/employees", api.stack.url()));
    assert_eq!(answer.header("cache-control"), "public, max-age=300");
}

#[tokio::test]
async fn urls_keep_the_stage_of_a_deployed_api() {
    let api = Api::start().await;
    let event = std::fs::read(root().join("events/api-root.json")).unwrap();
    let mut event: serde_json::Value = serde_json::from_slice(&event).unwrap();
    event["requestContext"]["domainName"] = json!("abc.execute-api.eu-west-1.amazonaws.com");

    let answer = api.stack.invoke("api-root", event).await.unwrap();

    let body: serde_json::Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["users"], "https://abc.execute-api.eu-west-1.amazonaws.com/Prod/api/users");
}
