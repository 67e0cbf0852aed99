//! The files that document the API: a test makes them (the crate `contract`), and functions publish them.

use serde_json::Value;

use crate::{
    Published, Reply, Request,
    compatibility::{Compatibility, Ids, ListFormat},
    config,
};

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
    Published::new(text, "application/json").answer(request, FRESH)
}

/// The settings in which a stack answers otherwise than [`Compatibility::none`], as the patches of its document name them.
pub fn settings(answers: &Compatibility) -> impl Iterator<Item = &'static str> {
    let lists = match answers.lists {
        ListFormat::Cursor => None,
        ListFormat::Page => Some("lists=page"),
        ListFormat::Array => Some("lists=array"),
    };
    let others = [
        (answers.oldest_first, "ordering=oldest"),
        (!answers.rotates_refresh_tokens, "rotation=false"),
        (answers.ids == Ids::Integer, "ids=integer"),
    ];
    lists.into_iter().chain(others.into_iter().filter(|(is_set, _)| *is_set).map(|(_, setting)| setting))
}

/// Makes a document of another one and a merge patch (RFC 7396).
pub fn merge(document: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        document.clone_from(patch);
        return;
    };
    if !document.is_object() {
        *document = Value::Object(serde_json::Map::new());
    }
    let Some(members) = document.as_object_mut() else { return };
    for (name, change) in changes {
        if change.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), change);
        }
    }
}
