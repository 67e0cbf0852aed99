//! The fields without a rule of their own: whatever is in the tables is taken, stored, shown, changed, searched, documented and
//! imported. A field that is forgotten somewhere fails here, by its name (docs/add-a-field.md).

use local::{Dump, Settings};
use regex::Regex;
use serde_json::{Map, Value, json};
use shared::{
    employee,
    fields::{Field, Kind},
    user,
};

use crate::support::{
    Api, Client, PASSWORD, complaint,
    employee::{employee as an_employee, path_of},
    id_text, root, stored_id,
};

const HASH: &str = "pbkdf2_sha1$1000000$MzHo6epWAm3lTXcw7mZaEi$cLLYYCbAFFiBVVZB4DOlf/f64ZI=";
const USER: &str = "018bcfe5-6800-7000-8000-000000000001";
const EMPLOYEE: &str = "018bcfe5-6800-7000-8000-000000000002";

/// A value of a field, another one for each `n`.
fn value(field: &Field, n: usize) -> Value {
    match field.kind {
        Kind::Text { .. } => json!(format!("{} Nr{n}", field.name.replace('_', " "))),
        Kind::Date => json!(format!("19{:02}-02-03", 50 + n)),
        Kind::Choice(choices) => json!(choices[n % choices.len()]),
    }
}

/// A value of each field.
fn values(fields: &[Field], n: usize) -> Value {
    fields.iter().map(|field| (field.name.to_owned(), value(field, n))).collect::<Map<_, _>>().into()
}

fn empty(field: &Field) -> Value {
    match field.kind {
        Kind::Text { .. } | Kind::Choice(_) => json!(""),
        Kind::Date => json!(null),
    }
}

/// One body with the fields of both.
fn with(mut body: Value, more: Value) -> Value {
    let Value::Object(more) = more else { panic!("no object: {more}") };
    body.as_object_mut().unwrap().extend(more);
    body
}

/// Asserts that a record has a value of each field.
fn has(record: &Value, fields: &[Field], n: usize) {
    for field in fields {
        assert_eq!(record[field.name], value(field, n), "{} in {record}", field.name);
    }
}

