//! `import`, a function without a URL, given records of a Django system as `import-django` sends them.

use serde_json::{Value, json};

use crate::support::{Api, PASSWORD, User, employee::employee, id_text, no_active_account};

/// `password123`, as Django has hashed it.
const HASH: &str = "pbkdf2_sha1$1000000$MzHo6epWAm3lTXcw7mZaEi$cLLYYCbAFFiBVVZB4DOlf/f64ZI=";
const NEXT: &str = "another long phrase";

/// The id of the `n`th record in an import.
fn id(n: u32) -> String {
    format!("018bcfe5-6800-7000-8000-{n:012}")
}

fn user(n: u32, username: &str) -> Value {
    json!({ "id": id(n), "number": n, "username": username, "password": HASH })
}

/// The same record with another field.
fn with(mut record: Value, field: &str, value: impl Into<Value>) -> Value {
    record[field] = value.into();
    record
}

fn worker(n: u32, owner: u32) -> Value {
    json!({ "id": id(n), "number": n, "owner": id(owner), "first_name": "Grace", "last_name": "Hopper" })
}

async fn send(api: &Api, mode: &str, kind: &str, records: Vec<Value>) -> Vec<Value> {
    let answer = api.stack.invoke("import", json!({ "mode": mode, kind: records })).await.unwrap();
    answer[kind].as_array().unwrap().clone()
}

async fn users(api: &Api, records: Vec<Value>) -> Vec<Value> {
    send(api, "import", "users", records).await
}

async fn employees(api: &Api, records: Vec<Value>) -> Vec<Value> {
    send(api, "import", "employees", records).await
}

fn outcomes(answers: &[Value]) -> Vec<&str> {
    answers.iter().map(|answer| answer["outcome"].as_str().unwrap()).collect()
}

/// The fields that were left out.
fn dropped(answer: &Value) -> Vec<&str> {
    let dropped = answer["dropped"].as_array().into_iter().flatten();
    dropped.map(|dropped| dropped["field"].as_str().unwrap()).collect()
}

/// What staff see of a user.
async fn shown(admin: &User, answer: &Value) -> Value {
    let answer = admin.get(&format!("/api/users/{}", id_text(&answer["id"]))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

#[tokio::test]
async fn a_field_that_cannot_be_taken_is_left_out_and_the_user_comes() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let odd = json!({
        "id": id(2), "number": 2, "username": "a b", "email": "nowhere", "phone_number": "N/A", "password": "md5$x$y",
        "first_name": "x".repeat(200), "date_of_birth": "1990", "is_active": "maybe", "last_login": "yesterday",
    });

    let answers = users(&api, vec![odd, user(3, "ADMIN"), user(4, "eve"), user(5, "Eve")]).await;

    assert_eq!(outcomes(&answers), ["imported"; 4]);
    let fields = [
        "email",
        "phone_number",
        "password",
        "first_name",
        "date_of_birth",
        "is_active",
        "last_login",
        "username",
    ];
    let mut left_out = dropped(&answers[0]);
    left_out.sort_unstable();
    let mut expected = fields.to_vec();
    expected.sort_unstable();
    assert_eq!(left_out, expected);
    let one = shown(&admin, &answers[0]).await;
    assert_eq!(
        (&one["username"], &one["email"], &one["phone_number"]),
        (&json!("a_b_2"), &json!(""), &Value::Null)
    );
    assert_eq!(one["first_name"], "x".repeat(150));
    for (answer, username) in [(&answers[1], "ADMIN_3"), (&answers[2], "eve"), (&answers[3], "Eve_5")] {
        assert_eq!(shown(&admin, answer).await["username"], username);
    }
    assert_eq!(dropped(&answers[3]), ["username"]);
    assert_eq!(api.try_token("Eve_5", "password123").await.status, 200);
}

#[tokio::test]
async fn the_first_of_two_keeps_a_number_or_an_address() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let both =
        |n, name: &str| with(with(user(n, name), "email", "x@example.com"), "phone_number", "9881167671");

    let first = users(&api, vec![both(1, "ada"), both(2, "bob")]).await;
    let third = users(&api, vec![with(both(3, "eve"), "email", "X@Example.com")]).await;

    assert_eq!(
        (dropped(&first[0]).len(), dropped(&first[1]), dropped(&third[0])),
        (0, vec!["email", "phone_number"], vec!["email", "phone_number"])
    );
    assert_eq!(shown(&admin, &first[0]).await["phone_number"], "+919881167671");
    assert_eq!(shown(&admin, &third[0]).await["email"], "");
}

