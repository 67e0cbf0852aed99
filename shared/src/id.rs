//! The id of a user, and where what belongs to a user is stored.

use uuid::Uuid;

use crate::dynamo::{Item, key};

/// A user's id: a `UUIDv7`, so that ids sort by the time of registration.
pub type Id = Uuid;

/// The partition of a user, in the Users and in the Tokens table.
pub(crate) fn pk(id: Id) -> String {
    format!("user#{id}")
}

/// The key of a user's record in the Users table.
pub(crate) fn record_key(id: Id) -> Item {
    key(pk(id))
}