/// What becomes of the fields of a kind of record at `path`, of which a list is at `list`; each has the first value now.
async fn follows_the_table(
    api: &Api,
    client: &Client,
    list: &str,
    path: &str,
    fields: &[Field],
    event: &str,
) {
    let id = path.rsplit('/').next().unwrap();
    let listed = async |query: &str| {
        let page = client.get(&format!("{list}{query}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        page.body["results"].as_array().unwrap().iter().find(|record| id_text(&record["id"]) == id).cloned()
    };
    has(&client.get(path).await.body, fields, 1);
    has(&listed("").await.unwrap(), fields, 1);
    for field in fields {
        let name = field.name;
        let changed = client.patch(path, &json!({ name: value(field, 2) })).await;
        assert_eq!((changed.status, &changed.body[name]), (200, &value(field, 2)), "{}", changed.text);
        assert_eq!(api.audited(event).last().unwrap()["fields"], *name);
        assert_eq!(client.get(path).await.body[name], value(field, 2), "{name}");
        assert_eq!(listed("").await.unwrap()[name], value(field, 2), "{name}");
        let found = listed(&format!("?search={}", name.replace('_', "+"))).await;
        assert_eq!(found.is_some(), field.is_searched, "{name} in a search");
        match field.kind {
            Kind::Text { longest, is_required } => {
                let longest_text = client.patch(path, &json!({ name: "x".repeat(longest) })).await;
                assert_eq!(longest_text.status, 200, "{}", longest_text.text);
                let words = format!("Ensure this field has no more than {longest} characters.");
                client
                    .patch(path, &json!({ name: "x".repeat(longest + 1) }))
                    .await
                    .is(400, &complaint(name, &words));
                if is_required {
                    let blank = complaint(name, "This field may not be blank.");
                    client.patch(path, &json!({ name: " " })).await.is(400, &blank);
                    continue;
                }
            }
            Kind::Choice(choices) => {
                for choice in choices {
                    let chosen = client.patch(path, &json!({ name: format!(" {choice} ") })).await;
                    assert_eq!((chosen.status, &chosen.body[name]), (200, &json!(choice)), "{}", chosen.text);
                }
                let wrong = complaint(name, "\"xx\" is not a valid choice.");
                client.patch(path, &json!({ name: "xx" })).await.is(400, &wrong);
                let null = complaint(name, "This field may not be null.");
                client.patch(path, &json!({ name: null })).await.is(400, &null);
            }
            Kind::Date => {
                let short = client.patch(path, &json!({ name: "1950-2-3" })).await;
                assert_eq!((short.status, &short.body[name]), (200, &json!("1950-02-03")), "{}", short.text);
                let wrong = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";
                for text in ["1950-02-30", "50-02-03", "1950-002-03", "1950-+2-03", "0000-02-03", "1950-2-"] {
                    client.patch(path, &json!({ name: text })).await.is(400, &complaint(name, wrong));
                }
            }
        }
        let cleared = client.patch(path, &json!({ name: "" })).await;
        assert_eq!((cleared.status, &cleared.body[name]), (200, &empty(field)), "{}", cleared.text);
        assert_eq!(listed("").await.unwrap()[name], empty(field), "{name}");
    }
}

/// A field of that name would take the place of what the record holds besides, or lose its own.
#[test]
fn no_field_is_called_like_another_attribute_of_its_record() {
    let taken = [
        "pk",
        "id",
        "version",
        "search",
        "shown",
        "password",
        "epoch",
        "ended_by",
        "sessions_begun",
        "cursor_key",
        "known_networks",
        "lost_phone_number",
        "listed",
        "listed_staff",
        "by_owner",
        "by_owner_department",
        "by_shard",
        "by_shard_department",
        "owner",
        "email",
        "phone_number",
        "username",
        "pending_email",
        "pending_phone_number",
        "is_email_verified",
        "is_phone_verified",
        "is_active",
        "is_staff",
        "date_joined",
        "last_login",
        "created_at",
        "updated_at",
    ];
    for field in user::FIELDS.iter().chain(employee::FIELDS) {
        assert!(!taken.contains(&field.name), "{} is taken", field.name);
    }
}

#[tokio::test]
async fn every_field_of_a_user_is_stored_shown_changed_and_searched() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let body = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD });

    let user = api.post("/api/register", &with(body, values(user::FIELDS, 1))).await;

    assert_eq!(user.status, 201, "{}", user.text);
    has(&user.body, user::FIELDS, 1);
    let (path, id) = (format!("/api/users/{}", id_text(&user.body["id"])), &user.body["id"]);
    for field in user::FIELDS {
        let stored = &api.item("Users", &format!("user#{}", stored_id(id))).await.unwrap()[field.name];
        assert_eq!(stored["S"], value(field, 1), "{}", field.name);
    }
    follows_the_table(&api, &admin, "/api/users", &path, user::FIELDS, "user changed").await;
    let ada = api.log_in("ada").await;
    let profile = ada.patch("/api/profile", &values(user::FIELDS, 3)).await;
    has(&profile.body, user::FIELDS, 3);
    // A list of oneself.
    has(&ada.get("/api/users").await.body["results"][0], user::FIELDS, 3);
}

#[tokio::test]
async fn every_field_of_an_employee_is_stored_shown_changed_and_searched() {
    let api = Api::start().await;
    let admin = api.staff().await;

    let employee = admin.employs(&with(an_employee("+919800000001"), values(employee::FIELDS, 1))).await;

    has(&employee, employee::FIELDS, 1);
    let id = stored_id(&employee["id"]);
    for field in employee::FIELDS {
        let stored = &api.item("Employees", &format!("employee#{id}")).await.unwrap()[field.name];
        assert_eq!(stored["S"], value(field, 1), "{}", field.name);
    }
    let path = path_of(&employee);
    follows_the_table(&api, &admin, "/api/employees", &path, employee::FIELDS, "employee changed").await;
    for field in employee::FIELDS.iter().filter(|field| field.is_required()) {
        let mut body = with(an_employee("+919800000002"), values(employee::FIELDS, 1));
        body.as_object_mut().unwrap().remove(field.name);
        let missing = complaint(field.name, "This field is required.");
        admin.post("/api/employees", &body).await.is(400, &missing);
    }
}

#[tokio::test]
async fn every_field_is_imported() {
    let api = Api::start().await;
    let user = json!({ "id": USER, "username": "gus", "password": HASH });
    let employee = json!({ "id": EMPLOYEE, "owner": USER, "phone_number": "+919800000001" });
    let batch = json!({
        "users": [with(user, values(user::FIELDS, 1))],
        "employees": [with(employee, values(employee::FIELDS, 1))],
    });

    let outcomes = api.stack.invoke("import", batch).await.unwrap();

    let imported = |id: &str| json!([{ "outcome": "imported", "id": id }]);
    assert_eq!((&outcomes["users"], &outcomes["employees"]), (&imported(USER), &imported(EMPLOYEE)));
    let admin = api.staff().await;
    has(&admin.get(&format!("/api/users/{USER}")).await.body, user::FIELDS, 1);
    has(&admin.get(&format!("/api/employees/{EMPLOYEE}")).await.body, employee::FIELDS, 1);
}

