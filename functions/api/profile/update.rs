//! `PUT` and `PATCH /api/profile`: the caller changes their own fields. A new e-mail address is staged until it is verified.

use futures_util::join;
use shared::{App, Bearer, Reply, Request, json_in_version, user::Edit};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(update).await
}

async fn update(app: &App, bearer: Bearer, request: Request) -> Reply {
    let edit = Edit::read(&request);
    let (caller, holders) = join!(bearer.caller(app), edit.holders(app));
    let caller = caller?;
    let account = caller.account.clone();
    let account = edit.fields()?.make(app, &request, &caller, account, holders?).await?;
    json_in_version(200, &account.user, account.version)
}
