//! What a request asks of a list.

use unicode_normalization::UnicodeNormalization;
use url::form_urlencoded;

use super::{
    cursor::{Cursor, Signer, Unverified},
    search::Term,
};
use crate::{Error, compatibility::ListFormat, form, parameters::Parameters, unicode};

/// The records of a page, unless a request asks for another number.
pub const DEFAULT_SIZE: usize = 20;
/// The most records of a page.
pub const LARGEST: usize = 100;
/// The most records of an array.
pub const LONGEST_ARRAY: usize = 1_000;
/// The longest search, in characters.
pub const LONGEST_SEARCH: usize = 150;
/// The most words of it that count.
const MOST_TERMS: usize = 10;
/// The fields by which a list can be ordered. All of them order it by id, which is the order of creation.
const ORDERINGS: [&str; 3] = ["created_at", "date_joined", "id"];

/// What a request asks of a list.
#[derive(Debug, Clone)]
pub struct ListQuery {
    pub(super) format: ListFormat,
    pub(super) size: usize,
    pub(super) oldest_first: bool,
    pub(super) cursor: Option<Unverified>,
    pub(super) number: PageNumber,
    /// The search as a whole: it may be an identifier.
    search: String,
    pub(super) terms: Vec<Term>,
    url: String,
    query: Vec<(String, String)>,
}

/// The number of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageNumber {
    /// From 1.
    Nth(usize),
    Last,
}

impl PageNumber {
    pub const FIRST: Self = Self::Nth(1);

    /// Like Django, it takes `last` and a number from 1.
    fn read(text: Option<&str>) -> Result<Self, Error> {
        match text {
            None => Ok(Self::FIRST),
            Some("last") => Ok(Self::Last),
            Some(number) => {
                number.parse().ok().filter(|number| *number > 0).map(Self::Nth).ok_or(Error::InvalidPage)
            }
        }
    }
}

impl ListQuery {
    /// Reads `page_size`, `page`, `cursor`, `ordering` and `search`, as far as the format has them. Like Django REST Framework,
    /// it takes the nearest page size and ignores an ordering it does not know: then the oldest come first if `oldest_first`.
    pub fn read(parameters: &Parameters, format: ListFormat, oldest_first: bool) -> Result<Self, Error> {
        let size = parameters.get("page_size").and_then(|size| size.parse().ok());
        let size = size.filter(|size| *size > 0).unwrap_or(DEFAULT_SIZE).min(LARGEST);
        let search: String = parameters.get("search").unwrap_or_default().nfkc().collect();
        let search = form::at_most(LONGEST_SEARCH, &search).map_err(|words| Error::field("search", words))?;
        let terms = search.split(|c: char| c.is_whitespace() || c == ',' || c == '\0');
        let number = PageNumber::read(parameters.get("page"))?;
        let is_numbered = format == ListFormat::Page;
        if !is_numbered && number != PageNumber::FIRST {
            return Err(Error::InvalidPage);
        }
        let cursor = parameters.get("cursor").filter(|_| !is_numbered);
        let cursor = cursor.map(|text| Unverified::parse(text).ok_or(Error::InvalidCursor)).transpose()?;
        // No array leads back.
        if format == ListFormat::Array && cursor.is_some_and(|unverified| unverified.cursor.backwards) {
            return Err(Error::InvalidCursor);
        }
        let mut query = parameters.pairs.clone();
        query.retain(|(name, _)| name != if is_numbered { "page" } else { "cursor" });
        // Of a parameter that is given twice, the last counts: their order stays.
        query.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(Self {
            format,
            size: if format == ListFormat::Array { LONGEST_ARRAY } else { size },
            oldest_first: ordering(parameters.get("ordering").unwrap_or_default()).unwrap_or(oldest_first),
            cursor,
            number,
            terms: terms.filter(|term| !term.is_empty()).map(Term::of).take(MOST_TERMS).collect(),
            search: search.to_owned(),
            url: parameters.url.clone(),
            query,
        })
    }

    /// What is searched for, when it may be an identifier.
    pub(crate) fn search(&self) -> Option<&str> {
        Some(self.search.as_str()).filter(|_| !self.terms.is_empty())
    }

    /// 404 for a cursor or another page than the first, in a list of one page.
    pub(super) fn refuse_other_pages(&self) -> Result<(), Error> {
        match (self.cursor, self.number) {
            (Some(_), _) => Err(Error::InvalidCursor),
            (None, PageNumber::Nth(1) | PageNumber::Last) => Ok(()),
            (None, PageNumber::Nth(_)) => Err(Error::InvalidPage),
        }
    }

    /// Whether every word of the search is in one of these texts.
    pub(crate) fn finds<'a>(&self, texts: impl Iterator<Item = &'a str>) -> bool {
        let texts: Vec<_> = texts.map(unicode::folded).collect();
        self.terms.iter().all(|term| texts.iter().any(|text| text.contains(&term.folded)))
    }

    /// Whether it may read much more than it shows: a filter does, and so does a numbered page, unless it is the first or the last of
    /// a list whose records are counted.
    pub(crate) fn reads_much(&self, is_filtered: bool, is_counted: bool) -> bool {
        match self.format {
            ListFormat::Cursor | ListFormat::Array => is_filtered,
            ListFormat::Page => !is_counted || !matches!(self.number, PageNumber::FIRST | PageNumber::Last),
        }
    }

    /// Whether the records are read from the lowest id upwards.
    pub(super) fn ascends(&self) -> bool {
        self.oldest_first != self.reads_backwards()
    }

    pub(super) fn reads_backwards(&self) -> bool {
        self.cursor.is_some_and(|shown| shown.cursor.backwards)
    }

    /// The URL of the page at a cursor.
    pub(super) fn link(&self, signer: &Signer, cursor: Cursor) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("cursor", &cursor.text(signer)).extend_pairs(&self.query);
        format!("{}?{}", self.url, query.finish())
    }

    /// The URL of a numbered page, as Django REST Framework writes it: sorted, and the first page without its number.
    pub(super) fn numbered_link(&self, number: usize) -> String {
        let mut pairs = self.query.clone();
        if number > 1 {
            pairs.push(("page".to_owned(), number.to_string()));
            pairs.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        if pairs.is_empty() {
            return self.url.clone();
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("{}?{query}", self.url)
    }
}

/// Whether the oldest come first in this order, if it is one. Of several fields, the first that is known decides: no two records
/// are alike in it.
fn ordering(text: &str) -> Option<bool> {
    let mut fields = text.split(',').map(str::trim);
    fields.find_map(|field| match field.strip_prefix('-') {
        Some(field) => ORDERINGS.contains(&field).then_some(false),
        None => ORDERINGS.contains(&field).then_some(true),
    })
}
