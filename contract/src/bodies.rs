//! What requests hold. The limits are the very ones that the parsers check.

use serde_json::{Map, Value, json};

use shared::{
    email,
    otp::GUESS_LENGTH,
    password, phone,
    user::{ADDRESS_LENGTH, LOGIN_LENGTH, NAME_LENGTH, USERNAME_LENGTH},
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

fn text(longest: usize) -> Value {
    json!({ "type": "string", "maxLength": longest })
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

fn date() -> Value {
    json!({ "type": ["string", "null"], "format": "date" })
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
    json!({
        "username": username(),
        "email": described(
            address(),
            "A new address waits in `pending_email` until its code proves it. A PATCH with the present one gives it up.",
        ),
        "phone_number": maybe_phone(),
        "first_name": text(NAME_LENGTH),
        "last_name": text(NAME_LENGTH),
        "address": text(ADDRESS_LENGTH),
        "date_of_birth": date(),
    })
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
    json!({
        "first_name": filled(NAME_LENGTH),
        "last_name": filled(NAME_LENGTH),
        "phone_number": described(phone(), "Unique. A new one is not verified."),
        "email": described(maybe_address(), "Unique without regard to case."),
        "date_of_birth": date(),
        "department": text(NAME_LENGTH),
        "job_title": text(NAME_LENGTH),
        "hire_date": date(),
        "address": text(ADDRESS_LENGTH),
    })
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
    let schemas = [
        (
            "Registration",
            body(
                &["username", "email", "password"],
                json!({
                    "username": username(),
                    "email": address(),
                    "password": new(),
                    "phone_number": maybe_phone(),
                    "first_name": text(NAME_LENGTH),
                    "last_name": text(NAME_LENGTH),
                    "date_of_birth": date(),
                    "address": text(ADDRESS_LENGTH),
                }),
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
        ("CompleteEmployee", body(&["first_name", "last_name", "phone_number"], employee())),
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
                json!({
                    "reg_token": token("The `registration_token` that the number's code was exchanged for."),
                    "password": new(),
                    "first_name": text(NAME_LENGTH),
                    "last_name": text(NAME_LENGTH),
                    "email": maybe_address(),
                }),
            ),
        ),
        ("PhoneLogin", body(&["phone", "password"], json!({ "phone": phone(), "password": password() }))),
    ];
    schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}
