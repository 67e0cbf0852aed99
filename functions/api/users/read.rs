//! `GET /api/users/{id}`: one user, for themselves, staff and, where users are visible to all, any user.

use shared::{App, Reply, Request, Viewer, json_in_version, user::Account};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(read).await
}

async fn read(_: &App, Viewer { record, .. }: Viewer<Account>, _: Request) -> Reply {
    json_in_version(200, &record.user, record.version)
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
