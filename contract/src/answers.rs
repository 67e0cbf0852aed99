//! What is answered: the shown types themselves.

use serde_json::{Map, Value, json};
use utoipa::PartialSchema;

use crate::fields::added_to;
use shared::{
    employee::{self, Employee},
    page::Page,
    session::View,
    token::{Jwk, Pair, Refreshed},
    user::{self, User},
};

/// The schema of a type that is answered.
fn of<T: PartialSchema>() -> Value {
    // A schema is a tree of maps with text keys; these always serialise.
    serde_json::to_value(T::schema()).unwrap_or_default()
}

/// An object whose fields are always there.
fn object(fields: &Value) -> Value {
    let names: Vec<_> = fields.as_object().into_iter().flat_map(Map::keys).collect();
    json!({ "type": "object", "properties": fields, "required": names })
}

/// The fields of objects in one, and a description of that.
fn merged(description: &str, parts: &[Value]) -> Value {
    let fields: Map<_, _> =
        parts.iter().filter_map(|part| part["properties"].as_object().cloned()).flatten().collect();
    let mut merged = object(&json!(fields));
    merged["description"] = json!(description);
    merged
}

fn words() -> Value {
    json!({ "type": "string" })
}

/// The schemas of answers, by name.
pub(crate) fn schemas() -> Map<String, Value> {
    let user = added_to(of::<User>(), user::FIELDS);
    let message = object(&json!({ "message": words() }));
    let token = json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" });
    let schemas = [
        ("User", user.clone()),
        ("Employee", added_to(of::<Employee>(), employee::FIELDS)),
        ("UserPage", of::<Page<User>>()),
        ("EmployeePage", of::<Page<Employee>>()),
        ("Session", of::<View>()),
        ("Tokens", of::<Pair>()),
        ("RefreshedTokens", of::<Refreshed>()),
        ("RegisteredUser", merged("A new user, signed in.", &[user, of::<Pair>()])),
        (
            "ChangedPassword",
            merged("A new session, after all others have ended.", &[message.clone(), of::<Pair>()]),
        ),
        ("Message", message),
        ("PhoneCheck", object(&json!({ "exists": { "type": "boolean" }, "message": words() }))),
        ("PhoneVerified", object(&json!({ "message": words(), "registration_token": token }))),
        ("Key", of::<Jwk>()),
        (
            "Keys",
            object(&json!({ "keys": { "type": "array", "items": { "$ref": "#/components/schemas/Key" } } })),
        ),
        ("Health", object(&json!({ "status": { "type": "string", "const": "ok" } }))),
        (
            "Endpoints",
            json!({ "type": "object", "additionalProperties": { "type": "string", "format": "uri-template" } }),
        ),
        (
            "FieldErrors",
            json!({
                "type": "object",
                "description": "What is wrong with each field; `non_field_errors` with all of them.",
                "minProperties": 1,
                "additionalProperties": { "type": "array", "minItems": 1, "items": words() },
            }),
        ),
        ("Error", error()),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn error() -> Value {
    json!({
        "type": "object",
        "description": "Why a request is refused: for a person, and often for a program.",
        "properties": {
            "detail": words(),
            "code": { "type": "string", "enum": shared::Error::CODES },
            "messages": {
                "type": "array",
                "description": "What is wrong with a bearer token.",
                "items": object(&json!({ "token_class": words(), "token_type": words(), "message": words() })),
            },
        },
        "required": ["detail"],
    })
}

/// The headers that answers share, by name.
pub(crate) fn headers() -> Value {
    let header = |description: &str, schema: Value| json!({ "description": description, "required": true, "schema": schema });
    json!({
        "CacheControl": header("Whether the answer may be kept.", words()),
        "ContentTypeOptions": header("The content is what its type says.", json!({ "type": "string", "const": "nosniff" })),
        "StrictTransportSecurity": header("From now on only HTTPS.", words()),
        "ETag": header("The version of the record, for `If-Match`.", json!({ "type": "string", "pattern": "^\"[0-9]+\"$" })),
        "RetryAfter": header("How many seconds to wait.", json!({ "type": "integer", "minimum": 1 })),
        "WwwAuthenticate": header(
            "The scheme that is asked for. API Gateway hands `WWW-Authenticate` on by this name.",
            json!({ "type": "string", "const": "Bearer realm=\"api\"" }),
        ),
    })
}

/// A response with the headers of every answer and some more, by their names here.
pub(crate) fn response(description: &str, more: &[(&str, &str)]) -> Value {
    let every = [
        ("Cache-Control", "CacheControl"),
        ("X-Content-Type-Options", "ContentTypeOptions"),
        ("Strict-Transport-Security", "StrictTransportSecurity"),
    ];
    let headers: Map<_, _> = every
        .iter()
        .chain(more)
        .map(|(name, header)| {
            ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{header}") }))
        })
        .collect();
    json!({ "description": description, "headers": headers })
}

pub(crate) fn with_json(mut response: Value, schema: &Value) -> Value {
    response["content"] = json!({ "application/json": { "schema": schema } });
    response
}

pub(crate) fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// JSON of this schema.
#[must_use]
pub fn shown(description: &str, schema: &str) -> Value {
    with_json(response(description, &[]), &reference(schema))
}

/// The same, in a version.
#[must_use]
pub fn shown_in_version(description: &str, schema: &str) -> Value {
    with_json(response(description, &[("ETag", "ETag")]), &reference(schema))
}

/// A list of this schema.
#[must_use]
pub fn listed(description: &str, schema: &str) -> Value {
    with_json(response(description, &[]), &json!({ "type": "array", "items": reference(schema) }))
}

/// JSON that is made here and nowhere else.
#[must_use]
pub fn shown_as(description: &str, schema: &Value) -> Value {
    with_json(response(description, &[]), schema)
}

/// A message, in these words.
#[must_use]
pub fn says(words: &str) -> Value {
    let mut response = shown("It is done.", "Message");
    response["content"]["application/json"]["example"] = json!({ "message": words });
    response
}

/// The same with an example of it.
#[must_use]
pub fn such_as(mut response: Value, example: &Value) -> Value {
    response["content"]["application/json"]["example"] = example.clone();
    response
}

/// Something that is not JSON.
#[must_use]
pub fn file(description: &str, media_types: &[&str]) -> Value {
    let mut response = response(description, &[]);
    for media_type in media_types {
        response["content"][*media_type] = json!({ "schema": words() });
    }
    response
}

/// Nothing, successfully.
#[must_use]
pub fn nothing(description: &str) -> Value {
    response(description, &[])
}
