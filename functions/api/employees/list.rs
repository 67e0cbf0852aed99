//! `GET /api/employees`: a page of the caller's employees or, for staff, of all.

use shared::{
    App, Beside, Caller, CallerWith, Claimed, Error, Reply, Request,
    employee::{self, List, Unseen},
    json,
    user::Id,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(list).await
}

async fn list(app: &App, with: CallerWith<(), Listed>, _: Request) -> Reply {
    let CallerWith { caller: Caller { account, .. }, beside: Listed { list, rows, for_staff }, .. } = with;
    let list = list?;
    let rows = match rows.filter(|_| for_staff == account.user.is_staff) {
        Some(rows) => rows,
        None => read(app, &list, account.user.is_staff, account.user.id).await,
    };
    json(200, &list.page(&account, rows?)?)
}

/// The query, and the rows that it asks for if they are worth loading before it is known which list the caller may see.
struct Listed {
    list: Result<List, Error>,
    rows: Option<Result<Unseen, Error>>,
    for_staff: bool,
}

impl Beside<Claimed> for Listed {
    async fn load(app: &App, request: &Request, Claimed { user, staff }: Claimed) -> Self {
        let list = List::read(&request.parameters());
        let rows = match &list {
            Ok(list) if !list.filters() => Some(read(app, list, staff, user).await),
            _ => None,
        };
        Self { list, rows, for_staff: staff }
    }
}

async fn read(app: &App, list: &List, is_staff: bool, user: Id) -> Result<Unseen, Error> {
    if is_staff {
        employee::list_all(&app.db, list).await
    } else {
        employee::list_of(&app.db, user, list).await
    }
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Employees, get, shown};

    get(Employees, "/api/employees", "A page of the employees")
        .about("One's own; for staff, all.")
        .by_user()
        .lists(&["SearchEmployees", "Department", "IsPhoneVerified"])
        .answers(200, shown("The page.", "Employees"))
}
