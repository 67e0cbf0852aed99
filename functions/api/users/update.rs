//! `PUT` and `PATCH /api/users/{id}`: changes a user, for themselves or staff; some fields are for staff alone.

use futures_util::join;
use shared::{
    App, Bearer, Error, Reply, Request, json_in_version,
    user::{self, Edit},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(update).await
}

async fn update(app: &App, bearer: Bearer, request: Request) -> Reply {
    let edit = Edit::read(&request);
    let (found, holders) = join!(user::find_for(app, &bearer, request.path("id")), edit.holders(app));
    let (caller, account) = found?;
    let mut fields = edit.fields()?;
    fields.read_flags(&caller, account.as_ref())?;
    let Some(account) = account else {
        fields.check()?;
        return Err(Error::NotFound("User"));
    };
    let account = fields.make(app, &request, &caller, account, holders?).await?;
    json_in_version(200, &account.user, account.version)
}
