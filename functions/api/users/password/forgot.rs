//! `POST /api/users/{id}/password/forgot`: sends a user a code to set a new password, for staff.

use serde_json::json as object;
use shared::{
    App, Reply, Request, StaffOn,
    audit::{self, Changed, Event},
    json,
    otp::Channel,
    recovery,
    user::Account,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(forgot).await
}

async fn forgot(app: &App, on: StaffOn<Account>, request: Request) -> Reply {
    let (actor, user) = (Some(on.caller.id()), Changed::User(on.record.user.id));
    let message = match recovery::send(app, request.client(), on.record).await? {
        Channel::Sms => "A code to set a new password has been sent by SMS.",
        Channel::Email | Channel::None => "A code to set a new password has been sent by e-mail.",
    };
    audit::change(Event::RecoverySent, actor, user, &[], request.ip());
    json(200, &object!({ "message": message }))
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{CANNOT_RECOVER, Group::Users, NOT_FOUND, post, says};

    post(Users, "/api/users/{id}/password/forgot", "Send a user a code to set a new password")
        .about(
            "To their verified e-mail address or, when they have none, to their verified phone number. They set the password at \
             `/api/password/forgot/confirm`.",
        )
        .by_staff()
        .refuses(&[CANNOT_RECOVER, NOT_FOUND])
        .answers(200, says("A code to set a new password has been sent by e-mail."))
}
