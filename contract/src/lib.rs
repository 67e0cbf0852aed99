//! The contract with clients: the OpenAPI document, made from the types that are answered and the limits that are checked, and
//! the Postman collection, made from the document.
//!
//! Making them takes longer than a function's start, so files of them are published (`shared::document`). A test writes the
//! files anew when they are out of date, others compare the document with the template, and every answer of every test with
//! what it says.

mod answers;
mod bodies;
mod operation;
mod operations;
mod postman;

use serde_json::{Map, Value, json};

use operations::GROUPS;
pub use postman::collection;

/// The document (OpenAPI 3.1.1) of the API at `url`, where a new password has at least so many characters.
#[must_use]
pub fn document(url: &str, shortest_password: impl Into<Value>) -> Value {
    let mut paths = Map::new();
    for group in GROUPS {
        for operation in (group.operations)() {
            let (path, method, described) = operation.described(group.name);
            paths.entry(path).or_insert_with(|| json!({}))[method] = described;
        }
    }
    let tags = GROUPS.map(|group| json!({ "name": group.name, "description": group.description }));
    let mut schemas = answers::schemas();
    schemas.extend(bodies::schemas(&shortest_password.into()));
    json!({
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
            "responses": answers::refusals(),
            "parameters": operation::parameters(),
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
    })
}

const DESCRIPTION: &str = "\
Paths, field names and error words are those of Django REST Framework and SimpleJWT.

- Every path answers with and without its trailing slash.
- A body is JSON or a form, with each field once. Fields that are not named here are ignored, and so are fields that are \
only read; a number is taken as its text. Texts are trimmed at both ends, passwords are not.
- An empty optional value is `\"\"` for a text, and `null` (or `\"\"`) for a date or a phone number.
- `PUT` leaves an optional field that is not given as it is; `PATCH` leaves every field that is not given.
- A refusal says what is wrong with each field, or a `detail` and often a `code`.
- Who asks too often gets 429, and `Retry-After` says for how many seconds.";
