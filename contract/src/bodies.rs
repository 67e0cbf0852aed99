//! What requests hold. The limits are the very ones that the parsers check.

use serde_json::{Map, Value, json};

use crate::fields::{in_bodies, required};
use shared::{
    email, employee,
    fields::Field,
    otp::GUESS_LENGTH,
    password, phone,
    user::{self, LOGIN_LENGTH, USERNAME_LENGTH},
};

/// A body with these fields, of which these are required.
fn body(required: &[&str], fields: Value) -> Value {
    let mut body = Map::from_iter([("type".to_owned(), json!("object")), ("properties".to_owned(), fields)]);
    if !required.is_empty() {
        body.insert("required".to_owned(), json!(required));
    }
    Value::Object(body)
}

fn filled(longest: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": longest })
}

fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = json!(description);
    schema
}

fn username() -> Value {
    let mut schema = filled(USERNAME_LENGTH);
    // Letters of other scripts have no notation that every dialect of regular expressions knows.
    schema["pattern"] = json!(r"^[^\s!-*,/:-?\[-^`{-~]+$");
    described(
        schema,
        "Letters and numbers of any script, and `@ . + - _`. Unique without regard to case. Neither a phone number nor \
         anybody else's e-mail address.",
    )
}

fn address() -> Value {
    json!({ "type": "string", "format": "email", "maxLength": email::LONGEST })
}

fn maybe_address() -> Value {
    json!({ "type": ["string", "null"], "format": "email", "maxLength": email::LONGEST })
}

fn phone() -> Value {
    json!({
        "type": "string",
        "minLength": 1,
        "maxLength": phone::LONGEST,
        "pattern": r"^(tel:)?[-+0-9./() ]*$",
        "description": "With its country code, or in the region of the stack; in any punctuation.",
    })
}

fn maybe_phone() -> Value {
    let mut schema = phone();
    schema["type"] = json!(["string", "null"]);
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("minLength");
    }
    schema
}

fn password() -> Value {
    json!({ "type": "string", "format": "password", "minLength": 1, "maxLength": password::LONGEST })
}

fn new_password(shortest: &Value) -> Value {
    json!({
        "type": "string",
        "format": "password",
        "minLength": shortest,
        "maxLength": password::LONGEST,
        "description": "Unless the stack's `Policy` is `seeds`: neither common, nor entirely numeric, nor like the \
            username, the names or the e-mail address.",
    })
}

fn code() -> Value {
    described(filled(GUESS_LENGTH), "The code that was sent.")
}

fn token(description: &str) -> Value {
    json!({ "type": "string", "minLength": 1, "description": description })
}

/// The fields of a user that the user may change.
fn user() -> Value {
    let fields = json!({
        "username": username(),
        "email": described(
            address(),
            "A new address waits in `pending_email` until its code proves it. A PATCH with the present one gives it up.",
        ),
        "phone_number": maybe_phone(),
    });
    with(fields, user::FIELDS)
}

/// The same, and those that only staff may change.
fn user_by_staff() -> Value {
    let mut fields = user();
    for (name, description) in [
        ("is_active", "For staff. Who is switched off is signed out for good."),
        ("is_staff", "For staff."),
        ("is_email_verified", "For staff."),
        ("is_phone_verified", "For staff."),
    ] {
        fields[name] = json!({ "type": "boolean", "description": description });
    }
    fields
}

fn employee() -> Value {
    let fields = json!({
        "phone_number": described(phone(), "Unique. A new one is not verified."),
        "email": described(maybe_address(), "Unique without regard to case."),
    });
    with(fields, employee::FIELDS)
}

/// These fields and those of a table.
fn with(mut fields: Value, table: impl IntoIterator<Item = &'static Field>) -> Value {
    if let Some(fields) = fields.as_object_mut() {
        fields.extend(in_bodies(table));
    }
    fields
}

/// Either spelling will do; the Django systems disagree on it.
fn logout() -> Value {
    json!({
        "type": "object",
        "properties": {
            "refresh": token("A refresh token of the session."),
            "refresh_token": token("The same, by another name."),
        },
        "anyOf": [{ "required": ["refresh"] }, { "required": ["refresh_token"] }],
    })
}

/// The schemas of bodies, by name.
pub(crate) fn schemas(shortest_password: &Value) -> Map<String, Value> {
    let new = || new_password(shortest_password);
    let again = || described(password(), "The same again.");
    let complete_employee: Vec<_> = required(employee::FIELDS).chain(["phone_number"]).collect();
    let schemas = [
        (
            "Registration",
            body(
                &["username", "email", "password"],
                with(
                    json!({
                        "username": username(),
                        "email": address(),
                        "password": new(),
                        "phone_number": maybe_phone(),
                    }),
                    user::FIELDS,
                ),
            ),
        ),
        ("EmailProof", body(&["email", "otp"], json!({ "email": address(), "otp": code() }))),
        ("EmailAddress", body(&["email"], json!({ "email": address() }))),
        ("EmailLogin", body(&["email", "password"], json!({ "email": address(), "password": password() }))),
        (
            "Login",
            body(
                &["username", "password"],
                json!({
                    "username": described(
                        filled(LOGIN_LENGTH),
                        "The username, or an e-mail address or phone number that is verified.",
                    ),
                    "password": password(),
                }),
            ),
        ),
        ("Refresh", body(&["refresh"], json!({ "refresh": token("A refresh token.") }))),
        ("AnyToken", body(&["token"], json!({ "token": token("An access or a refresh token.") }))),
        ("Logout", logout()),
        ("CompleteUser", body(&["username", "email"], user())),
        ("PartialUser", body(&[], user())),
        ("CompleteUserByStaff", body(&["username", "email"], user_by_staff())),
        ("PartialUserByStaff", body(&[], user_by_staff())),
        (
            "PasswordChange",
            body(
                &["old_password", "new_password", "confirm_password"],
                json!({ "old_password": password(), "new_password": new(), "confirm_password": again() }),
            ),
        ),
        (
            "PasswordRecovery",
            body(
                &["email", "otp", "new_password", "confirm_password"],
                json!({
                    "email": address(),
                    "otp": code(),
                    "new_password": new(),
                    "confirm_password": again(),
                }),
            ),
        ),
        ("CompleteEmployee", body(&complete_employee, employee())),
        ("PartialEmployee", body(&[], employee())),
        ("EmployeePhone", body(&["phone_number"], json!({ "phone_number": phone() }))),
        (
            "EmployeePhoneProof",
            body(&["phone_number", "otp"], json!({ "phone_number": phone(), "otp": code() })),
        ),
        ("Phone", body(&["phone"], json!({ "phone": phone() }))),
        ("PhoneProof", body(&["phone", "code"], json!({ "phone": phone(), "code": code() }))),
        (
            "PhoneRegistration",
            body(
                &["reg_token", "password"],
                with(
                    json!({
                        "reg_token": token("The `registration_token` that the number's code was exchanged for."),
                        "password": new(),
                        "email": maybe_address(),
                    }),
                    user::FIELDS.iter().filter(|field| field.is_name),
                ),
            ),
        ),
        ("PhoneLogin", body(&["phone", "password"], json!({ "phone": phone(), "password": password() }))),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}
