//! `import`, a function without a URL, fed with what Django systems dump.
//!
//! The dumps in `import/` have the models of the systems whose clients the API serves, and passwords that Django 5.2 has hashed.

mod moving;
mod small;
mod systems;
pub(crate) mod tokens;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use local::{Dump, InvokeError, Login, Settings};
use serde_json::{Value, json};

use crate::support::{Api, User, no_active_account, root};

/// Django's own sample password, as PBKDF2 with SHA-1.
const HASH: &str = "pbkdf2_sha1$1000000$MzHo6epWAm3lTXcw7mZaEi$cLLYYCbAFFiBVVZB4DOlf/f64ZI=";
const ID: &str = "018bcfe5-6800-7000-8000-000000000001";
const ANOTHER_ID: &str = "018bcfe5-6800-7000-8000-000000000002";

fn dump(file: &str) -> Dump {
    dump_with(file, &Settings::default())
}

fn dump_with(file: &str, settings: &Settings) -> Dump {
    let bytes = std::fs::read(root().join("tests/import").join(file)).unwrap();
    Dump::read(&bytes, settings).unwrap()
}

fn imported() -> Value {
    json!({ "outcome": "imported" })
}

fn present() -> Value {
    json!({ "outcome": "present" })
}

fn refused(reason: &str) -> Value {
    json!({ "outcome": "refused", "reason": reason })
}

/// Imports users and then employees, and gives what became of each.
async fn import(api: &Api, dump: &Dump) -> (Vec<Value>, Vec<Value>) {
    let records = |entries: &[local::Entry]| entries.iter().map(|entry| entry.record.clone()).collect();
    (import_users(api, records(&dump.users)).await, import_employees(api, records(&dump.employees)).await)
}

async fn import_users(api: &Api, records: Vec<Value>) -> Vec<Value> {
    outcomes(api, "users", records).await
}

async fn import_employees(api: &Api, records: Vec<Value>) -> Vec<Value> {
    outcomes(api, "employees", records).await
}

async fn outcomes(api: &Api, kind: &str, records: Vec<Value>) -> Vec<Value> {
    let answer = api.stack.invoke("import", json!({ kind: records })).await.unwrap();
    answer[kind].as_array().unwrap().iter().map(outcome).collect()
}

/// What became of a record, and why: the id and what was dropped are others' concern.
fn outcome(answer: &Value) -> Value {
    match answer.get("reason") {
        Some(reason) => json!({ "outcome": answer["outcome"], "reason": reason }),
        None => json!({ "outcome": answer["outcome"] }),
    }
}

/// How the password of a user is stored.
async fn stored_hash(api: &Api, user: &User) -> String {
    let record = api.item("Users", &format!("user#{}", user.id())).await.unwrap();
    record["password"]["S"].as_str().unwrap().to_owned()
}

/// Logs in twice, by Django's hash and then by ours.
async fn logs_in_and_is_rehashed(api: &Api, path: &str, body: &Value) -> User {
    let tokens = api.post(path, body).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
    let user = User::new(api, &tokens.body);
    let hash = stored_hash(api, &user).await;
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");

    let again = api.post(path, body).await;

    assert_eq!(again.status, 200, "{}", again.text);
    assert_eq!(stored_hash(api, &user).await, hash);
    user
}

fn users_of(records: &BTreeMap<String, Value>) -> usize {
    records.keys().filter(|key| key.starts_with("user#")).count()
}

