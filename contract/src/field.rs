//! The fields of bodies. The limits are the very ones that the parsers check.

use serde_json::{Map, Value, json};
use shared::{
    document::SHORTEST_PASSWORD,
    email,
    fields::{Field, Kind},
    otp::GUESS_LENGTH,
    password, phone,
    user::USERNAME_LENGTH,
};

/// A text that is not blank.
#[must_use]
pub fn filled(longest: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": longest })
}

/// The same, described.
#[must_use]
pub fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = json!(description);
    schema
}

/// A username.
#[must_use]
pub fn username() -> Value {
    let mut schema = filled(USERNAME_LENGTH);
    // Letters of other scripts have no notation that every dialect of regular expressions knows.
    schema["pattern"] = json!(r"^[^\s!-*,/:-?\[-^`{-~]+$");
    described(
        schema,
        "Letters and numbers of any script, and `@ . + - _`. Unique without regard to case. Neither a phone number nor \
         anybody else's e-mail address.",
    )
}

/// An e-mail address.
#[must_use]
pub fn address() -> Value {
    json!({ "type": "string", "format": "email", "maxLength": email::LONGEST })
}

/// An e-mail address, or none.
#[must_use]
pub fn maybe_address() -> Value {
    json!({ "type": ["string", "null"], "format": "email", "maxLength": email::LONGEST })
}

/// A phone number.
#[must_use]
pub fn phone() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": phone::LONGEST,
        "pattern": r"^(tel:)?[-+0-9./() ]*$",
        "description": "With its country code, or in the region of the stack; in any punctuation.",
    })
}

/// A phone number, or none.
#[must_use]
pub fn maybe_phone() -> Value {
    let mut schema = phone();
    schema["type"] = json!(["string", "null"]);
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("minLength");
    }
    schema
}

/// The present password.
#[must_use]
pub fn password() -> Value {
    json!({ "type": "string", "format": "password", "minLength": 1, "maxLength": password::LONGEST_COMPARED })
}

/// A new password once more.
#[must_use]
pub fn password_again() -> Value {
    json!({
        "type": "string",
        "format": "password",
        "minLength": 1,
        "maxLength": password::LONGEST,
        "description": "The same again.",
    })
}

/// A password that is set.
#[must_use]
pub fn new_password() -> Value {
    json!({
        "type": "string",
        "format": "password",
        "minLength": SHORTEST_PASSWORD,
        "maxLength": password::LONGEST,
        "description": "Unless the stack's `Policy` is `seeds`: neither common, nor entirely numeric, nor like the \
            username, the names or the e-mail address.",
    })
}

/// A code.
#[must_use]
pub fn code() -> Value {
    described(filled(GUESS_LENGTH), "The code that was sent.")
}

/// A token.
#[must_use]
pub fn token(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": description })
}

/// These fields, and those of a table of plain fields.
#[must_use]
pub fn with(mut fields: Value, table: impl IntoIterator<Item = &'static Field>) -> Value {
    if let Some(fields) = fields.as_object_mut() {
        fields.extend(of_table(table));
    }
    fields
}

/// These texts and a blank one.
pub(crate) fn or_blank(choices: &[&'static str]) -> Vec<&'static str> {
    choices.iter().copied().chain([""]).collect()
}

/// The fields of a table.
fn of_table(fields: impl IntoIterator<Item = &'static Field>) -> Map<String, Value> {
    let schema = |field: &Field| match field.kind {
        Kind::Text { longest, is_required: true } => {
            json!({ "type": "string", "minLength": 1, "maxLength": longest })
        }
        Kind::Text { longest, is_required: false } => json!({ "type": "string", "maxLength": longest }),
        Kind::Date => json!({ "type": ["string", "null"], "format": "date" }),
        Kind::Choice(choices) => json!({ "type": "string", "enum": or_blank(choices) }),
    };
    fields.into_iter().map(|field| (field.name.to_owned(), schema(field))).collect()
}
