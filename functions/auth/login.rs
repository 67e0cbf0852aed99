//! `POST /auth/login`: logs anyone in by phone number, once it is verified.

use shared::{
    Anyone, App, Reply, Request, json,
    login::{Named, login},
    password::Password,
    phone::PhoneRules,
    user::claim::{self, Name},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(log_in).await
}

async fn log_in(app: &App, _: Anyone, request: Request) -> Reply {
    let phones = PhoneRules::from_env()?;
    let mut form = request.form()?;
    let phone = form.required("phone", |text| phones.parse(text));
    let password = form.secret("password", Password::parse);
    let (Some(phone), Some(password)) = (phone, password) else { return Err(form.complaints()) };

    let name = Name::Phone(phone.e164().to_owned());
    let find = async {
        let holder = claim::find(&app.db, &name).await?;
        let holder = holder.filter(|holder| holder.verified);
        Ok(holder.map(|holder| Named { user: holder.user_id, is_theirs: true }))
    };
    json(200, &login(app, &request, phone.e164(), find, &password, |_| Ok(())).await?)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::PhoneNumbers, LOGIN_REFUSED, a_new_session, body, field, post};
    use serde_json::json;

    post(PhoneNumbers, "/auth/login", "Log in by phone number")
        .listed_as("phone-login")
        .about("The number has to be verified.")
        .takes(
            body(
                "PhoneLogin",
                &["phone", "password"],
                json!({ "phone": field::phone(), "password": field::password() }),
            ),
            &[json!({ "phone": "09101234567", "password": "123456789" })],
        )
        .refuses(&[LOGIN_REFUSED])
        .answers(200, a_new_session())
}
