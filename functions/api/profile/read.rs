//! `GET /api/profile`: the caller.

use shared::{App, Caller, Reply, Request, json_in_version};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(read).await
}

async fn read(_: &App, caller: Caller, _: Request) -> Reply {
    json_in_version(200, &caller.account.user, caller.account.version)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Profile, a_user, get, shown_in_version, such_as};

    get(Profile, "/api/profile", "The caller")
        .by_user()
        .answers(200, such_as(shown_in_version("The user.", "User"), &a_user()))
}