#[tokio::test]
async fn a_username_that_is_a_number_or_an_address_becomes_it_and_still_logs_in() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let records = vec![
        user(1, "9881167671"),
        with(user(2, "+919881167672"), "is_phone_verified", true),
        user(3, "Ada@Example.com"),
    ];

    let answers = users(&api, records).await;

    let [number, verified, address] = [0, 1, 2].map(|at| &answers[at]);
    assert_eq!(shown(&admin, number).await["phone_number"], "+919881167671");
    assert_eq!(shown(&admin, number).await["is_phone_verified"], false);
    assert_eq!(shown(&admin, verified).await["is_phone_verified"], true);
    assert_eq!(shown(&admin, address).await["email"], "Ada@Example.com");
    for name in ["9881167671", "+919881167672", "ada@example.com"] {
        assert_eq!(api.try_token(name, "password123").await.status, 200, "{name}");
    }
    let by_phone = |phone: &str| json!({ "phone": phone, "password": "password123" });
    assert_eq!(api.post("/auth/login", &by_phone("9881167672")).await.status, 200);
    assert_eq!(api.post("/auth/login", &by_phone("9881167671")).await.status, 401);
}

#[tokio::test]
async fn a_record_is_refused_only_without_an_id_or_an_owner() {
    let api = Api::start().await;
    let wrong = [json!({ "username": "ada" }), json!({ "id": "1", "username": "ada" }), json!(1)];
    assert_eq!(outcomes(&users(&api, wrong.to_vec()).await), ["refused"; 3]);
    let twice = users(&api, vec![user(1, "ada"), user(1, "ada")]).await;
    assert_eq!(outcomes(&twice), ["imported", "refused"]);
    let orphans = [worker(1, 9), with(worker(2, 1), "owner", Value::Null), with(worker(3, 1), "owner", "x")];
    assert_eq!(outcomes(&employees(&api, orphans.to_vec()).await), ["refused"; 3]);
}

#[tokio::test]
async fn an_employee_may_come_without_a_number_and_without_a_name() {
    let api = Api::start().await;
    users(&api, vec![user(1, "ada")]).await;
    let ada = api.log_in_with("ada", "password123").await;
    let nameless = json!({ "id": id(3), "owner": id(1), "phone_number": "123", "department": "Navy" });

    let answers = employees(&api, vec![worker(2, 1), nameless]).await;

    assert_eq!(outcomes(&answers), ["imported"; 2]);
    assert_eq!(dropped(&answers[1]), ["phone_number"]);
    let path = format!("/api/employees/{}", id(3));
    let shown = ada.get(&path).await.body;
    assert_eq!(
        (&shown["first_name"], &shown["phone_number"], &shown["department"]),
        (&json!(""), &json!(""), &json!("Navy"))
    );
    // Other fields can be changed without giving a number, and a number can be given.
    assert_eq!(ada.patch(&path, &json!({ "last_name": "Turing" })).await.status, 200);
    let given = ada.patch(&path, &json!({ "phone_number": "9881167671" })).await;
    assert_eq!((given.status, &given.body["phone_number"]), (200, &json!("+919881167671")));
    assert_eq!(ada.delete(&format!("/api/employees/{}", id(2))).await.status, 204);
    // A new one needs it still.
    assert_eq!(ada.post("/api/employees", &json!({ "first_name": "A", "last_name": "B" })).await.status, 400);
}

