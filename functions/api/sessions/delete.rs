//! `DELETE /api/sessions/{id}`: ends one session of the caller.

use shared::{
    App, Caller, Error, Reply, Request,
    audit::{self, Event},
    no_content, session,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(delete).await
}

async fn delete(app: &App, caller: Caller, request: Request) -> Reply {
    let Ok(sid) = request.path("id").parse() else { return Err(Error::NotFound("Session")) };
    if !session::end_live(&app.db, &caller.account, sid).await? {
        return Err(Error::NotFound("Session"));
    }
    audit::user(Event::LoggedOut, caller.id(), request.ip());
    no_content()
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Sessions, NOT_FOUND, delete, nothing};

    delete(Sessions, "/api/sessions/{id}", "End a session")
        .by_user()
        .refuses(&[NOT_FOUND])
        .answers(204, nothing("Its tokens are dead."))
}
