//! `DELETE /api/users/{id}`: deletes a user, for themselves or staff; their names are free and their sessions dead.

use shared::{
    App, OwnOrStaff, Reply, Request,
    audit::{self, Changed, Event},
    no_content,
    user::{self, Account},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(delete).await
}

async fn delete(app: &App, of: OwnOrStaff<Account>, request: Request) -> Reply {
    let (caller, id) = (of.caller, of.record.user.id);
    user::delete(&app.db, &caller.account, of.record, &request.precondition()).await?;
    audit::change(Event::UserDeleted, Some(caller.id()), Changed::User(id), &[], request.ip());
    no_content()
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{FORBIDDEN, Group::Users, LAST_STAFF, NOT_FOUND, delete, nothing};

    delete(Users, "/api/users/{id}", "Delete a user")
        .about("Oneself; for staff, anybody. The names are free again, and the sessions dead.")
        .by_user()
        .in_version()
        .refuses(&[LAST_STAFF, FORBIDDEN, NOT_FOUND])
        .answers(204, nothing("The user is gone."))
}
