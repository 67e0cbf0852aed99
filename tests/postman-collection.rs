//! `GET /postman_collection.json`. Whether it runs is for `.ci/api-tools` to see.

use std::collections::BTreeSet;

use regex::Regex;

use crate::support::{Api, contract::DOCUMENT};

#[tokio::test]
async fn the_collection_has_a_request_for_every_operation_and_every_variable_it_uses() {
    let api = Api::start().await;

    let answer = api.get("/postman_collection.json").await;

    assert_eq!((answer.status, answer.header("cache-control")), (200, "public, max-age=300"));
    let collection = &answer.body;
    let items =
        collection["item"].as_array().unwrap().iter().flat_map(|folder| folder["item"].as_array().unwrap());
    let operations =
        DOCUMENT["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let names = |names: Vec<&serde_json::Value>| {
        names.into_iter().map(|name| name.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(
        names(items.map(|item| &item["name"]).collect()),
        names(operations.map(|operation| &operation["summary"]).collect())
    );

    let variables = collection["variable"].as_array().unwrap();
    let known = names(variables.iter().map(|variable| &variable["key"]).collect());
    let used = Regex::new(r"\{\{(\w+)\}\}").unwrap();
    let used: BTreeSet<String> = used.captures_iter(&answer.text).map(|found| found[1].to_owned()).collect();
    assert!(used.is_subset(&known), "{:?}", used.difference(&known));
    assert!(used.contains("access_token") && used.contains("refresh_token"), "{used:?}");
    assert_eq!(variables[0], serde_json::json!({ "key": "base_url", "value": api.stack.url() }));
}
