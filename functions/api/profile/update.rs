//! `PUT` and `PATCH /api/profile`: the caller changes their own fields. A new e-mail address is staged until it is verified.

use shared::{App, CallerWith, EditBeside, Reply, Request, json_in_version};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(update).await
}

async fn update(app: &App, with: CallerWith<(), EditBeside>, request: Request) -> Reply {
    let CallerWith { caller, rows: (), beside } = with;
    let account = caller.account.clone();
    let account = beside
        .edit
        .fields()?
        .make(&app.db, request.client(), &caller.account, account, beside.holders?)
        .await?;
    json_in_version(200, &account.user, account.version)
}

#[cfg(contract)]
pub fn contract() -> [contract::Operation; 2] {
    use contract::{Group::Profile, NOT_FOUND, Operation, body, patch, put, shown_in_version, user_fields};
    use serde_json::json;

    let changed = |operation: Operation, body, example| {
        operation
            .about("A new e-mail address waits in `pending_email` until its code proves it, and a new number in place of a verified one in \
                 `pending_phone_number`.")
            .by_user()
            .in_version()
            .takes(body, &[example])
            .refuses(&[NOT_FOUND])
            .answers(200, shown_in_version("The user as they then are.", "User"))
    };
    [
        changed(
            put(Profile, "/api/profile", "Change the caller"),
            body("CompleteUser", &["username", "email"], user_fields()),
            json!({ "username": "testuser", "email": "testuser@example.com", "address": "123 Test Street" }),
        ),
        changed(
            patch(Profile, "/api/profile", "Change some fields of the caller")
                .called("api-profile-partial-update"),
            body("PartialUser", &[], user_fields()),
            json!({ "first_name": "Basavraj" }),
        ),
    ]
}
