//! `PUT` and `PATCH /api/profile`: the caller changes their own fields. A new e-mail address is staged until it is verified.

use futures_util::join;
use shared::{
    App, Bearer, Error, Form, Reply, Request, claim,
    email::Email,
    json, log, otp,
    phone::PhoneRules,
    throttle,
    user::{self, Changes, Username},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(update).await
}

async fn update(app: &App, bearer: Bearer, request: Request) -> Reply {
    let form = request.form().and_then(|mut form| Ok((changes(&mut form, request.method() == "PUT")?, form)));
    let names = form.as_ref().map(|(changes, _)| changes.names()).unwrap_or_default();
    let address = form.as_ref().ok().and_then(|(changes, _)| changes.email.as_ref()).map(Email::key);
    let (caller, holders) = join!(bearer.caller(app), claim::read(app, &names, address.as_deref()));
    let (caller, (changes, mut form), holders) = (caller?, form?, holders?);

    let user = &caller.account.user;
    // Names are counted like registrations: "already exists" tells who is here, and must not be had for nothing.
    let names_asked_for = user::throttle_of_names(&request)?;
    if changes.stages_email(user) {
        let codes = [names_asked_for, otp::throttle_of(&request)?, otp::throttle_of_changes(user.id)?];
        throttle::admit(app, codes).await?;
    } else if changes.takes_names(user) {
        throttle::admit(app, [names_asked_for]).await?;
    }
    // An address is one's own once it is proven.
    let own = Email::parse(&user.email).ok().filter(|_| user.is_email_verified);
    let poses =
        |name: &Username| Ok::<_, Error>(name.poses_as_another(own.as_ref(), PhoneRules::from_env()?));
    let new = changes.username.as_ref().filter(|name| name.key() != user::username_key(&user.username));
    if let Some(complaint) = new.map(poses).transpose()?.flatten() {
        form.complain("username", complaint);
    }
    form.complain_all(user::taken(&names, &holders, user.id));
    form.check()?;
    let (user, fields) = user::update(app, caller.account.user, &changes, holders).await?;
    if !fields.is_empty() {
        log::audit_change(user.id, user.id, &fields, request.ip());
    }
    json(200, &user)
}

/// `PUT` wants the fields that a user cannot be without; every other field may be left out and then stays as it is.
fn changes(form: &mut Form, put: bool) -> Result<Changes, Error> {
    let phones = PhoneRules::from_env()?;
    let (username, email) = if put {
        (form.required("username", Username::parse), form.required("email", Email::parse))
    } else {
        (form.not_blank("username", Username::parse), form.not_blank("email", Email::parse))
    };
    Ok(Changes {
        username,
        email,
        phone: form.nullable("phone_number", |text| phones.parse(text)),
        first_name: form.free_text("first_name", user::NAME_LENGTH),
        last_name: form.free_text("last_name", user::NAME_LENGTH),
        address: form.free_text("address", user::ADDRESS_LENGTH),
        date_of_birth: form.nullable("date_of_birth", user::date),
    })
}
