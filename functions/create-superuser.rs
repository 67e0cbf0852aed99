//! Creates a staff user, or makes an existing user staff. It has no URL: the operator of the stack invokes it.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json as object};
use shared::{
    App, Error, Form,
    audit::{self, Changed, Event},
    email::Email,
    log, login,
    password::{About, Password, Rules},
    phone::PhoneRules,
    user::{self, Promoted, Superuser, Username},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    log::start();
    let app = App::from_env()?;
    let app = &app;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        Box::pin(create(app, event.payload)).await.map_err(|error| Diagnostic {
            error_type: "Refused".to_owned(),
            error_message: error.for_operator(),
        })
    }))
    .await
}

async fn create(app: &App, event: Value) -> Result<Value, Error> {
    let mut form = Form::of(event)?;
    let username = form.required("username", Username::parse);
    let email = form.required("email", Email::parse);
    let password = form.secret("password", Password::parse_new);
    if let Some(complaint) = match &username {
        Some(name) => name.poses_as_another(email.as_ref(), PhoneRules::from_env()?),
        None => None,
    } {
        form.complain("username", complaint);
    }
    let about = About {
        username: username.as_ref().map(Username::text).unwrap_or_default(),
        email: email.as_ref().map(Email::typed).unwrap_or_default(),
        ..About::default()
    };
    Rules::from_env()?.check(&mut form, "password", password.as_ref(), about);
    form.check()?;
    let (Some(username), Some(email), Some(password)) = (username, email, password) else {
        return Err(form.complaints());
    };
    let superuser = Superuser { username, email, password: app.hasher.hash(&password)? };
    let Promoted { user, created, fields } = user::create_or_promote(&app.db, &app.ids, &superuser).await?;
    if !created {
        // It is also how the last staff user comes back whom strangers have locked out.
        login::unlock_recovered(app, &user, &superuser.email.key()).await?;
    }
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    audit::change(Event::SuperuserMade, None, Changed::User(user.id), &fields, "");
    Ok(object!({ "created": created, "user": user }))
}

#[cfg(contract)]
pub fn contract() -> serde_json::Value {
    serde_json::json!({
        "username": "admin",
        "email": "admin@example.com",
        "password": "correct horse battery",
    })
}
