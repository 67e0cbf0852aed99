//! Texts as a search looks at them.

use unicode_normalization::UnicodeNormalization;

use crate::{
    dynamo::{Item, s},
    unicode,
};

/// The `search` attribute of a record: its fields as a search looks at them.
pub(crate) fn searchable<'a>(fields: impl IntoIterator<Item = (&'static str, &'a str)>) -> Item {
    fields.into_iter().map(|(field, text)| (field.to_owned(), s(unicode::folded(text)))).collect()
}

/// A word that is searched for.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    /// Without regard to case.
    pub folded: String,
    /// As release 0.1.0 stored texts, if that is something else: "ς" and "ß" stayed. `reindex` rewrites them.
    pub lowered: Option<String>,
}

impl Term {
    pub fn of(word: &str) -> Self {
        let (folded, lowered) = (unicode::folded(word), lowered(word));
        Self { lowered: Some(lowered).filter(|lowered| *lowered != folded), folded }
    }
}

fn lowered(text: &str) -> String {
    text.nfkc().collect::<String>().to_lowercase()
}
