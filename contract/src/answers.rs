//! What is answered. No test gets a field that is not here, and every field that is.

use std::slice;

use serde_json::{Map, Value, json};
use shared::{
    compatibility::{Compatibility, Ids, ListFormat},
    employee,
    fields::{Field, Kind},
    user,
};

/// Fields that are new in this release: while a deployment runs, functions of the release before answer without them.
pub const NEW: [&str; 2] = ["pending_phone_number", "language"];

/// An object whose fields are always there.
fn object(fields: &Value) -> Value {
    let names = fields.as_object().into_iter().flat_map(Map::keys);
    let names: Vec<_> = names.filter(|name| !NEW.contains(&name.as_str())).collect();
    json!({ "type": "object", "properties": fields, "required": names })
}

/// An object with all these fields, described.
fn record(description: &str, parts: &[Value]) -> Value {
    let fields = parts.iter().filter_map(Value::as_object).flatten();
    let fields: Map<_, _> = fields.map(|(name, schema)| (name.clone(), schema.clone())).collect();
    let mut record = object(&fields.into());
    record["description"] = json!(description);
    record
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn maybe_text(description: &str) -> Value {
    json!({ "type": ["string", "null"], "description": description })
}

fn flag(description: &str) -> Value {
    json!({ "type": "boolean", "description": description })
}

fn uuid(description: &str) -> Value {
    json!({ "type": "string", "format": "uuid", "description": description })
}

/// The id of a user or an employee.
fn id(ids: Ids, description: &str) -> Value {
    match ids {
        Ids::Uuid => uuid(description),
        Ids::Integer => json!({ "type": "integer", "minimum": 1, "description": description }),
    }
}

fn time(description: &str) -> Value {
    json!({ "type": "string", "format": "date-time", "description": description })
}

/// The fields of a table.
fn table(fields: &[Field]) -> Value {
    let schema = |field: &Field| match field.kind {
        Kind::Text { is_required: true, .. } => text("Never empty."),
        Kind::Text { is_required: false, .. } => text("May be empty."),
        Kind::Date => json!({ "type": ["string", "null"], "format": "date", "description": "`YYYY-MM-DD`." }),
        Kind::Choice(choices) => {
            json!({ "type": "string", "enum": crate::field::or_blank(choices), "description": "May be empty." })
        }
    };
    Value::Object(fields.iter().map(|field| (field.name.to_owned(), schema(field))).collect())
}

fn user(ids: Ids) -> [Value; 3] {
    let names = json!({
        "id": id(ids, "Never changes."),
        "username": text("Unique without regard to case."),
        "email": text("As it was typed; empty for none."),
    });
    let state = json!({
        "phone_number": maybe_text("In E.164 form."),
        "is_email_verified": flag("Whether a code has proven the e-mail address."),
        "pending_email": maybe_text("The address that is to replace the present one, once a code has proven it."),
        "is_phone_verified": flag("Whether a code has proven the phone number."),
        "pending_phone_number": maybe_text(
            "The number that is to replace the present one, which is verified, once a code has proven it.",
        ),
        "is_active": flag("Inactive users cannot log in, and their tokens are refused."),
        "is_staff": flag("Staff see and manage everybody."),
        "date_joined": time("When they registered."),
        "last_login": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "When they last logged in.",
        },
    });
    [names, table(user::FIELDS), state]
}

fn employee(ids: Ids) -> Value {
    let state = json!({
        "phone_number": text("In E.164 form; unique."),
        "email": maybe_text("As it was typed; unique without regard to case."),
        "is_phone_verified": flag("Whether a code has proven the phone number."),
        "owner": id(ids, "The user who made the record."),
        "created_at": time("When the record was made."),
        "updated_at": time("When a field last changed."),
    });
    let parts = [json!({ "id": id(ids, "Never changes.") }), table(employee::FIELDS), state];
    record("An employee, as the API shows them.", &parts)
}

