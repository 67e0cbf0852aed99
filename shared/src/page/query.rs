//! What a request asks of a list.

use unicode_normalization::UnicodeNormalization;
use url::form_urlencoded;

use super::{
    cursor::{Cursor, Signer, Unverified},
    search::lowered,
};
use crate::{Error, form, parameters::Parameters};

/// The records of a page, unless a request asks for another number.
pub const DEFAULT_SIZE: usize = 20;
/// The most records of a page.
pub const LARGEST: usize = 100;
/// The longest search, in characters.
pub const LONGEST_SEARCH: usize = 150;
/// The most words of it that count.
const MOST_TERMS: usize = 10;
/// What a request asks of a list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    pub(super) size: usize,
    pub(super) oldest_first: bool,
    pub(super) cursor: Option<Unverified>,
    pub(super) terms: Vec<String>,
    pub(super) url: String,
    pub(super) query: Vec<(String, String)>,
}

impl ListQuery {
    /// Reads `page_size`, `cursor`, `ordering` and `search`. Like Django REST Framework, it takes the nearest page size and
    /// ignores an ordering it does not know.
    pub fn read(parameters: &Parameters) -> Result<Self, Error> {
        let size = parameters.get("page_size").and_then(|size| size.parse().ok());
        let search: String = parameters.get("search").unwrap_or_default().nfkc().collect();
        let search = form::at_most(LONGEST_SEARCH, &search).map_err(|words| Error::field("search", words))?;
        let terms = search.split(|c: char| c.is_whitespace() || c == ',' || c == '\0');
        let cursor = parameters.get("cursor");
        let cursor = cursor.map(|text| Unverified::parse(text).ok_or(Error::InvalidCursor)).transpose()?;
        let mut query = parameters.pairs.clone();
        query.retain(|(name, _)| name != "cursor");
        query.sort();
        Ok(Self {
            size: size.filter(|size| *size > 0).unwrap_or(DEFAULT_SIZE).min(LARGEST),
            oldest_first: parameters.get("ordering") == Some("created_at"),
            cursor,
            terms: terms.filter(|term| !term.is_empty()).map(str::to_lowercase).take(MOST_TERMS).collect(),
            url: parameters.url.clone(),
            query,
        })
    }

    /// 404 for a cursor, where there are none.
    pub(crate) fn refuse_cursor(&self) -> Result<(), Error> {
        if self.cursor.is_some() { Err(Error::InvalidCursor) } else { Ok(()) }
    }

    /// Whether every word of the search is in one of these texts.
    pub(crate) fn finds<'a>(&self, texts: impl Iterator<Item = &'a str>) -> bool {
        let texts: Vec<_> = texts.map(lowered).collect();
        self.terms.iter().all(|term| texts.iter().any(|text| text.contains(term)))
    }

    /// Whether the records are read from the lowest id upwards.
    pub(super) fn ascends(&self) -> bool {
        self.oldest_first != self.reads_backwards()
    }

    pub(super) fn reads_backwards(&self) -> bool {
        self.cursor.is_some_and(|shown| shown.cursor.backwards)
    }

    pub(super) fn link(&self, signer: &Signer, cursor: Cursor) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("cursor", &cursor.text(signer)).extend_pairs(&self.query);
        format!("{}?{}", self.url, query.finish())
    }
}
