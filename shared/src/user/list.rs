//! The list of users, for staff.

use super::record::{Account, User, partition, searched_fields};
use crate::{
    Error,
    dynamo::Db,
    page::{self, Filter, ListQuery, Page, Partitions, Rows, Signer},
    parameters::Parameters,
};

/// What a request wants of the list.
pub struct List {
    query: ListQuery,
    is_active: Option<bool>,
    is_staff: Option<bool>,
    is_phone_verified: Option<bool>,
}

/// Rows that were read before it was known who asks.
pub struct Unseen(Rows);

impl List {
    /// Reads the query.
    pub fn read(parameters: &Parameters) -> Result<Self, Error> {
        Ok(Self {
            query: ListQuery::read(parameters)?,
            is_active: parameters.flag("is_active")?,
            is_staff: parameters.flag("is_staff")?,
            is_phone_verified: parameters.flag("is_phone_verified")?,
        })
    }

    fn filter(&self) -> Filter {
        // Staff are an index; all others are nearly all.
        let not_staff = self.is_staff.filter(|is_staff| !is_staff);
        Filter::search(&self.query, searched_fields())
            .flag("is_phone_verified", self.is_phone_verified)
            .flag("is_staff", not_staff)
    }

    fn partitions<'a>(&self, db: &'a Db) -> Partitions<'a> {
        let index = if self.is_staff == Some(true) { "listed_staff" } else { "listed" };
        let wanted = |is_active: &bool| self.is_active.is_none_or(|wanted| wanted == *is_active);
        let names = [true, false].into_iter().filter(wanted).map(|is_active| partition(is_active).to_owned());
        Partitions { table: &db.tables.users, index, key: index, names: names.collect() }
    }

    /// Whether it may read much more than it shows: then nothing is read before it is known who asks.
    #[must_use]
    pub fn filters(&self) -> bool {
        self.filter().is_some()
    }

    /// The page of a caller who sees only themselves. It is the only one: no cursor leads to it.
    pub fn of_oneself(&self, user: &User) -> Result<Page<User>, Error> {
        self.query.refuse_cursor()?;
        let flags = [
            (self.is_active, user.is_active),
            (self.is_staff, user.is_staff),
            (self.is_phone_verified, user.is_phone_verified),
        ];
        let is_wanted = flags.iter().all(|(wanted, is)| wanted.is_none_or(|wanted| wanted == *is));
        Ok(Page::of(
            (is_wanted && self.query.finds(user.searched().map(|(_, text)| text))).then(|| user.clone()),
        ))
    }

    /// The page, for a caller who may see it.
    pub fn page(&self, caller: &Account, Unseen(rows): Unseen) -> Result<Page<User>, Error> {
        self.query.page(&Signer { key: &caller.cursor_key, list: "users" }, rows, User::listed)
    }
}

/// Reads what the list asks for; only staff may see it.
pub async fn list(db: &Db, list: &List) -> Result<Unseen, Error> {
    page::read(db, &list.query, &list.partitions(db), &list.filter()).await.map(Unseen)
}
