//! `POST /api/register`: makes an account for anyone; a code goes to the e-mail address.

use futures_util::{future::OptionFuture, join};
use shared::{
    Anyone, App, Error, Form, Reply, Request,
    audit::{self, Changed, Event},
    email::Email,
    fields::Given,
    ids::{NewId, Numbered},
    json, otp,
    password::{About, Password, Rules},
    phone::{Phone, PhoneRules},
    throttle,
    user::{
        self, Registration, User, Username,
        claim::{self, Holders, Name},
    },
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(register).await
}

async fn register(app: &App, _: Anyone, request: Request) -> Reply {
    // A broken body counts like any other attempt, and a limit is told before what is wrong with it.
    let body = request.form().and_then(Body::read);
    let names = body.as_ref().map(Body::names).unwrap_or_default();
    let address = body.as_ref().ok().and_then(|fields| fields.email.as_ref()).map(Email::key);
    let limits = [user::throttle_of_names(request.client())?, otp::throttle_of(request.client())?];
    let is_right = body.as_ref().is_ok_and(|fields| fields.form.is_right());
    let (admitted, holders, id) = join!(
        throttle::admit(&app.db, limits),
        claim::read_to_take(&app.db, &names, address.as_deref()),
        OptionFuture::from(is_right.then(|| app.new_id(Numbered::Users)))
    );
    let counted = admitted?;
    let registered = async { make(app, &request, body?, holders?, id).await };
    let user = throttle::settle(&app.db, &counted, registered).await?;
    json(201, &user)
}

/// Registers, once that is counted.
async fn make(
    app: &App,
    request: &Request,
    mut fields: Body,
    holders: Holders,
    id: Option<Result<NewId, Error>>,
) -> Result<User, Error> {
    let names = fields.names();
    fields.form.complain_all(user::taken(&names, &holders, user::Id::nil())?);
    let given = fields.given();
    let (username, phone, registration) = fields.accept(app, id)?;
    let user =
        user::register(&app.db, request.client(), &username, phone.as_ref(), registration, holders).await?;
    audit::change(Event::Registered, Some(user.id), Changed::User(user.id), &given, request.ip());
    Ok(user)
}

/// The fields of the body, each parsed or with a complaint in `form`.
struct Body {
    form: Form,
    username: Option<Username>,
    email: Option<Email>,
    password: Option<Password>,
    phone: Option<Phone>,
    details: Given,
}

impl Body {
    fn read(mut form: Form) -> Result<Self, Error> {
        let (phones, rules) = (PhoneRules::from_env()?, Rules::from_env()?);
        let username = form.required("username", Username::parse);
        let email = form.required("email", Email::parse);
        let password = form.secret("password", Password::parse_new);
        let phone = form.nullable("phone_number", |text| phones.parse(text)).set();
        let details = Given::read(&mut form, user::FIELDS, true);
        if let Some(name) = &username {
            let complaint = name.poses_as_another(email.as_ref(), phones);
            if let Some(complaint) = complaint.or(name.unfit()?) {
                form.complain("username", complaint);
            }
        }
        let about = About {
            username: username.as_ref().map(Username::text).unwrap_or_default(),
            email: email.as_ref().map(Email::typed).unwrap_or_default(),
            fields: details.entries(),
        };
        rules.check(&mut form, "password", password.as_ref(), about);
        Ok(Self { form, username, email, password, phone, details })
    }

    fn names(&self) -> Vec<Name> {
        user::names(self.username.as_ref(), self.email.as_ref(), self.phone.as_ref())
    }

    /// The fields of the user that are given.
    fn given(&self) -> Vec<&'static str> {
        let names = ["username", "email", "phone_number"].into_iter().filter(|name| self.form.has(name));
        names.chain(self.details.names()).collect()
    }

    /// The registration, when there is no complaint.
    fn accept(
        mut self,
        app: &App,
        id: Option<Result<NewId, Error>>,
    ) -> Result<(Username, Option<Phone>, Registration), Error> {
        self.form.check()?;
        let (Some(username), Some(email), Some(password), Some(id)) =
            (self.username, self.email, self.password, id)
        else {
            return Err(self.form.complaints());
        };
        let registration = Registration {
            id: id?,
            email: Some(email),
            password: app.hasher.hash(&password)?,
            details: self.details,
        };
        Ok((username, self.phone, registration))
    }
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::Registration, a_user, body, field, post, shown, such_as};
    use serde_json::json;

    let body = body(
        "Registration",
        &["username", "email", "password"],
        field::with(
            json!({
                "username": field::username(),
                "email": field::address(),
                "password": field::new_password(),
                "phone_number": field::maybe_phone(),
            }),
            user::FIELDS,
        ),
    );
    let seeds = [
        json!({
            "email": "testuser@example.com",
            "username": "testuser",
            "phone_number": "1234567890",
            "password": "strongpassword123",
        }),
        json!({
            "username": "bunny0909",
            "password": "password123",
            "first_name": "Basavraj",
            "last_name": "Ningadali",
            "email": "test@example.com",
            "phone_number": "9881167671",
            "date_of_birth": "1990-01-01",
        }),
        json!({
            "username": "testuser",
            "email": "testuser@example.com",
            "password": "password123",
            "phone_number": "1234567890",
            "address": "123 Test Street",
        }),
    ];
    post(Registration, "/api/register", "Make an account")
        .about("A code goes to the e-mail address.")
        .takes(body, &seeds)
        .answers(201, such_as(shown("The new user.", "User"), &a_user()))
}