/// A list of this schema, in the form in which lists are shown.
fn list_of(schema: &str, lists: ListFormat) -> Value {
    let url = |description: &str| json!({ "type": ["string", "null"], "format": "uri", "description": description });
    let records = |description: &str| json!({ "type": "array", "items": reference(schema), "description": description });
    match lists {
        ListFormat::Cursor => {
            let page = json!({
                "next": url("The URL of the next page, if there may be one."),
                "previous": url("The URL of the page before, if there may be one."),
                "results": records("The records of this page, in order."),
            });
            record("A page, as Django REST Framework's cursor pagination shows it.", &[page])
        }
        ListFormat::Page => {
            let page = json!({
                "count": { "type": "integer", "minimum": 0, "description": "How many records all pages have together." },
                "next": url("The URL of the next page, if there is one."),
                "previous": url("The URL of the page before, if there is one."),
                "results": records("The records of this page, in order."),
            });
            record("A page, as Django REST Framework's page number pagination shows it.", &[page])
        }
        ListFormat::Array => records(
            "All records, in order; of more than 1,000 the first 1,000, and the header `Link` names the URL of the next.",
        ),
    }
}

fn session() -> Value {
    let session = json!({
        "id": uuid("What ends it: `DELETE /api/sessions/{id}`."),
        "created_at": time("When it began."),
        "last_used_at": time("When its tokens were last refreshed, or else given."),
        "ip": text("From which IP address that was."),
        "user_agent": text("And with which `User-Agent`, cut to 200 characters."),
        "current": flag("Whether it is the session that asks."),
    });
    record("A session as its user sees it.", &[session])
}

fn key() -> Value {
    let key = json!({
        "kty": text("`EC`."),
        "crv": text("`P-256`."),
        "x": text("A coordinate of the point, in base64url."),
        "y": text("The other coordinate."),
        "use": text("`sig`."),
        "alg": text("`ES256`."),
        "kid": text("What the header of a token names it by."),
    });
    record("A public key as `/.well-known/jwks.json` shows it (RFC 7517, RFC 7518 section 6.2).", &[key])
}

fn openid_configuration() -> Value {
    let texts = |description: &str| json!({ "type": "array", "items": { "type": "string" }, "description": description });
    let configuration = json!({
        "issuer": text("The `iss` of every token."),
        "jwks_uri": text("Where the public keys are."),
        "response_types_supported": texts("`id_token`."),
        "subject_types_supported": texts("`public`."),
        "id_token_signing_alg_values_supported": texts("`ES256`."),
    });
    record(
        "How other services verify tokens (OpenID Connect Discovery 1.0). No OpenID login is offered.",
        &[configuration],
    )
}

fn words() -> Value {
    json!({ "type": "string" })
}

/// The schemas of answers, by name.
pub(crate) fn schemas(answers: &Compatibility) -> Map<String, Value> {
    let message = json!({ "message": words() });
    let token = json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" });
    let pair = json!({ "refresh": text("For new tokens."), "access": text("For requests.") });
    let refreshed = if answers.rotates_refresh_tokens {
        let refreshed = json!({
            "access": text("For requests."),
            "refresh": text("For new tokens, in place of the one that was shown."),
        });
        record(
            "An access and a refresh token, in the order in which SimpleJWT answers a refresh.",
            &[refreshed],
        )
    } else {
        record(
            "An access token. The refresh token stays as it is.",
            &[json!({ "access": text("For requests.") })],
        )
    };
    let [names, details, state] = user(answers.ids);
    let schemas = [
        (
            "User",
            record(
                "A user, as the API shows them. The password hash is not part of it, and so in no answer.",
                &user(answers.ids),
            ),
        ),
        ("Employee", employee(answers.ids)),
        ("Users", list_of("User", answers.lists)),
        ("Employees", list_of("Employee", answers.lists)),
        ("Session", session()),
        (
            "Tokens",
            record("A refresh and an access token, on their way to their user.", slice::from_ref(&pair)),
        ),
        ("RefreshedTokens", refreshed),
        ("RegisteredUser", record("A new user, signed in.", &[names, details, state, pair.clone()])),
        ("ChangedPassword", record("A new session, after all others have ended.", &[message.clone(), pair])),
        ("Message", object(&message)),
        ("PhoneCheck", object(&json!({ "exists": { "type": "boolean" }, "message": words() }))),
        ("PhoneVerified", object(&json!({ "message": words(), "registration_token": token }))),
        ("Key", key()),
        ("Keys", object(&json!({ "keys": { "type": "array", "items": reference("Key") } }))),
        ("OpenidConfiguration", openid_configuration()),
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
            json!({ "type": "string", "pattern": "^[A-Za-z]+ realm=\"api\"$" }),
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
