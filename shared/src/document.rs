//! The files that document the API: a test makes them (the crate `contract`), and functions publish them.

use serde_json::Value;

use crate::{Reply, Request, config, text_public};

/// What stands in the files for the URL of the API, and for the fewest characters of a new password.
pub const URL: &str = "<url>";
/// See [`URL`].
pub const SHORTEST_PASSWORD: &str = "<shortest_password>";

/// Seconds for which a file may be kept.
const FRESH: u32 = 300;

/// A file, as the stack that the request asked publishes it.
pub fn publish(file: &str, request: &Request) -> Reply {
    let quoted = |text: &str| Value::from(text).to_string();
    // What comes after it is the rest of an endpoint's URL.
    let begun = |text: &str| quoted(text).trim_end_matches('"').to_owned();
    let text = file
        .replace(&begun(URL), &begun(&request.base_url()))
        .replace(&quoted(SHORTEST_PASSWORD), &config::number("PASSWORD_MIN_LENGTH")?.to_string());
    text_public(text, "application/json", FRESH)
}
