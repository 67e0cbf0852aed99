//! Lists: pages of records, newest first, with signed cursors that survive what is inserted and deleted meanwhile.
//!
//! A cursor is a place between two records, named by an id: ids are `UUIDv7`s, which sort by time. A list lies in several
//! partitions of an index; they are read at once and merged, so that a page costs what it holds, however long the list.

mod answer;
mod cursor;
mod query;
mod read;
mod search;

pub use answer::Page;
pub(crate) use cursor::Signer;
pub use query::{DEFAULT_SIZE, LARGEST, LONGEST_SEARCH, ListQuery};
pub(crate) use read::{Filter, Partitions, Rows, read};
pub(crate) use search::{lowered, searchable};
