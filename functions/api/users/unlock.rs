//! `POST /api/users/{id}/unlock`: clears a user's failed logins, for staff.

use serde_json::json as object;
use shared::{
    App, Reply, Request, StaffOn,
    audit::{self, Changed, Event},
    json, login,
    user::Account,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(unlock).await
}

async fn unlock(app: &App, on: StaffOn<Account>, request: Request) -> Reply {
    login::unlock(app, &on.record).await?;
    let (actor, user) = (Some(on.caller.id()), Changed::User(on.record.user.id));
    audit::change(Event::Unlocked, actor, user, &[], request.ip());
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
