//! What can be tried of any deployment, from outside: every endpoint, in the order in which people use it. Each journey takes
//! away what it has made.
//!
//! `API_URL` names the deployment; without it these are journeys in a local stack, as all others.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Deployment, PASSWORD, User};

const NEXT: &str = "another long phrase";
const LAST: &str = "a third long phrase";

#[tokio::test]
async fn what_is_for_anyone_is_there() {
    anyone(&Deployment::start().await).await;
}

#[tokio::test]
async fn an_account_is_kept_from_its_registration_to_its_end() {
    account(&Deployment::start().await).await;
}

#[tokio::test]
async fn addresses_are_proven_by_mail() {
    addresses(&Deployment::start().await).await;
}

#[tokio::test]
async fn employees_are_kept() {
    employees(&Deployment::start().await).await;
}

#[tokio::test]
async fn numbers_are_proven_by_text_message() {
    numbers(&Deployment::start().await).await;
}

#[tokio::test]
async fn staff_look_after_users() {
    staff(&Deployment::start().await).await;
}

/// Sends a request that has to succeed, and gives what it was answered.
async fn send(user: &User, method: Method, path: &str, body: Value) -> Value {
    let answer = user.send(method.clone(), path, Some("application/json"), body.to_string()).await;
    assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
    answer.body
}

fn path_to(user: &User) -> String {
    format!("/api/users/{}", user.id())
}

/// Deletes a user, by themselves.
async fn delete(user: &User) {
    assert_eq!(user.delete(&path_to(user)).await.status, 204);
}

