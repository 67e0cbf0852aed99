//! Answers that several operations give.

use serde_json::{Value, json};

use crate::{shown, such_as};

/// A new session's tokens.
#[must_use]
pub fn a_new_session() -> Value {
    let tokens = json!({ "refresh": "<refresh_token>", "access": "<access_token>" });
    such_as(shown("A new session.", "Tokens"), &tokens)
}

/// A user.
#[must_use]
pub fn a_user() -> Value {
    json!({
        "id": "019a5f3e-7d2b-7c41-9f0e-3b6a1d8e4c52",
        "username": "testuser",
        "email": "testuser@example.com",
        "first_name": "",
        "last_name": "",
        "phone_number": "+911234567890",
        "address": "",
        "date_of_birth": null,
        "is_email_verified": false,
        "pending_email": null,
        "is_phone_verified": false,
        "is_active": true,
        "is_staff": false,
        "date_joined": "2026-01-01T12:00:00.123Z",
        "last_login": null,
    })
}

/// An employee.
#[must_use]
pub fn an_employee() -> Value {
    json!({
        "id": "019a5f3e-8a10-7d35-8c2b-5e9f7a4b1c60",
        "first_name": "Basavraj",
        "last_name": "Ningadali",
        "phone_number": "+911234567890",
        "email": null,
        "date_of_birth": null,
        "department": "Engineering",
        "job_title": "",
        "hire_date": null,
        "address": "",
        "is_phone_verified": false,
        "owner": "019a5f3e-7d2b-7c41-9f0e-3b6a1d8e4c52",
        "created_at": "2026-01-01T12:00:00.456Z",
        "updated_at": "2026-01-01T12:00:00.456Z",
    })
}
