//! `POST /api/users/{id}/logout`: ends every session of a user, for staff.

use serde_json::json as object;
use shared::{
    App, Error, Reply, Request, Staff,
    audit::{self, Changed, Event},
    json, user,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(log_out).await
}

async fn log_out(app: &App, Staff(caller): Staff, request: Request) -> Reply {
    let Some(id) = user::Id::shown(request.path("id")) else { return Err(Error::NotFound("User")) };
    if !user::end_sessions(&app.db, id).await? {
        return Err(Error::NotFound("User"));
    }
    audit::change(Event::LoggedOutEverywhere, Some(caller.id()), Changed::User(id), &[], request.ip());
    json(200, &object!({ "message": "Logged out everywhere." }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Users, NOT_FOUND, post, says};

    post(Users, "/api/users/{id}/logout", "End every session of a user")
        .by_staff()
        .refuses(&[NOT_FOUND])
        .answers(200, says("Logged out everywhere."))
}
