//! `GET /api/employees`: which employees are listed. How lists are paged is in `tests/lists.rs`.

use serde_json::{Value, json};

use crate::support::{
    Api, User, complaint,
    employee::{employee, nth_employee, path_of, whole_employee},
};

const PHONE: &str = "9881167671";

/// The only page of a list.
fn only_page(employees: &[&Value]) -> Value {
    json!({ "next": null, "previous": null, "results": employees })
}

/// A query with one parameter.
fn query(name: &str, value: &str) -> String {
    let url = reqwest::Url::parse_with_params("http://127.0.0.1", [(name, value)]).unwrap();
    url.query().unwrap().to_owned()
}

/// The last names of the employees whom a query finds.
async fn found(user: &User, query: &str) -> Vec<String> {
    let answer = user.get(&format!("/api/employees?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text);
    assert_eq!((&answer.body["next"], &answer.body["previous"]), (&Value::Null, &Value::Null));
    let employees = answer.body["results"].as_array().unwrap();
    employees.iter().map(|employee| employee["last_name"].as_str().unwrap().to_owned()).collect()
}

/// An employee with a last name of their own.
async fn named(user: &User, last_name: &str, phone_number: &str, others: Value) -> Value {
    let mut body = employee(phone_number);
    body["last_name"] = json!(last_name);
    body.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());
    user.employs(&body).await
}

/// Proves an employee's number with the code that is sent to it.
async fn prove(api: &Api, employee: &Value) {
    let number = employee["phone_number"].as_str().unwrap();
    let generated = api.post("/otp/generate", &json!({ "phone_number": number })).await;
    assert_eq!(generated.status, 200, "{}", generated.text);
    let otp = api.code_for(number).await;
    let verified = api.post("/otp/verify", &json!({ "phone_number": number, "otp": otp })).await;
    assert_eq!(verified.status, 200, "{}", verified.text);
}

#[tokio::test]
async fn a_list_without_employees_is_empty() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);

    for user in [&ada, &admin] {
        user.get("/api/employees").await.is(200, &only_page(&[]));
    }
}

#[tokio::test]
async fn owners_see_their_own_and_staff_see_all() {
    let api = Api::start().await;
    let (ada, bob, admin) = (api.signed_in().await, api.another().await, api.staff().await);
    let of_ada = ada.employs(&employee(PHONE)).await;
    let of_bob = bob.employs(&whole_employee()).await;
    let of_admin = admin.employs(&employee("9881167672")).await;

    ada.get("/api/employees").await.is(200, &only_page(&[&of_ada]));
    bob.get("/api/employees").await.is(200, &only_page(&[&of_bob]));
    admin.get("/api/employees").await.is(200, &only_page(&[&of_admin, &of_bob, &of_ada]));
    api.get("/api/employees")
        .await
        .is(401, &json!({ "detail": "Authentication credentials were not provided." }));
}

