//! `POST /api/employees`.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Answer, Api, User, complaint,
    employee::{employee, path_of, records, whole_employee},
};

const PHONE: &str = "9881167671";
const PHONE_TAKEN: &str = "employee with this phone number already exists.";
const EMAIL_TAKEN: &str = "employee with this email already exists.";

/// Asserts that a creation is refused with these complaints, and that nothing is written.
async fn is_refused(api: &Api, user: &User, body: &Value, complaints: &Value) {
    let before = (api.records().await, api.items("Employees").await);
    user.post("/api/employees", body).await.is(400, complaints);
    assert_eq!((api.records().await, api.items("Employees").await), before, "{body}");
}

/// Asserts that one creation came first, and that all others hear of it.
fn one_succeeded(answers: &[Answer], complaint: &Value) {
    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    for answer in refused {
        answer.is(400, complaint);
    }
}

#[tokio::test]
async fn an_employee_is_their_makers() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let answer = ada.post("/api/employees", &employee(PHONE)).await;

    let made = &answer.body;
    answer.is(
        201,
        &json!({
            "id": made["id"], "first_name": "Grace", "last_name": "Hopper", "phone_number": "+919881167671",
            "email": null, "date_of_birth": null, "department": "", "job_title": "", "hire_date": null, "address": "",
            "is_phone_verified": false, "owner": ada.id(), "created_at": made["created_at"],
            "updated_at": made["created_at"],
        }),
    );
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(uuid::Uuid::try_parse(made["id"].as_str().unwrap()).unwrap().get_version_num(), 7);
    assert!(made["created_at"].as_str().unwrap().ends_with('Z'));
    ada.get(&path_of(made)).await.is(200, made);
}

#[tokio::test]
async fn every_field_is_kept_in_its_own_form() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let body = json!({
        "first_name": " Alan ", "last_name": "Turing\n", "phone_number": "09101 234-567",
        "email": " Alan.Turing@example.com", "date_of_birth": "1912-06-23", "department": " Engineering ",
        "job_title": "Cryptanalyst", "hire_date": "1939-09-04", "address": "\tHut 8, Bletchley Park",
    });

    let made = ada.employs(&body).await;

    let mut expected = made.clone();
    expected.as_object_mut().unwrap().extend(whole_employee().as_object().unwrap().clone());
    assert_eq!(made, expected);
    ada.get(&path_of(&made)).await.is(200, &expected);
}

#[tokio::test]
async fn an_employee_is_stored_as_the_other_tests_store_them() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let made = [ada.employs(&whole_employee()).await, ada.employs(&employee(PHONE)).await];

    let stored: Vec<Value> = api.items("Employees").await.into_values().collect();
    let mut expected: Vec<Value> = made.iter().flat_map(records).collect();
    expected.sort_by_key(|item| item["pk"]["S"].as_str().map(str::to_owned));
    assert_eq!(stored, expected);
}

#[tokio::test]
async fn read_only_and_unknown_fields_are_ignored() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let mut body = employee(PHONE);
    let others = json!({
        "id": "01900000-0000-7000-8000-000000000000", "is_phone_verified": true,
        "owner": "01900000-0000-7000-8000-000000000000", "created_at": "2000-01-01T00:00:00Z",
        "updated_at": "2000-01-01T00:00:00Z", "version": 9, "pk": "employee#0", "by_shard": "9", "salary": 1,
    });
    body.as_object_mut().unwrap().extend(others.as_object().unwrap().clone());

    let made = ada.employs(&body).await;

    assert_eq!((&made["owner"], &made["is_phone_verified"]), (&json!(ada.id()), &json!(false)));
    assert_ne!(made["id"], others["id"]);
    assert!(made["created_at"].as_str() > Some("2025"));
    assert_eq!(made.as_object().unwrap().len(), 14);
}

#[tokio::test]
async fn what_is_missing_is_complained_of_at_once() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let required = ["This field is required."];
    let missing = json!({ "first_name": required, "last_name": required, "phone_number": required });
    is_refused(&api, &ada, &json!({}), &missing).await;
    let blank = ["This field may not be blank."];
    let blanks = json!({ "first_name": "", "last_name": " ", "phone_number": "\t" });
    is_refused(
        &api,
        &ada,
        &blanks,
        &json!({ "first_name": blank, "last_name": blank, "phone_number": blank }),
    )
    .await;
    let texts = ["first_name", "last_name", "phone_number", "department", "job_title", "address"];
    let nulls: Value = texts.iter().map(|name| (*name, Value::Null)).collect();
    let null: Value = texts.iter().map(|name| (*name, json!(["This field may not be null."]))).collect();
    is_refused(&api, &ada, &nulls, &null).await;
}

#[tokio::test]
async fn every_complaint_about_every_field_comes_at_once() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let wrong_date = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";

    let body = json!({
        "first_name": [], "last_name": "x".repeat(151), "phone_number": "123", "email": "grace", "date_of_birth": "yesterday",
        "department": "y".repeat(151), "job_title": true, "hire_date": "2026-02-30", "address": "z".repeat(1_001),
    });
    let complaints = json!({
        "first_name": ["Not a valid string."],
        "last_name": ["Ensure this field has no more than 150 characters."],
        "phone_number": ["Enter a valid phone number."],
        "email": ["Enter a valid email address."],
        "date_of_birth": [wrong_date],
        "department": ["Ensure this field has no more than 150 characters."],
        "job_title": ["Not a valid string."],
        "hire_date": [wrong_date],
        "address": ["Ensure this field has no more than 1000 characters."],
    });
    is_refused(&api, &ada, &body, &complaints).await;
}