#[tokio::test]
async fn a_directory_of_employees_moves_in() {
    let api = Api::start().await;
    let dump = dump("employees.json");

    let (users, employees) = import(&api, &dump).await;

    assert_eq!(users, [imported(), imported(), imported()]);
    assert_eq!(employees[..2], [imported(), imported()]);
    let duplicate = &dump.employees[2].dropped[0];
    assert_eq!(
        (duplicate.field.as_str(), duplicate.reason.as_str()),
        ("phone_number", "an earlier employee has this number")
    );
    let [refusal] = dump.refused.as_slice() else { panic!("{:?}", dump.refused) };
    assert_eq!(refusal.reason, "owner: there is no user 9 in the dump; name one with --owner");
    let left_out = [("auth.permission", 1), ("contenttypes.contenttype", 1), ("otp_app.otp", 1)];
    assert_eq!(dump.report.left_out, left_out.map(|(model, number)| (model.to_owned(), number)).into());

    let body = json!({ "username": "bunny0909", "password": "password123" });
    let bunny = logs_in_and_is_rehashed(&api, "/api/token/", &body).await;
    let profile = bunny.profile().await;
    assert_eq!(
        profile,
        json!({
            "id": bunny.id(), "username": "bunny0909", "email": "test@example.com", "first_name": "Basavraj",
            "last_name": "Ningadali", "phone_number": "+919881167671", "address": "", "date_of_birth": "1990-01-01",
            "is_email_verified": false, "pending_email": null, "is_phone_verified": false, "pending_phone_number": null, "language": "", "is_active": true,
            "is_staff": true, "date_joined": "2023-08-25T09:12:56.123Z", "last_login": profile["last_login"],
        })
    );
    let list = bunny.get("/api/employees/").await.body;
    let names: Vec<_> = list["results"].as_array().unwrap().iter().map(|one| &one["last_name"]).collect();
    let at = names.iter().position(|name| **name == "Hopper").unwrap();
    let grace = &list["results"][at];
    assert_eq!(
        *grace,
        json!({
            "id": grace["id"], "first_name": "Grace", "last_name": "Hopper", "phone_number": "+911234567890",
            "email": "grace@example.com", "date_of_birth": "1906-12-09", "department": "Engineering",
            "job_title": "Admiral", "hire_date": null, "address": "", "is_phone_verified": true,
            "owner": bunny.id(), "created_at": "2023-08-26T10:00:00Z", "updated_at": "2023-08-26T10:00:00Z",
        })
    );
    // Newest first, by when they joined there.
    let list = bunny.get("/api/users/").await.body;
    let names: Vec<_> = list["results"].as_array().unwrap().iter().map(|one| &one["username"]).collect();
    assert_eq!(names, ["gone", "asha", "bunny0909"]);
    api.try_token("gone", "password789").await.is(401, &no_active_account());
    // The stack counts them as staff.
    let answer = bunny.delete(&format!("/api/users/{}", bunny.id())).await;
    assert_eq!((answer.status, &answer.body["code"]), (400, &json!("last_staff_user")), "{}", answer.text);
}

#[tokio::test]
async fn a_user_model_called_employee_is_both() {
    let api = Api::seeds().await;

    let outcomes = import(&api, &dump("employee_users.json")).await;

    assert_eq!(outcomes, (vec![imported()], vec![imported()]));
    let body = json!({ "username": "basavraj", "password": "password123" });
    let basavraj = logs_in_and_is_rehashed(&api, "/api/token/", &body).await;
    let list = basavraj.get("/api/employees/").await.body;
    assert_eq!(list["results"].as_array().unwrap().len(), 1);
    assert_eq!(list["results"][0]["phone_number"], "+919881167671");
    assert_eq!(list["results"][0]["is_phone_verified"], true);
    assert_eq!(list["results"][0]["owner"], basavraj.id());
    // What its clients do: a number that is known gets a code.
    let sent = api.post("/otp/generate/", &json!({ "phone_number": "9881167671" })).await;
    assert_eq!(sent.status, 200, "{}", sent.text);
}

#[tokio::test]
async fn users_with_proven_addresses_move_in() {
    let api = Api::start().await;

    let (users, _) = import(&api, &dump("email_codes.json")).await;

    assert_eq!(users, [imported(), imported(), imported()]);
    // The second has everything but the address, which is the first's.
    let records = api.items("Users").await;
    assert!(records.contains_key("username#second") && records.contains_key("phone#+911234567891"));
    let body = json!({ "email": "testuser@example.com", "password": "strongpassword123" });
    let user = logs_in_and_is_rehashed(&api, "/api/login/", &body).await;
    assert_eq!(user.profile().await["email"], "TestUser@example.com");

    let waiting = json!({ "email": "waiting@example.com", "password": "strongpassword123" });
    assert_eq!(api.post("/api/login/", &waiting).await.body["code"], "email_not_verified");
    assert_eq!(api.post("/api/otp/resend/", &json!({ "email": "waiting@example.com" })).await.status, 200);
    api.verify("waiting@example.com").await;
    logs_in_and_is_rehashed(&api, "/api/login/", &waiting).await;
}

