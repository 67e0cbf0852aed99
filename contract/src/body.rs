//! The bodies of requests. A body that one operation takes is in the file of its function.

use serde_json::{Map, Value, json};
use shared::{employee, user};

use crate::field;

/// The schema of a body, and the name by which it is known.
pub struct Body {
    pub(crate) name: &'static str,
    pub(crate) schema: Value,
}

/// A body with these fields, of which these are required.
#[must_use]
pub fn body(name: &'static str, required: &[&str], fields: Value) -> Body {
    let mut schema =
        Map::from_iter([("type".to_owned(), json!("object")), ("properties".to_owned(), fields)]);
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    Body { name, schema: schema.into() }
}

impl Body {
    /// The same, where one of these fields has to be there.
    #[must_use]
    pub fn one_of(mut self, names: &[&str]) -> Self {
        let alternatives: Vec<_> = names.iter().map(|name| json!({ "required": [name] })).collect();
        self.schema["anyOf"] = json!(alternatives);
        self
    }
}

/// An e-mail address alone.
#[must_use]
pub fn email_address() -> Body {
    body("EmailAddress", &["email"], json!({ "email": field::address() }))
}

/// An employee with everything that one has to have.
#[must_use]
pub fn complete_employee() -> Body {
    let required = employee::FIELDS.iter().filter(|field| field.is_required()).map(|field| field.name);
    let required: Vec<_> = required.chain(["phone_number"]).collect();
    body("CompleteEmployee", &required, employee_fields())
}

/// The fields of a user that the user may change.
#[must_use]
pub fn user_fields() -> Value {
    let fields = json!({
        "username": field::username(),
        "email": field::described(
            field::address(),
            "A new address waits in `pending_email` until its code proves it. A PATCH with the present one gives it up.",
        ),
        "phone_number": field::described(
            field::maybe_phone(),
            "In place of a verified number, a new one waits in `pending_phone_number` until its code proves it, unless staff give it to \
             another user. A PATCH with the present one gives it up.",
        ),
    });
    field::with(fields, user::FIELDS)
}

/// The same, and those that only staff may change.
#[must_use]
pub fn user_fields_for_staff() -> Value {
    let mut fields = user_fields();
    for (name, description) in [
        ("is_active", "For staff. Deactivating a user ends all their sessions."),
        ("is_staff", "For staff."),
        ("is_email_verified", "For staff."),
        ("is_phone_verified", "For staff."),
    ] {
        fields[name] = json!({ "type": "boolean", "description": description });
    }
    fields
}

/// The fields of an employee.
#[must_use]
pub fn employee_fields() -> Value {
    let fields = json!({
        "phone_number": field::described(field::phone(), "Unique. A new one is not verified."),
        "email": field::described(field::maybe_address(), "Unique without regard to case."),
    });
    field::with(fields, employee::FIELDS)
}
