//! Pending users: imported ones who were to verify their e-mail address before they could log in for the first time. They are
//! inactive until they do, or until staff activate them. They are not staff.

use super::{Account, record::partition};
use crate::dynamo::{Write, s, yes};

/// The write of a user who verifies their e-mail address, which makes a pending one active.
pub(super) fn activated(write: Write, account: &Account) -> Write {
    if account.is_pending {
        let write = write.if_equals("is_pending", yes()).remove("is_pending");
        write.set("is_active", yes()).set("listed", s(partition(true)))
    } else {
        if_settled(write)
    }
}

/// A write of a user's record, unless they are pending.
pub(super) fn if_settled(write: Write) -> Write {
    write.if_absent("is_pending")
}