pub(crate) async fn anyone(api: &Deployment) {
    for path in [
        "/",
        "/docs/page.js",
        "/openapi.json",
        "/postman_collection.json",
        "/admin",
        "/api",
        "/.well-known/jwks.json",
        "/health",
    ] {
        let answer = api.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    // With `TokenIssuer` there is a document, which names the issuer, and without it there is none.
    let answer = api.get("/.well-known/openid-configuration").await;
    let expected = if answer.body["issuer"].is_string() { 200 } else { 404 };
    assert_eq!(answer.status, expected, "{answer:?}");
}

pub(crate) async fn account(api: &Deployment) {
    let name = api.name("ada");
    let (ada, phone) = (api.signed_in("ada").await, api.log_in(&name).await);
    let tablet = api.log_in(&name).await;

    let profile = ada.profile().await;
    assert_eq!((&profile["username"], &profile["is_email_verified"]), (&json!(name), &json!(false)));
    send(&ada, Method::PATCH, "/api/profile", json!({ "first_name": "Ada" })).await;
    let renamed = api.name("ada2");
    let body = json!({ "username": renamed, "email": profile["email"], "last_name": "Lovelace" });
    let profile = send(&ada, Method::PUT, "/api/profile", body).await;
    assert_eq!((&profile["username"], &profile["last_name"]), (&json!(renamed), &json!("Lovelace")));
    let profile = known(profile);
    assert_eq!(known(send(&ada, Method::GET, &path_to(&ada), Value::Null).await), profile);
    assert_eq!(known(ada.get("/api/users").await.body["results"][0].clone()), profile);
    assert_eq!(ada.get("/api/users").await.body["results"].as_array().map(Vec::len), Some(1));
    send(&ada, Method::PATCH, &path_to(&ada), json!({ "address": "12 St James's Square" })).await;

    let sessions = ada.get("/api/sessions").await.body;
    assert_eq!(sessions.as_array().unwrap().len(), 3);
    assert_eq!(ada.delete(&format!("/api/sessions/{}", phone.sid())).await.status, 204);
    phone.is_signed_out().await;
    let tablet = tablet.refreshed().await;
    tablet.is_signed_in().await;
    send(&tablet, Method::POST, "/api/logout", json!({ "refresh": tablet.refresh })).await;
    tablet.is_signed_out().await;

    let body = json!({ "old_password": PASSWORD, "new_password": NEXT, "confirm_password": NEXT });
    let again = User::new(api, &send(&ada, Method::POST, "/api/password/reset", body).await);
    ada.is_signed_out().await;
    send(&again, Method::POST, "/api/logout/all", json!({})).await;
    again.is_signed_out().await;
    assert_eq!(api.try_token(&renamed, PASSWORD).await.status, 401);

    delete(&api.log_in_with(&renamed, NEXT).await).await;
    assert_eq!(api.try_token(&renamed, NEXT).await.status, 401);
}

pub(crate) async fn addresses(api: &Deployment) {
    let stranger = json!({ "email": api.email("stranger") });
    assert_eq!(api.post("/api/otp/resend", &stranger).await.status, 200);
    if !api.reads_messages() {
        return;
    }
    let (first, second) = (api.email("bea"), api.email("bea2"));
    api.registered("bea", json!({})).await;
    prove(api, api, &first).await;
    let bea = log_in_by(api, &first, PASSWORD).await;

    // It is off by default.
    if api.post("/api/login/code", &json!({ "email": first })).await.status == 200 {
        let body = json!({ "email": first, "otp": api.code_for(&first).await });
        let answer = api.post("/api/login/code/confirm", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        User::new(api, &answer.body).is_signed_in().await;
    }

    let profile = send(&bea, Method::PATCH, "/api/profile", json!({ "email": second })).await;
    assert_eq!((&profile["email"], &profile["pending_email"]), (&json!(first), &json!(second)));
    prove(api, &bea, &second).await;
    let profile = bea.profile().await;
    assert_eq!((&profile["email"], &profile["pending_email"]), (&json!(second), &Value::Null));

    assert_eq!(api.post("/api/password/forgot", &json!({ "email": second })).await.status, 200);
    let otp = api.code_for(&second).await;
    let body = json!({ "email": second, "otp": otp, "new_password": LAST, "confirm_password": LAST });
    let answer = api.post("/api/password/forgot/confirm", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    bea.is_signed_out().await;

    delete(&log_in_by(api, &second, LAST).await).await;
}

/// A user, without the fields that are new in this release: while a deployment runs, functions of the release before do not show
/// them.
fn known(mut user: Value) -> Value {
    user.as_object_mut()
        .unwrap()
        .retain(|name, _| !["pending_phone_number", "language"].contains(&name.as_str()));
    user
}

/// Proves an address with the code that was mailed to it, signed in or not.
async fn prove(api: &Deployment, client: &Client, email: &str) {
    let body = json!({ "email": email, "otp": api.code_for(email).await });
    let answer = client.post("/api/otp/verify", &body).await;
    answer.is(200, &json!({ "message": "Email verified successfully." }));
}

async fn log_in_by(api: &Deployment, email: &str, password: &str) -> User {
    let answer = api.post("/api/login", &json!({ "email": email, "password": password })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    User::new(api, &answer.body)
}

/// Somebody without a phone of their own: their number is one of those that were never given to anybody.
fn grace(api: &Deployment) -> Value {
    let last = u32::from_str_radix(&api.name("")[1..], 16).unwrap() % 100;
    json!({ "first_name": "Grace", "last_name": "Hopper", "phone_number": format!("+120255501{last:02}") })
}

pub(crate) async fn employees(api: &Deployment) {
    let cleo = api.signed_in("cleo").await;
    let page = |results: Value| json!({ "next": null, "previous": null, "results": results });
    assert_eq!(send(&cleo, Method::GET, "/api/employees", Value::Null).await, page(json!([])));

    let mut body = grace(api);
    let created = send(&cleo, Method::POST, "/api/employees", body.clone()).await;
    let path = format!("/api/employees/{}", created["id"].as_str().unwrap());
    assert_eq!(send(&cleo, Method::GET, &path, Value::Null).await, created);
    body["department"] = json!("Navy");
    body["email"] = json!(api.email("grace"));
    send(&cleo, Method::PUT, &path, body).await;
    let job = json!({ "job_title": "Rear admiral", "email": api.email("hopper") });
    let employee = send(&cleo, Method::PATCH, &path, job).await;
    assert_eq!((&employee["department"], &employee["job_title"]), (&json!("Navy"), &json!("Rear admiral")));
    // Lists are indexes, which follow.
    for list in ["/api/employees?search=hopper", "/api/employees?department=Navy"] {
        assert_eq!(cleo.get(list).await.status, 200, "{list}");
    }

    assert_eq!(cleo.delete(&path).await.status, 204);
    assert_eq!(cleo.get(&path).await.status, 404);
    delete(&cleo).await;
}

pub(crate) async fn numbers(api: &Deployment) {
    let Some(number) = api.phone().filter(|_| api.reads_messages()) else { return };

    api.registered("dora", json!({ "phone_number": number })).await;
    let dora = api.log_in(&api.name("dora")).await;
    let mut employee = grace(api);
    employee["phone_number"] = json!(number);
    let employee = send(&dora, Method::POST, "/api/employees", employee).await;
    send(&dora, Method::POST, "/otp/generate", json!({ "phone_number": number })).await;
    let otp = api.code_for(number).await;
    send(&dora, Method::POST, "/otp/verify", json!({ "phone_number": number, "otp": otp })).await;
    let path = format!("/api/employees/{}", employee["id"].as_str().unwrap());
    assert_eq!(dora.get(&path).await.body["is_phone_verified"], true);
    assert_eq!(dora.profile().await["is_phone_verified"], true);
    assert_eq!(dora.delete(&path).await.status, 204);
    delete(&dora).await;

    let checked = api.post("/auth/check-phone", &json!({ "phone": number })).await;
    checked.is(200, &json!({ "exists": false, "message": "OTP sent." }));
    let code = api.code_for(number).await;
    let verified = api.post("/auth/verify", &json!({ "phone": number, "code": code })).await;
    assert_eq!(verified.status, 200, "{}", verified.text);
    let token = &verified.body["registration_token"];
    let body = json!({ "reg_token": token, "password": PASSWORD, "email": api.email("eva") });
    let registered = api.post("/auth/register", &body).await;
    assert_eq!(registered.status, 201, "{}", registered.text);
    let login = api.post("/auth/login", &json!({ "phone": number, "password": PASSWORD })).await;
    assert_eq!(login.status, 200, "{}", login.text);
    let eva = User::new(api, &login.body);
    assert_eq!(eva.id(), registered.body["id"]);
    delete(&eva).await;
}

pub(crate) async fn staff(api: &Deployment) {
    let Some(admin) = api.staff().await else { return };
    let name = api.name("fay");
    let fay = api.signed_in("fay").await;
    let path = path_to(&fay);

    for list in ["/api/users", "/api/users?search=a", "/api/users?is_staff=true", "/api/employees"] {
        assert_eq!(admin.get(list).await.status, 200, "{list}");
    }
    assert_eq!(send(&admin, Method::GET, &path, Value::Null).await["username"], name);
    let flags = json!({ "is_email_verified": true, "is_staff": true });
    assert_eq!(send(&admin, Method::PATCH, &path, flags).await["is_staff"], true);
    let body = json!({ "username": api.name("fay2"), "email": api.email("fay2"), "is_staff": false });
    assert_eq!(send(&admin, Method::PUT, &path, body).await["is_staff"], false);

    send(&admin, Method::POST, &format!("{path}/password/forgot"), json!({})).await;
    send(&admin, Method::POST, &format!("{path}/logout"), json!({})).await;
    fay.is_signed_out().await;
    let name = api.name("fay2");
    for _ in 0..10 {
        if api.try_token(&name, NEXT).await.status != 401 {
            break;
        }
    }
    api.try_token(&name, PASSWORD).await.is_throttled();
    send(&admin, Method::POST, &format!("{path}/unlock"), json!({})).await;
    api.log_in(&name).await.is_signed_in().await;

    assert_eq!(admin.delete(&path).await.status, 204);
    assert_eq!(api.try_token(&name, PASSWORD).await.status, 401);
}
