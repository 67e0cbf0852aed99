//! `/otp`.

mod generate;
mod verify;

use serde_json::{Value, json};

use crate::support::{Answer, Api, Client, registration};

/// A phone number as it is stored.
const NUMBER: &str = "+919881167671";
/// Another one.
const OTHER: &str = "+919881167672";

/// Asks for a code to a number.
async fn generate(client: &Client, number: &str) -> Answer {
    client.post("/otp/generate", &json!({ "phone_number": number })).await
}

/// What who asks for a code hears.
fn sent() -> Value {
    json!({ "message": "OTP sent successfully" })
}

/// Guesses at the code of a number.
async fn verify(client: &Client, number: &str, otp: &str) -> Answer {
    client.post("/otp/verify", &json!({ "phone_number": number, "otp": otp })).await
}

/// The code that `client` asks for.
async fn code_by(api: &Api, client: &Client, number: &str) -> String {
    let before = api.stack.messages(number).len();
    generate(client, number).await.is(200, &sent());
    api.code_after(number, before).await
}

/// Registers `name` with a phone number.
async fn registered_with(api: &Api, name: &str, number: &str) {
    let mut body = registration(name);
    body["phone_number"] = json!(number);
    let answer = api.post("/api/register", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}
