//! `GET /api/users`: the users whom the caller may see.

use shared::{
    App, Beside, Caller, CallerWith, Claimed, Error, Reply, Request,
    compatibility::Compatibility,
    json_linked,
    user::{self, List, Unseen},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(list).await
}

async fn list(app: &App, with: CallerWith<(), Listed>, _: Request) -> Reply {
    let CallerWith { caller: Caller { account, .. }, beside: Listed { list, rows }, .. } = with;
    let list = list?;
    let page = if sees_all(app, account.user.is_staff) {
        let rows = match rows {
            Some(rows) => rows,
            None => user::list(&app.db, &list).await,
        };
        list.page(&account, rows?)?
    } else {
        list.of_oneself(&account.user)?
    };
    json_linked(200, &page.body, page.next.as_deref())
}

/// Whether a caller may list every user; others list themselves.
fn sees_all(app: &App, is_staff: bool) -> bool {
    is_staff || app.compatibility.users_visible_to_all
}

/// The query, and the rows that it asks for if they are worth loading before it is known what the caller may see.
struct Listed {
    list: Result<List, Error>,
    rows: Option<Result<Unseen, Error>>,
}

impl Beside<Claimed> for Listed {
    async fn load(app: &App, request: &Request, claimed: Claimed) -> Self {
        let Compatibility { lists, oldest_first, .. } = app.compatibility;
        let list = List::read(&request.parameters(), lists, oldest_first);
        let rows = match &list {
            Ok(list) if sees_all(app, claimed.staff) && !list.reads_much() => {
                Some(user::list(&app.db, list).await)
            }
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
