//! `POST /auth/register`: makes an account for whoever has a registration token, and begins a session.

use futures_util::{future::OptionFuture, join};
use serde::Serialize;
use shared::{
    Anyone, App, Error, Form, Reply, Request,
    audit::{self, Changed, Event},
    email::Email,
    fields::Given,
    ids::{NewId, Numbered},
    json, otp,
    password::{About, Password, Rules},
    phone::Phone,
    registration::{self, Token},
    throttle::{self, Counted},
    token::{Pair, SigningKey},
    user::{self, Registration, User, claim::Holders},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(register).await
}

/// The new user, signed in.
#[derive(Serialize)]
struct Registered {
    #[serde(flatten)]
    user: User,
    #[serde(flatten)]
    tokens: Pair,
}

async fn register(app: &App, _: Anyone, request: Request) -> Reply {
    // A broken body counts like any other attempt, and a limit is told before what is wrong with it.
    let fields = request.form().map(Body::read);
    let email = fields.as_ref().ok().and_then(|fields| fields.email.as_ref());
    let (names, address) = (user::names(None, email, None), email.map(Email::key));
    let token = fields.as_ref().ok().and_then(|fields| fields.token.as_ref());
    let is_right = fields.as_ref().is_ok_and(|fields| fields.form.is_right());
    let (admitted, read, key, id) = join!(
        count(app, &request, email.is_some()),
        registration::read(&app.db, token, &names, address.as_deref()),
        app.signing_key(),
        OptionFuture::from(is_right.then(|| app.new_id(Numbered::Users)))
    );
    let counted = admitted?;
    let registered = async {
        let (fields, (phone, holders)) = (fields?, read?);
        make(app, &request, fields, phone, holders, (&*key?, id)).await
    };
    json(201, &throttle::settle(&app.db, &counted, registered).await?)
}

/// Registers, once that is counted.
async fn make(
    app: &App,
    request: &Request,
    mut fields: Body,
    phone: Option<Phone>,
    holders: Holders,
    (key, id): (&SigningKey, Option<Result<NewId, Error>>),
) -> Result<Registered, Error> {
    let names = user::names(None, fields.email.as_ref(), None);
    let username = phone.as_ref().map(|phone| phone.e164().to_owned()).unwrap_or_default();
    if phone.is_some() {
        // Without a live token nobody hears whose an address is.
        fields.form.complain_all(user::taken(&names, &holders, user::Id::nil())?);
    }
    fields.check(&username)?;
    let (Some(token), Some(phone)) = (&fields.token, phone) else {
        return Err(Error::RegistrationTokenInvalid);
    };
    let given = fields.given();
    let (token, registration) = (token.clone(), fields.accept(app, id)?);
    let (user, session) =
        user::register_by_phone(&app.db, request.client(), &token, &phone, registration, holders).await?;
    audit::change(Event::Registered, Some(user.id), Changed::User(user.id), &given, request.ip());
    let tokens = session.tokens(key, &user, &app.compatibility.access_token_claims)?;
    Ok(Registered { user, tokens })
}

/// A registration has a limit; with an e-mail address it sends a code there, which has one, too.
async fn count(app: &App, request: &Request, sends_code: bool) -> Result<Vec<Counted>, Error> {
    let registrations = user::throttle_of_names(request.client())?;
    if sends_code {
        throttle::admit(&app.db, [registrations, otp::throttle_of(request.client())?]).await.map(Vec::from)
    } else {
        throttle::admit(&app.db, [registrations]).await.map(Vec::from)
    }
}

/// The fields of the body, each parsed or with a complaint in `form`.
struct Body {
    form: Form,
    token: Option<Token>,
    password: Option<Password>,
    email: Option<Email>,
    details: Given,
}

impl Body {
    fn read(mut form: Form) -> Self {
        // The server of document 003 takes the name that `/auth/verify` gives it, its sample request another.
        let is_renamed = form.has("registration_token") && !form.has("reg_token");
        let name = if is_renamed { "registration_token" } else { "reg_token" };
        let token = form.required(name, |text| Ok::<_, String>(Token::read(text)));
        let password = form.secret("password", Password::parse_new);
        let details = Given::read(&mut form, user::FIELDS.iter().filter(|field| field.is_name), true);
        let email = form.nullable("email", Email::parse).set();
        Self { form, token, password, email, details }
    }

    /// 400 with all that is wrong, the password too, which must not resemble its user.
    fn check(&mut self, username: &str) -> Result<(), Error> {
        let about = About {
            username,
            email: self.email.as_ref().map(Email::typed).unwrap_or_default(),
            fields: self.details.entries(),
        };
        Rules::from_env()?.check(&mut self.form, "password", self.password.as_ref(), about);
        self.form.check()
    }

    /// The fields of the user that are set: those that follow from the number, and those that are given.
    fn given(&self) -> Vec<&'static str> {
        let email = Some("email").filter(|name| self.form.has(name));
        let given = self.details.names().chain(email);
        ["username", "phone_number", "is_phone_verified"].into_iter().chain(given).collect()
    }

    /// The registration, when there is no complaint.
    fn accept(mut self, app: &App, id: Option<Result<NewId, Error>>) -> Result<Registration, Error> {
        self.form.check()?;
        let (Some(password), Some(id)) = (self.password, id) else { return Err(self.form.complaints()) };
        let password = app.hasher.hash(&password)?;
        Ok(Registration { id: id?, email: self.email, details: self.details, password })
    }
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::PhoneNumbers, REGISTRATION_TOKEN_INVALID, body, field, post, shown};
    use serde_json::json;

    let token = field::token("The `registration_token` that the number's code was exchanged for.");
    let body = body(
        "PhoneRegistration",
        &["password"],
        field::with(
            json!({
                "reg_token": token,
                "registration_token": field::token("The same, by another name."),
                "password": field::new_password(),
                "email": field::maybe_address(),
            }),
            user::FIELDS.iter().filter(|field| field.is_name),
        ),
    );
    let body = body.one_of(&["reg_token", "registration_token"]);
    let sign_up = json!({
        "reg_token": "fef8702768384d1d88a2e1454e6c749c",
        "password": "123456789",
        "first_name": "Majed",
        "last_name": "Shabani",
        "email": "majedwp12@gmail.com",
    });
    post(PhoneNumbers, "/auth/register", "Make an account with a registration token")
        .listed_as("phone-register")
        .about(
            "Its username is the phone number. An account that has the number unverified loses it, unless `Policy` is \
             `seeds`.",
        )
        .takes(body, &[sign_up])
        .refuses(&[REGISTRATION_TOKEN_INVALID])
        .answers(201, shown("The new user and a session.", "RegisteredUser"))
}
