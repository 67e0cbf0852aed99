//! Imports users and employees from another system. It has no URL: the operator of the stack invokes it.
//!
//! A record is what the API shows, with the hash of the password as Django stores it. Its `id` is its id in the import, the same in
//! every import of it, so that a batch can be sent again. `number` is its key in the other system: with integer ids the record
//! keeps it, unless it is taken here. What cannot be taken of a record is left out, and the answer says so.
//!
//! `mode` says what is to be done with the records: `import` (the default), `compare`, `update` or `delete`; see
//! [`shared::imported::Mode`]. With `imported`, the answer lists the records of a `kind` that were imported, by their ids in the
//! import; `next` then continues in `after`.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    App, Error, config, employee,
    imported::{self, Kind, Listed, Mode, Outcome},
    log, user,
};

/// What the operator wants.
#[derive(Deserialize)]
#[serde(untagged)]
enum Event {
    List {
        #[serde(rename = "mode")]
        _mode: List,
        kind: Kind,
        after: Option<String>,
    },
    Batch(Batch),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum List {
    Imported,
}

/// Imported in this order: an employee needs their owner.
#[derive(Deserialize)]
struct Batch {
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    users: Vec<Value>,
    #[serde(default)]
    employees: Vec<Value>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    /// What became of each record, in the order of the batch.
    Outcomes {
        users: Vec<Outcome>,
        employees: Vec<Outcome>,
        /// The region of phone numbers without a country code: the reader of a dump needs it.
        region: String,
    },
    List(Listed),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    log::start();
    let app = App::from_env()?;
    let app = &app;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Event>| {
        Box::pin(run(app, event.payload)).await.map_err(|error| Diagnostic {
            error_type: "Refused".to_owned(),
            error_message: error.for_operator(),
        })
    }))
    .await
}

async fn run(App { db, ids, .. }: &App, event: Event) -> Result<Answer, Error> {
    ids.check(db).await?;
    let region = config::text("DEFAULT_PHONE_REGION")?;
    Ok(match event {
        Event::List { kind, after, .. } => Answer::List(imported::list(db, kind, after).await?),
        Event::Batch(Batch { mode: Mode::Delete, users, employees }) => {
            let employees = employee::delete_imported(db, ids, employees).await?;
            Answer::Outcomes { users: user::delete_imported(db, ids, users).await?, employees, region }
        }
        Event::Batch(Batch { mode, users, employees }) => {
            let users = user::import(db, ids, mode, users).await?;
            let employees = employee::import(db, ids, mode, employees).await?;
            Answer::Outcomes { users, employees, region }
        }
    })
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
