//! `/auth`: a phone-first sign-up, from the number to the session.

#[path = "auth/check-phone.rs"]
mod check_phone;
mod login;
mod register;
mod verify;

use serde_json::{Value, json};

use crate::support::{Answer, Api, Client, PASSWORD, User, registration};

/// A phone number as it is stored.
const NUMBER: &str = "+919881167671";
/// Another one.
const OTHER: &str = "+919881167672";

/// Asks whether anyone has an account with a number.
async fn check(client: &Client, phone: &str) -> Answer {
    client.post("/auth/check-phone", &json!({ "phone": phone })).await
}

/// What a newcomer hears.
fn newcomer() -> Value {
    json!({ "exists": false, "message": "OTP sent." })
}

/// What is said of a number with an account.
fn exists() -> Value {
    json!({ "exists": true, "message": "Phone number is registered. Please log in." })
}

/// Guesses at the code of a number.
async fn verify(client: &Client, phone: &str, code: &str) -> Answer {
    client.post("/auth/verify", &json!({ "phone": phone, "code": code })).await
}

/// The code to sign up that is sent to a number.
async fn code_to(api: &Api, number: &str) -> String {
    let before = api.stack.messages(number).len();
    check(api, number).await.is(200, &newcomer());
    api.code_after(number, before).await
}

/// The registration token of whoever holds the phone.
async fn token_of(api: &Api, number: &str) -> String {
    let code = code_to(api, number).await;
    let answer = verify(api, number, &code).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["registration_token"].as_str().unwrap().to_owned()
}

/// Makes an account with a registration token.
async fn register(client: &Client, token: &str) -> Answer {
    client.post("/auth/register", &json!({ "reg_token": token, "password": PASSWORD })).await
}

/// A user who has signed up with a number.
pub(crate) async fn signed_up(api: &Api, number: &str) -> User {
    let token = token_of(api, number).await;
    let answer = register(api, &token).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    User::new(api, &answer.body)
}

/// Logs in by number.
async fn log_in(client: &Client, phone: &str, password: &str) -> Answer {
    client.post("/auth/login", &json!({ "phone": phone, "password": password })).await
}

/// A user who has registered as `name` with a phone number that nothing proves, signed in.
async fn registered_with(api: &Api, name: &str, number: &str) -> User {
    let mut body = registration(name);
    body["phone_number"] = json!(number);
    let answer = api.post("/api/register", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    api.log_in(name).await
}

/// Proves the number of a user, by themselves.
async fn prove(api: &Api, user: &User, number: &str) {
    let before = api.stack.messages(number).len();
    assert_eq!(user.post("/otp/generate", &json!({ "phone_number": number })).await.status, 200);
    let code = api.code_after(number, before).await;
    let answer = user.post("/otp/verify", &json!({ "phone_number": number, "otp": code })).await;
    answer.is(200, &json!({ "message": "Phone number verified successfully" }));
}
