//! Texts as a search looks at them.

use unicode_normalization::UnicodeNormalization;

use crate::dynamo::{Item, s};

/// The `search` attribute of a record: its fields as a search looks at them.
pub(crate) fn searchable<'a>(fields: impl IntoIterator<Item = (&'static str, &'a str)>) -> Item {
    fields.into_iter().map(|(field, text)| (field.to_owned(), s(lowered(text)))).collect()
}

/// A text as a search looks at it.
pub(crate) fn lowered(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase()
}
