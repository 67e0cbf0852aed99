//! What every journey needs: a stack of its own, clients, users, and the tools of an attacker.

mod api;
mod browser;
mod client;
pub(crate) mod contract;
mod deployment;
mod dynamodb;
pub(crate) mod employee;
mod freezer;
mod instance;
mod process;
mod proxy;
mod recorder;
pub(crate) mod tls;
pub(crate) mod token;
mod user;

pub(crate) use api::{Api, TWILIO, root, unlimited, unlimited_seeds};
pub(crate) use browser::Browser;
pub(crate) use client::{Answer, Client};
pub(crate) use deployment::Deployment;
pub(crate) use instance::Instance;
pub(crate) use process::Process;
pub(crate) use proxy::{Call, Calls, Fault, Proxied};
pub(crate) use recorder::{Recorder, Use};
pub(crate) use user::{PASSWORD, User, registration};

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time;

/// How long anything may take that comes by itself.
const PATIENCE: Duration = Duration::from_mins(2);

/// Asks again and again until there is an answer: for what nothing tells of.
pub(crate) async fn poll<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let answer = time::timeout(PATIENCE, async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            time::sleep(Duration::from_millis(20)).await;
        }
    });
    answer.await.expect("what was waited for has not come")
}

/// What every refusal of a bearer token says, apart from the reason.
pub(crate) fn bearer_not_valid(reason: &str) -> Value {
    json!({
        "detail": "Given token not valid for any token type",
        "code": "token_not_valid",
        "messages": [{ "token_class": "AccessToken", "token_type": "access", "message": reason }],
    })
}

/// What every refusal of a token in a body says.
pub(crate) fn token_not_valid(reason: &str) -> Value {
    json!({ "detail": reason, "code": "token_not_valid" })
}

/// What a wrong password, an unknown user and an inactive one hear alike.
pub(crate) fn no_active_account() -> Value {
    json!({ "detail": "No active account found with the given credentials", "code": "no_active_account" })
}

/// What every code that is no good hears.
pub(crate) fn otp_invalid() -> Value {
    json!({ "detail": "OTP has expired or is invalid.", "code": "otp_invalid" })
}

/// The same at `/otp/verify`.
pub(crate) fn phone_otp_invalid() -> Value {
    json!({ "detail": "OTP has expired or invalid", "code": "otp_invalid" })
}

/// An id in an answer, as it is written in a path.
pub(crate) fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// The text that stands for an id in keys and attributes, given the id as the API shows it, or that text.
pub(crate) fn stored_id(id: &Value) -> String {
    let id = id_text(id);
    shared::user::Id::shown(&id).map_or(id, shared::user::Id::stored)
}

/// A complaint about one field.
pub(crate) fn complaint(field: &str, complaint: &str) -> Value {
    json!({ field: [complaint] })
}

/// What a registration token that is no good hears.
pub(crate) fn registration_token_invalid() -> Value {
    json!({
        "detail": "Registration token has expired or is invalid.",
        "code": "registration_token_invalid",
    })
}

/// A code of the same length that is not `code`; another one for each `n`.
pub(crate) fn wrong_code(code: &str, n: u32) -> String {
    let most = 10_u32.pow(u32::try_from(code.len()).unwrap());
    format!("{:0width$}", (code.parse::<u32>().unwrap() + 1 + n) % most, width = code.len())
}
