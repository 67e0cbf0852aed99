//! What clients may rely on. Every function's file ends with its part of it: the operations that it answers, or an event that it takes.
//! From them, and from the limits and errors of `shared`, this crate makes the OpenAPI document, the Postman collection, the list of
//! `GET /api` and the sample events.
//!
//! Making them takes longer than a function's start, so files of them are published (`shared::document`). A test rewrites
//! outdated files. Other tests compare the document with the template, and every answer of every test with the document.

// The functions' files are modules of this crate, and name it as any other.
extern crate self as contract;

mod answers;
mod body;
mod declared;
mod events;
mod examples;
pub mod field;
mod operation;
mod postman;
mod refusals;

mod functions {
    include!(concat!(env!("OUT_DIR"), "/functions.rs"));
}

use serde_json::{Map, Value, json};
use shared::{
    compatibility::{Compatibility, Ids, ListFormat},
    document::SHORTEST_PASSWORD,
};

pub use answers::*;
pub use body::*;
pub use declared::{Declared, Group};
pub use events::{bounced_mail, events, new_code, preflight_request, request_to_another_api};
pub use examples::*;
pub use operation::{Operation, delete, get, patch, post, put};
pub use postman::collection;
pub use refusals::*;

/// The operations of every function that answers requests, in the order of the catalogue.
fn operations() -> impl Iterator<Item = Operation> {
    functions::declared().into_iter().flat_map(|(function, declared)| match declared {
        Declared::Operations(operations) => {
            operations.into_iter().map(|operation| operation.of(function)).collect()
        }
        Declared::Event(_) => Vec::new(),
    })
}

/// The document (OpenAPI 3.1.1) of the API at `url` that answers like this, where a new password has at least so many characters.
#[must_use]
pub fn document(url: &str, shortest_password: impl Into<Value>, answers: &Compatibility) -> Value {
    let (mut paths, mut schemas, mut refusals) = (Map::new(), answers::schemas(answers), Vec::new());
    let shortest_password = shortest_password.into();
    for operation in operations() {
        let methods = paths.entry(operation.path).or_insert_with(|| json!({}));
        methods[operation.method] = operation.described(answers);
        refusals.extend(operation.refusals);
        if let Some(body) = operation.body {
            schemas.insert(body.name.to_owned(), filled_in(body.schema, &shortest_password));
        }
    }
    let tags = Group::ALL.map(|(_, name, description)| json!({ "name": name, "description": description }));
    let mut parameters = operation::parameters(answers);
    if let Some(parameters) = parameters.as_object_mut() {
        let used = Value::from(paths.clone()).to_string();
        parameters.retain(|name, _| used.contains(&format!("\"#/components/parameters/{name}\"")));
    }
    let mut document = json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Rollcall",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Accounts, one-time codes and an employee directory.",
            "description": DESCRIPTION,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": url }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": refusals::responses(refusals),
            "parameters": parameters,
            "headers": answers::headers(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": "An access token, from any of the operations that log in. It dies with its session.",
                },
            },
        },
    });
    if answers.ids == Ids::Integer {
        examples::number_ids(&mut document);
    }
    document
}

/// How the document of a stack with a setting differs from [`Compatibility::none`]'s: merge patches (RFC 7396), by the setting. Each
/// changes other members than the others do, so that any of them go together.
#[must_use]
pub fn patches(url: &str, shortest_password: &str) -> Value {
    let none = Compatibility::none;
    let document = |answers: &Compatibility| document(url, shortest_password, answers);
    let base = document(&none());
    let settings = [
        ("lists=page", Compatibility { lists: ListFormat::Page, ..none() }),
        ("lists=array", Compatibility { lists: ListFormat::Array, ..none() }),
        ("ordering=oldest", Compatibility { oldest_first: true, ..none() }),
        ("rotation=false", Compatibility { rotates_refresh_tokens: false, ..none() }),
        ("ids=integer", Compatibility { ids: Ids::Integer, ..none() }),
    ];
    let patches =
        settings.map(|(setting, answers)| (setting.to_owned(), difference(&base, &document(&answers))));
    Value::Object(patches.into_iter().collect())
}

/// The merge patch that makes `to` of `from`.
fn difference(from: &Value, to: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (from, to) else { return to.clone() };
    let gone =
        before.keys().filter(|name| !after.contains_key(*name)).map(|name| (name.clone(), Value::Null));
    let changed = after.iter().filter(|(name, value)| before.get(*name) != Some(value));
    let changed = changed.map(|(name, value)| {
        (name.clone(), before.get(name).map_or_else(|| value.clone(), |before| difference(before, value)))
    });
    Value::Object(gone.chain(changed).collect())
}

/// A schema in which the length of the shortest password is filled in.
fn filled_in(mut schema: Value, shortest_password: &Value) -> Value {
    for field in schema["properties"].as_object_mut().into_iter().flat_map(Map::values_mut) {
        if field["minLength"] == SHORTEST_PASSWORD {
            field["minLength"] = shortest_password.clone();
        }
    }
    schema
}

/// What `GET /api` answers at `url`: the name and the URL of every path.
#[must_use]
pub fn endpoints(url: &str) -> Value {
    let mut endpoints = Map::new();
    for operation in operations() {
        let url = json!(format!("{url}{}", operation.path));
        // A path has the name that its first operation gives it.
        if !endpoints.values().any(|known| *known == url) {
            endpoints.insert(operation.name(), url);
        }
    }
    Value::Object(endpoints)
}

const DESCRIPTION: &str = "\
Paths, field names and error words are those of Django REST Framework and SimpleJWT.

- Every path answers with and without its trailing slash.
- A body is JSON, with each field once, or a form (`application/x-www-form-urlencoded` or `multipart/form-data`), in which the last \
of two fields with one name counts. Files are not accepted. Fields that are not named here are ignored, and so are fields that are \
only read; a number is taken as its text. Texts are trimmed at both ends, passwords are not.
- An empty optional value is `\"\"` for a text, and `null` (or `\"\"`) for a date or a phone number.
- `PUT` leaves an optional field that is not given as it is; `PATCH` leaves every field that is not given.
- A refusal says what is wrong with each field, or a `detail` and often a `code`.
- Rate-limited requests get 429, and `Retry-After` says for how many seconds.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_bodies_have_one_name() {
        let mut bodies = Map::new();
        for body in operations().filter_map(|operation| operation.body) {
            let known = bodies.insert(body.name.to_owned(), body.schema.clone());
            assert!(known.is_none_or(|known| known == body.schema), "two bodies are called {}", body.name);
        }
    }
}