#[tokio::test]
async fn a_second_import_tells_what_is_different_and_changes_nothing() {
    let api = Api::start().await;
    users(&api, vec![user(1, "ada"), user(2, "bob")]).await;
    employees(&api, vec![worker(3, 1)]).await;
    // Neither a login nor a change here is a difference between the dumps.
    let ada = api.log_in_with("ada", "password123").await;
    ada.patch("/api/profile", &json!({ "first_name": "Ada" })).await;
    let before = api.records().await;

    let again = vec![
        with(user(1, "ada"), "last_login", "2024-01-01T00:00:00Z"),
        with(user(2, "bob"), "is_staff", true),
    ];
    for mode in ["import", "compare"] {
        assert_eq!(outcomes(&send(&api, mode, "users", again.clone()).await), ["present", "differs"]);
        let workers = vec![worker(3, 1), with(worker(3, 1), "id", id(4))];
        let answers = send(&api, "compare", "employees", workers).await;
        assert_eq!(outcomes(&answers), ["present", "imported"]);
    }

    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn a_comparison_says_what_an_import_would_do() {
    let api = Api::start().await;
    api.registered("ada").await;
    let records =
        vec![user(1, "ADA"), with(user(2, "bob"), "phone_number", "N/A"), user(3, "bob"), json!({})];
    let before = api.records().await;

    let compared = send(&api, "compare", "users", records.clone()).await;
    assert_eq!(api.records().await, before);
    let imported = users(&api, records).await;

    assert_eq!(outcomes(&compared), ["imported", "imported", "imported", "refused"]);
    for (compared, imported) in compared.iter().zip(imported) {
        assert_eq!(
            (&compared["outcome"], &compared["dropped"]),
            (&imported["outcome"], &imported["dropped"])
        );
    }
}

#[tokio::test]
async fn an_update_changes_who_was_not_changed_here() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let names = ["ada", "bob", "carl", "dan", "eve"];
    let records: Vec<Value> = (1..)
        .zip(names)
        .map(|(n, name)| with(user(n, name), "email", format!("{name}@example.com")))
        .collect();
    users(&api, records.clone()).await;
    let [ada, bob, carl] = [0, 1, 2].map(|at| api.log_in_with(names[at], "password123"));
    let (ada, bob, carl) = futures_util::join!(ada, bob, carl);
    carl.patch("/api/profile", &json!({ "first_name": "Carl" })).await;
    let dan = format!("/api/users/{}", id(4));
    let hash = "pbkdf2_sha256$1000000$oalFgeCDcBUsmD1TsN4Cd0$oRZgWCA3YvHcINQHj496+/U2RmkcTlPPq5pz1UJHGvI=";
    let mut later = records.clone();
    later[0] = with(with(later[0].clone(), "is_active", false), "first_name", "A");
    later[1] = with(with(later[1].clone(), "email", "bob@example.org"), "phone_number", "9881167671");
    later[2] = with(later[2].clone(), "is_staff", true);
    later[3] = with(with(later[3].clone(), "is_staff", true), "password", hash);

    let answers = send(&api, "update", "users", later.clone()).await;

    assert_eq!(outcomes(&answers), ["updated", "updated", "conflict", "updated", "present"]);
    assert_eq!(ada.get("/api/profile").await.status, 401);
    api.try_token("ada", "password123").await.is(401, &no_active_account());
    bob.is_signed_in().await;
    let profile = bob.profile().await;
    assert_eq!(
        (&profile["email"], &profile["phone_number"]),
        (&json!("bob@example.org"), &json!("+919881167671"))
    );
    // The old address is free again.
    assert!(api.item("Users", "email#bob@example.com").await.is_none());
    assert_eq!(carl.profile().await["is_staff"], false);
    assert_eq!(admin.get(&dan).await.body["is_staff"], true);
    assert_eq!(api.item("Users", "staff").await.unwrap()["active"], json!({ "N": "2" }));
    // What was applied is not applied again; what is changed back is.
    assert_eq!(
        outcomes(&send(&api, "update", "users", later).await),
        ["present", "present", "conflict", "present", "present"]
    );
    let back = send(&api, "update", "users", records).await;
    assert_eq!(outcomes(&back), ["updated", "updated", "present", "updated", "present"]);
    assert_eq!(api.item("Users", "staff").await.unwrap()["active"], json!({ "N": "1" }));
}

#[tokio::test]
async fn an_update_leaves_out_a_name_that_another_user_has() {
    let api = Api::start().await;
    api.registered("eve").await;
    users(&api, vec![with(user(1, "ada"), "email", "ada@example.com")]).await;
    let later = with(with(user(1, "eve"), "email", "eve@example.com"), "last_name", "L");

    let answers = send(&api, "update", "users", vec![later]).await;

    assert_eq!((outcomes(&answers), dropped(&answers[0])), (vec!["updated"], vec!["email", "username"]));
    let profile = api.log_in_with("eve_1", "password123").await.profile().await;
    assert_eq!((&profile["email"], &profile["last_name"]), (&json!("ada@example.com"), &json!("L")));
}

#[tokio::test]
async fn an_update_keeps_the_last_staff_user() {
    let api = Api::start().await;
    users(&api, vec![with(user(1, "ada"), "is_staff", true)]).await;

    for mode in ["update", "delete"] {
        let answers = send(&api, mode, "users", vec![user(1, "ada")]).await;
        assert_eq!(outcomes(&answers), ["conflict"], "{mode}");
        assert!(answers[0]["reason"].as_str().unwrap().contains("last active staff user"));
    }
    assert_eq!(api.log_in_with("ada", "password123").await.profile().await["is_staff"], true);
}