#[tokio::test]
async fn users_of_phone_numbers_move_in() {
    let api = Api::start().await;

    let settings = Settings { login: Some(Login::Phone), ..Settings::default() };
    let (users, _) = import(&api, &dump_with("phones.json", &settings)).await;

    assert_eq!(users, [imported(), imported()]);
    assert!(
        api.items("Users").await.contains_key("username#12"),
        "what the second logged in with is a username"
    );
    let body = json!({ "phone": "09101234567", "password": "123456789" });
    let majed = logs_in_and_is_rehashed(&api, "/auth/login/", &body).await;
    let profile = majed.profile().await;
    assert_eq!(
        [
            &profile["username"],
            &profile["email"],
            &profile["is_phone_verified"],
            &profile["is_email_verified"]
        ],
        [&json!("+919101234567"), &json!("majedwp12@gmail.com"), &json!(true), &json!(false)]
    );
    let exists = api.post("/auth/check-phone/", &json!({ "phone": "09101234567" })).await;
    assert_eq!(exists.body["exists"], true, "{}", exists.text);
}

#[tokio::test]
async fn a_sign_up_that_was_pending_is_not_imported() {
    let api = Api::start().await;
    let settings = [Settings::default(), Settings { phones_are_verified: true, ..Settings::default() }];
    for settings in settings {
        let dump = dump_with("pending_sign_up.json", &settings);

        assert_eq!(import(&api, &dump).await, (vec![], vec![]));

        assert_eq!(dump.refused.len(), 0);
        assert_eq!(dump.report.left_out, [("user.pendinguser".to_owned(), 1)].into());
        assert_eq!(dump.report.pending, ["user.pendinguser".to_owned()].into());
    }
    assert_eq!(api.records().await, BTreeMap::new());
    let login = json!({ "phone": "9881167601", "password": "password123" });
    assert_eq!(api.post("/auth/login/", &login).await.status, 401);
    let check = api.post("/auth/check-phone/", &json!({ "phone": "9881167601" })).await;
    assert_eq!((check.status, &check.body["exists"]), (200, &json!(false)), "{}", check.text);
}

#[tokio::test]
async fn a_number_that_was_not_verified_is_not_verified_by_the_import() {
    for login in [None, Some(Login::Phone), Some(Login::Email)] {
        let api = Api::with(&[("DefaultPhoneRegion", "NG")]).await;
        let region = Some("NG".to_owned());
        let settings = Settings { login, region, phones_are_verified: true, ..Settings::default() };
        let dump = dump_with("unverified_phones.json", &settings);

        let (users, _) = import(&api, &dump).await;

        assert_eq!(users, [imported(), imported(), imported()]);
        assert_eq!(dump.report.left_out, [("user.pendinguser".to_owned(), 1)].into());
        let verified: Vec<_> =
            dump.users.iter().map(|user| user.record["is_phone_verified"].clone()).collect();
        assert_eq!(verified, [true, true, false], "{login:?}");
        let log_in = async |phone: &str, password: &str| {
            api.post("/auth/login/", &json!({ "phone": phone, "password": password })).await
        };
        let first = log_in("+2348031234560", "password123").await;
        assert_eq!(first.status, 200, "{}", first.text);
        assert_eq!(log_in("+2348031234562", "password123").await.status, 401);
        assert_eq!(log_in("+2348031234569", "attacker-pass1").await.status, 401);
        let names = api.items("Users").await;
        assert_eq!(names["phone#+2348031234562"]["verified"]["BOOL"], false);
        assert!(!names.contains_key("phone#+2348031234569"), "{:?}", names.keys());
    }
}

