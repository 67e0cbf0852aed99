//! `PUT` and `PATCH /api/employees/{id}`.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Api, User, complaint,
    employee::{NOBODY, employee, no_employee, path_of, whole_employee},
};

const PHONE: &str = "9881167671";
const PHONE_TAKEN: &str = "employee with this phone number already exists.";
const EMAIL_TAKEN: &str = "employee with this email already exists.";

/// What two answers about an employee have in common unless it says otherwise: all but the time of the change.
fn but_for_its_time(mut employee: Value) -> Value {
    employee.as_object_mut().unwrap().remove("updated_at");
    employee
}

/// An employee with other fields.
fn with(employee: &Value, fields: &Value) -> Value {
    let mut employee = employee.clone();
    employee.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    employee
}

/// Asserts that a change is refused with these complaints, and that nothing is written.
async fn is_refused(api: &Api, user: &User, path: &str, body: &Value, complaints: &Value) {
    let before = (api.records().await, api.items("Employees").await);
    user.patch(path, body).await.is(400, complaints);
    assert_eq!((api.records().await, api.items("Employees").await), before, "{body}");
}

#[tokio::test]
async fn a_patch_changes_the_fields_it_names_and_no_others() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let made = ada.employs(&whole_employee()).await;

    let answer =
        ada.patch(&path_of(&made), &json!({ "job_title": " Reader ", "hire_date": "1948-10-01" })).await;

    let expected = with(&made, &json!({ "job_title": "Reader", "hire_date": "1948-10-01" }));
    assert_eq!((answer.status, answer.header("etag")), (200, "\"2\""));
    assert_eq!(but_for_its_time(answer.body.clone()), but_for_its_time(expected));
    assert_ne!(answer.body["updated_at"], made["updated_at"]);
    let read = ada.get(&path_of(&made)).await;
    read.is(200, &answer.body);
    assert_eq!(read.header("etag"), "\"2\"");
}

#[tokio::test]
async fn a_patch_that_changes_nothing_writes_nothing() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let made = ada.employs(&whole_employee()).await;
    let before = api.items("Employees").await;

    for body in
        [json!({}), json!({ "salary": 1 }), whole_employee(), json!({ "phone_number": "09101234567" })]
    {
        let answer = ada.patch(&path_of(&made), &body).await;
        answer.is(200, &made);
        assert_eq!(answer.header("etag"), "\"1\"");
    }

    assert_eq!(api.items("Employees").await, before);
    assert_eq!(api.audited("employee changed").len(), 0);
}

#[tokio::test]
async fn a_put_wants_the_required_fields_and_leaves_the_others() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let made = ada.employs(&whole_employee()).await;
    let required = ["This field is required."];

    ada.put(&path_of(&made), &json!({ "department": "x" }))
        .await
        .is(400, &json!({ "first_name": required, "last_name": required, "phone_number": required }));
    let answer = ada.put(&path_of(&made), &employee(PHONE)).await;

    let expected = with(
        &made,
        &json!({ "first_name": "Grace", "last_name": "Hopper", "phone_number": "+919881167671" }),
    );
    assert_eq!((answer.status, answer.header("etag")), (200, "\"2\""));
    assert_eq!(but_for_its_time(answer.body), but_for_its_time(expected));
}

#[tokio::test]
async fn a_put_replaces_every_field() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let made = ada.employs(&employee(PHONE)).await;

    let answer = ada.put(&path_of(&made), &whole_employee()).await;

    let expected = with(&made, &whole_employee());
    assert_eq!(answer.status, 200);
    assert_eq!(but_for_its_time(answer.body), but_for_its_time(expected));
}

#[tokio::test]
async fn optional_fields_can_be_emptied() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    for none in [json!(null), json!("")] {
        let made = ada.employs(&whole_employee()).await;

        let body = json!({
            "email": none, "date_of_birth": none, "hire_date": none, "department": "", "job_title": " ", "address": "",
        });
        let answer = ada.patch(&path_of(&made), &body).await;

        let empty = json!({
            "email": null, "date_of_birth": null, "hire_date": null, "department": "", "job_title": "", "address": "",
        });
        assert_eq!(but_for_its_time(answer.body), but_for_its_time(with(&made, &empty)));
        assert_eq!(ada.delete(&path_of(&made)).await.status, 204);
        assert_eq!(api.items("Employees").await.len(), 0);
    }
}

#[tokio::test]
async fn what_is_required_cannot_be_emptied() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let path = path_of(&ada.employs(&employee(PHONE)).await);

    for field in ["first_name", "last_name", "phone_number"] {
        let blank = complaint(field, "This field may not be blank.");
        is_refused(&api, &ada, &path, &json!({ field: " " }), &blank).await;
        let null = complaint(field, "This field may not be null.");
        is_refused(&api, &ada, &path, &json!({ field: null }), &null).await;
    }
}

