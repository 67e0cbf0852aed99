//! Employees: what the API shows of them, how they are stored, and every write that touches one of their unique names.

mod create;
mod delete;
mod import;
mod list;
mod update;
mod verify;

use crate::dynamo::Write as TransactWriteItem;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    App, Bearer, Caller, Error, Form, audit,
    dynamo::{
        ATTEMPTS, BatchGet, Found, Item, Refused, Write, change, from_item, key, n, number, pause_before, s,
        text, to_item, transact,
    },
    email::{self, Email},
    http::{self, FieldErrors},
    page::searchable,
    phone::{Phone, PhoneRules},
    user::{self, ADDRESS_LENGTH, Date, NAME_LENGTH},
};

pub use create::create;
pub use delete::delete;
pub use import::import;
pub use list::{List, Unseen, list_all, list_of};
pub use update::update;
pub use verify::{Bearers, find_bearers, verify_phone};

/// An employee's id: a `UUIDv7`, so that ids sort by the time of creation.
pub type Id = Uuid;

/// An employee, as the API shows them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Employee {
    /// Never changes.
    #[schema(value_type = Uuid)]
    pub id: Id,
    /// Never empty.
    pub first_name: String,
    /// Never empty.
    pub last_name: String,
    /// In E.164 form; unique.
    pub phone_number: String,
    /// As it was typed; unique without regard to case.
    #[serde(default)]
    #[schema(required)]
    pub email: Option<String>,
    /// `YYYY-MM-DD`.
    #[serde(default)]
    #[schema(required)]
    pub date_of_birth: Option<Date>,
    /// May be empty.
    pub department: String,
    /// May be empty.
    pub job_title: String,
    /// `YYYY-MM-DD`.
    #[serde(default)]
    #[schema(required)]
    pub hire_date: Option<Date>,
    /// May be empty.
    pub address: String,
    /// Whether a code has proven the phone number.
    #[serde(default)]
    #[schema(required)]
    pub is_phone_verified: bool,
    /// The user who made the record.
    #[schema(value_type = Uuid)]
    pub owner: user::Id,
    /// The time in the id.
    pub created_at: Timestamp,
    /// When a field last changed.
    pub updated_at: Timestamp,
}

/// An employee in a version.
#[derive(Debug, Clone)]
pub struct Record {
    /// What the API shows.
    pub employee: Employee,
    /// Counts the changes: the entity tag.
    pub version: u64,
    /// The record as it was read; empty for a new employee. What a change writes is the difference to it.
    stored: Item,
}

impl Record {
    fn read(item: Item) -> Result<Self, Error> {
        Ok(Self {
            version: number(&item, "version").unwrap_or(0),
            employee: from_item(item.clone())?,
            stored: item,
        })
    }

    /// Every attribute that this release writes but the key, NULL for one that is absent.
    fn attributes(&self) -> Result<Item, Error> {
        let employee = &self.employee;
        let mut item = to_item(employee)?;
        item.insert("version".into(), n(self.version));
        item.insert("search".into(), searchable(list::SEARCHED.into_iter().zip(employee.searched())));
        item.extend(list::keys(employee));
        Ok(item)
    }

    /// The write of a new employee.
    fn insert(&self, app: &App) -> Result<TransactWriteItem, Error> {
        let mut item = self.attributes()?;
        item.retain(|_, value| !value.is_null());
        item.extend(record_key(self.employee.id));
        Write::to(&app.tables.employees).when("attribute_not_exists(pk)").put(item)
    }

    /// The write that makes this record of what is stored, unless that has changed since it was read. It brings the record
    /// into the shape in which this release writes it, too. `None` when there is nothing to write.
    fn change(&self, app: &App) -> Result<Option<TransactWriteItem>, Error> {
        Ok(change(&app.tables.employees, record_key(self.employee.id), &self.stored, &self.attributes()?))
    }

    fn is_of(&self, caller: &Caller) -> bool {
        self.employee.owner == caller.id() || caller.account.user.is_staff
    }
}

impl Employee {
    /// What a search looks at, in the order of [`list::SEARCHED`].
    fn searched(&self) -> [&str; 4] {
        [&self.first_name, &self.last_name, self.email.as_deref().unwrap_or_default(), &self.phone_number]
    }

    /// Their unique names.
    fn names(&self) -> Vec<Name> {
        let email = self.email.as_deref().map(|address| Name::Email(email::key(address)));
        [Name::Phone(self.phone_number.clone())].into_iter().chain(email).collect()
    }
}