#[tokio::test]
async fn a_password_may_not_resemble_a_field_that_names_its_user() {
    let api = Api::start().await;
    for (n, field) in user::FIELDS.iter().enumerate() {
        let Kind::Text { .. } = field.kind else { continue };
        let similar = "uncommonly73";
        let mut body = json!({ "username": format!("user{n}"), "email": format!("{n}@example.com"), "password": similar });
        body[field.name] = json!("Uncommonly");
        let answer = api.post("/api/register", &body).await;
        let words = format!("The password is too similar to the {}.", field.name.replace('_', " "));
        if field.is_name {
            answer.is(400, &complaint("password", &words));
        } else {
            assert_eq!(answer.status, 201, "{}: {}", field.name, answer.text);
        }
    }
}

#[tokio::test]
async fn every_field_is_documented_and_in_the_admin_panel() {
    let api = Api::start().await;
    let schemas = api.get("/openapi.json").await.body["components"]["schemas"].clone();
    let panel = std::fs::read_to_string(root().join("functions/admin/app.js")).unwrap();
    let users = ["PartialUser", "CompleteUser", "PartialUserByStaff", "CompleteUserByStaff", "Registration"];
    let employees = ["PartialEmployee", "CompleteEmployee"];
    for (fields, answer, bodies) in
        [(user::FIELDS, "User", users.as_slice()), (employee::FIELDS, "Employee", employees.as_slice())]
    {
        for field in fields {
            let name = field.name;
            let required = schemas[answer]["required"].as_array().unwrap();
            // While a deployment runs, functions of the release before answer without it.
            let is_new = contract::NEW.contains(&name);
            assert_eq!(required.contains(&json!(name)), !is_new, "{answer}.{name}");
            for body in bodies {
                let property = &schemas[body]["properties"][name];
                match field.kind {
                    Kind::Text { longest, .. } => assert_eq!(property["maxLength"], longest, "{body}.{name}"),
                    Kind::Date => assert_eq!(property["format"], "date", "{body}.{name}"),
                    Kind::Choice(choices) => {
                        let choices: Vec<&str> = choices.iter().copied().chain([""]).collect();
                        assert_eq!(property["enum"], json!(choices), "{body}.{name}");
                    }
                }
            }
            let is_in_panel = panel.contains(&format!("name: '{name}'"));
            assert!(is_in_panel, "functions/admin/app.js has no input for {name}");
        }
    }
    for field in user::FIELDS {
        let by_phone = &schemas["PhoneRegistration"]["properties"][field.name];
        assert_eq!(by_phone.is_object(), field.is_name, "{}", field.name);
    }
}

#[test]
fn every_field_is_read_from_a_dump() {
    let user = json!({ "username": "ada", "password": HASH });
    let employee = json!({ "owner": 1, "phone": "+919800000001" });
    let dump = json!([
        { "model": "auth.user", "pk": 1, "fields": with(user, values(user::FIELDS, 1)) },
        { "model": "staff.employee", "pk": 1, "fields": with(employee, values(employee::FIELDS, 1)) },
    ]);

    let dump = Dump::read(dump.to_string().as_bytes(), &Settings::default()).unwrap();

    has(&dump.users[0].record, user::FIELDS, 1);
    has(&dump.employees[0].record, employee::FIELDS, 1);
}

/// What lists show of a field that the indexes do not project comes from the map `search`: see `PROJECTED`.
#[test]
fn the_indexes_of_users_project_what_they_always_did() {
    let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    let projections = Regex::new(r"NonKeyAttributes:\s*\[([^\]]*)\]").unwrap();
    let mut indexes = 0;
    for projection in projections.captures_iter(&template) {
        let mut projected: Vec<&str> = projection[1].split(',').map(str::trim).collect();
        // It is a key of the indexes.
        projected.push("id");
        projected.sort_unstable();
        let mut expected = user::PROJECTED;
        expected.sort_unstable();
        assert_eq!(projected, expected);
        indexes += 1;
    }
    assert_eq!(indexes, 2);
}
