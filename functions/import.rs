//! Imports users and employees from another system. It has no URL: the operator of the stack invokes it.
//!
//! A record is what the API shows, with the hash of the password as Django stores it. Its id is chosen by whoever sends it, so
//! that it can be sent again: what is there stays as it is.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    App, Error, Form,
    audit::{self, Changed, Event},
    email::Email,
    employee,
    fields::Given,
    log,
    password::Hash,
    phone::PhoneRules,
    time,
    user::{
        self, Import, Username,
        claim::{self, Name},
    },
};

/// What may be imported of a user, besides [`user::FIELDS`].
const USER_FIELDS: [&str; 9] = [
    "username",
    "email",
    "phone_number",
    "is_email_verified",
    "is_phone_verified",
    "is_active",
    "is_staff",
    "last_login",
    "password",
];

/// Imported in this order: an employee needs their owner.
#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    users: Vec<Value>,
    #[serde(default)]
    employees: Vec<Value>,
}

/// What became of each record, in the order of the batch.
#[derive(Serialize)]
struct Outcomes {
    users: Vec<Outcome>,
    employees: Vec<Outcome>,
}

#[derive(Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
enum Outcome {
    Imported,
    /// It was there already, and stays as it is.
    Present,
    Refused {
        reason: String,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    log::start();
    let app = App::from_env()?;
    let app = &app;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Batch>| {
        Box::pin(import(app, event.payload)).await.map_err(|error| Diagnostic {
            error_type: "Refused".to_owned(),
            error_message: error.for_operator(),
        })
    }))
    .await
}

/// One after the other, so that of two records with one name the earlier is taken.
async fn import(app: &App, batch: Batch) -> Result<Outcomes, Error> {
    app.ids.check(&app.db).await?;
    let mut outcomes = Outcomes { users: Vec::new(), employees: Vec::new() };
    for record in batch.users {
        outcomes.users.push(outcome(import_user(app, record).await)?);
    }
    for record in batch.employees {
        outcomes.employees.push(outcome(import_employee(app, record).await)?);
    }
    Ok(outcomes)
}

/// What is wrong with one record does not keep the others from being imported; what is wrong with the stack does.
fn outcome(imported: Result<bool, Error>) -> Result<Outcome, Error> {
    match imported {
        Ok(true) => Ok(Outcome::Imported),
        Ok(false) => Ok(Outcome::Present),
        Err(error @ Error::Invalid(_)) => Ok(Outcome::Refused { reason: error.for_operator() }),
        Err(error) => Err(error),
    }
}

async fn import_user(app: &App, record: Value) -> Result<bool, Error> {
    let phones = PhoneRules::from_env()?;
    let mut form = Form::of(record)?;
    let id = form.required("id", id);
    let email = form.nullable("email", Email::parse).set();
    let phone = form.nullable("phone_number", |text| phones.parse(text)).set();
    // Who has none logged in with their number or address; but not every address can be a username.
    let own = || {
        let number = phone.as_ref().map(|phone| phone.e164().to_owned());
        let address = email.as_ref().map(|email| email.typed().to_owned());
        let id = email.as_ref().and(id).map(|id| id.to_string());
        [number, address, id].into_iter().flatten().find_map(|name| Username::parse(&name).ok())
    };
    let is_address = |text: &str| email.as_ref().is_some_and(|email| email.typed() == text);
    let username = own().filter(|_| form.is_none("username")).or_else(|| {
        form.required("username", |text| {
            Username::parse(text).or_else(|complaint| own().filter(|_| is_address(text)).ok_or(complaint))
        })
    });
    let is_own = |name: &Username| phone.is_some() && name.as_phone(phones) == phone;
    if let Some(complaint) = username
        .as_ref()
        .filter(|name| !is_own(name))
        .and_then(|name| name.poses_as_another(email.as_ref(), phones))
    {
        form.complain("username", complaint);
    }
    let password = if form.is_none("password") {
        Hash::of_django("").ok()
    } else {
        form.required("password", Hash::of_django)
    };
    let details = Given::read(&mut form, user::FIELDS, true);
    let last_login = form.nullable("last_login", str::parse).set();
    let flags = ["is_email_verified", "is_phone_verified", "is_active", "is_staff"];
    let [is_email_verified, is_phone_verified, is_active, is_staff] = flags.map(|name| form.flag(name));
    form.check()?;
    let (Some(id), Some(username), Some(password)) = (id, username, password) else {
        return Err(form.complaints());
    };
    let new = Import {
        id,
        username,
        email,
        phone,
        details,
        is_email_verified: is_email_verified.unwrap_or(false),
        is_phone_verified: is_phone_verified.unwrap_or(false),
        is_active: is_active.unwrap_or(true),
        is_staff: is_staff.unwrap_or(false),
        last_login,
        password,
    };
    let imported = user::import(&app.db, new).await?;
    if imported {
        // Who has no username is given one.
        let is_set = |name: &&str| *name == "username" || !form.is_none(name);
        let all = USER_FIELDS.into_iter().chain(user::FIELDS.iter().map(|field| field.name));
        let fields: Vec<_> = all.filter(is_set).collect();
        audit::change(Event::Imported, None, Changed::User(id), &fields, "");
    }
    Ok(imported)
}

async fn import_employee(app: &App, record: Value) -> Result<bool, Error> {
    let mut form = Form::of(record)?;
    let id = form.required("id", id);
    let is_phone_verified = form.flag("is_phone_verified").unwrap_or(false);
    let fields = employee::Changes::read(&mut form, true)?;
    let owner = owner(app, &mut form).await?;
    form.check()?;
    let (Some(id), Some(owner)) = (id, owner) else { return Err(form.complaints()) };
    let imported = employee::import(&app.db, id, owner, &fields, is_phone_verified).await?;
    if imported {
        let fields = [fields.given(), vec!["is_phone_verified", "owner"]].concat();
        audit::change(Event::Imported, None, Changed::Employee(id), &fields, "");
    }
    Ok(imported)
}

/// Whose employee it is: the user with the id in `owner` or, when that is not given, the name in `owner_username`.
async fn owner(app: &App, form: &mut Form) -> Result<Option<user::Id>, Error> {
    if form.has("owner") || !form.has("owner_username") {
        return Ok(form.required("owner", id));
    }
    let Some(username) = form.required("owner_username", Username::parse) else { return Ok(None) };
    let holder = claim::find(&app.db, &Name::Username(username.key())).await?;
    if holder.is_none() {
        form.complain("owner_username", "There is no such user.");
    }
    Ok(holder.map(|holder| holder.user_id))
}

/// An id with a time that has been.
fn id(text: &str) -> Result<user::Id, &'static str> {
    let id: Option<user::Id> = text.parse().ok();
    id.filter(|id| id.time().is_some_and(|time| time <= time::now()))
        .ok_or("Must be a UUIDv7 of a time past.")
}

#[cfg(contract)]
pub fn contract() -> serde_json::Value {
    serde_json::json!({
        "users": [
            {
                "id": "018bcfe5-6800-7000-8000-000000000001",
                "username": "grace",
                "email": "grace@example.com",
                "phone_number": "+919881167672",
                "password": "pbkdf2_sha1$1000000$MzHo6epWAm3lTXcw7mZaEi$cLLYYCbAFFiBVVZB4DOlf/f64ZI=",
                "is_email_verified": true
            }
        ],
        "employees": [
            {
                "id": "018bcfe5-6800-7000-8000-000000000002",
                "owner": "018bcfe5-6800-7000-8000-000000000001",
                "first_name": "Alan",
                "last_name": "Turing",
                "phone_number": "9101234568"
            }
        ]
    })
}
