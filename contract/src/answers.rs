//! What is answered: the shown types themselves, and refusals.

use serde_json::{Map, Value, json};
use utoipa::PartialSchema;

use shared::{
    employee::Employee,
    http::LONGEST_BODY,
    page::Page,
    session::View,
    token::{Jwk, Pair, Refreshed},
    user::User,
};

/// A refusal: its status, and the name of its response.
pub type Refusal = (u16, &'static str);

/// Something is wrong with the body.
pub const INVALID: Refusal = (400, "Invalid");
/// Something is wrong with the query.
pub const INVALID_QUERY: Refusal = (400, "InvalidQuery");
/// The same, or a wrong code.
pub const OTP_INVALID: Refusal = (400, "InvalidCode");
/// The same, or a wrong registration token.
pub const REGISTRATION_TOKEN_INVALID: Refusal = (400, "InvalidRegistrationToken");
/// The same, or nobody would be left who can manage the rest.
pub const INVALID_OR_LAST_STAFF: Refusal = (400, "InvalidOrLastStaffUser");
/// Nobody would be left who can manage the rest.
pub const LAST_STAFF: Refusal = (400, "LastStaffUser");
/// There is no live access token.
pub const NOT_AUTHENTICATED: Refusal = (401, "NotAuthenticated");
/// A wrong password, an unknown user or an inactive one.
pub const LOGIN_REFUSED: Refusal = (401, "LoginRefused");
/// The token in the body is no good.
pub const TOKEN_REFUSED: Refusal = (401, "TokenRefused");
/// The e-mail address is not verified.
pub const EMAIL_NOT_VERIFIED: Refusal = (403, "EmailNotVerified");
/// Only staff may do this.
pub const FORBIDDEN: Refusal = (403, "Forbidden");
/// There is no such record for this caller.
pub const NOT_FOUND: Refusal = (404, "NotFound");
/// The cursor was not made for this caller and list.
pub const INVALID_CURSOR: Refusal = (404, "InvalidCursor");
/// No employee has the number.
pub const NOBODY_HAS_IT: Refusal = (404, "EmployeeNotFound");
/// The record is in another version.
pub const PRECONDITION_FAILED: Refusal = (412, "PreconditionFailed");
/// What can be wrong with any body.
pub(crate) const OF_A_BODY: [Refusal; 3] = [INVALID, (413, "BodyTooLarge"), (415, "UnsupportedMediaType")];
/// What can befall any request: the gateway, too, has limits.
pub(crate) const FAULTS: [Refusal; 5] = [
    (429, "Throttled"),
    (500, "Fault"),
    (502, "FunctionFailed"),
    (503, "Unavailable"),
    (504, "FunctionTimedOut"),
];

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
    let message = object(&json!({ "message": words() }));
    let token = json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" });
    let schemas = [
        ("User", of::<User>()),
        ("Employee", of::<Employee>()),
        ("UserPage", of::<Page<User>>()),
        ("EmployeePage", of::<Page<Employee>>()),
        ("Session", of::<View>()),
        ("Tokens", of::<Pair>()),
        ("RefreshedTokens", of::<Refreshed>()),
        ("RegisteredUser", merged("A new user, signed in.", &[of::<User>(), of::<Pair>()])),
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
fn response(description: &str, more: &[(&str, &str)]) -> Value {
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

fn with_json(mut response: Value, schema: &Value) -> Value {
    response["content"] = json!({ "application/json": { "schema": schema } });
    response
}

fn reference(schema: &str) -> Value {
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

/// The responses of refusals, by name.
pub(crate) fn refusals() -> Value {
    let fields = ("fields", json!({ "email": ["This field is required."] }));
    let malformed = (
        "malformed",
        json!({ "detail": "JSON parse error - EOF while parsing an object at line 1 column 1" }),
    );
    let code = ("code", json!({ "detail": "OTP has expired or is invalid.", "code": "otp_invalid" }));
    let registration_token = (
        "registration token",
        json!({ "detail": "Registration token has expired or is invalid.", "code": "registration_token_invalid" }),
    );
    let last_staff = (
        "last staff user",
        json!({
            "detail": "The last active staff user can be neither demoted, deactivated nor deleted.",
            "code": "last_staff_user",
        }),
    );
    let token = |words: &str| json!({ "detail": words, "code": "token_not_valid" });
    let login = (
        "login",
        json!({ "detail": "No active account found with the given credentials", "code": "no_active_account" }),
    );
    let bearer = [
        ("none", json!({ "detail": "Authentication credentials were not provided." })),
        (
            "expired",
            json!({
                "detail": "Given token not valid for any token type",
                "code": "token_not_valid",
                "messages": [{ "token_class": "AccessToken", "token_type": "access", "message": "Token is expired" }],
            }),
        ),
    ];
    let www = [("x-amzn-Remapped-WWW-Authenticate", "WwwAuthenticate")];
    let retry = [("Retry-After", "RetryAfter")];
    let detail = |words: &str| json!({ "detail": words });
    json!({
        "Invalid": invalid(&[&fields, &malformed]),
        "InvalidQuery": invalid(&[&("parameters", json!({ "is_phone_verified": ["Must be a valid boolean."] }))]),
        "InvalidCode": invalid(&[&fields, &malformed, &code]),
        "InvalidRegistrationToken": invalid(&[&fields, &malformed, &registration_token]),
        "InvalidOrLastStaffUser": invalid(&[&fields, &malformed, &last_staff]),
        "LastStaffUser": refusal("Somebody has to be able to manage the rest.", &[], &[&last_staff]),
        "NotAuthenticated": refusal("There is no live access token.", &www, &[&bearer[0], &bearer[1]]),
        "LoginRefused": refusal("A wrong password, an unknown user or an inactive one, all alike.", &www, &[&login]),
        "TokenRefused": refusal(
            "The token in the body is no good, or its user is gone.",
            &www,
            &[&("expired", token("Token is expired")), &("blacklisted", token("Token is blacklisted"))],
        ),
        "EmailNotVerified": refusal(
            "The password is right, but the e-mail address is not verified.",
            &[],
            &[&("email", json!({ "detail": "Email address is not verified.", "code": "email_not_verified" }))],
        ),
        "Forbidden": refusal(
            "Only staff may do this.",
            &[],
            &[&("staff", detail("You do not have permission to perform this action."))],
        ),
        "NotFound": refusal(
            "There is no such record for this caller.",
            &[],
            &[&("id", detail("No User matches the given query."))],
        ),
        "InvalidCursor": refusal(
            "The cursor was not made for this caller and list.",
            &[],
            &[&("cursor", detail("Invalid cursor"))],
        ),
        "EmployeeNotFound": refusal(
            "The code is right, but nobody has the number.",
            &[],
            &[&("number", detail("Employee not found."))],
        ),
        "PreconditionFailed": refusal(
            "The record is not in the version that `If-Match` names.",
            &[],
            &[&("version", detail("The record has changed since it was read."))],
        ),
        "BodyTooLarge": refusal(
            &format!("The body has more than {LONGEST_BODY} bytes."),
            &[],
            &[&("body", detail("Request body too large."))],
        ),
        "UnsupportedMediaType": refusal(
            "The body is neither JSON nor a form.",
            &[],
            &[&("text", detail("Unsupported media type \"text/plain\" in request."))],
        ),
        "Throttled": refusal(
            "A limit is used up.",
            &retry,
            &[&("limit", detail("Request was throttled. Expected available in 42 seconds."))],
        ),
        "Fault": refusal("A fault of ours.", &[], &[&("fault", detail(FAULT))]),
        "FunctionFailed": of_the_gateway("A function has crashed.", FAULT),
        "Unavailable": refusal("Something that is needed does not answer.", &retry, &[&("fault", detail(FAULT))]),
        "FunctionTimedOut": of_the_gateway("A function has taken too long.", FAULT),
    })
}

const FAULT: &str = "A server error occurred.";

fn refusal(description: &str, headers: &[(&str, &str)], examples: &[&(&str, Value)]) -> Value {
    let examples: Map<_, _> = examples
        .iter()
        .map(|(name, example)| ((*name).replace(' ', "-"), json!({ "value": example })))
        .collect();
    let mut refusal = with_json(response(description, headers), &reference("Error"));
    refusal["content"]["application/json"]["examples"] = json!(examples);
    refusal
}

/// Something is wrong with fields, or with all of the request.
fn invalid(examples: &[&(&str, Value)]) -> Value {
    let mut refusal = refusal("What is wrong with the request.", &[], examples);
    refusal["content"]["application/json"]["schema"] =
        json!({ "anyOf": [reference("FieldErrors"), reference("Error")] });
    refusal
}

/// An answer without a function.
fn of_the_gateway(description: &str, detail: &str) -> Value {
    refusal(description, &[], &[&("gateway", json!({ "detail": detail }))])
}
