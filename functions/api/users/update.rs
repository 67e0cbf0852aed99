//! `PUT` and `PATCH /api/users/{id}`: changes a user, for themselves or staff; some fields are for staff alone.

use futures_util::join;
use shared::{
    App, Bearer, Error, Reply, Request, claim,
    email::Email,
    json_in_version,
    user::{self, Changes},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(update).await
}

async fn update(app: &App, bearer: Bearer, request: Request) -> Reply {
    let is_put = request.method() == "PUT";
    let form = request.form().and_then(|mut form| Ok((Changes::read(&mut form, is_put)?, form)));
    let names = form.as_ref().map(|(changes, _)| changes.names()).unwrap_or_default();
    let address = form.as_ref().ok().and_then(|(changes, _)| changes.email.as_ref()).map(Email::key);
    let (found, holders) =
        join!(user::find_for(app, &bearer, request.path("id")), claim::read(app, &names, address.as_deref()));
    let ((caller, account), (mut changes, mut form), holders) = (found?, form?, holders?);

    let caller = &caller.account.user;
    changes.read_flags(&mut form, caller, account.as_ref().map(|account| &account.user))?;
    let Some(account) = account else {
        form.check()?;
        return Err(Error::NotFound("User"));
    };
    let account = user::edit(app, &request, caller, account, &changes, form, holders).await?;
    json_in_version(200, &account.user, account.version)
}