#[tokio::test]
async fn users_with_addresses_move_in() {
    let api = Api::seeds().await;

    let (users, _) = import(&api, &dump("users.jsonl")).await;

    assert_eq!(users, [imported(), imported(), imported(), imported()]);
    let body = json!({ "username": "testuser", "password": "password123" });
    let user = logs_in_and_is_rehashed(&api, "/api/token/", &body).await;
    let profile = user.profile().await;
    assert_eq!(
        [&profile["address"], &profile["phone_number"], &profile["date_joined"]],
        [&json!("123 Test Street"), &json!("+911234567890"), &json!("2024-05-01T10:00:00Z")]
    );
    // As it was typed at the time, and not as we would write it; and then either way.
    let typed = json!({ "username": "ame\u{301}lie", "password": "Ame\u{301}lie-2024" });
    logs_in_and_is_rehashed(&api, "/api/token/", &typed).await;
    assert_eq!(api.try_token("am\u{e9}lie", "Am\u{e9}lie-2024").await.status, 200);
}

#[tokio::test]
async fn who_has_no_password_sets_one_by_mail() {
    let api = Api::seeds().await;
    import(&api, &dump("users.jsonl")).await;
    for password in ["", "!", "password123"] {
        let answer = api.try_token("nopassword", password).await;
        assert!(matches!(answer.status, 400 | 401), "{}", answer.text);
    }

    let email = "nopassword@example.com";
    assert_eq!(api.post("/api/password/forgot", &json!({ "email": email })).await.status, 200);
    let new = "a long new phrase";
    let body = json!({
        "email": email, "otp": api.code_for(email).await, "new_password": new, "confirm_password": new,
    });
    let answer = api.post("/api/password/forgot/confirm", &body).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    api.log_in_with("nopassword", new).await;
}

#[tokio::test]
async fn what_a_field_does_not_say_the_operator_may() {
    let api = Api::start().await;
    let settings = Settings { emails_are_verified: true, ..Settings::default() };

    import(&api, &dump_with("employees.json", &settings)).await;

    let body = json!({ "email": "test@example.com", "password": "password123" });
    assert_eq!(api.post("/api/login/", &body).await.status, 200);
}

#[tokio::test]
async fn a_second_import_changes_nothing_not_even_an_old_password_back() {
    let api = Api::start().await;
    let dump = dump("employees.json");
    import(&api, &dump).await;
    let bunny = api.log_in_with("bunny0909", "password123").await;
    let new = "another long phrase";
    let body = json!({ "old_password": "password123", "new_password": new, "confirm_password": new });
    assert_eq!(bunny.post("/api/password/reset", &body).await.status, 200);
    let changed = api.log_in_with("bunny0909", new).await;
    assert_eq!(changed.patch("/api/profile", &json!({ "username": "basavraj" })).await.status, 200);
    let before = api.records().await;

    let (users, employees) = import(&api, &dump).await;

    assert_eq!(users, [present(), present(), present()]);
    assert_eq!(employees[..2], [present(), present()]);
    assert_eq!(api.records().await, before);
    api.try_token("basavraj", "password123").await.is(401, &no_active_account());
}

