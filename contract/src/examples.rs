//! Answers that several operations give.

use serde_json::{Value, json};
use shared::{
    employee,
    fields::{Field, Kind},
    user,
};

use crate::{shown, such_as};

/// The ids of [`a_user`] and [`an_employee`].
const IDS: [&str; 2] = ["019a5f3e-7d2b-7c41-9f0e-3b6a1d8e4c52", "019a5f3e-8a10-7d35-8c2b-5e9f7a4b1c60"];

/// Gives them numbers for ids.
pub(crate) fn number_ids(examples: &mut Value) {
    match examples {
        Value::String(text) if IDS.contains(&text.as_str()) => *examples = json!(1),
        Value::Object(fields) => fields.values_mut().for_each(number_ids),
        Value::Array(items) => items.iter_mut().for_each(number_ids),
        _ => {}
    }
}

/// A new session's tokens.
#[must_use]
pub fn a_new_session() -> Value {
    let tokens = json!({ "refresh": "<refresh_token>", "access": "<access_token>" });
    such_as(shown("A new session.", "Tokens"), &tokens)
}

/// An example with the fields of a table that it does not have, empty.
fn with_empty(mut example: Value, fields: &[Field]) -> Value {
    for field in fields {
        let empty = match field.kind {
            Kind::Text { .. } | Kind::Choice(_) => json!(""),
            Kind::Date => json!(null),
        };
        if example[field.name].is_null() {
            example[field.name] = empty;
        }
    }
    example
}

/// A user.
#[must_use]
pub fn a_user() -> Value {
    let user = json!({
        "id": IDS[0],
        "username": "testuser",
        "email": "testuser@example.com",
        "phone_number": "+911234567890",
        "is_email_verified": false,
        "pending_email": null,
        "is_phone_verified": false,
        "pending_phone_number": null,
        "is_active": true,
        "is_staff": false,
        "date_joined": "2026-01-01T12:00:00.123Z",
        "last_login": null,
    });
    with_empty(user, user::FIELDS)
}

/// An employee.
#[must_use]
pub fn an_employee() -> Value {
    let employee = json!({
        "id": IDS[1],
        "first_name": "Basavraj",
        "last_name": "Ningadali",
        "phone_number": "+911234567890",
        "email": null,
        "department": "Engineering",
        "is_phone_verified": false,
        "owner": IDS[0],
        "created_at": "2026-01-01T12:00:00.456Z",
        "updated_at": "2026-01-01T12:00:00.456Z",
    });
    with_empty(employee, employee::FIELDS)
}
