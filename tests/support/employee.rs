//! Employees: one by one through the API, and by the thousand behind it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use shared::user::Id;
use uuid::{Builder, Uuid};

use super::{Api, User, api::has_integers, id_text, stored_id};

/// An id that nobody has.
pub(crate) const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

/// The body that makes an employee: what is required, and no more.
pub(crate) fn employee(phone_number: &str) -> Value {
    json!({ "first_name": "Grace", "last_name": "Hopper", "phone_number": phone_number })
}

/// A body with every field.
pub(crate) fn whole_employee() -> Value {
    json!({
        "first_name": "Alan", "last_name": "Turing", "phone_number": "+919101234567",
        "email": "Alan.Turing@example.com", "date_of_birth": "1912-06-23", "department": "Engineering",
        "job_title": "Cryptanalyst", "hire_date": "1939-09-04", "address": "Hut 8, Bletchley Park",
    })
}

/// What is said of an employee who is not there, or not for this caller.
pub(crate) fn no_employee() -> Value {
    json!({ "detail": "No Employee matches the given query." })
}

/// The path of an employee.
pub(crate) fn path_of(employee: &Value) -> String {
    format!("/api/employees/{}", id_text(&employee["id"]))
}

impl User {
    /// An employee of theirs, as the API shows them.
    pub(crate) async fn employs(&self, body: &Value) -> Value {
        let answer = self.post("/api/employees", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body
    }
}

impl Api {
    /// A user who has registered as `bob` and logged in: another than `ada`.
    pub(crate) async fn another(&self) -> User {
        self.registered("bob").await;
        self.log_in("bob").await
    }

    /// Stores employees behind the API's back, just as it stores them.
    pub(crate) async fn store_employees(&self, employees: impl IntoIterator<Item = Value>) {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        let records = employees.into_iter().flat_map(|employee| {
            for list in ["employees", &stored_id(&employee["owner"])] {
                *counts.entry(list.to_owned()).or_default() += 1;
            }
            records(&employee)
        });
        self.put_items("Employees", records).await;
        for (list, number) in counts {
            let before = usize::try_from(self.count("Employees", &list).await).unwrap();
            self.set_count("Employees", &list, before + number).await;
        }
    }
}

/// The `n`th employee of an owner: one a second since 2025 began. The number is in the id.
pub(crate) fn nth_employee(owner: &str, n: u32) -> Value {
    let (days, hours, minutes, seconds) = (1 + n / 86_400, n / 3_600 % 24, n / 60 % 60, n % 60);
    let created_at = format!("2025-01-{days:02}T{hours:02}:{minutes:02}:{seconds:02}Z");
    json!({
        "id": nth_id(n), "first_name": "Grace", "last_name": "Hopper",
        "phone_number": format!("+91{}", 6_000_000_000_u64 + u64::from(n)), "email": null, "date_of_birth": null,
        "department": "", "job_title": "", "hire_date": null, "address": "", "is_phone_verified": false,
        "owner": owner, "created_at": created_at, "updated_at": created_at,
    })
}

/// The first of the integers that stand for numbers in ids: users and employees who are made one by one have smaller ones.
const FIRST_INTEGER: u64 = 1_000_000;

/// As it is stored, a `UUIDv7` of the `n`th second of 2025, with the number in it; or an integer with the number in it.
pub(crate) fn nth_id(n: u32) -> String {
    if has_integers() {
        return Id::of_integer(FIRST_INTEGER + u64::from(n)).unwrap().stored();
    }
    let mut rest = [0; 10];
    rest[6..].copy_from_slice(&n.to_be_bytes());
    Builder::from_unix_timestamp_millis(1_735_689_600_000 + 1_000 * u64::from(n), &rest)
        .into_uuid()
        .to_string()
}

/// The number in such an id, as the API shows it.
pub(crate) fn number_in(id: &Value) -> u32 {
    if let Some(integer) = id.as_u64() {
        return (integer - FIRST_INTEGER).try_into().unwrap();
    }
    let [.., a, b, c, d] = *Uuid::try_parse(id.as_str().unwrap()).unwrap().as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// What is stored of an employee whom the API shows so: the record, and those of the unique names.
pub(crate) fn records(employee: &Value) -> Vec<Value> {
    let text = |name: &str| employee[name].as_str().unwrap_or_default();
    let [id, owner] = ["id", "owner"].map(|name| stored_id(&employee[name]));
    let department = text("department");
    let shard = Uuid::try_parse(&id).unwrap().as_bytes()[15] % 2;
    let verified = if employee["is_phone_verified"] == true { "verified" } else { "unverified" };

    let mut record = Map::new();
    for (name, value) in employee.as_object().unwrap() {
        match value {
            Value::String(text) => record.insert(name.clone(), json!({ "S": text })),
            Value::Bool(flag) => record.insert(name.clone(), json!({ "BOOL": flag })),
            _ => None,
        };
    }
    let searched = ["first_name", "last_name", "email", "phone_number"];
    let searched = searched.map(|name| (name.to_owned(), json!({ "S": text(name).to_lowercase() })));
    record.insert("search".to_owned(), json!({ "M": Map::from_iter(searched) }));
    for (name, id) in [("id", &id), ("owner", &owner)] {
        record.insert(name.to_owned(), json!({ "S": id }));
    }
    record.insert("version".to_owned(), json!({ "N": "1" }));
    record.insert("counted".to_owned(), json!({ "BOOL": true }));
    let mut keys = vec![
        ("pk", format!("employee#{id}")),
        ("by_owner", format!("{owner}#{verified}")),
        ("by_shard", format!("{shard}#{verified}")),
    ];
    if !department.is_empty() {
        keys.push(("by_owner_department", format!("{owner}#{department}")));
        keys.push(("by_shard_department", format!("{shard}#{department}")));
    }
    record.extend(keys.into_iter().map(|(name, key)| (name.to_owned(), json!({ "S": key }))));

    let email = employee["email"].as_str().map(|address| format!("email#{}", address.to_lowercase()));
    let names = [format!("phone#{}", text("phone_number"))].into_iter().chain(email);
    let names = names
        .map(|name| json!({ "pk": { "S": name }, "employee_id": { "S": id }, "owned_by": { "S": owner } }));
    [Value::Object(record)].into_iter().chain(names).collect()
}
