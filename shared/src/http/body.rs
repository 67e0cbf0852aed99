//! The bodies of requests.

mod json;
mod multipart;

use lambda_http::request::LambdaRequest;
use serde_json::{Map, Value};

use crate::Error;

/// The longest body, in bytes: far more than all fields of a record take. API Gateway's own limit, 10 MB, is no limit for an
/// instance that has 256 MB for the body and all that is made of it.
pub const LONGEST_BODY: usize = 64 * 1024;

/// Cuts off what is beyond the longest body, before it is decoded. What stays is still too long, and so refused by [`fields`].
pub(crate) fn cut(event: &mut LambdaRequest) {
    // In base64, four characters are three bytes.
    const KEPT: usize = 4 * (LONGEST_BODY / 3 + 1);
    let body = match event {
        LambdaRequest::ApiGatewayV1(event) => &mut event.body,
        LambdaRequest::ApiGatewayV2(event) => &mut event.body,
        _ => return,
    };
    if let Some(body) = body
        && body.len() > KEPT
    {
        body.truncate(body.floor_char_boundary(KEPT));
    }
}

/// Django's default (`DATA_UPLOAD_MAX_NUMBER_FIELDS`).
const MOST_FIELDS: usize = 1_000;

/// The fields of a body of this content type; none of an empty one.
pub(super) fn fields(body: &[u8], content_type: &str) -> Result<Map<String, Value>, Error> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    if body.len() > LONGEST_BODY {
        return Err(Error::BodyTooLarge);
    }
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/json" => json::object(body),
        "application/x-www-form-urlencoded" => {
            form(body).map_err(|error| Error::Malformed(format!("Form parse error - {error}")))
        }
        "multipart/form-data" => multipart::form(body, content_type)
            .map_err(|error| Error::Malformed(format!("Multipart form parse error - {error}"))),
        _ => Err(Error::UnsupportedMediaType(content_type.to_owned())),
    }
}

fn form(body: &[u8]) -> Result<Map<String, Value>, String> {
    let mut fields = FormFields::default();
    for (name, value) in url::form_urlencoded::parse(body) {
        fields.add(name.into_owned(), Value::String(value.into_owned()))?;
    }
    Ok(fields.named)
}

/// The fields of a form. Of two with one name the last counts, as in Django: a browser sends a check box that way, after its
/// hidden default.
#[derive(Default)]
struct FormFields {
    named: Map<String, Value>,
    count: usize,
}

impl FormFields {
    fn add(&mut self, name: String, value: Value) -> Result<(), String> {
        if self.count == MOST_FIELDS {
            return Err(too_many_fields());
        }
        self.count += 1;
        self.named.insert(name, value);
        Ok(())
    }
}

fn too_many_fields() -> String {
    format!("more than {MOST_FIELDS} fields")
}
