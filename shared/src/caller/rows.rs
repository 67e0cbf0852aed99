//! Records that an endpoint needs beside its caller, loaded in the same read as the check.

use super::token::Caller;
use crate::{
    App, Error, Form, Request,
    dynamo::{BatchGet, Found, Item},
    employee::{self, Changes, Holders, Name, Record},
    id::{Id, record_key},
    user::Account,
};

/// Records that a request names.
pub trait Rows: Sized + Send + 'static {
    /// Which they are.
    type Wanted: Send;

    /// Adds them to the read in which the caller is checked.
    fn want(app: &App, request: &Request, batch: &mut BatchGet) -> Self::Wanted;

    /// Takes what the caller may see out of what was found.
    fn take(app: &App, wanted: Self::Wanted, caller: &Caller, found: &mut Found) -> Result<Self, Error>;
}

/// No records.
impl Rows for () {
    type Wanted = ();

    fn want(_: &App, _: &Request, _: &mut BatchGet) {}

    fn take(_: &App, (): (), _: &Caller, _: &mut Found) -> Result<(), Error> {
        Ok(())
    }
}

impl<A: Rows, B: Rows> Rows for (A, B) {
    type Wanted = (A::Wanted, B::Wanted);

    fn want(app: &App, request: &Request, batch: &mut BatchGet) -> Self::Wanted {
        (A::want(app, request, batch), B::want(app, request, batch))
    }

    fn take(app: &App, (a, b): Self::Wanted, caller: &Caller, found: &mut Found) -> Result<Self, Error> {
        Ok((A::take(app, a, caller, found)?, B::take(app, b, caller, found)?))
    }
}

/// A kind of record that a path names by its `{id}`.
pub trait OfPath: Sized + Send + 'static {
    /// Its kind, as a 404 names it.
    const KIND: &'static str;

    /// Where it is stored.
    fn locate(app: &App, id: Id) -> (&str, Item);

    /// The record, if the caller may see it: theirs or, for staff, any.
    fn show(id: Id, item: Item, caller: &Caller) -> Result<Option<Self>, Error>;
}

/// The record of the path, if there is one that the caller may see.
impl<T: OfPath> Rows for Option<T> {
    type Wanted = Id;

    fn want(app: &App, request: &Request, batch: &mut BatchGet) -> Id {
        // No record has the nil id.
        let id = Id::shown(request.path("id")).unwrap_or_default();
        let (table, key) = T::locate(app, id);
        batch.want(table, key);
        id
    }

    fn take(app: &App, id: Id, caller: &Caller, found: &mut Found) -> Result<Self, Error> {
        let (table, key) = T::locate(app, id);
        found.take(table, &key).map_or(Ok(None), |item| T::show(id, item, caller))
    }
}

impl OfPath for Account {
    const KIND: &'static str = "User";

    fn locate(app: &App, id: Id) -> (&str, Item) {
        (&app.db.tables.users, record_key(id))
    }

    fn show(id: Id, item: Item, caller: &Caller) -> Result<Option<Self>, Error> {
        let is_visible = caller.account.user.is_staff || id == caller.id();
        is_visible.then(|| Self::read(item)).transpose()
    }
}

impl OfPath for Record {
    const KIND: &'static str = "Employee";

    fn locate(app: &App, id: Id) -> (&str, Item) {
        (&app.db.tables.employees, employee::record_key(id))
    }

    fn show(_: Id, item: Item, caller: &Caller) -> Result<Option<Self>, Error> {
        let record = Self::read(item)?;
        let is_visible = caller.account.user.is_staff || record.employee.owner == caller.id();
        Ok(Some(record).filter(|_| is_visible))
    }
}

/// What the body says of an employee, and who has the unique names in it. A `PATCH` may leave fields out.
pub struct EmployeeBody {
    /// The fields, and complaints about them; 400, 413 or 415 for a body that cannot be parsed.
    pub form: Result<(Changes, Form), Error>,
    /// Who has the names.
    pub holders: Holders,
}

impl Rows for EmployeeBody {
    type Wanted = (Result<(Changes, Form), Error>, Vec<Name>);

    fn want(app: &App, request: &Request, batch: &mut BatchGet) -> Self::Wanted {
        let is_complete = request.method() != "PATCH";
        let form = request.form().and_then(|mut form| Ok((Changes::read(&mut form, is_complete)?, form)));
        let names = form.as_ref().map(|(fields, _)| fields.names()).unwrap_or_default();
        Holders::want(&app.db, batch, &names);
        (form, names)
    }

    fn take(app: &App, (form, names): Self::Wanted, _: &Caller, found: &mut Found) -> Result<Self, Error> {
        Ok(Self { form, holders: Holders::take(&app.db, found, &names)? })
    }
}