#[tokio::test]
async fn an_import_that_was_broken_off_goes_on() {
    let (broken_off, whole) = futures_util::join!(Api::start(), Api::start());
    let dump = dump("employees.json");
    let record = |at: usize| dump.users[at].record.clone();
    assert_eq!(import_users(&broken_off, vec![record(0), record(1)]).await, [imported(), imported()]);

    let (users, employees) = import(&broken_off, &dump).await;

    assert_eq!(users, [present(), present(), imported()]);
    assert_eq!((&employees[0], &employees[1]), (&imported(), &imported()));
    import(&whole, &dump).await;
    assert_eq!(
        broken_off.records().await.into_keys().collect::<Vec<_>>(),
        whole.records().await.into_keys().collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn parallel_imports_make_each_record_once() {
    let api = Api::start().await;
    let dump = dump("employees.json");

    let outcomes = join_all((0..4).map(|_| import(&api, &dump))).await;

    for at in 0..dump.users.len() {
        let count = |outcome: Value| outcomes.iter().filter(|(users, _)| users[at] == outcome).count();
        assert_eq!((count(imported()), count(present())), (1, 3), "{outcomes:?}");
    }
    assert_eq!(users_of(&api.items("Users").await), 3);
    assert_eq!(api.item("Users", "staff").await.unwrap()["active"], json!({ "N": "1" }));
}

#[tokio::test]
async fn an_address_that_is_not_proven_does_not_lapse() {
    let api = Api::with_codes_of_a_second().await;
    let record =
        json!({ "id": ID, "username": "ada", "email": "ada@example.com", "phone_number": "9881167671" });
    assert_eq!(import_users(&api, vec![record]).await, [imported()]);

    // A lapse would be a time in these.
    for name in ["email#ada@example.com", "phone#+919881167671"] {
        let name = api.item("Users", name).await.unwrap();
        assert_eq!((&name["verified"]["BOOL"], name.get("reserved_until")), (&json!(false), None));
    }
    let body = json!({
        "username": "eve", "email": "ada@example.com", "password": "a long new phrase",
        "confirm_password": "a long new phrase",
    });
    let answer = api.post("/api/register/", &body).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert_eq!(answer.body["email"], json!(["user with this email already exists."]));
}

#[tokio::test]
async fn an_employee_needs_an_owner_who_is_there() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let employee = |name: &str, value: &str| {
        let mut employee =
            json!({ "id": ID, "first_name": "Grace", "last_name": "Hopper", "phone_number": "9881167671" });
        employee[name] = json!(value);
        employee
    };
    let before = api.records().await;
    for (record, reason) in [
        (employee("owner", ANOTHER_ID), "owner: There is no such user."),
        (employee("owner_username", "nobody"), "owner_username: There is no such user."),
        (employee("department", ""), "owner: This field is required."),
    ] {
        assert_eq!(import_employees(&api, vec![record]).await, [refused(reason)]);
    }
    assert_eq!(api.records().await, before);

    assert_eq!(import_employees(&api, vec![employee("owner_username", "ADA")]).await, [imported()]);

    assert_eq!(ada.get(&format!("/api/employees/{ID}")).await.body["owner"], ada.id());
}

#[tokio::test]
async fn who_registered_before_keeps_a_name_even_one_that_has_lapsed() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    api.set("Users", |key| key == "email#ada@example.com", "reserved_until", &json!({ "N": "1" })).await;
    api.delete_items("Otps", |_| true).await;

    let record = json!({ "id": ID, "username": "countess", "email": "ada@example.com", "password": HASH });
    let outcomes = import_users(&api, vec![record]).await;

    assert_eq!(outcomes, [imported()]);
    assert_eq!(ada.profile().await["email"], "ada@example.com");
}

#[tokio::test]
async fn an_event_that_is_no_batch_fails() {
    let api = Api::start().await;

    let answer = api.stack.invoke("import", json!({ "users": 1 })).await;

    assert!(matches!(answer, Err(InvokeError::Failed(_))), "{answer:?}");
}

#[tokio::test]
async fn it_is_audited_and_logs_no_personal_data() {
    let api = Api::start().await;

    import(&api, &dump("employees.json")).await;

    let changes = api.changes("imported");
    let by_nobody = |change: &Value| change[0].is_null();
    assert_eq!(changes.as_array().unwrap().iter().filter(|change| by_nobody(change)).count(), 6);
    let user = "username,email,phone_number,is_email_verified,is_phone_verified,is_active,is_staff,last_login,password,\
                first_name,last_name,date_of_birth";
    assert_eq!(changes[0][3], user);
    let employee =
        "first_name,last_name,date_of_birth,department,job_title,phone_number,email,is_phone_verified,owner";
    assert_eq!(changes[3][3], employee);
    for line in api.stack.logs() {
        for value in ["bunny0909", "test@example.com", "9881167671", "pbkdf2", "Hopper"] {
            assert!(!line.contains(value), "{value}: {line}");
        }
    }
}

#[tokio::test]
async fn of_parallel_logins_that_renew_a_hash_each_is_counted() {
    let api = Api::start().await;
    let record = json!({ "id": ID, "username": "countess", "password": HASH });
    assert_eq!(import_users(&api, vec![record]).await, [imported()]);

    let logins = (0..5).map(|_| api.try_token("countess", "password123"));
    for answer in join_all(logins).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    let record = api.item("Users", &format!("user#{ID}")).await.unwrap();
    assert_eq!(record["sessions_begun"], json!({ "N": "5" }));
    assert!(record["password"]["S"].as_str().unwrap().starts_with("$argon2id$"), "{record}");
}
