//! `GET /api/employees`: a page of the caller's employees or, for staff, of all.

use futures_util::join;
use shared::{
    App, Bearer, Reply, Request,
    employee::{self, List},
    json,
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
    if list.filters() {
        let account = bearer.caller(app).await?.account;
        let rows = if account.user.is_staff {
            employee::list_all(app, &list).await
        } else {
            employee::list_of(app, account.user.id, &list).await
        };
        return json(200, &list.page(&account, rows?)?);
    }
    // Both lists are read beside the authorisation, which says which of them the caller may see.
    let (caller, own, all) = join!(
        bearer.caller(app),
        employee::list_of(app, bearer.claimed_user(), &list),
        employee::list_all(app, &list)
    );
    let account = caller?.account;
    let rows = if account.user.is_staff { all? } else { own? };
    json(200, &list.page(&account, rows)?)
}
