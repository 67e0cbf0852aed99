//! Random histories of several clients: what the API answers agrees with a model, and names and records always agree with one
//! another.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use futures_util::future::join_all;
use local::Message;
use serde_json::{Map, Value, json};

use crate::support::{Answer, Api, Client, PASSWORD, User, id_text, stored_id, unlimited, unlimited_seeds};

const PHONES: [&str; 4] = ["+919881167671", "+919881167672", "+919881167673", "+919881167674"];
const EMAILS: [&str; 4] = ["a@example.com", "b@example.com", "c@example.com", "d@example.com"];
const USERNAMES: [&str; 5] = ["ann", "bea", "cleo", "dora", "eva"];
const DEPARTMENTS: [&str; 3] = ["", "Engineering", "Sales"];

/// A source of chance that names its seed when a test fails, to be set as `SEED` for the same history again.
pub(crate) fn chance() -> fastrand::Rng {
    #[expect(clippy::disallowed_methods, reason = "the house rule is for functions")]
    let wanted = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = wanted.unwrap_or_else(|| fastrand::u64(..));
    println!("SEED={seed}");
    fastrand::Rng::with_seed(seed)
}

pub(crate) fn one_of<'a>(chance: &mut fastrand::Rng, of: &[&'a str]) -> &'a str {
    of[chance.usize(..of.len())]
}

/// A body with some of an employee's fields, or all.
fn employee(chance: &mut fastrand::Rng, complete: bool) -> Map<String, Value> {
    let mut body = Map::new();
    let mut field = |chance: &mut fastrand::Rng, name: &str, value: Value| {
        if complete || chance.bool() {
            body.insert(name.to_owned(), value);
        }
    };
    let (phone, email) = (one_of(chance, &PHONES).to_owned(), one_of(chance, &EMAILS).to_owned());
    let (department, name) = (one_of(chance, &DEPARTMENTS).to_owned(), one_of(chance, &USERNAMES).to_owned());
    field(chance, "first_name", json!(name));
    field(chance, "last_name", json!("X"));
    field(chance, "phone_number", json!(phone));
    let email = if chance.u8(..3) == 0 { Value::Null } else { json!(email) };
    field(chance, "email", email);
    field(chance, "department", json!(department));
    body
}

/// The names of a body that somebody other than `id` has, as the API complains about them.
fn taken(model: &BTreeMap<String, Value>, body: &Map<String, Value>, id: &str) -> Map<String, Value> {
    let mut complaints = Map::new();
    for (field, words) in [("phone_number", "phone number"), ("email", "email")] {
        let Some(value) = body.get(field).filter(|value| !value.is_null()) else { continue };
        if model.iter().any(|(other, record)| other != id && &record[field] == value) {
            let complaint = format!("employee with this {words} already exists.");
            complaints.insert(field.to_owned(), json!([complaint]));
        }
    }
    complaints
}

/// Every employee of a list, over all its pages.
async fn listed(client: &Client, query: &str) -> Vec<Value> {
    let mut path = format!("/api/employees?page_size=2&{query}");
    let mut found = Vec::new();
    loop {
        let answer = client.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        found.extend(answer.body["results"].as_array().unwrap().clone());
        let Some(next) = answer.body["next"].as_str() else { return found };
        next[next.find("/api/").unwrap()..].clone_into(&mut path);
    }
}