#[tokio::test]
async fn employees_are_updated_and_deleted_likewise() {
    let api = Api::start().await;
    users(&api, vec![user(1, "ada")]).await;
    let ada = api.log_in_with("ada", "password123").await;
    let numbered = |n: u32| with(worker(n, 1), "phone_number", format!("+9198811676{n:02}"));
    let records: Vec<Value> = (2..5).map(numbered).collect();
    employees(&api, records.clone()).await;
    let path = |n: u32| format!("/api/employees/{}", id(n));
    ada.patch(&path(3), &json!({ "department": "Navy" })).await;
    let later: Vec<Value> = records
        .iter()
        .map(|record| with(with(record.clone(), "phone_number", "N/A"), "job_title", "Admiral"))
        .collect();

    assert_eq!(outcomes(&send(&api, "update", "employees", later).await), ["updated", "conflict", "updated"]);
    let shown = ada.get(&path(2)).await.body;
    assert_eq!((&shown["job_title"], &shown["phone_number"]), (&json!("Admiral"), &json!("")));
    assert_eq!(ada.employs(&employee("+919881167602")).await["phone_number"], "+919881167602");

    let ids = (2..6).map(|n| json!({ "id": id(n) })).collect();
    let answers = send(&api, "delete", "employees", ids).await;
    assert_eq!(outcomes(&answers), ["deleted", "conflict", "deleted", "absent"]);
    assert_eq!(ada.get(&path(2)).await.status, 404);
}

#[tokio::test]
async fn imported_users_are_listed_and_deleted_unless_they_were_changed_here() {
    let api = Api::start().await;
    api.registered("eve").await;
    users(&api, (1..4).map(|n| user(n, &format!("user{n}"))).collect()).await;
    employees(&api, vec![worker(4, 1)]).await;
    let changed = api.log_in_with("user2", "password123").await;
    changed.patch("/api/profile", &json!({ "first_name": "Two" })).await;

    let list = async |kind: &str| {
        api.stack.invoke("import", json!({ "mode": "imported", "kind": kind })).await.unwrap()
    };
    assert_eq!(list("employees").await, json!({ "ids": [id(4)], "next": null }));
    let mut listed: Vec<String> = serde_json::from_value(list("users").await["ids"].take()).unwrap();
    listed.sort();
    assert_eq!(listed, [id(1), id(2), id(3)]);

    let ids = listed.iter().map(|id| json!({ "id": id })).collect();
    let answers = send(&api, "delete", "users", ids).await;
    assert_eq!(outcomes(&answers), ["deleted", "conflict", "deleted"]);
    let records = api.items("Users").await;
    assert!(!records.contains_key("username#user1") && records.contains_key("username#user2"));
    assert!(api.log_in("eve").await.profile().await["id"].is_string());
}

#[tokio::test]
async fn a_pending_user_becomes_active_by_verifying_the_address() {
    let api = Api::start().await;
    let pending =
        |n, name: &str| with(with(user(n, name), "email", format!("{name}@example.com")), "is_pending", true);
    let boss = with(with(pending(4, "dan"), "is_staff", true), "is_email_verified", true);
    let answers = users(&api, vec![pending(1, "ada"), pending(2, "bob"), pending(3, "carl"), boss]).await;
    assert_eq!((outcomes(&answers), dropped(&answers[3])), (vec!["imported"; 4], vec!["is_staff"]));
    let admin = api.staff().await;
    let email = |name: &str| json!({ "email": format!("{name}@example.com") });
    let log_in =
        async |name: &str| api.post("/api/login", &with(email(name), "password", "password123")).await;
    for name in ["ada", "bob", "carl", "dan"] {
        api.try_token(name, "password123").await.is(401, &no_active_account());
        log_in(name).await.is(401, &no_active_account());
    }

    assert_eq!(api.post("/api/otp/resend", &email("ada")).await.status, 200);
    api.verify("ada@example.com").await;
    assert_eq!(log_in("ada").await.status, 200);
    let active = admin.get("/api/users?is_active=true").await.text;
    assert!(active.contains("ada@example.com") && !active.contains("bob@example.com"), "{active}");

    assert_eq!(api.post("/api/password/forgot", &email("bob")).await.status, 200);
    let mut body = json!({ "otp": api.code_for("bob@example.com").await, "new_password": NEXT, "confirm_password": NEXT });
    body["email"] = json!("bob@example.com");
    assert_eq!(api.post("/api/password/forgot/confirm", &body).await.status, 200);
    assert_eq!(api.log_in_with("bob", NEXT).await.profile().await["is_email_verified"], true);

    let carl = format!("/api/users/{}", id(3));
    assert_eq!(admin.patch(&carl, &json!({ "is_active": true })).await.status, 200);
    assert_eq!(api.try_token("carl", "password123").await.status, 200);
    // Once active, and deactivated by staff, no code brings a user back.
    assert_eq!(admin.patch(&carl, &json!({ "is_active": false })).await.status, 200);
    assert_eq!(api.post("/api/otp/resend", &email("carl")).await.status, 200);
    api.verify("carl@example.com").await;
    api.try_token("carl", "password123").await.is(401, &no_active_account());
    // Nor one whom staff have said to be inactive.
    let dan = format!("/api/users/{}", id(4));
    assert_eq!(admin.patch(&dan, &json!({ "is_active": false })).await.status, 200);
    assert_eq!(api.post("/api/otp/resend", &email("dan")).await.status, 200);
    api.verify("dan@example.com").await;
    api.try_token("dan", "password123").await.is(401, &no_active_account());
}

