//! Which field of a record a caller may set, tried with every attribute that the record has.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::{employee, fields::Field, user};

use crate::support::{Api, User, employee::whole_employee, unlimited_seeds};

/// Of a user, besides the plain fields.
const PERSON: [&str; 3] = ["email", "phone_number", "username"];
const FLAGS: [&str; 4] = ["is_active", "is_email_verified", "is_phone_verified", "is_staff"];
/// Of an employee, besides the plain fields.
const EMPLOYEE: [&str; 2] = ["email", "phone_number"];
/// What no record has, and another system might.
const ELSEWHERE: [&str; 6] =
    ["is_superuser", "groups", "role", "permissions", "user_permissions", "__proto__"];

/// The fields that, each sent alone, change the record at `path`, which is under `key`. `n` makes the values new ones.
async fn writable(api: &Api, caller: &User, path: &str, key: &str, n: u8) -> BTreeSet<String> {
    let table = if key.starts_with("user#") { "Users" } else { "Employees" };
    let record = async || api.item(table, key).await.unwrap();
    let values = [
        json!(true),
        json!(false),
        json!(format!("1999-12-1{n}")),
        json!(format!("eve{n}@example.com")),
        json!(format!("eve{n}")),
        json!(format!("+91900000000{n}")),
        json!([]),
        json!("de"),
        json!("es"),
    ];
    let (stored, shown) = (record().await, caller.get(path).await.body);
    let fields = [&stored, &shown].into_iter().flat_map(|object| object.as_object().unwrap().keys());
    let fields: BTreeSet<String> = fields.cloned().chain(ELSEWHERE.map(str::to_owned)).collect();
    let mut writable = BTreeSet::new();
    for field in fields {
        for value in &values {
            let before = record().await;
            let answer = caller.patch(path, &json!({ field.as_str(): value })).await;
            assert!([200, 400, 403].contains(&answer.status), "{field}: {value}: {}", answer.text);
            if record().await != before {
                writable.insert(field);
                break;
            }
        }
    }
    writable
}

/// These fields and those of a table.
fn with_plain(names: &[&'static str], table: &[Field]) -> BTreeSet<&'static str> {
    names.iter().copied().chain(table.iter().map(|field| field.name)).collect()
}

fn set<'a>(fields: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    fields.into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn api3_2023_broken_object_property_level_authorization() {
    let person = with_plain(&PERSON, user::FIELDS);
    let employee_fields = set(with_plain(&EMPLOYEE, employee::FIELDS));
    let api = Api::with(&unlimited_seeds()).await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let employee = ada.employs(&whole_employee()).await;
    let id = employee["id"].as_str().unwrap();
    let (path, key) = (format!("/api/employees/{id}"), format!("employee#{id}"));
    assert_eq!(writable(&api, &ada, &path, &key, 0).await, employee_fields, "the owner of an employee");
    assert_eq!(writable(&api, &admin, &path, &key, 1).await, employee_fields, "staff, of an employee");

    let (path, key) = (format!("/api/users/{}", ada.id()), format!("user#{}", ada.id()));
    assert_eq!(writable(&api, &ada, "/api/profile", &key, 2).await, set(person.clone()), "one's profile");
    assert_eq!(writable(&api, &ada, &path, &key, 3).await, set(person.clone()), "oneself");
    let all = set(person.into_iter().chain(FLAGS));
    assert_eq!(writable(&api, &admin, &path, &key, 4).await, all, "staff, of a user");
}

#[tokio::test]
async fn asvs_15_3_3_a_registration_takes_no_field_that_is_not_its_own() {
    let person = with_plain(&PERSON, user::FIELDS);
    let api = Api::with(&unlimited_seeds()).await;
    let record = async |body: &Value| {
        let answer = api.post("/api/register", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        api.item("Users", &format!("user#{}", answer.body["id"].as_str().unwrap())).await.unwrap()
    };
    let plain = record(&crate::support::registration("ada")).await;
    let mut body = crate::support::registration("bob");
    for field in plain.as_object().unwrap().keys().map(String::as_str).chain(ELSEWHERE) {
        if body.get(field).is_none() && !person.contains(field) {
            body[field] = json!(true);
        }
    }

    let hostile = record(&body).await;

    let fields = |record: &Value| record.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(fields(&hostile), fields(&plain));
    for field in FLAGS {
        assert_eq!(hostile[field], plain[field], "{field}");
    }
}