/// Proves a number as its holder does, with the newest code that was sent there.
async fn prove(api: &Api, number: &str) -> Answer {
    let before = api.stack.messages(number).len();
    let answer = api.post("/otp/generate", &json!({ "phone_number": number })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let message = api.stack.message(number, before).await.expect("a message");
    api.post("/otp/verify", &json!({ "phone_number": number, "otp": code_in(&message) })).await
}

/// The first number in a message.
fn code_in(message: &Message) -> String {
    let digits = message.body.chars().skip_while(|c| !c.is_ascii_digit());
    digits.take_while(char::is_ascii_digit).collect()
}

#[tokio::test]
async fn a_random_history_of_employees_agrees_with_a_model() {
    let api = Api::with(&unlimited_seeds()).await;
    let mut chance = chance();
    let (ada, bob, staff) = (api.signed_in().await, signed_in(&api, "bob").await, api.staff().await);
    let mut model: BTreeMap<String, Value> = BTreeMap::new();
    let mut deleted = vec![uuid::Uuid::now_v7().to_string()];
    for _ in 0..150 {
        let user = if chance.bool() { &ada } else { &bob };
        let owner = user.id();
        // An employee of either, or one that is gone.
        let ids: Vec<String> = model.keys().chain(&deleted).cloned().collect();
        let id = ids[chance.usize(..ids.len())].clone();
        let path = format!("/api/employees/{id}");
        let own = model.get(&id).filter(|record| id_text(&record["owner"]) == owner).cloned();
        let not_found = json!({ "detail": "No Employee matches the given query." });
        match chance.u8(..12) {
            0..4 => {
                let body = employee(&mut chance, true);
                let answer = user.post("/api/employees", &Value::Object(body.clone())).await;
                let complaints = taken(&model, &body, "");
                if complaints.is_empty() {
                    assert_eq!(answer.status, 201, "{}", answer.text);
                    model.insert(id_text(&answer.body["id"]), answer.body);
                } else {
                    answer.is(400, &Value::Object(complaints));
                }
            }
            4..7 => {
                let body = employee(&mut chance, false);
                let answer = user.patch(&path, &Value::Object(body.clone())).await;
                let Some(mut record) = own else {
                    answer.is(404, &not_found);
                    continue;
                };
                let complaints = taken(&model, &body, &id);
                if !complaints.is_empty() {
                    answer.is(400, &Value::Object(complaints));
                    continue;
                }
                if body.get("phone_number").is_some_and(|number| *number != record["phone_number"]) {
                    record["is_phone_verified"] = json!(false);
                }
                for (field, value) in body {
                    record[field] = value;
                }
                record["updated_at"] = answer.body["updated_at"].clone();
                answer.is(200, &record);
                model.insert(id, record);
            }
            7 => {
                let answer = user.delete(&path).await;
                if own.is_none() {
                    answer.is(404, &not_found);
                } else {
                    assert_eq!(answer.status, 204, "{}", answer.text);
                    model.remove(&id);
                    deleted.push(id);
                }
            }
            8 => {
                let answer = user.get(&path).await;
                answer.is(own.as_ref().map_or(404, |_| 200), &own.unwrap_or(not_found));
            }
            9 => {
                let number = one_of(&mut chance, &PHONES);
                let answer = prove(&api, number).await;
                let Some(record) = model.values_mut().find(|record| record["phone_number"] == number) else {
                    answer.is(404, &json!({ "detail": "Employee not found" }));
                    continue;
                };
                assert_eq!(answer.status, 200, "{}", answer.text);
                let path = format!("/api/employees/{}", id_text(&record["id"]));
                record["is_phone_verified"] = json!(true);
                record["updated_at"] = staff.get(&path).await.body["updated_at"].clone();
            }
            _ => {
                let everybody = chance.bool();
                let client = if everybody { &staff } else { user };
                let department = one_of(&mut chance, &DEPARTMENTS);
                let proven = [None, Some(true), Some(false)][chance.usize(..3)];
                let mut expected: Vec<Value> = model
                    .values()
                    .filter(|record| everybody || id_text(&record["owner"]) == owner)
                    .filter(|record| department.is_empty() || record["department"] == department)
                    .filter(|record| proven.is_none_or(|proven| record["is_phone_verified"] == proven))
                    .cloned()
                    .collect();
                expected.sort_by_key(|record| Reverse(stored_id(&record["id"])));
                let mut query =
                    if department.is_empty() { String::new() } else { format!("department={department}") };
                if let Some(proven) = proven {
                    query = format!("{query}&is_phone_verified={proven}");
                }
                assert_eq!(listed(client, &query).await, expected, "{query}");
            }
        }
    }
    employees_agree(&api).await;
}

#[tokio::test]
async fn parallel_histories_of_employees_leave_names_and_records_in_agreement() {
    let api = Api::with(&unlimited_seeds()).await;
    let mut chance = chance();
    let users = [api.signed_in().await, signed_in(&api, "bob").await];
    let clients = (0..6).map(|at| (chance.fork(), &users[at % 2], &api));
    let histories = clients.map(|(mut chance, user, api)| async move {
        let mut ids = vec![uuid::Uuid::now_v7().to_string()];
        for _ in 0..25 {
            let path = format!("/api/employees/{}", ids[chance.usize(..ids.len())]);
            let answer = match chance.u8(..11) {
                0..4 => user.post("/api/employees", &Value::Object(employee(&mut chance, true))).await,
                4..8 => user.patch(&path, &Value::Object(employee(&mut chance, false))).await,
                8 => user.delete(&path).await,
                9 => prove(api, one_of(&mut chance, &PHONES)).await,
                _ => user.get("/api/employees").await,
            };
            assert!([200, 201, 204, 400, 404].contains(&answer.status), "{} {}", answer.status, answer.text);
            // Whoever sees an employee may change or delete it next.
            let seen = answer.body["results"].as_array().cloned().unwrap_or_else(|| vec![answer.body]);
            ids.extend(seen.iter().filter_map(|record| record["id"].as_str().map(str::to_owned)));
        }
    });
    join_all(histories).await;
    employees_agree(&api).await;
}

/// Every name of an employee is a record that names them, every such record is a name that somebody has, and where they are
/// listed says what they are.
pub(crate) async fn employees_agree(api: &Api) {
    counts_agree(api).await;
    let items = api.items("Employees").await;
    let text = |item: &Value, name: &str| item[name]["S"].as_str().map(str::to_owned);
    let (records, claims): (Vec<_>, Vec<_>) =
        items.into_iter().partition(|(key, _)| key.starts_with("employee#"));
    let claims: BTreeMap<String, String> =
        claims.into_iter().map(|(key, item)| (key, text(&item, "employee_id").unwrap())).collect();
    let mut expected = BTreeMap::new();
    for (key, item) in &records {
        let id = text(item, "id").unwrap();
        assert_eq!(key, &format!("employee#{id}"));
        expected.insert(format!("phone#{}", text(item, "phone_number").unwrap()), id.clone());
        if let Some(email) = text(item, "email") {
            expected.insert(format!("email#{}", email.to_lowercase()), id.clone());
        }
        let (owner, department) = (text(item, "owner").unwrap(), text(item, "department").unwrap());
        let proven = if item["is_phone_verified"]["BOOL"] == true { "verified" } else { "unverified" };
        for (index, scope) in [("by_owner", owner), ("by_shard", shard(&id).to_string())] {
            assert_eq!(text(item, index).unwrap(), format!("{scope}#{proven}"));
            let listed = text(item, &format!("{index}_department"));
            assert_eq!(listed, (!department.is_empty()).then(|| format!("{scope}#{department}")));
        }
        let searched = item["search"]["M"]["first_name"]["S"].as_str();
        assert_eq!(searched, text(item, "first_name").map(|name| name.to_lowercase()).as_deref());
    }
    assert_eq!(claims, expected);
}

/// Every user, every employee and every owner's employees are counted, each once.
pub(crate) async fn counts_agree(api: &Api) {
    for (table, kind) in [("Users", "user#"), ("Employees", "employee#")] {
        let mut expected: BTreeMap<String, i64> = BTreeMap::new();
        for (key, item) in api.items(table).await.into_iter().filter(|(key, _)| key.starts_with(kind)) {
            assert_eq!(item["counted"], json!({ "BOOL": true }), "{key}");
            let owner = item["owner"]["S"].as_str();
            for list in [table.to_lowercase().as_str()].into_iter().chain(owner) {
                *expected.entry(list.to_owned()).or_default() += 1;
            }
        }
        let mut counted = api.counters(table).await;
        counted.retain(|_, records| *records > 0);
        assert_eq!(counted, expected, "{table}");
    }
}

/// The shard of the staff's list in which an employee lies.
fn shard(id: &str) -> u8 {
    let id = &stored_id(&json!(id));
    uuid::Uuid::try_parse(id).unwrap().as_bytes()[15] % 2
}

async fn signed_in(api: &Api, name: &str) -> User {
    api.registered(name).await;
    api.log_in(name).await
}

/// Registers, renames, promotes, demotes and deletes users, at random and at once, until names and records have had every
/// chance to part.
#[tokio::test]
async fn parallel_histories_of_users_leave_names_records_and_the_count_of_staff_in_agreement() {
    histories_agree(Api::with(&unlimited_seeds()).await).await;
}

/// The same where one user takes an unverified number from another.
#[tokio::test]
async fn parallel_histories_of_users_who_take_numbers_from_one_another_leave_them_in_agreement() {
    histories_agree(Api::with(&unlimited()).await).await;
}

async fn histories_agree(api: Api) {
    let mut chance = chance();
    let staff = api.staff().await;
    let histories =
        (0..5).map(|_| (chance.fork(), &staff, &api)).map(|(mut chance, staff, api)| async move {
            let mut ids = vec![staff.id()];
            for _ in 0..20 {
                let id = ids[chance.usize(..ids.len())].clone();
                let answer = step(&mut chance, api, staff, &id).await;
                // The one who does all this may have been demoted or switched off by another client, and a record that all
                // change at once may have no quiet moment.
                let expected = [200, 201, 204, 400, 401, 403, 404, 503];
                assert!(expected.contains(&answer.status), "{}", answer.text);
                let seen = answer.body["results"].as_array().cloned().unwrap_or_else(|| vec![answer.body]);
                ids.extend(seen.iter().filter_map(|user| user["id"].as_str().map(str::to_owned)));
            }
        });
    join_all(histories).await;
    users_agree(&api).await;
}

async fn step(chance: &mut fastrand::Rng, api: &Api, staff: &User, id: &str) -> Answer {
    let path = format!("/api/users/{id}");
    let (username, email) = (one_of(chance, &USERNAMES), one_of(chance, &EMAILS));
    // Some have an address as their username.
    let username = if chance.u8(..3) == 0 { email } else { username };
    let (username, email) = (spelled(chance, username), spelled(chance, email));
    let phone = one_of(chance, &PHONES);
    let phone = if chance.bool() { phone } else { &phone["+91".len()..] };
    match chance.u8(..12) {
        0..4 => {
            let mut body = json!({ "username": username, "email": email, "password": PASSWORD });
            if chance.bool() {
                body["phone_number"] = json!(phone);
            }
            api.post("/api/register", &body).await
        }
        4 => staff.patch(&path, &json!({ "username": username, "phone_number": phone })).await,
        5 => staff.patch(&path, &json!({ "email": email })).await,
        6 => staff.patch(&path, &json!({ "is_staff": chance.bool(), "phone_number": null })).await,
        7 => staff.patch(&path, &json!({ "is_active": chance.u8(..3) > 0, "is_email_verified": true })).await,
        8 => staff.delete(&path).await,
        // A code that came to the address, staged or present, if any did: the newest, or one that it has replaced.
        9..11 => match api.stack.messages(&email).iter().rev().map(code_in).find(|code| !code.is_empty()) {
            Some(otp) => api.post("/api/otp/verify", &json!({ "email": email, "otp": otp })).await,
            None => staff.get(&path).await,
        },
        _ => staff.get("/api/users").await,
    }
}

/// The same name in another case, or as it is.
fn spelled(chance: &mut fastrand::Rng, name: &str) -> String {
    if chance.bool() { name.to_uppercase() } else { name.to_owned() }
}

pub(crate) async fn users_agree(api: &Api) {
    counts_agree(api).await;
    let items = api.items("Users").await;
    let text = |item: &Value, name: &str| item[name]["S"].as_str().map(str::to_owned);
    let flag = |item: &Value, name: &str| item[name]["BOOL"].as_bool().unwrap();
    let (mut claims, mut expected, mut active_staff) = (BTreeSet::new(), BTreeSet::new(), 0);
    for (key, item) in &items {
        let Some(id) = key.strip_prefix("user#") else {
            if key != "staff" && key != "ids" {
                claims.insert((
                    key.clone(),
                    text(item, "user_id").unwrap(),
                    flag(item, "verified"),
                    flag(item, "staged"),
                ));
            }
            continue;
        };
        let mut has = |name: String, verified: bool, staged: bool| {
            assert!(expected.insert((name, id.to_owned(), verified, staged)));
        };
        has(format!("username#{}", text(item, "username").unwrap().to_lowercase()), true, false);
        if let Some(email) = text(item, "email").filter(|email| !email.is_empty()) {
            has(format!("email#{}", email.to_lowercase()), flag(item, "is_email_verified"), false);
        }
        if let Some(email) = text(item, "pending_email") {
            has(format!("email#{}", email.to_lowercase()), false, true);
        }
        if let Some(phone) = text(item, "phone_number") {
            has(format!("phone#{phone}"), flag(item, "is_phone_verified"), false);
        }
        let (is_active, is_staff) = (flag(item, "is_active"), flag(item, "is_staff"));
        active_staff += u32::from(is_active && is_staff);
        let listed = text(item, "listed").unwrap();
        assert_eq!(listed, if is_active { "active" } else { "inactive" });
        assert_eq!(text(item, "listed_staff"), is_staff.then_some(listed));
    }
    assert_eq!(claims, expected);
    assert!(active_staff >= 1, "nobody can manage the rest");
    assert_eq!(items["staff"]["active"]["N"], active_staff.to_string());
}