/// The key under which an employee is stored.
fn record_key(id: Id) -> Item {
    key(format!("{PREFIX}{id}"))
}

const PREFIX: &str = "employee#";

/// Brings a stored record into the shape in which this release writes it; false when there is nothing to write, as for what is
/// no employee's record. What the API shows stays as it is, and so does the version.
///
/// Another request may change the record at the same time: then it is read again.
pub async fn rewrite(app: &App, item: Item) -> Result<bool, Error> {
    if !text(&item, "pk").is_some_and(|pk| pk.starts_with(PREFIX)) {
        return Ok(false);
    }
    let mut record = Record::read(item)?;
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            pause_before(attempt).await;
            let Some(read) = find(app, record.employee.id).await? else { return Ok(false) };
            record = read;
        }
        let Some(write) = record.change(app)? else { return Ok(false) };
        match transact(app, vec![write]).await {
            Ok(()) => return Ok(true),
            Err(Refused::Conditions) => {}
            Err(Refused::Error(error)) => return Err(error),
        }
    }
    Err(Error::Unavailable("an employee's record was changed at every attempt to rewrite it".into()))
}

/// What a body says of an employee. `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    first_name: Option<String>,
    last_name: Option<String>,
    phone: Option<Phone>,
    email: Option<Option<Email>>,
    date_of_birth: Option<Option<Date>>,
    department: Option<String>,
    job_title: Option<String>,
    hire_date: Option<Option<Date>>,
    address: Option<String>,
}

impl Fields {
    /// Reads the fields, and leaves a complaint for each that is wrong or, when the record is to be `complete`, missing.
    pub fn read(form: &mut Form, complete: bool) -> Result<Self, Error> {
        let phones = PhoneRules::from_env()?;
        let name = |text: &str| http::at_most(NAME_LENGTH, text).map(str::to_owned);
        let phone = |text: &str| phones.parse(text);
        let (first_name, last_name, phone) = if complete {
            (
                form.required("first_name", name),
                form.required("last_name", name),
                form.required("phone_number", phone),
            )
        } else {
            (
                form.not_blank("first_name", name),
                form.not_blank("last_name", name),
                form.not_blank("phone_number", phone),
            )
        };
        Ok(Self {
            first_name,
            last_name,
            phone,
            email: form.nullable("email", Email::parse),
            date_of_birth: form.nullable("date_of_birth", user::date),
            department: form.free_text("department", NAME_LENGTH),
            job_title: form.free_text("job_title", NAME_LENGTH),
            hire_date: form.nullable("hire_date", user::date),
            address: form.free_text("address", ADDRESS_LENGTH),
        })
    }

    /// The names of the fields that are given.
    #[must_use]
    pub fn given(&self) -> Vec<&'static str> {
        audit::changed([
            ("first_name", self.first_name.is_some()),
            ("last_name", self.last_name.is_some()),
            ("phone_number", self.phone.is_some()),
            ("email", self.email.is_some()),
            ("date_of_birth", self.date_of_birth.is_some()),
            ("department", self.department.is_some()),
            ("job_title", self.job_title.is_some()),
            ("hire_date", self.hire_date.is_some()),
            ("address", self.address.is_some()),
        ])
    }

    /// The unique names that they would take.
    #[must_use]
    pub fn names(&self) -> Vec<Name> {
        let phone = self.phone.as_ref().map(|phone| Name::Phone(phone.e164().to_owned()));
        let email = self.email.as_ref().and_then(Option::as_ref).map(|email| Name::Email(email.key()));
        phone.into_iter().chain(email).collect()
    }

    /// Gives the employee these fields. A new phone number is not proven.
    fn apply(&self, employee: &mut Employee) {
        if let Some(phone) = &self.phone
            && phone.e164() != employee.phone_number
        {
            phone.e164().clone_into(&mut employee.phone_number);
            employee.is_phone_verified = false;
        }
        if let Some(email) = &self.email {
            employee.email = email.as_ref().map(|email| email.typed().to_owned());
        }
        for (new, field) in [
            (&self.first_name, &mut employee.first_name),
            (&self.last_name, &mut employee.last_name),
            (&self.department, &mut employee.department),
            (&self.job_title, &mut employee.job_title),
            (&self.address, &mut employee.address),
        ] {
            if let Some(new) = new {
                field.clone_from(new);
            }
        }
        employee.date_of_birth = self.date_of_birth.unwrap_or(employee.date_of_birth);
        employee.hire_date = self.hire_date.unwrap_or(employee.hire_date);
    }
}