#[tokio::test]
async fn every_complaint_about_every_field_comes_at_once() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    ada.employs(&whole_employee()).await;
    let path = path_of(&ada.employs(&employee(PHONE)).await);

    let body = json!({
        "first_name": false, "last_name": null, "phone_number": "9101234567", "email": "alan.turing@EXAMPLE.com",
        "date_of_birth": "1.1.2000", "department": "x".repeat(151), "job_title": ["x"], "hire_date": 20_260_101,
        "address": "x".repeat(1_001),
    });
    let wrong_date = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.";
    let complaints = json!({
        "first_name": ["Not a valid string."],
        "last_name": ["This field may not be null."],
        "phone_number": [PHONE_TAKEN],
        "email": [EMAIL_TAKEN],
        "date_of_birth": [wrong_date],
        "department": ["Ensure this field has no more than 150 characters."],
        "job_title": ["Not a valid string."],
        "hire_date": [wrong_date],
        "address": ["Ensure this field has no more than 1000 characters."],
    });
    is_refused(&api, &ada, &path, &body, &complaints).await;
}

#[tokio::test]
async fn read_only_and_unknown_fields_are_ignored() {
    let api = Api::start().await;
    let (ada, bob) = (api.signed_in().await, api.another().await);
    let made = ada.employs(&employee(PHONE)).await;

    let body = json!({
        "id": NOBODY, "owner": bob.id(), "is_phone_verified": true, "created_at": "2000-01-01T00:00:00Z",
        "updated_at": "2000-01-01T00:00:00Z", "version": 7, "pk": "employee#0", "by_owner": "x",
    });
    ada.patch(&path_of(&made), &body).await.is(200, &made);

    ada.get(&path_of(&made)).await.is(200, &made);
    bob.get(&path_of(&made)).await.is(404, &no_employee());
}

#[tokio::test]
async fn names_move_with_a_change_and_the_old_ones_are_free() {
    let api = Api::start().await;
    let (ada, bob) = (api.signed_in().await, api.another().await);
    let path = path_of(&ada.employs(&whole_employee()).await);

    let moved = json!({ "phone_number": PHONE, "email": "alan@example.com" });
    assert_eq!(ada.patch(&path, &moved).await.status, 200);

    let alan = bob.employs(&whole_employee()).await;
    let taken = json!({ "phone_number": [PHONE_TAKEN], "email": [EMAIL_TAKEN] });
    is_refused(&api, &bob, &path_of(&alan), &moved, &taken).await;
}

#[tokio::test]
async fn another_employees_names_are_taken() {
    let api = Api::start().await;
    let (ada, bob) = (api.signed_in().await, api.another().await);
    bob.employs(&whole_employee()).await;
    ada.employs(&employee("9881167672")).await;
    let path = path_of(&ada.employs(&employee(PHONE)).await);

    for spelling in ["9101234567", "+91 91012 34567", "+919881167672"] {
        let body = json!({ "phone_number": spelling });
        is_refused(&api, &ada, &path, &body, &complaint("phone_number", PHONE_TAKEN)).await;
    }
    let body = json!({ "email": "ALAN.TURING@example.com" });
    is_refused(&api, &ada, &path, &body, &complaint("email", EMAIL_TAKEN)).await;
}

#[tokio::test]
async fn an_address_may_change_its_case() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let made = ada.employs(&whole_employee()).await;

    let answer = ada.patch(&path_of(&made), &json!({ "email": "ALAN.TURING@example.com" })).await;

    assert_eq!((answer.status, &answer.body["email"]), (200, &json!("ALAN.TURING@example.com")));
}

#[tokio::test]
async fn a_changed_number_is_not_verified() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let path = path_of(&ada.employs(&employee(PHONE)).await);
    api.set("Employees", |key| key.starts_with("employee#"), "is_phone_verified", &json!({ "BOOL": true }))
        .await;

    let same = ada.patch(&path, &json!({ "phone_number": "+91 98811 67671", "last_name": "Murray" })).await;
    assert_eq!((same.status, &same.body["is_phone_verified"]), (200, &json!(true)));

    let answer = ada.patch(&path, &json!({ "phone_number": "9101234567" })).await;

    assert_eq!(answer.body["phone_number"], "+919101234567");
    assert_eq!(answer.body["is_phone_verified"], false);
}

#[tokio::test]
async fn staff_may_change_an_employee_who_stays_their_owners() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    let made = ada.employs(&employee(PHONE)).await;

    let patched = admin.patch(&path_of(&made), &json!({ "last_name": "Murray" })).await;
    let put = admin.put(&path_of(&made), &employee("9101234567")).await;

    assert_eq!((patched.status, put.status), (200, 200));
    assert_eq!(put.body["owner"], json!(ada.id()));
    ada.get(&path_of(&made)).await.is(200, &put.body);
}

#[tokio::test]
async fn nobody_else_can_change_an_employee() {
    let api = Api::start().await;
    let (ada, bob) = (api.signed_in().await, api.another().await);
    let path = path_of(&ada.employs(&employee(PHONE)).await);
    let before = api.items("Employees").await;

    bob.put(&path, &employee(PHONE)).await.is(404, &no_employee());
    bob.patch(&path, &json!({ "last_name": "Murray" })).await.is(404, &no_employee());
    bob.patch(&path, &json!({})).await.is(404, &no_employee());
    bob.header("If-Match", "\"9\"").patch(&path, &json!({})).await.is(404, &no_employee());

    assert_eq!(api.items("Employees").await, before);
}

