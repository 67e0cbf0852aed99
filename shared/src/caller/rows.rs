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

    /// The record, as it is stored.
    fn load(item: Item) -> Result<Self, Error>;

    /// The user whose record it is.
    fn owner(&self) -> Id;

    /// Whether every user may read every record of this kind.
    fn is_visible_to_all(app: &App) -> bool;
}

/// The record of the path, with what the caller may do: read it, if that is not `None`, and change it.
fn take<T: OfPath>(
    app: &App,
    id: Id,
    caller: &Caller,
    found: &mut Found,
) -> Result<Option<(T, bool)>, Error> {
    let (table, key) = T::locate(app, id);
    let Some(item) = found.take(table, &key) else { return Ok(None) };
    let record = T::load(item)?;
    let may_change = caller.account.user.is_staff || record.owner() == caller.id();
    let may_read = may_change || T::is_visible_to_all(app);
    Ok(may_read.then_some((record, may_change)))
}

fn want<T: OfPath>(app: &App, request: &Request, batch: &mut BatchGet) -> Id {
    // No record has the nil id.
    let id = Id::shown(request.path("id")).unwrap_or_default();
    let (table, key) = T::locate(app, id);
    batch.want(table, key);
    id
}

/// The record of the path, if there is one that the caller may change: theirs or, for staff, any. 403 for one that they may only
/// read.
impl<T: OfPath> Rows for Option<T> {
    type Wanted = Id;

    fn want(app: &App, request: &Request, batch: &mut BatchGet) -> Id {
        want::<T>(app, request, batch)
    }

    fn take(app: &App, id: Id, caller: &Caller, found: &mut Found) -> Result<Self, Error> {
        match take(app, id, caller, found)? {
            Some((_, false)) => Err(Error::Forbidden),
            Some((record, true)) => Ok(Some(record)),
            None => Ok(None),
        }
    }
}

/// The record of the path, if there is one that the caller may read.
pub struct Readable<T>(pub Option<T>);

impl<T: OfPath> Rows for Readable<T> {
    type Wanted = Id;

    fn want(app: &App, request: &Request, batch: &mut BatchGet) -> Id {
        want::<T>(app, request, batch)
    }

    fn take(app: &App, id: Id, caller: &Caller, found: &mut Found) -> Result<Self, Error> {
        Ok(Self(take(app, id, caller, found)?.map(|(record, _)| record)))
    }
}

impl OfPath for Account {
    const KIND: &'static str = "User";

    fn locate(app: &App, id: Id) -> (&str, Item) {
        (&app.db.tables.users, record_key(id))
    }

    fn load(item: Item) -> Result<Self, Error> {
        Self::read(item)
    }

    fn owner(&self) -> Id {
        self.user.id
    }

    fn is_visible_to_all(app: &App) -> bool {
        app.compatibility.users_visible_to_all
    }
}

impl OfPath for Record {
    const KIND: &'static str = "Employee";

    fn locate(app: &App, id: Id) -> (&str, Item) {
        (&app.db.tables.employees, employee::record_key(id))
    }

    fn load(item: Item) -> Result<Self, Error> {
        Self::read(item)
    }

    fn owner(&self) -> Id {
        self.employee.owner
    }

    fn is_visible_to_all(app: &App) -> bool {
        app.compatibility.employees_visible_to_all
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
