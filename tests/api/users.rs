//! `/api/users`.

mod delete;
mod list;
mod logout;
mod password;
mod read;
mod unlock;
mod update;

use std::future::Future;

use serde_json::{Value, json};

use crate::support::{Answer, Api, PASSWORD, User};

/// Ids that no user has; the last two are none at all.
const NOBODY: [&str; 4] =
    ["01900000-0000-7000-8000-000000000000", "00000000-0000-0000-0000-000000000000", "1", "ada"];

fn not_authenticated() -> Value {
    json!({ "detail": "Authentication credentials were not provided." })
}

fn forbidden() -> Value {
    json!({ "detail": "You do not have permission to perform this action." })
}

fn no_user() -> Value {
    json!({ "detail": "No User matches the given query." })
}

fn has_changed() -> Value {
    json!({ "detail": "The record has changed since it was read." })
}

fn last_staff_user() -> Value {
    json!({
        "detail": "The last active staff user can be neither demoted, deactivated nor deleted.",
        "code": "last_staff_user",
    })
}

/// Where the API keeps a user.
fn path(user: &User) -> String {
    path_to(&user.id())
}

fn path_to(id: &str) -> String {
    format!("/api/users/{id}")
}

/// A user who has registered as `name` and logged in.
async fn signed_in(api: &Api, name: &str) -> User {
    api.registered(name).await;
    api.log_in(name).await
}

/// One more staff user, called `name`.
async fn staff_named(api: &Api, name: &str) -> User {
    let superuser = json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD });
    api.stack.invoke("create-superuser", superuser).await.unwrap();
    api.log_in(name).await
}

/// What the API shows of a user to `reader`.
async fn shown(reader: &User, path: &str) -> Value {
    let answer = reader.get(path).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

/// Asserts that a request is refused with this answer, and that nothing is written: so no code or notice can be sent, either.
async fn is_refused(api: &Api, request: impl Future<Output = Answer>, status: u16, body: &Value) {
    let before = api.records().await;
    request.await.is(status, body);
    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn no_answer_holds_what_only_the_server_knows() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = signed_in(&api, "ada").await;
    let record = api.item("Users", &format!("user#{}", ada.id())).await.unwrap();
    let secrets = ["password", "cursor_key"].map(|name| record[name]["S"].as_str().unwrap());
    let fields = [
        "id",
        "username",
        "email",
        "first_name",
        "last_name",
        "address",
        "date_of_birth",
        "language",
        "phone_number",
        "is_email_verified",
        "pending_email",
        "is_phone_verified",
        "pending_phone_number",
        "is_active",
        "is_staff",
        "date_joined",
        "last_login",
    ];

    for answer in [
        ada.get("/api/users").await,
        admin.get("/api/users").await,
        ada.get(&path(&ada)).await,
        admin.get(&path(&ada)).await,
        ada.patch(&path(&ada), &json!({ "first_name": "Ada" })).await,
        admin.patch(&path(&ada), &json!({ "last_name": "Lovelace" })).await,
    ] {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("cache-control"), "no-store");
        let users = answer.body["results"].as_array().cloned().unwrap_or_else(|| vec![answer.body.clone()]);
        for user in users {
            assert_eq!(user.as_object().unwrap().keys().collect::<Vec<_>>(), fields);
        }
        assert!(secrets.iter().all(|secret| !answer.text.contains(secret)), "{}", answer.text);
    }
}
