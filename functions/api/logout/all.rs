//! `POST /api/logout/all`: ends every session of the caller.

use serde_json::json as object;
use shared::{
    App, Caller, Error, Reply, Request,
    audit::{self, Event},
    json, user,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(log_out_everywhere).await
}

async fn log_out_everywhere(app: &App, caller: Caller, request: Request) -> Reply {
    if !user::end_sessions(&app.db, caller.id()).await? {
        return Err(Error::UserNotFound);
    }
    audit::user(Event::LoggedOutEverywhere, caller.id(), request.ip());
    json(200, &object!({ "message": "Logged out everywhere." }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Tokens, post, says};

    post(Tokens, "/api/logout/all", "Log out everywhere")
        .by_user()
        .answers(200, says("Logged out everywhere."))
}
