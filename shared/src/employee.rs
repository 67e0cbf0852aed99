//! Employees: what the API shows of them, how they are stored, and every write that touches one of their unique names.

mod changes;
mod create;
mod delete;
mod fields;
mod import;
mod list;
mod names;
mod record;
mod update;
mod verify;

pub use crate::id::Id;
pub use changes::Changes;
pub use create::create;
pub use delete::delete;
pub use fields::FIELDS;
pub use import::{delete_imported, import};
pub use list::{List, Scope, Unseen, list};
pub use names::{Holders, Name};
pub(crate) use record::record_key;
pub(crate) use record::rewrite;
pub use record::{Employee, Record, searched_fields};
pub use update::update;
pub use verify::{Bearers, find_bearers, verify_phone};
