//! The list of users, for who may see all of them.

use super::{
    claim::{self, Name},
    record::{Account, User, counter, partition, searched_fields},
    username::Username,
};
use crate::{
    Error,
    compatibility::ListFormat,
    dynamo::{BatchGet, Db, is_yes},
    email::Email,
    id::record_key,
    page::{self, Filter, ListQuery, Page, Partitions, Row, Rows, Signer},
    parameters::Parameters,
    phone::PhoneRules,
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
    /// Reads the query. Without an ordering, the oldest come first if `oldest_first`.
    pub fn read(parameters: &Parameters, format: ListFormat, oldest_first: bool) -> Result<Self, Error> {
        Ok(Self {
            query: ListQuery::read(parameters, format, oldest_first)?,
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
        Partitions { table: &db.tables.users, index, key: index, names: names.collect(), record_key }
    }

    /// Whether it is the list of all users.
    fn is_whole(&self) -> bool {
        self.flags().iter().all(Option::is_none) && self.query.search().is_none()
    }

    /// Whether it may read much more than it shows: then nothing is read before it is known who asks.
    #[must_use]
    pub fn reads_much(&self) -> bool {
        self.query.reads_much(self.filter().is_some(), self.is_whole())
    }

    fn flags(&self) -> [Option<bool>; 3] {
        [self.is_active, self.is_staff, self.is_phone_verified]
    }

    /// Whether users with these flags are wanted: `is_active`, `is_staff` and `is_phone_verified`.
    fn wants(&self, flags: [bool; 3]) -> bool {
        self.flags().iter().zip(flags).all(|(wanted, is)| wanted.is_none_or(|wanted| wanted == is))
    }

    /// The page of a caller who sees only themselves. It is the only one: no cursor leads to it.
    pub fn of_oneself(&self, user: &User) -> Result<Page<User>, Error> {
        let is_wanted = self.wants([user.is_active, user.is_staff, user.is_phone_verified]);
        let is_found = is_wanted && self.query.finds(user.searched().map(|(_, text)| text));
        self.query.only_page(is_found.then(|| user.clone()))
    }

    /// The page, for a caller who may see it.
    pub fn page(&self, caller: &Account, Unseen(rows): Unseen) -> Result<Page<User>, Error> {
        self.query.page(&Signer { key: &caller.cursor_key, list: "users" }, rows, User::listed)
    }

    /// The users who have exactly the username, e-mail address or phone number that is searched for.
    async fn exact(&self, db: &Db) -> Result<Vec<Row>, Error> {
        let names = self.query.search().map(names_in).transpose()?.unwrap_or_default();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let holders = claim::read_names(db, &names).await?;
        let holders = names.iter().filter_map(|name| holders.of(name)).filter(|holder| !holder.staged);
        let mut ids: Vec<_> = holders.map(|holder| holder.user_id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let table = &db.tables.users;
        let mut batch = BatchGet::eventually_consistent();
        for id in &ids {
            batch.want(table, record_key(*id));
        }
        let mut found = batch.send(db).await?;
        let rows = ids.into_iter().filter_map(|id| Some((id, found.take(table, &record_key(id))?)));
        let flags =
            |row: &Row| ["is_active", "is_staff", "is_phone_verified"].map(|name| is_yes(&row.1, name));
        Ok(rows.filter(|row| self.wants(flags(row))).collect())
    }
}

/// The identifiers that a search may be.
fn names_in(search: &str) -> Result<Vec<Name>, Error> {
    let username = Username::parse(search).ok().map(|username| Name::Username(username.key()));
    let email = Email::parse(search).ok().map(|email| Name::Email(email.key()));
    let phone = PhoneRules::from_env()?.parse(search).ok();
    let phone = phone.map(|phone| Name::Phone(phone.e164().to_owned()));
    Ok([username, email, phone].into_iter().flatten().collect())
}

/// Reads what the list asks for, for a caller who may see it.
pub async fn list(db: &Db, list: &List) -> Result<Unseen, Error> {
    let counter = list.is_whole().then(|| counter(db));
    let (partitions, filter) = (list.partitions(db), list.filter());
    page::read(db, &list.query, &partitions, &filter, counter, list.exact(db)).await.map(Unseen)
}
