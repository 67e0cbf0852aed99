//! Lists: their records in order, in the form of this stack ([`ListFormat`](crate::compatibility::ListFormat)).
//!
//! Ids sort by time, and so do lists. A list lies in several partitions of an index; they are read at once and merged, so that a page
//! costs what it holds, however long the list. A signed cursor is a place between two records, which survives what is inserted and
//! deleted in the meantime. A numbered page has to be counted from an end of the list, and costs what lies before it.

mod answer;
mod count;
mod cursor;
mod merge;
mod numbered;
mod partitions;
mod query;
mod read;
mod search;

pub use answer::{Body, Page};
pub(crate) use count::{Counter, count, counted, if_counted_as_loaded, is_counted};
pub(crate) use cursor::Signer;
pub(crate) use partitions::{Filter, Partitions};
pub use query::{DEFAULT_SIZE, LARGEST, LONGEST_ARRAY, LONGEST_SEARCH, ListQuery};
pub(crate) use read::{Row, Rows, read};
pub(crate) use search::searchable;
