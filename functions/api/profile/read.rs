//! `GET /api/profile`: the caller.

use shared::{App, Caller, Reply, Request, json_in_version};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(read).await
}

async fn read(_: &App, caller: Caller, _: Request) -> Reply {
    json_in_version(200, &caller.account.user, caller.account.version)
}
