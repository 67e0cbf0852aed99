//! `GET /api/users`: a page of users for staff; anybody else sees themselves.

use futures_util::join;
use shared::{
    App, Bearer, Reply, Request, json,
    user::{self, List},
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
    let (account, rows) = if list.filters() || !bearer.claims_staff() {
        (bearer.caller(app).await?.account, None)
    } else {
        // The list is read beside the authorisation, and dropped if that fails.
        let (caller, rows) = join!(bearer.caller(app), user::list(app, &list));
        (caller?.account, Some(rows))
    };
    if !account.user.is_staff {
        return json(200, &list.of_oneself(&account.user)?);
    }
    let rows = match rows {
        Some(rows) => rows,
        None => user::list(app, &list).await,
    };
    json(200, &list.page(&account, rows?)?)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Users, get, shown};

    get(Users, "/api/users", "A page of the users")
        .about("For staff, all; others see themselves.")
        .by_user()
        .lists(&["IsActive", "IsStaff", "IsPhoneVerified"])
        .answers(200, shown("The page.", "UserPage"))
}
