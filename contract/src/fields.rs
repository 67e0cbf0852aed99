//! The schemas of the fields that have no rule of their own: they follow the tables.

use serde_json::{Map, Value, json};

use shared::fields::{Field, Kind};

/// As bodies have them.
pub(crate) fn in_bodies(fields: impl IntoIterator<Item = &'static Field>) -> Map<String, Value> {
    let schema = |field: &Field| match field.kind {
        Kind::Text { longest, is_required: true } => {
            json!({ "type": "string", "minLength": 1, "maxLength": longest })
        }
        Kind::Text { longest, is_required: false } => json!({ "type": "string", "maxLength": longest }),
        Kind::Date => json!({ "type": ["string", "null"], "format": "date" }),
    };
    fields.into_iter().map(|field| (field.name.to_owned(), schema(field))).collect()
}

/// Those that a complete body has to have.
pub(crate) fn required(fields: &'static [Field]) -> impl Iterator<Item = &'static str> {
    fields.iter().filter(|field| field.is_required()).map(|field| field.name)
}

/// Adds them to the schema of an answer, where they always are.
pub(crate) fn added_to(mut schema: Value, fields: &'static [Field]) -> Value {
    for field in fields {
        schema["properties"][field.name] = match field.kind {
            Kind::Text { is_required: true, .. } => {
                json!({ "type": "string", "description": "Never empty." })
            }
            Kind::Text { is_required: false, .. } => {
                json!({ "type": "string", "description": "May be empty." })
            }
            Kind::Date => {
                json!({ "type": ["string", "null"], "format": "date", "description": "`YYYY-MM-DD`." })
            }
        };
        if let Some(required) = schema["required"].as_array_mut() {
            required.push(json!(field.name));
        }
    }
    schema
}
