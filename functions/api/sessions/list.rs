//! `GET /api/sessions`: the caller's live sessions, newest first.

use futures_util::join;
use shared::{App, Bearer, Reply, Request, json, session};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(list).await
}

async fn list(app: &App, bearer: Bearer, _: Request) -> Reply {
    // The list is read beside the authorisation, and dropped if that fails.
    let (caller, sessions) = join!(bearer.caller(app), session::list(app, bearer.claimed_user()));
    let caller = caller?;
    let live = sessions?.into_iter().filter(|session| session.is_live(&caller.account));
    json(200, &live.map(|session| session.view(caller.sid)).collect::<Result<Vec<_>, _>>()?)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Sessions, get, listed};
    use shared::session;

    get(Sessions, "/api/sessions", "The live sessions, newest first")
        .about(&format!("At most {}: when another session begins, the oldest ends.", session::MOST))
        .by_user()
        .answers(200, listed("All of them.", "Session"))
}
