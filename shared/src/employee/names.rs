//! Unique names of employees: each e-mail address and phone number is a record of its own that names its employee.

use std::collections::BTreeSet;

use super::{Id, record::Employee};
use crate::{
    Error,
    dynamo::{BatchGet, Db, Found, Item, Write, key, s, text},
    email,
    error::FieldErrors,
    user,
};

/// A name that one employee has. It is a record of its own, which names its employee.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// By its unique form.
    Email(String),
    /// In E.164 form.
    Phone(String),
}

impl Name {
    fn key(&self) -> Item {
        key(match self {
            Self::Email(address) => format!("email#{address}"),
            Self::Phone(number) => format!("phone#{number}"),
        })
    }

    /// The field that holds it, and what a second taker hears.
    pub(super) fn taken(&self) -> (&'static str, &'static str) {
        match self {
            Self::Email(_) => ("email", "employee with this email already exists."),
            Self::Phone(_) => ("phone_number", "employee with this phone number already exists."),
        }
    }

    /// The write by which an employee takes the name. The owner never changes, and goes with it.
    pub(super) fn take(&self, db: &Db, employee: &Employee) -> Write {
        let mut claim = self.key();
        claim.insert("employee_id".to_owned(), s(employee.id.stored()));
        claim.insert("owned_by".to_owned(), s(employee.owner.stored()));
        Write::put(&db.tables.employees, claim).if_new()
    }

    /// The write that frees it.
    pub(super) fn free(&self, db: &Db, id: Id) -> Write {
        Write::delete(&db.tables.employees, self.key()).if_equals("employee_id", s(id.stored()))
    }
}

/// Who has a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Holder {
    pub(super) id: Id,
    pub(super) owner: user::Id,
}

impl Holder {
    fn read(claim: &Item) -> Result<Self, Error> {
        let id = |name| text(claim, name).and_then(|id| id.parse().ok());
        let whole = || Some(Self { id: id("employee_id")?, owner: id("owned_by")? });
        whole().ok_or_else(|| Error::internal("a name without its employee"))
    }
}

/// Which of the names that were asked about are taken, and by whom.
#[derive(Debug)]
pub struct Holders(pub(super) Vec<(Name, Holder)>);

impl Holders {
    pub(crate) fn want(db: &Db, batch: &mut BatchGet, names: &[Name]) {
        for name in names {
            batch.want(&db.tables.employees, name.key());
        }
    }

    pub(crate) fn take(db: &Db, found: &mut Found, names: &[Name]) -> Result<Self, Error> {
        let mut holders = Vec::new();
        for name in names {
            if let Some(claim) = found.take(&db.tables.employees, &name.key()) {
                holders.push((name.clone(), Holder::read(&claim)?));
            }
        }
        Ok(Self(holders))
    }

    /// Reads who has these names.
    pub(super) async fn read(db: &Db, names: &[Name]) -> Result<Self, Error> {
        let mut batch = BatchGet::default();
        Self::want(db, &mut batch, names);
        Self::take(db, &mut batch.send(db).await?, names)
    }

    /// Complaints about names that another employee than this one has; a new one has no id yet.
    #[must_use]
    pub fn complaints(&self, id: Option<Id>) -> FieldErrors {
        let others = self.0.iter().filter(|(_, holder)| Some(holder.id) != id);
        others.map(|(name, _)| name.taken()).map(|(field, words)| (field, vec![words.to_owned()])).collect()
    }

    /// 400 for names that another employee has.
    pub(super) fn check(&self, id: Id) -> Result<(), Error> {
        let complaints = self.complaints(Some(id));
        if complaints.is_empty() { Ok(()) } else { Err(Error::Invalid(complaints)) }
    }
}

/// Those of these names that anybody has.
pub(super) async fn taken_names(db: &Db, names: &[Name]) -> Result<BTreeSet<Name>, Error> {
    let found = db
        .get_all(&db.tables.employees, names.iter().collect::<BTreeSet<_>>().into_iter().map(Name::key))
        .await?;
    let is_taken = |name: &&Name| text(&name.key(), "pk").is_some_and(|pk| found.contains_key(pk));
    Ok(names.iter().filter(is_taken).cloned().collect())
}

impl Employee {
    /// Their unique names.
    pub(super) fn names(&self) -> Vec<Name> {
        let email = self.email.as_deref().map(|address| Name::Email(email::key(address)));
        // An imported employee may have no number.
        let phone = Some(&self.phone_number).filter(|number| !number.is_empty()).cloned().map(Name::Phone);
        phone.into_iter().chain(email).collect()
    }
}
