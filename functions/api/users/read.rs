//! `GET /api/users/{id}`: one user, for themselves or staff.

use shared::{App, Bearer, Error, Reply, Request, json_in_version, user};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(read).await
}

async fn read(app: &App, bearer: Bearer, request: Request) -> Reply {
    let (_, account) = user::find_for(app, &bearer, request.path("id")).await?;
    let account = account.ok_or(Error::NotFound("User"))?;
    json_in_version(200, &account.user, account.version)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Users, NOT_FOUND, a_user, get, shown_in_version, such_as};

    get(Users, "/api/users/{id}", "A user")
        .about("Oneself; for staff, anybody.")
        .by_user()
        .refuses(&[NOT_FOUND])
        .answers(200, such_as(shown_in_version("The user.", "User"), &a_user()))
}
