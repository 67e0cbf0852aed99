//! The list of users, for staff.

use super::{Account, User};
use crate::{
    App, Error, Request,
    dynamo::from_item,
    page::{self, Asked, Filter, Page, Partitions, Rows, Signer},
};

/// The fields that a search looks at.
pub(super) const SEARCHED: [&str; 5] = ["username", "email", "first_name", "last_name", "phone_number"];

/// Where a user is listed who is active, and staff, or not.
pub(super) fn partition(is_active: bool, is_staff: bool) -> &'static str {
    match (is_active, is_staff) {
        (true, false) => "active",
        (true, true) => "staff",
        (false, false) => "inactive",
        (false, true) => "inactive staff",
    }
}

/// The partitions of those who are active, and staff, or not, or (`None`) either.
fn partitions(active: Option<bool>, staff: Option<bool>) -> Vec<String> {
    let all = [(true, false), (true, true), (false, false), (false, true)];
    let wanted = all.into_iter().filter(|(is_active, is_staff)| {
        active.is_none_or(|active| active == *is_active) && staff.is_none_or(|staff| staff == *is_staff)
    });
    wanted.map(|(is_active, is_staff)| partition(is_active, is_staff).to_owned()).collect()
}

/// What a request wants of the list.
pub struct List {
    asked: Asked,
    is_active: Option<bool>,
    is_staff: Option<bool>,
    is_phone_verified: Option<bool>,
}

/// Rows that were read before it was known who asks.
pub struct Unseen(Rows);

impl List {
    /// Reads the query.
    pub fn read(request: &Request) -> Result<Self, Error> {
        Ok(Self {
            asked: Asked::read(request)?,
            is_active: request.query_flag("is_active")?,
            is_staff: request.query_flag("is_staff")?,
            is_phone_verified: request.query_flag("is_phone_verified")?,
        })
    }

    fn filter(&self) -> Filter {
        Filter::search(&self.asked, &SEARCHED).flag("is_phone_verified", self.is_phone_verified)
    }

    /// Whether it may read much more than it shows: then nothing is read before it is known who asks.
    #[must_use]
    pub fn filters(&self) -> bool {
        self.filter().is_some()
    }

    /// The page of a caller who sees only themselves. It is the only one: no cursor leads to it.
    pub fn of_oneself(&self, user: &User) -> Result<Page<User>, Error> {
        self.asked.refuse_cursor()?;
        let flags = [
            (self.is_active, user.is_active),
            (self.is_staff, user.is_staff),
            (self.is_phone_verified, user.is_phone_verified),
        ];
        let is_wanted = flags.iter().all(|(wanted, is)| wanted.is_none_or(|wanted| wanted == *is));
        Ok(Page::of((is_wanted && self.asked.finds(&user.searched())).then(|| user.clone())))
    }

    /// The page, for a caller who may see it.
    pub fn page(&self, caller: &Account, Unseen(rows): Unseen) -> Result<Page<User>, Error> {
        self.asked.page(&Signer { key: &caller.cursor_key, list: "users" }, rows, from_item)
    }
}

/// Reads what the list asks for; only staff may see it.
pub async fn list(app: &App, list: &List) -> Result<Unseen, Error> {
    let partitions = Partitions {
        table: &app.tables.users,
        index: "listed",
        key: "listed",
        names: partitions(list.is_active, list.is_staff),
    };
    page::read(app, &list.asked, &partitions, &list.filter()).await.map(Unseen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_is_in_one_partition_of_each_filter_that_is_theirs() {
        for (active, staff) in [(true, true), (true, false), (false, true), (false, false)] {
            for asked_active in [None, Some(true), Some(false)] {
                for asked_staff in [None, Some(true), Some(false)] {
                    let names = partitions(asked_active, asked_staff);
                    let found = names.iter().filter(|name| **name == partition(active, staff)).count();
                    let wanted = asked_active.is_none_or(|flag| flag == active)
                        && asked_staff.is_none_or(|flag| flag == staff);
                    assert_eq!(found, usize::from(wanted));
                }
            }
        }
    }
}
