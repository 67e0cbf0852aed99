//! `GET /api/users`: a page of users for staff; anybody else sees themselves.

use shared::{
    App, Beside, Caller, CallerWith, Claimed, Error, Reply, Request, json,
    user::{self, List, Unseen},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(list).await
}

async fn list(app: &App, with: CallerWith<(), Listed>, _: Request) -> Reply {
    let CallerWith { caller: Caller { account, .. }, beside: Listed { list, rows }, .. } = with;
    let list = list?;
    if !account.user.is_staff {
        return json(200, &list.of_oneself(&account.user)?);
    }
    let rows = match rows {
        Some(rows) => rows,
        None => user::list(&app.db, &list).await,
    };
    json(200, &list.page(&account, rows?)?)
}

/// The query, and the rows that it asks for if they are worth loading before the caller is known to be staff.
struct Listed {
    list: Result<List, Error>,
    rows: Option<Result<Unseen, Error>>,
}

impl Beside<Claimed> for Listed {
    async fn load(app: &App, request: &Request, claimed: Claimed) -> Self {
        let list = List::read(&request.parameters());
        let rows = match &list {
            Ok(list) if claimed.staff && !list.filters() => Some(user::list(&app.db, list).await),
            _ => None,
        };
        Self { list, rows }
    }
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Users, get, shown};

    get(Users, "/api/users", "A page of the users")
        .about("For staff, all; others see themselves.")
        .by_user()
        .lists(&["SearchUsers", "IsActive", "IsStaff", "IsPhoneVerified"])
        .answers(200, shown("The page.", "Users"))
}
