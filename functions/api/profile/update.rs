//! `PUT` and `PATCH /api/profile`: the caller changes their own fields. A new e-mail address is staged until it is verified.

use futures_util::join;
use shared::{
    App, Bearer, Reply, Request, claim,
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
    let (caller, holders) = join!(bearer.caller(app), claim::read(app, &names, address.as_deref()));
    let (caller, (changes, form), holders) = (caller?.account, form?, holders?);

    let user = caller.user.clone();
    let account = user::edit(app, &request, &user, caller, &changes, form, holders).await?;
    json_in_version(200, &account.user, account.version)
}
