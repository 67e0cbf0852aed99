//! The OpenAPI document, held against every answer of every test.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};

use super::Answer;

/// The document of an API at this URL, with the template's defaults.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| contract::document("http://127.0.0.1", 8));

static VALIDATORS: LazyLock<Mutex<BTreeMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// The operation to which a method and path lead.
pub(crate) fn operation(method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap();
    let given: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    let matches = |template: &str| {
        let parts: Vec<&str> = template.strip_suffix('/').unwrap_or(template).split('/').collect();
        parts.len() == given.len()
            && parts.iter().zip(&given).all(|(part, given)| {
                part == given || (part.starts_with('{') && !given.is_empty() && *given != "..")
            })
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    // A literal beats a parameter.
    let found = paths.iter().filter(|(template, _)| matches(template));
    let found = found.min_by_key(|(template, _)| template.matches('{').count())?;
    found.1.get(method.as_str().to_lowercase())
}

/// What a reference of the document leads to, and anything else itself.
pub(crate) fn resolved(value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => DOCUMENT.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

/// Asserts that the answer is one that the document knows: its status, its headers and its body, to the last field.
pub(super) fn check(method: &Method, path: &str, answer: &Answer) {
    let Some(operation) = operation(method, path) else { return };
    let (responses, status) = (operation["responses"].as_object().unwrap(), answer.status.to_string());
    assert!(responses.contains_key(&status), "undocumented: {method} {path} {answer:?}");
    let response = &responses[&status];
    let response = resolved(response);
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        // An emulator may leave a header the name that API Gateway takes from it.
        let original = name.strip_prefix("x-amzn-Remapped-").unwrap_or(name);
        let value = answer.headers.get(name).or_else(|| answer.headers.get(original));
        assert!(value.is_some(), "{method} {path}: no {name} in {answer:?}");
        let value = value.unwrap().to_str().unwrap();
        let schema = &resolved(header)["schema"];
        let value = if schema["type"] == "integer" { value.parse().unwrap() } else { json!(value) };
        assert_eq!(complaints(schema, &value), [] as [String; 0], "{method} {path}: {name}");
    }
    let content_type = answer.header("content-type");
    match response.get("content") {
        Some(content) => {
            let media_type = content_type.split(';').next().unwrap();
            let content = content.get(media_type);
            assert!(content.is_some(), "{method} {path}: {content_type:?} in {answer:?}");
            if media_type == "application/json" {
                let complaints = complaints(&content.unwrap()["schema"], &answer.body);
                assert_eq!(complaints, [] as [String; 0], "{method} {path}: {answer:?}");
            }
        }
        None => assert_eq!(answer.text, "", "{method} {path}: a body that is not documented"),
    }
}

/// What is wrong with a value by a schema of the document.
pub(crate) fn complaints(schema: &Value, value: &Value) -> Vec<String> {
    let key = schema.to_string();
    let validator =
        VALIDATORS.lock().unwrap().entry(key).or_insert_with(|| Arc::new(validator(schema))).clone();
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

fn validator(schema: &Value) -> Validator {
    let mut root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": { "schemas": DOCUMENT["components"]["schemas"] },
        "allOf": [schema],
    });
    close(&mut root);
    jsonschema::options().should_validate_formats(true).build(&root).unwrap()
}

/// A client may find more fields than it knows; a test may not.
fn close(schema: &mut Value) {
    if schema["type"] == "object"
        && schema["properties"].is_object()
        && schema.get("additionalProperties").is_none()
    {
        schema["additionalProperties"] = json!(false);
    }
    match schema {
        Value::Object(fields) => fields.values_mut().for_each(close),
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}
