//! Lists of employees: of one owner, and of all.

use super::{
    names::{Holders, Name},
    record::{Employee, SHARDS, by_department, by_phone, counter, counter_of, record_key, searched_fields},
};
use crate::{
    Error,
    compatibility::{Compatibility, ListFormat},
    dynamo::{BatchGet, Db, from_item, is_yes, text},
    email::Email,
    fields::NAME_LENGTH,
    form,
    page::{self, Filter, ListQuery, Page, Partitions, Row, Rows, Signer},
    parameters::Parameters,
    phone::PhoneRules,
    user,
};

/// The words of django-filter.
const NO_SUCH_OWNER: &str = "Select a valid choice. That choice is not one of the available choices.";

/// What a request wants of a list.
pub struct List {
    query: ListQuery,
    owner: Option<user::Id>,
    department: Option<String>,
    is_phone_verified: Option<bool>,
}

/// Rows that were read before it was known who asks.
pub struct Unseen(Rows);

/// Whose employees a caller may list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Those of one owner.
    Of(user::Id),
}

impl Scope {
    /// What a user may list.
    #[must_use]
    pub fn for_user(compatibility: &Compatibility, user: user::Id, is_staff: bool) -> Self {
        if is_staff || compatibility.employees_visible_to_all { Self::All } else { Self::Of(user) }
    }

    /// The part of it that belongs to this owner, if only that is wanted.
    fn narrowed(self, owner: Option<user::Id>) -> Self {
        match owner {
            None => self,
            Some(owner) if self.includes(owner) => Self::Of(owner),
            // Nobody has the nil id, and so no employees.
            Some(_) => Self::Of(user::Id::nil()),
        }
    }

    fn includes(self, owner: user::Id) -> bool {
        self == Self::All || self == Self::Of(owner)
    }
}

impl List {
    /// Reads the query. Without an ordering, the oldest come first if `oldest_first`.
    pub fn read(parameters: &Parameters, format: ListFormat, oldest_first: bool) -> Result<Self, Error> {
        // No department is longer, and the key of a partition may not be much longer.
        let department = |text| form::at_most(NAME_LENGTH, text).map(str::to_owned);
        let department = parameters.get("department").map(department).transpose();
        let owner = |text| user::Id::shown(text).ok_or_else(|| Error::field("owner", NO_SUCH_OWNER));
        Ok(Self {
            query: ListQuery::read(parameters, format, oldest_first)?,
            owner: parameters.get("owner").map(owner).transpose()?,
            department: department.map_err(|words| Error::field("department", words))?,
            is_phone_verified: parameters.flag("is_phone_verified")?,
        })
    }

    /// Whether it is the list of all employees, or of all of an owner.
    fn is_whole(&self) -> bool {
        self.department.is_none() && self.is_phone_verified.is_none() && self.query.search().is_none()
    }

    /// Whether it may read much more than it shows: then nothing is read before it is known who asks.
    #[must_use]
    pub fn reads_much(&self) -> bool {
        self.query.reads_much(self.filter().is_some(), self.is_whole())
    }

    /// A department is an index of its own, and whether the number is proven then filters what is read of it.
    fn filter(&self) -> Filter {
        let proven = self.is_phone_verified.filter(|_| self.department.is_some());
        Filter::search(&self.query, searched_fields()).flag("is_phone_verified", proven)
    }

    fn partitions<'a>(&self, db: &'a Db, scope: Scope) -> Partitions<'a> {
        let (scopes, indexes) = match scope {
            Scope::All => {
                let shards = (0..SHARDS).map(|shard| shard.to_string()).collect();
                (shards, ["by_shard", "by_shard_department"])
            }
            Scope::Of(owner) => (vec![owner.stored()], ["by_owner", "by_owner_department"]),
        };
        let (index, names) = if let Some(department) = &self.department {
            (indexes[1], scopes.iter().map(|scope| by_department(scope, department)).collect())
        } else {
            let wanted = |verified: &bool| self.is_phone_verified.is_none_or(|wanted| wanted == *verified);
            let names = scopes.iter().flat_map(|scope| {
                [true, false].into_iter().filter(wanted).map(move |verified| by_phone(scope, verified))
            });
            (indexes[0], names.collect())
        };
        Partitions { table: &db.tables.employees, index, key: index, names, record_key }
    }

    /// The page, for a caller who may see it.
    pub fn page(&self, caller: &user::Account, Unseen(rows): Unseen) -> Result<Page<Employee>, Error> {
        self.query.page(&Signer { key: &caller.cursor_key, list: "employees" }, rows, from_item)
    }

    /// The employees who have exactly the e-mail address or phone number that is searched for.
    async fn exact(&self, db: &Db, scope: Scope) -> Result<Vec<Row>, Error> {
        let names = self.query.search().map(names_in).transpose()?.unwrap_or_default();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let Holders(holders) = Holders::read(db, &names).await?;
        let holders = holders.into_iter().map(|(_, holder)| holder);
        let mut ids: Vec<_> =
            holders.filter(|holder| scope.includes(holder.owner)).map(|holder| holder.id).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let table = &db.tables.employees;
        let mut batch = BatchGet::eventually_consistent();
        for id in &ids {
            batch.want(table, record_key(*id));
        }
        let mut found = batch.send(db).await?;
        let rows = ids.into_iter().filter_map(|id| Some((id, found.take(table, &record_key(id))?)));
        Ok(rows.filter(|row| self.wants(row)).collect())
    }

    /// Whether an employee is in the department, and their number proven or not, as is asked for.
    fn wants(&self, (_, employee): &Row) -> bool {
        let department = text(employee, "department").unwrap_or_default();
        let is_phone_verified = is_yes(employee, "is_phone_verified");
        self.department.as_ref().is_none_or(|wanted| wanted == department)
            && self.is_phone_verified.is_none_or(|wanted| wanted == is_phone_verified)
    }
}

/// The identifiers that a search may be.
fn names_in(search: &str) -> Result<Vec<Name>, Error> {
    let email = Email::parse(search).ok().map(|email| Name::Email(email.key()));
    let phone = PhoneRules::from_env()?.parse(search).ok();
    let phone = phone.map(|phone| Name::Phone(phone.e164().to_owned()));
    Ok(email.into_iter().chain(phone).collect())
}

/// Reads what the list asks for among the employees that a caller may list.
pub async fn list(db: &Db, list: &List, scope: Scope) -> Result<Unseen, Error> {
    let scope = scope.narrowed(list.owner);
    let counter = match scope {
        Scope::All => counter(db),
        Scope::Of(owner) => counter_of(db, owner),
    };
    let counter = Some(counter).filter(|_| list.is_whole());
    let (partitions, filter) = (list.partitions(db, scope), list.filter());
    page::read(db, &list.query, &partitions, &filter, counter, list.exact(db, scope)).await.map(Unseen)
}