/// A name that one employee has. It is a record of its own, which names its employee.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    fn taken(&self) -> (&'static str, &'static str) {
        match self {
            Self::Email(_) => ("email", "employee with this email already exists."),
            Self::Phone(_) => ("phone_number", "employee with this phone number already exists."),
        }
    }

    /// The write by which an employee takes the name. The owner never changes, and goes with it.
    fn take(&self, app: &App, employee: &Employee) -> Result<TransactWriteItem, Error> {
        let mut claim = self.key();
        claim.insert("employee_id".to_owned(), s(employee.id.to_string()));
        claim.insert("owned_by".to_owned(), s(employee.owner.to_string()));
        Write::to(&app.tables.employees).when("attribute_not_exists(pk)").put(claim)
    }

    /// The write that frees it.
    fn free(&self, app: &App, id: Id) -> Result<TransactWriteItem, Error> {
        Write::to(&app.tables.employees)
            .when("employee_id = :id")
            .value("id", s(id.to_string()))
            .delete(self.key())
    }
}

/// Who has a name.
#[derive(Debug, Clone, Copy)]
struct Holder {
    id: Id,
    owner: user::Id,
}

impl Holder {
    fn read(claim: &Item) -> Result<Self, Error> {
        let id = |name| text(claim, name).and_then(|id| Uuid::try_parse(id).ok());
        let whole = || Some(Self { id: id("employee_id")?, owner: id("owned_by")? });
        whole().ok_or_else(|| Error::internal("a name without its employee"))
    }
}

/// Which of the names that were asked about are taken, and by whom.
#[derive(Debug)]
pub struct Holders(Vec<(Name, Holder)>);

impl Holders {
    fn want(app: &App, batch: &mut BatchGet, names: &[Name]) {
        for name in names {
            batch.want(&app.tables.employees, name.key());
        }
    }

    fn take(app: &App, found: &mut Found, names: &[Name]) -> Result<Self, Error> {
        let mut holders = Vec::new();
        for name in names {
            if let Some(claim) = found.take(&app.tables.employees, &name.key()) {
                holders.push((name.clone(), Holder::read(&claim)?));
            }
        }
        Ok(Self(holders))
    }

    /// Reads who has these names.
    async fn read(app: &App, names: &[Name]) -> Result<Self, Error> {
        let mut batch = BatchGet::default();
        Self::want(app, &mut batch, names);
        Self::take(app, &mut batch.send(app).await?, names)
    }

    /// Complaints about names that another employee than this one has; a new one has no id yet.
    #[must_use]
    pub fn complaints(&self, id: Option<Id>) -> FieldErrors {
        let others = self.0.iter().filter(|(_, holder)| Some(holder.id) != id);
        others.map(|(name, _)| name.taken()).map(|(field, words)| (field, vec![words.to_owned()])).collect()
    }

    /// 400 for names that another employee has.
    fn check(&self, id: Id) -> Result<(), Error> {
        let complaints = self.complaints(Some(id));
        if complaints.is_empty() { Ok(()) } else { Err(Error::Invalid(complaints)) }
    }
}

/// The caller and, in the same read, who has these names.
pub async fn names_for(app: &App, bearer: &Bearer, names: &[Name]) -> Result<(Caller, Holders), Error> {
    let mut batch = BatchGet::default();
    Holders::want(app, &mut batch, names);
    let (caller, mut found) = bearer.caller_beside(app, batch).await?;
    Ok((caller, Holders::take(app, &mut found, names)?))
}

/// The caller and, in the same read, who has these names and the employee, if there is one whom the caller may see: one of
/// their own or, for staff, any.
pub async fn find_for(
    app: &App,
    bearer: &Bearer,
    id: &str,
    names: &[Name],
) -> Result<(Caller, Option<Record>, Holders), Error> {
    // Nobody has the nil id.
    let key = record_key(Id::try_parse(id).unwrap_or_default());
    let mut batch = BatchGet::default();
    batch.want(&app.tables.employees, key.clone());
    Holders::want(app, &mut batch, names);
    let (caller, mut found) = bearer.caller_beside(app, batch).await?;
    let record = found.take(&app.tables.employees, &key).map(Record::read).transpose()?;
    let record = record.filter(|record| record.is_of(&caller));
    Ok((caller, record, Holders::take(app, &mut found, names)?))
}

/// An employee by id.
async fn find(app: &App, id: Id) -> Result<Option<Record>, Error> {
    let get = app.db.client.get_item().table_name(&app.tables.employees).consistent_read(true);
    let found = get.set_key(Some(record_key(id))).send().await.map_err(Error::from_aws)?;
    found.item.map(Record::read).transpose()
}