#[tokio::test]
async fn complaints_about_names_come_with_the_others() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    ada.employs(&whole_employee()).await;

    let mut body = whole_employee();
    body["first_name"] = json!("a\0b");
    body["department"] = json!({});
    let complaints = json!({
        "first_name": ["Null characters are not allowed."],
        "phone_number": [PHONE_TAKEN],
        "email": [EMAIL_TAKEN],
        "department": ["Not a valid string."],
    });
    is_refused(&api, &ada, &body, &complaints).await;
}

#[tokio::test]
async fn the_longest_values_are_taken() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let (name, address) = ("é".repeat(150), "😀".repeat(1_000));

    let body = json!({
        "first_name": name, "last_name": name, "phone_number": PHONE, "department": name, "job_title": name, "address": address,
    });
    let made = ada.employs(&body).await;

    for field in ["first_name", "last_name", "department", "job_title"] {
        assert_eq!(made[field], json!(name));
    }
    assert_eq!(made["address"], json!(address));
}

#[tokio::test]
async fn a_phone_number_is_unique_in_every_spelling_and_for_every_owner() {
    let api = Api::start().await;
    let (ada, bob) = (api.signed_in().await, api.another().await);
    ada.employs(&employee(PHONE)).await;

    for spelling in ["9881167671", "+919881167671", "(098811) 67671", "00919881167671", "tel:+91-98811-67671"]
    {
        for user in [&ada, &bob] {
            is_refused(&api, user, &employee(spelling), &complaint("phone_number", PHONE_TAKEN)).await;
        }
    }
    let mut number = employee("");
    number["phone_number"] = json!(9_881_167_671_u64);
    is_refused(&api, &ada, &number, &complaint("phone_number", PHONE_TAKEN)).await;
}

#[tokio::test]
async fn an_address_is_unique_without_regard_to_case_and_for_every_owner() {
    let api = Api::start().await;
    let (ada, bob) = (api.signed_in().await, api.another().await);
    ada.employs(&whole_employee()).await;

    for spelling in ["Alan.Turing@example.com", "alan.turing@EXAMPLE.com", " ALAN.TURING@example.com "] {
        let mut body = employee(PHONE);
        body["email"] = json!(spelling);
        for user in [&ada, &bob] {
            is_refused(&api, user, &body, &complaint("email", EMAIL_TAKEN)).await;
        }
    }
}

#[tokio::test]
async fn employees_without_an_address_do_not_collide() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    for (n, none) in [json!(null), json!(""), json!("  "), json!("")].into_iter().enumerate() {
        let mut body = employee(&format!("988116767{n}"));
        body["email"] = none;
        assert_eq!(ada.employs(&body).await["email"], Value::Null);
    }
}

#[tokio::test]
async fn an_empty_date_is_none() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let mut body = employee(PHONE);
    body["date_of_birth"] = json!("");
    body["hire_date"] = json!(null);

    let made = ada.employs(&body).await;

    assert_eq!((&made["date_of_birth"], &made["hire_date"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn the_names_of_users_and_of_employees_are_not_in_each_others_way() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    ada.patch("/api/profile", &json!({ "phone_number": PHONE })).await;

    let mut body = employee(PHONE);
    body["email"] = json!("ada@example.com");
    ada.employs(&body).await;
}

#[tokio::test]
async fn a_refused_employee_leaves_their_names_free() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    ada.employs(&employee(PHONE)).await;
    let mut body = employee(PHONE);
    body["email"] = json!("grace@example.com");
    is_refused(&api, &ada, &body, &complaint("phone_number", PHONE_TAKEN)).await;

    body["phone_number"] = json!("9101234567");
    ada.employs(&body).await;
}

#[tokio::test]
async fn of_parallel_employees_with_one_number_one_is_made() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let body = employee(PHONE);

    let answers = join_all((0..8).map(|_| ada.post("/api/employees", &body))).await;

    one_succeeded(&answers, &complaint("phone_number", PHONE_TAKEN));
    // The employee and their number.
    assert_eq!(api.items("Employees").await.len(), 2);
}

#[tokio::test]
async fn of_parallel_employees_with_one_address_one_is_made() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let bodies: Vec<Value> = (0..8)
        .map(|n| {
            let mut body = employee(&format!("988116767{n}"));
            body["email"] = json!("grace@example.com");
            body
        })
        .collect();

    let answers = join_all(bodies.iter().map(|body| ada.post("/api/employees", body))).await;

    one_succeeded(&answers, &complaint("email", EMAIL_TAKEN));
    // The employee, their number and their address.
    assert_eq!(api.items("Employees").await.len(), 3);
}

#[tokio::test]
async fn nobody_makes_employees_without_a_token() {
    let api = Api::start().await;
    let unauthenticated = json!({ "detail": "Authentication credentials were not provided." });

    for body in ["{", "[]", "{}", &employee(PHONE).to_string()] {
        api.post_text("/api/employees", "application/json", body).await.is(401, &unauthenticated);
    }

    assert_eq!(api.items("Employees").await.len(), 0);
}

#[tokio::test]
async fn a_new_employee_is_audited_by_the_names_of_the_given_fields() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let made = ada.employs(&whole_employee()).await;
    assert_eq!(ada.post("/api/employees", &whole_employee()).await.status, 400);

    let audited = api.audited("employee created");
    assert_eq!(audited.len(), 1);
    let event = &audited[0];
    assert_eq!((&event["actor_id"], &event["employee_id"]), (&json!(ada.id()), &made["id"]));
    assert_eq!(
        event["fields"],
        "first_name,last_name,date_of_birth,department,job_title,hire_date,address,phone_number,email"
    );
    assert_eq!(event["ip"], "127.0.0.1");
    for line in api.stack.logs() {
        for value in whole_employee().as_object().unwrap().values() {
            assert!(!line.contains(value.as_str().unwrap()), "{value}: {line}");
        }
    }
}
