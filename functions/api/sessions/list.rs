//! `GET /api/sessions`: the caller's live sessions, newest first.

use shared::{
    App, Beside, CallerWith, Claimed, Error, Reply, Request, json,
    session::{self, Session},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(list).await
}

async fn list(_: &App, with: CallerWith<(), Sessions>, _: Request) -> Reply {
    let CallerWith { caller, beside: Sessions(sessions), .. } = with;
    let live = sessions?.into_iter().filter(|session| session.is_live(&caller.account));
    json(200, &live.map(|session| session.view(caller.sid)).collect::<Result<Vec<_>, _>>()?)
}

struct Sessions(Result<Vec<Session>, Error>);

impl Beside<Claimed> for Sessions {
    async fn load(app: &App, _: &Request, claimed: Claimed) -> Self {
        Self(session::list(&app.db, claimed.user).await)
    }
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