#[tokio::test]
async fn groups_are_kept() {
    let api = Api::start().await;

    users(&api, vec![with(user(1, "ada"), "groups", json!(["Managers", "HR"]))]).await;
    let ada = api.log_in_with("ada", "password123").await;
    assert_eq!(ada.patch("/api/profile", &json!({ "first_name": "Ada" })).await.status, 200);

    let record = api.item("Users", &format!("user#{}", id(1))).await.unwrap();
    assert_eq!(record["groups"], json!({ "L": [{ "S": "Managers" }, { "S": "HR" }] }));
}

#[tokio::test]
async fn integer_ids_are_kept_and_new_ones_count_on_from_there() {
    let api = Api::with_integers(&[]).await;
    let admin = api.staff().await;
    let records =
        vec![user(7, "ada"), user(1, "bob"), with(user(8, "eve"), "number", Value::Null), user(5, "dan")];

    let answers = users(&api, records.clone()).await;

    // 1 is the id of the staff user.
    let ids: Vec<&Value> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(
        (outcomes(&answers), ids),
        (vec!["imported"; 4], vec![&json!(7), &json!(8), &json!(9), &json!(5)])
    );
    assert_eq!(api.registered("new").await["id"], 10);
    let workers = employees(&api, vec![worker(40, 7), worker(3, 1)]).await;
    assert_eq!((&workers[0]["id"], &workers[1]["id"]), (&json!(40), &json!(3)));
    let owners = [40, 3].map(|id| format!("/api/employees/{id}"));
    assert_eq!(admin.get(&owners[0]).await.body["owner"], 7);
    assert_eq!(admin.get(&owners[1]).await.body["owner"], 8);
    let bob = api.log_in_with("bob", "password123").await;
    assert_eq!(bob.employs(&employee("+919881167671")).await["id"], 41);

    // A second import finds them all.
    let again = users(&api, records).await;
    let ids: Vec<&Value> = again.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(
        (outcomes(&again), ids),
        (vec!["present"; 4], vec![&json!(7), &json!(8), &json!(9), &json!(5)])
    );
    assert_eq!(outcomes(&employees(&api, vec![worker(40, 7), worker(3, 1)]).await), ["present"; 2]);
    let answers = send(&api, "delete", "users", vec![json!({ "id": id(5) })]).await;
    assert_eq!((outcomes(&answers), &answers[0]["id"]), (vec!["deleted"], &json!(5)));
    assert_eq!(outcomes(&users(&api, vec![user(5, "dan")]).await), ["imported"]);
}

#[tokio::test]
async fn a_deleted_users_sessions_stay_dead_when_the_id_comes_back() {
    let api = Api::with_integers(&[]).await;
    let ada = api.signed_in().await;
    assert_eq!(ada.delete("/api/users/1").await.status, 204);

    let answers = users(&api, vec![user(1, "bob")]).await;

    assert_eq!(answers[0]["id"], 1);
    assert_eq!(ada.get("/api/profile").await.status, 401);
    assert_eq!(ada.try_refresh().await.status, 401);
    assert_eq!(api.try_token("bob", "password123").await.status, 200);
    assert_eq!(api.try_token("bob", PASSWORD).await.status, 401);
}

#[tokio::test]
async fn an_unchanged_batch_costs_one_read() {
    for integers in [false, true] {
        let parameters: &[(&str, &str)] = if integers { &[("Ids", "integer")] } else { &[] };
        let api = Api::behind_a_proxy(parameters).await;
        let records: Vec<Value> = (1..51).map(|n| user(n, &format!("user{n}"))).collect();
        assert_eq!(outcomes(&users(&api, records.clone()).await), ["imported"; 50]);

        let (answers, calls) = api.proxy.watch(users(&api, records)).await;

        assert_eq!(outcomes(&answers), ["present"; 50]);
        assert_eq!(calls.len(), 1, "{calls}");
    }
}