#[tokio::test]
async fn a_department_is_a_filter() {
    let api = Api::start().await;
    let (ada, bob, admin) = (api.signed_in().await, api.another().await, api.staff().await);
    named(&ada, "A", "9881167671", json!({ "department": "R&D" })).await;
    named(&ada, "B", "9881167672", json!({ "department": "R&D #2" })).await;
    named(&ada, "C", "9881167673", json!({ "department": "r&d" })).await;
    named(&ada, "D", "9881167674", json!({ "department": "" })).await;
    named(&bob, "E", "9881167675", json!({ "department": "R&D" })).await;

    for (department, of_ada, of_all) in [
        ("R&D", &["A"][..], &["E", "A"][..]),
        ("R&D #2", &["B"], &["B"]),
        (" r&d ", &["C"], &["C"]),
        ("R&D #", &[], &[]),
        ("verified", &[], &[]),
        ("😀\0\"", &[], &[]),
        ("", &["D", "C", "B", "A"], &["E", "D", "C", "B", "A"]),
    ] {
        let query = query("department", department);
        assert_eq!((found(&ada, &query).await, found(&admin, &query).await), (owned(of_ada), owned(of_all)));
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[tokio::test]
async fn a_department_that_is_too_long_to_be_one_is_told_so() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    assert_eq!(found(&ada, &format!("department={}", "x".repeat(150))).await, [] as [&str; 0]);

    for length in [151, 3_000] {
        ada.get(&format!("/api/employees?department={}", "x".repeat(length)))
            .await
            .is(400, &complaint("department", "Ensure this field has no more than 150 characters."));
    }
}

#[tokio::test]
async fn a_proven_number_is_a_filter() {
    let api = Api::start().await;
    let (ada, bob, admin) = (api.signed_in().await, api.another().await, api.staff().await);
    let proven = named(&ada, "A", "9881167671", json!({ "department": "R" })).await;
    named(&ada, "B", "9881167672", json!({ "department": "R" })).await;
    named(&bob, "C", "9881167673", json!({})).await;
    prove(&api, &proven).await;

    for (query, of_ada, of_all) in [
        ("is_phone_verified=true", &["A"][..], &["A"][..]),
        ("is_phone_verified=false", &["B"], &["C", "B"]),
        ("is_phone_verified=1&department=R", &["A"], &["A"]),
        ("is_phone_verified=No&department=R", &["B"], &["B"]),
        ("is_phone_verified=no&department=S", &[], &[]),
        ("is_phone_verified=&department=R", &["B", "A"], &["B", "A"]),
    ] {
        assert_eq!((found(&ada, query).await, found(&admin, query).await), (owned(of_ada), owned(of_all)));
    }
    for user in [&ada, &admin] {
        user.get("/api/employees?is_phone_verified=maybe")
            .await
            .is(400, &complaint("is_phone_verified", "Must be a valid boolean."));
    }
}

#[tokio::test]
async fn a_change_moves_an_employee_between_the_filters() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    let made = named(&ada, "A", PHONE, json!({ "department": "R" })).await;
    prove(&api, &made).await;

    let change = json!({ "department": "S", "phone_number": "9101234567" });
    assert_eq!(ada.patch(&path_of(&made), &change).await.status, 200);
    for user in [&ada, &admin] {
        for query in ["department=R", "is_phone_verified=true", "department=S&is_phone_verified=true"] {
            assert_eq!(found(user, query).await, [] as [&str; 0], "{query}");
        }
        for query in ["", "department=S", "is_phone_verified=false", "department=S&is_phone_verified=false"] {
            assert_eq!(found(user, query).await, ["A"], "{query}");
        }
    }

    assert_eq!(ada.patch(&path_of(&made), &json!({ "department": "" })).await.status, 200);
    for user in [&ada, &admin] {
        assert_eq!(found(user, "department=S").await, [] as [&str; 0]);
        assert_eq!(found(user, "").await, ["A"]);
    }
}

#[tokio::test]
async fn a_search_finds_every_word_of_it_in_a_name_address_or_number() {
    let api = Api::start().await;
    let (ada, bob, admin) = (api.signed_in().await, api.another().await, api.staff().await);
    named(&ada, "Hopper", "9881167671", json!({ "email": "Amazing.Grace@navy.example" })).await;
    named(&ada, "Turing", "9101234567", json!({ "first_name": "Alan", "email": "alan@bletchley.example" }))
        .await;
    named(&ada, "50%_\"\\'<>", "9881167673", json!({ "first_name": "Zoë 😀", "department": "Hopper" })).await;
    named(&bob, "Murray", "9881167674", json!({ "address": "Hopper" })).await;
    let special = "50%_\"\\'<>";

    for (search, of_ada) in [
        ("grace", &["Hopper"][..]),
        ("GRACE", &["Hopper"]),
        ("ＧＲＡＣＥ", &["Hopper"]),
        ("hop gra", &["Hopper"]),
        ("grace,hopper", &["Hopper"]),
        ("hopper amazing 88116", &["Hopper"]),
        ("grace turing", &[]),
        ("gracehopper", &[]),
        ("navy.example", &["Hopper"]),
        ("Amazing.Grace@NAVY.example", &["Hopper"]),
        (".example", &["Turing", "Hopper"]),
        ("+9198811", &[special, "Hopper"]),
        ("1234", &["Turing"]),
        ("%", &[special]),
        ("_", &[special]),
        ("\"", &[special]),
        ("\\", &[special]),
        ("' <>", &[special]),
        ("😀", &[special]),
        ("😀 zoë", &[special]),
        ("ZOE\u{308}", &[special]),
        ("zoe", &[]),
        ("#search", &[]),
        (":term0", &[]),
        ("null", &[]),
        ("\0", &[special, "Turing", "Hopper"]),
        ("  ", &[special, "Turing", "Hopper"]),
        (&"x".repeat(150), &[]),
    ] {
        assert_eq!(found(&ada, &query("search", search)).await, owned(of_ada), "{search}");
    }
    assert_eq!(found(&ada, "search=grace%20hopper").await, ["Hopper"]);
    assert_eq!(found(&admin, "search=grace").await, ["Murray", "Hopper"]);
    assert_eq!(found(&ada, "search=murray").await, [] as [&str; 0]);
}