#[tokio::test]
async fn it_is_asked_who_calls_then_what_they_send_and_then_for_whom() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    for id in [NOBODY, "x", "%00"] {
        let path = format!("/api/employees/{id}");
        api.patch(&path, &json!({ "first_name": "" }))
            .await
            .is(401, &json!({ "detail": "Authentication credentials were not provided." }));
        let malformed = ada.send("PATCH".parse().unwrap(), &path, Some("application/json"), "{").await;
        assert_eq!(malformed.status, 400, "{}", malformed.text);
        ada.patch(&path, &json!({ "first_name": "" }))
            .await
            .is(400, &complaint("first_name", "This field may not be blank."));
        ada.patch(&path, &json!({ "first_name": "Grace" })).await.is(404, &no_employee());
        ada.put(&path, &employee(PHONE)).await.is(404, &no_employee());
    }
}

#[tokio::test]
async fn a_change_of_a_record_that_has_changed_since_is_refused() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let path = path_of(&ada.employs(&employee(PHONE)).await);
    let change = json!({ "last_name": "Murray" });
    assert_eq!(ada.patch(&path, &json!({ "first_name": "G." })).await.header("etag"), "\"2\"");
    let before = api.items("Employees").await;
    let stale = json!({ "detail": "The record has changed since it was read." });

    for tag in ["\"1\"", "\"3\"", "W/\"2\"", "2"] {
        ada.header("If-Match", tag).patch(&path, &change).await.is(412, &stale);
        ada.header("If-Match", tag).put(&path, &employee(PHONE)).await.is(412, &stale);
        ada.header("If-Match", tag).patch(&path, &json!({})).await.is(412, &stale);
    }
    assert_eq!(api.items("Employees").await, before);

    assert_eq!(ada.header("If-Match", "\"2\"").patch(&path, &change).await.header("etag"), "\"3\"");
    assert_eq!(ada.header("If-Match", "*").put(&path, &employee(PHONE)).await.header("etag"), "\"4\"");
}

#[tokio::test]
async fn of_two_writers_who_have_read_one_version_one_writes() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let path = path_of(&ada.employs(&employee(PHONE)).await);
    let reader = ada.header("If-Match", "\"1\"");
    // Even of different fields.
    let changes = [json!({ "first_name": "G." }), json!({ "last_name": "Murray" })];

    let answers = join_all(changes.iter().map(|change| reader.patch(&path, change))).await;

    let (written, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((written.len(), refused.len()), (1, 1));
    refused[0].is(412, &json!({ "detail": "The record has changed since it was read." }));
    ada.get(&path).await.is(200, &written[0].body);
}

#[tokio::test]
async fn parallel_changes_of_different_fields_all_survive() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    let made = ada.employs(&employee(PHONE)).await;
    let changes: Vec<Value> = whole_employee()
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "last_name")
        .map(|(name, value)| json!({ name: value }))
        .collect();
    assert_eq!(changes.len(), 8);

    let path = path_of(&made);
    let writers = changes.iter().zip([&ada, &admin].into_iter().cycle());
    for answer in join_all(writers.map(|(change, user)| user.patch(&path, change))).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    let read = ada.get(&path).await;
    assert_eq!(read.header("etag"), "\"9\"");
    let expected = with(&with(&made, &whole_employee()), &json!({ "last_name": "Hopper" }));
    assert_eq!(but_for_its_time(read.body), but_for_its_time(expected));
}

#[tokio::test]
async fn of_parallel_changes_to_one_number_one_succeeds() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let mut paths = Vec::new();
    for n in 0..4 {
        paths.push(path_of(&ada.employs(&employee(&format!("988116767{n}"))).await));
    }

    let change = json!({ "phone_number": "9101234567" });
    let answers = join_all(paths.iter().map(|path| ada.patch(path, &change))).await;

    let (changed, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(changed.len(), 1);
    for answer in refused {
        answer.is(400, &complaint("phone_number", PHONE_TAKEN));
    }
    // Four employees and the number of each.
    assert_eq!(api.items("Employees").await.len(), 8);
}

#[tokio::test]
async fn a_change_is_audited_by_the_names_of_its_fields() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    let made = ada.employs(&employee(PHONE)).await;

    let body = json!({
        "first_name": "Grace", "department": "Computing", "phone_number": "9101234567", "email": "grace@example.com",
    });
    assert_eq!(admin.patch(&path_of(&made), &body).await.status, 200);
    assert_eq!(ada.patch(&path_of(&made), &json!({ "address": [] })).await.status, 400);

    let audited = api.audited("employee changed");
    assert_eq!(audited.len(), 1);
    let event = &audited[0];
    assert_eq!((&event["actor_id"], &event["employee_id"]), (&json!(admin.id()), &made["id"]));
    assert_eq!(event["fields"], "department,phone_number,email");
    for line in api.stack.logs() {
        for value in ["Computing", "9101234567", "grace@example.com"] {
            assert!(!line.contains(value), "{value}: {line}");
        }
    }
}
