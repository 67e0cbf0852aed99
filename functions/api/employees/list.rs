//! `GET /api/employees`: a page of the caller's employees or, for staff, of all.

use futures_util::join;
use shared::{
    App, Bearer, Error, Reply, Request,
    employee::{self, List, Unseen},
    json,
    user::Id,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(list).await
}

async fn list(app: &App, bearer: Bearer, request: Request) -> Reply {
    let list = match List::read(&request) {
        Ok(list) => list,
        Err(error) => return bearer.caller(app).await.and(Err(error)),
    };
    let (account, rows) = if list.filters() {
        (bearer.caller(app).await?.account, None)
    } else {
        // The list is read beside the authorisation, and dropped if that says that the caller may see another.
        let (is_staff, user) = (bearer.claims_staff(), bearer.claimed_user());
        let (caller, rows) = join!(bearer.caller(app), read(app, &list, is_staff, user));
        let account = caller?.account;
        let is_theirs = account.user.is_staff == is_staff;
        (account, Some(rows).filter(|_| is_theirs))
    };
    let rows = match rows {
        Some(rows) => rows,
        None => read(app, &list, account.user.is_staff, account.user.id).await,
    };
    json(200, &list.page(&account, rows?)?)
}

async fn read(app: &App, list: &List, is_staff: bool, user: Id) -> Result<Unseen, Error> {
    if is_staff { employee::list_all(app, list).await } else { employee::list_of(app, user, list).await }
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Employees, get, shown};

    get(Employees, "/api/employees", "A page of the employees")
        .about("One's own; for staff, all.")
        .by_user()
        .lists(&["Department", "IsPhoneVerified"])
        .answers(200, shown("The page.", "EmployeePage"))
}
