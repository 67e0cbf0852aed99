//! `GET /api/employees`: the employees whom the caller may see.

use shared::{
    App, Beside, Caller, CallerWith, Claimed, Error, Reply, Request,
    compatibility::Compatibility,
    employee::{self, List, Scope, Unseen},
    json_linked,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(list).await
}

async fn list(app: &App, with: CallerWith<(), Listed>, _: Request) -> Reply {
    let CallerWith { caller: Caller { account, .. }, beside: Listed { list, rows, scope: loaded }, .. } =
        with;
    let list = list?;
    let scope = Scope::for_user(&app.compatibility, account.user.id, account.user.is_staff);
    let rows = match rows.filter(|_| loaded == scope) {
        Some(rows) => rows,
        None => employee::list(&app.db, &list, scope).await,
    };
    let page = list.page(&account, rows?)?;
    json_linked(200, &page.body, page.next.as_deref())
}

/// The query, and the rows that it asks for if they are worth loading before it is known which list the caller may see.
struct Listed {
    list: Result<List, Error>,
    rows: Option<Result<Unseen, Error>>,
    scope: Scope,
}

impl Beside<Claimed> for Listed {
    async fn load(app: &App, request: &Request, Claimed { user, staff }: Claimed) -> Self {
        let Compatibility { lists, oldest_first, .. } = app.compatibility;
        let list = List::read(&request.parameters(), lists, oldest_first);
        let scope = Scope::for_user(&app.compatibility, user, staff);
        let rows = match &list {
            Ok(list) if !list.reads_much() => Some(employee::list(&app.db, list, scope).await),
            _ => None,
        };
        Self { list, rows, scope }
    }
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Employees, get, shown};

    get(Employees, "/api/employees", "A page of the employees")
        .about("One's own; for staff, all.")
        .by_user()
        .lists(&["SearchEmployees", "Owner", "Department", "IsPhoneVerified"])
        .answers(200, shown("The page.", "Employees"))
}
