//! `POST /api/users/{id}/unlock`: clears a user's failed logins, for staff.

use serde_json::json as object;
use shared::{
    App, Bearer, Error, Reply, Request,
    audit::{self, Changed, Event},
    json, login, user,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(unlock).await
}

async fn unlock(app: &App, bearer: Bearer, request: Request) -> Reply {
    let (caller, account) = user::find_for(app, &bearer, request.path("id")).await?;
    caller.must_be_staff()?;
    let account = account.ok_or(Error::NotFound("User"))?;
    login::unlock(app, &account).await?;
    audit::change(Event::Unlocked, Some(caller.id()), Changed::User(account.user.id), &[], request.ip());
    json(200, &object!({ "message": "The user can log in again." }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Users, NOT_FOUND, post, says};

    post(Users, "/api/users/{id}/unlock", "Forget a user's failed logins")
        .by_staff()
        .refuses(&[NOT_FOUND])
        .answers(200, says("The user can log in again."))
}
