//! Lists of employees: of one owner, and of all for staff.

use super::record::{Employee, SHARDS, by_department, by_phone, searched_fields};
use crate::{
    Error,
    dynamo::{Db, from_item},
    fields::NAME_LENGTH,
    form,
    page::{self, Filter, ListQuery, Page, Partitions, Rows, Signer},
    parameters::Parameters,
    user,
};

/// What a request wants of a list.
pub struct List {
    query: ListQuery,
    department: Option<String>,
    is_phone_verified: Option<bool>,
}

/// Rows that were read before it was known who asks.
pub struct Unseen(Rows);

impl List {
    /// Reads the query.
    pub fn read(parameters: &Parameters) -> Result<Self, Error> {
        // No department is longer, and the key of a partition may not be much longer.
        let department = |text| form::at_most(NAME_LENGTH, text).map(str::to_owned);
        let department = parameters.get("department").map(department).transpose();
        Ok(Self {
            query: ListQuery::read(parameters)?,
            department: department.map_err(|words| Error::field("department", words))?,
            is_phone_verified: parameters.flag("is_phone_verified")?,
        })
    }

    /// Whether it may read much more than it shows: then nothing is read before it is known who asks.
    #[must_use]
    pub fn filters(&self) -> bool {
        self.filter().is_some()
    }

    /// A department is an index of its own, and whether the number is proven then filters what is read of it.
    fn filter(&self) -> Filter {
        let proven = self.is_phone_verified.filter(|_| self.department.is_some());
        Filter::search(&self.query, searched_fields()).flag("is_phone_verified", proven)
    }

    /// The page, for a caller who may see it.
    pub fn page(&self, caller: &user::Account, Unseen(rows): Unseen) -> Result<Page<Employee>, Error> {
        self.query.page(&Signer { key: &caller.cursor_key, list: "employees" }, rows, from_item)
    }

    /// Reads the list within these shards or of this owner.
    async fn rows(&self, db: &Db, scopes: &[String], indexes: [&'static str; 2]) -> Result<Unseen, Error> {
        let (index, names) = if let Some(department) = &self.department {
            (indexes[1], scopes.iter().map(|scope| by_department(scope, department)).collect())
        } else {
            let wanted = |verified: &bool| self.is_phone_verified.is_none_or(|wanted| wanted == *verified);
            let names = scopes.iter().flat_map(|scope| {
                [true, false].into_iter().filter(wanted).map(move |verified| by_phone(scope, verified))
            });
            (indexes[0], names.collect())
        };
        let partitions = Partitions { table: &db.tables.employees, index, key: index, names };
        page::read(db, &self.query, &partitions, &self.filter()).await.map(Unseen)
    }
}

/// Reads what the list asks for among the employees of an owner.
pub async fn list_of(db: &Db, owner: user::Id, list: &List) -> Result<Unseen, Error> {
    list.rows(db, &[owner.stored()], ["by_owner", "by_owner_department"]).await
}

/// Reads what the list asks for among all employees; only staff may see it.
pub async fn list_all(db: &Db, list: &List) -> Result<Unseen, Error> {
    let shards: Vec<_> = (0..SHARDS).map(|shard| shard.to_string()).collect();
    list.rows(db, &shards, ["by_shard", "by_shard_department"]).await
}
