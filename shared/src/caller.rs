//! Who calls. The second parameter of an endpoint says who may call it, and what it needs beside the check. Each kind is checked
//! before the endpoint runs: none is open by forgetting, and no endpoint holds a caller that is not checked.

mod authorizer;
mod legacy;
mod rows;
mod token;

use std::future::Future;

use futures_util::{future::OptionFuture, join};

use crate::{
    App, Error, Form, Request,
    dynamo::BatchGet,
    employee::Changes,
    ids::{NewId, Numbered},
    user::{Edit, claim::Holders},
};

pub use authorizer::{Authorized, Checks, authorize};
pub use legacy::verify_legacy;
pub use rows::{EmployeeBody, OfPath, Readable, Rows};
use token::Bearer;
pub use token::{Caller, Claimed, VerifiedToken, verify_token};

/// A kind of caller.
pub trait Who: Sized + Send + 'static {
    /// The caller of this request, or why it is not one of this kind.
    fn of(app: &App, request: &Request) -> impl Future<Output = Result<Self, Error>> + Send;
}

/// Anyone at all.
#[derive(Debug)]
pub struct Anyone;

impl Who for Anyone {
    async fn of(_: &App, _: &Request) -> Result<Self, Error> {
        Ok(Self)
    }
}

impl Who for Caller {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        let CallerWith { caller, rows: (), beside: () } = CallerWith::of(app, request).await?;
        Ok(caller)
    }
}

/// A caller who sees and manages every user and employee.
pub struct Staff(pub Caller);

impl Who for Staff {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        let caller = Caller::of(app, request).await?;
        caller.must_be_staff()?;
        Ok(Self(caller))
    }
}

/// A caller, and the record that the path names, which they may read: theirs, or any for staff and where every user may
/// (`EmployeesVisibleTo`, `UsersVisibleTo`). Every other one is 404.
pub struct Viewer<T> {
    /// The caller.
    pub caller: Caller,
    /// The record.
    pub record: T,
}

impl<T: OfPath> Who for Viewer<T> {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        let CallerWith { caller, rows: Readable(record), beside: () } = CallerWith::of(app, request).await?;
        Ok(Self { caller, record: record.ok_or(Error::NotFound(T::KIND))? })
    }
}

/// A caller, and the record that the path names, which they may change: theirs or, for staff, any. Every other one is 403 if they may
/// read it, or else 404.
pub struct OwnOrStaff<T> {
    /// The caller.
    pub caller: Caller,
    /// The record.
    pub record: T,
}

impl<T: OfPath> Who for OwnOrStaff<T> {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        let CallerWith { caller, rows, beside: () } = CallerWith::<Option<T>>::of(app, request).await?;
        Ok(Self { caller, record: rows.ok_or(Error::NotFound(T::KIND))? })
    }
}

/// A caller who is staff, and the record that the path names, or 404.
pub struct StaffOn<T> {
    /// The caller.
    pub caller: Caller,
    /// The record.
    pub record: T,
}

impl<T: OfPath> Who for StaffOn<T> {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        let CallerWith { caller, rows, beside: () } = CallerWith::<Option<T>>::of(app, request).await?;
        caller.must_be_staff()?;
        Ok(Self { caller, record: rows.ok_or(Error::NotFound(T::KIND))? })
    }
}

/// A caller, with what was loaded while they were checked: `rows` in the same read, `beside` in calls of its own.
pub struct CallerWith<R = (), B = ()> {
    /// The caller.
    pub caller: Caller,
    /// Records that the request names.
    pub rows: R,
    /// Anything else.
    pub beside: B,
}

impl<R: Rows, B: Beside<Claimed>> Who for CallerWith<R, B> {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        let (bearer, mut batch) = (Bearer::of(app, request).await?, BatchGet::default());
        let wanted = R::want(app, request, &mut batch);
        let claimed = bearer.claimed();
        let (checked, beside) = join!(bearer.check(app, batch), B::load(app, request, claimed));
        let (caller, mut found) = checked?;
        let rows = R::take(app, wanted, &caller, &mut found)?;
        Ok(Self { caller, rows, beside })
    }
}

/// A caller who need not be a user, with what was loaded while they were checked. A token that is given is verified first, and
/// a bad one is 401. That its user is gone or its session has ended is for the endpoint to answer, in its turn.
pub struct AnyoneWith<B> {
    /// The caller, `None` without a token.
    pub caller: Result<Option<Caller>, Error>,
    /// What was loaded.
    pub beside: B,
}

impl<B: Beside<Option<Claimed>>> Who for AnyoneWith<B> {
    async fn of(app: &App, request: &Request) -> Result<Self, Error> {
        let bearer = Bearer::if_given(app, request).await?;
        let claimed = bearer.as_ref().map(Bearer::claimed);
        let caller = async {
            match bearer {
                Some(bearer) => Ok(Some(bearer.check(app, BatchGet::default()).await?.0)),
                None => Ok(None),
            }
        };
        let (caller, beside) = join!(caller, B::load(app, request, claimed));
        Ok(Self { caller, beside })
    }
}

/// What an endpoint loads while its caller is checked. It reaches the endpoint only when the check succeeds.
pub trait Beside<Claims>: Sized + Send + 'static {
    /// Loads it. Errors are kept in it, because those of the check go first.
    fn load(app: &App, request: &Request, claimed: Claims) -> impl Future<Output = Self> + Send;
}

impl Beside<Claimed> for () {
    async fn load(_: &App, _: &Request, _: Claimed) {}
}

/// The id of an employee to be made, unless something is wrong with the body.
pub struct NewEmployee(pub Option<Result<NewId, Error>>);

impl Beside<Claimed> for NewEmployee {
    async fn load(app: &App, request: &Request, _: Claimed) -> Self {
        let is_right = |mut form: Form| Changes::read(&mut form, true).is_ok() && form.is_right();
        let is_right = request.form().is_ok_and(is_right);
        Self(OptionFuture::from(is_right.then(|| app.new_id(Numbered::Employees))).await)
    }
}

/// A change of a user, and who has the names that it would take.
pub struct EditBeside {
    /// The change, as far as it can be parsed before it is known who asks.
    pub edit: Edit,
    /// Who has the names.
    pub holders: Result<Holders, Error>,
}

impl Beside<Claimed> for EditBeside {
    async fn load(app: &App, request: &Request, _: Claimed) -> Self {
        let is_complete = request.method() == "PUT";
        let edit = Edit::read(request.form(), is_complete, request.precondition());
        let holders = edit.holders(&app.db).await;
        Self { edit, holders }
    }
}
