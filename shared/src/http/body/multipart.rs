//! Bodies of `multipart/form-data` (RFC 7578), as browsers, Retrofit and `curl -F` send them.

use std::convert::Infallible;

use futures_util::{FutureExt, stream};
use lambda_http::http::header;
use multer::{Field, Multipart};
use serde_json::{Map, Value};

use super::FormFields;

/// The fields of a form.
pub(super) fn form(body: &[u8], content_type: &str) -> Result<Map<String, Value>, String> {
    // The whole body is there: nothing has to be waited for.
    let fields = read(body.to_vec(), content_type).now_or_never();
    fields.unwrap_or_else(|| Err(multer::Error::IncompleteStream.to_string()))
}

async fn read(body: Vec<u8>, content_type: &str) -> Result<Map<String, Value>, String> {
    let words = |error: multer::Error| error.to_string();
    let boundary = multer::parse_boundary(content_type).map_err(words)?;
    let mut parts = Multipart::new(stream::iter([Ok::<_, Infallible>(body)]), boundary);
    let mut fields = FormFields::default();
    while let Some(part) = parts.next_field().await.map_err(words)? {
        // A part without a name is no field, as in Django.
        let Some(name) = part.name().map(str::to_owned) else { continue };
        let value = match file_of(&part) {
            // A browser sends a file input that way when nothing was chosen.
            Some("") => continue,
            // No field is a file, and each refuses an object: it need not be kept.
            Some(_) => Value::Object(Map::new()),
            None => String::from_utf8_lossy(&part.bytes().await.map_err(words)?).into(),
        };
        fields.add(name, value)?;
    }
    Ok(fields.named)
}

/// The name of the file in a part; `None` when it is a text.
fn file_of<'a>(part: &'a Field<'_>) -> Option<&'a str> {
    let is_encoded = || {
        let disposition = part.headers().get(header::CONTENT_DISPOSITION)?.to_str().ok()?;
        disposition.contains("filename*=").then_some("a name in another alphabet")
    };
    part.file_name().or_else(is_encoded)
}
