//! The OpenAPI document, held against every answer of every test.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, Mutex},
};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};
use shared::compatibility::Compatibility;

use super::Answer;

/// The document for new clients, with the template's defaults.
pub(crate) static DOCUMENT: LazyLock<&'static Value> = LazyLock::new(|| document(&Compatibility::none()));

/// By the address of their document and their schema.
type Validators = BTreeMap<(usize, String), Arc<Validator>>;

static VALIDATORS: LazyLock<Mutex<Validators>> = LazyLock::new(Mutex::default);

/// The document of a stack that answers like this.
pub(crate) fn document(answers: &Compatibility) -> &'static Value {
    static DOCUMENTS: Mutex<Vec<(Compatibility, &'static Value)>> = Mutex::new(Vec::new());
    let mut documents = DOCUMENTS.lock().unwrap();
    if let Some((_, document)) = documents.iter().find(|(known, _)| known == answers) {
        return document;
    }
    let document: &'static Value = Box::leak(contract::document("http://127.0.0.1", 8, answers).into());
    documents.push((answers.clone(), document));
    document
}

/// The operation of a document to which a method and path lead.
fn operation(document: &'static Value, method: &Method, path: &str) -> Option<&'static Value> {
    let path = path.split('?').next().unwrap();
    let given: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
    let matches = |template: &str| {
        let parts: Vec<&str> = template.strip_suffix('/').unwrap_or(template).split('/').collect();
        parts.len() == given.len()
            && parts.iter().zip(&given).all(|(part, given)| {
                part == given || (part.starts_with('{') && !given.is_empty() && *given != "..")
            })
    };
    let paths = document["paths"].as_object().unwrap();
    // A literal beats a parameter.
    let found = paths.iter().filter(|(template, _)| matches(template));
    let found = found.min_by_key(|(template, _)| template.matches('{').count())?;
    found.1.get(method.as_str().to_lowercase())
}

/// What a reference of [`DOCUMENT`] leads to, and anything else itself.
pub(crate) fn resolved(value: &'static Value) -> &'static Value {
    resolved_in(&DOCUMENT, value)
}

fn resolved_in(document: &'static Value, value: &'static Value) -> &'static Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => value,
    }
}

/// Asserts that the answer is one that the document knows: its status, its headers and its body, to the last field.
pub(super) fn check(document: &'static Value, method: &Method, path: &str, answer: &Answer) {
    let Some(operation) = operation(document, method, path) else { return };
    let (responses, status) = (operation["responses"].as_object().unwrap(), answer.status.to_string());
    assert!(responses.contains_key(&status), "undocumented: {method} {path} {answer:?}");
    let response = &responses[&status];
    let response = resolved_in(document, response);
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        // An emulator may leave a header the name that API Gateway takes from it.
        let original = name.strip_prefix("x-amzn-Remapped-").unwrap_or(name);
        let value = answer.headers.get(name).or_else(|| answer.headers.get(original));
        assert!(value.is_some(), "{method} {path}: no {name} in {answer:?}");
        let value = value.unwrap().to_str().unwrap();
        let schema = &resolved_in(document, header)["schema"];
        let value = if schema["type"] == "integer" { value.parse().unwrap() } else { json!(value) };
        assert_eq!(complaints_in(document, schema, &value), [] as [String; 0], "{method} {path}: {name}");
    }
    let content_type = answer.header("content-type");
    match response.get("content") {
        Some(content) => {
            let media_type = content_type.split(';').next().unwrap();
            let content = content.get(media_type);
            assert!(content.is_some(), "{method} {path}: {content_type:?} in {answer:?}");
            if media_type == "application/json" {
                let complaints = complaints_in(document, &content.unwrap()["schema"], &answer.body);
                assert_eq!(complaints, [] as [String; 0], "{method} {path}: {answer:?}");
            }
        }
        None => assert_eq!(answer.text, "", "{method} {path}: a body that is not documented"),
    }
}

/// What is wrong with a value by a schema of [`DOCUMENT`].
pub(crate) fn complaints(schema: &Value, value: &Value) -> Vec<String> {
    complaints_in(&DOCUMENT, schema, value)
}

fn complaints_in(document: &'static Value, schema: &Value, value: &Value) -> Vec<String> {
    let key = (std::ptr::from_ref(document).addr(), schema.to_string());
    let new = || Arc::new(validator(document, schema));
    let validator = VALIDATORS.lock().unwrap().entry(key).or_insert_with(new).clone();
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

fn validator(document: &Value, schema: &Value) -> Validator {
    let mut root = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": { "schemas": document["components"]["schemas"] },
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