#[tokio::test]
async fn a_search_finds_what_was_changed() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let made = ada.employs(&whole_employee()).await;

    let change = json!({ "last_name": "Mathison", "email": null, "phone_number": PHONE });
    assert_eq!(ada.patch(&path_of(&made), &change).await.status, 200);

    for search in ["turing", "example.com", "9101"] {
        assert_eq!(found(&ada, &format!("search={search}")).await, [] as [&str; 0]);
    }
    for search in ["mathison", "9881167671"] {
        assert_eq!(found(&ada, &format!("search={search}")).await, ["Mathison"]);
    }
}

#[tokio::test]
async fn a_search_goes_together_with_the_filters() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    let proven = named(&ada, "A", "9881167671", json!({ "department": "R" })).await;
    named(&ada, "B", "9881167672", json!({ "department": "R" })).await;
    named(&ada, "C", "9881167673", json!({ "department": "S" })).await;
    named(&ada, "D", "9101234567", json!({ "department": "R" })).await;
    prove(&api, &proven).await;

    for user in [&ada, &admin] {
        assert_eq!(found(user, "search=98811&department=R").await, ["B", "A"]);
        assert_eq!(found(user, "search=98811&is_phone_verified=false").await, ["C", "B"]);
        assert_eq!(found(user, "search=98811&is_phone_verified=true&department=R").await, ["A"]);
    }
}

#[tokio::test]
async fn a_search_that_is_too_long_is_told_so() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let path = format!("/api/employees?search={}", "x".repeat(200));

    ada.get(&path).await.is(400, &complaint("search", "Ensure this field has no more than 150 characters."));
    assert_eq!(api.get(&path).await.status, 401);
}

/// Employees of whom 150 or so are a megabyte, which is as much as DynamoDB reads at once: those of one shard more, those of the
/// other fewer, so that the two are not read equally far. Two in two hundred are sought.
fn many(owner: &str, count: u32) -> impl Iterator<Item = Value> {
    (0..count).map(move |n| {
        let mut employee = nth_employee(owner, n);
        employee["first_name"] = json!("😀".repeat(150));
        employee["job_title"] = json!("😀".repeat(150));
        employee["address"] = json!("😀".repeat(if n % 2 == 0 { 1_000 } else { 700 }));
        if is_sought(n) {
            employee["last_name"] = json!(format!("Needle{n}"));
        }
        employee
    })
}

fn is_sought(n: u32) -> bool {
    n % 200 == 0 || n % 200 == 101
}

/// The last names of those who are sought, oldest first.
fn sought(count: u32) -> Vec<String> {
    (0..count).filter(|n| is_sought(*n)).map(|n| format!("Needle{n}")).collect()
}

#[tokio::test]
async fn a_search_reads_on_where_dynamodb_stops() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    api.store_employees(many(&ada.id(), 1_000)).await;
    let oldest_first = sought(1_000);
    let newest_first: Vec<_> = oldest_first.iter().rev().cloned().collect();

    for user in [&ada, &admin] {
        assert_eq!(found(user, "search=NEEDLE").await, newest_first);
        assert_eq!(found(user, "search=NEEDLE&ordering=created_at").await, oldest_first);
    }
}

#[tokio::test]
async fn a_search_that_takes_too_long_answers_with_what_it_has_and_a_link() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    api.store_employees(many(&ada.id(), 3_200)).await;
    let oldest_first = sought(3_200);
    let newest_first: Vec<_> = oldest_first.iter().rev().cloned().collect();

    for user in [&ada, &admin] {
        let mut page = user.get("/api/employees?search=needle&page_size=100").await.body;
        assert!(page["next"].is_string(), "{page}");

        assert_eq!(follow(&api, user, &mut page, "next").await, newest_first);
        assert_eq!(follow(&api, user, &mut page, "previous").await, oldest_first);
    }
}

/// The last names on a page and on those to which its links lead, one after the other.
async fn follow(api: &Api, user: &User, page: &mut Value, link: &str) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let employees = page["results"].as_array().unwrap().iter();
        let mut found: Vec<_> =
            employees.map(|employee| employee["last_name"].as_str().unwrap().to_owned()).collect();
        if link == "previous" {
            found.reverse();
        }
        names.extend(found);
        let Some(url) = page[link].as_str() else { return names };
        *page = user.get(url.strip_prefix(api.stack.url()).unwrap()).await.body;
    }
}
