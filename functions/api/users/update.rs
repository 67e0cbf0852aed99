//! `PUT` and `PATCH /api/users/{id}`: changes a user, for themselves or staff; some fields are for staff alone.

use shared::{App, CallerWith, EditBeside, Error, Reply, Request, json_in_version, user::Account};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(update).await
}

async fn update(
    app: &App,
    CallerWith { caller, rows: account, beside }: CallerWith<Option<Account>, EditBeside>,
    request: Request,
) -> Reply {
    let mut fields = beside.edit.fields()?;
    fields.read_flags(&caller.account, account.as_ref())?;
    let Some(account) = account else {
        fields.check()?;
        return Err(Error::NotFound("User"));
    };
    let account = fields.make(&app.db, request.client(), &caller.account, account, beside.holders?).await?;
    json_in_version(200, &account.user, account.version)
}

#[cfg(contract)]
pub fn contract() -> [contract::Operation; 2] {
    use contract::{
        FORBIDDEN, Group::Users, INVALID_OR_LAST_STAFF, NOT_FOUND, Operation, body, patch, put,
        shown_in_version, user_fields_for_staff,
    };
    use serde_json::json;

    let changed = |operation: Operation, body, example| {
        operation
            .about("Oneself; for staff, anybody. What only staff may change is 403 for others.")
            .by_user()
            .in_version()
            .takes(body, &[example])
            .refuses(&[INVALID_OR_LAST_STAFF, FORBIDDEN, NOT_FOUND])
            .answers(200, shown_in_version("The user as they then are.", "User"))
    };
    [
        changed(
            put(Users, "/api/users/{id}", "Change a user"),
            body("CompleteUserByStaff", &["username", "email"], user_fields_for_staff()),
            json!({ "username": "testuser", "email": "testuser@example.com", "address": "123 Test Street" }),
        ),
        changed(
            patch(Users, "/api/users/{id}", "Change some fields of a user")
                .called("api-users-partial-update"),
            body("PartialUserByStaff", &[], user_fields_for_staff()),
            json!({ "last_name": "Ningadali" }),
        ),
    ]
}
