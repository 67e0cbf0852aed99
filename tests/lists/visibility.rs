//! What users see where every user may see all: `EmployeesVisibleTo=all` and `UsersVisibleTo=all`. Which calls they may make is in
//! `tests/security/authorisation.rs`.

use serde_json::{Value, json};

use crate::support::{
    Answer, Api,
    employee::{NOBODY, employee, path_of},
};

const NOT_ALLOWED: &str = "You do not have permission to perform this action.";

fn seen(answer: &Answer, field: &str) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["results"].as_array().unwrap().iter().map(|record| record[field].clone()).collect()
}

#[tokio::test]
async fn every_user_lists_and_reads_all_employees_and_changes_their_own() {
    let api = Api::with(&[("EmployeesVisibleTo", "all")]).await;
    let (ada, bob, admin) = (api.signed_in().await, api.another().await, api.staff().await);
    let (of_ada, of_bob) =
        (ada.employs(&employee("9881167671")).await, bob.employs(&employee("9881167672")).await);
    let numbers = [of_bob["phone_number"].clone(), of_ada["phone_number"].clone()];

    for user in [&ada, &bob, &admin] {
        for query in ["", "?search=grace", "?is_phone_verified=false"] {
            assert_eq!(
                seen(&user.get(&format!("/api/employees{query}")).await, "phone_number"),
                numbers,
                "{query}"
            );
        }
        user.get(&path_of(&of_bob)).await.is(200, &of_bob);
        // Users who see an employee also find them by their number.
        let found = user.get("/api/employees?search=098811-67672").await;
        assert_eq!(seen(&found, "phone_number"), numbers[..1]);
    }
    // Users are another matter.
    assert_eq!(seen(&ada.get("/api/users").await, "username"), ["ada"]);

    let (path, before) = (path_of(&of_bob), api.records().await);
    let refused = json!({ "detail": NOT_ALLOWED });
    ada.delete(&path).await.is(403, &refused);
    ada.patch(&path, &json!({ "job_title": "Spy" })).await.is(403, &refused);
    // Users who may not change a record are not told what is wrong with their change.
    ada.patch(&path, &json!({ "phone_number": "1" })).await.is(403, &refused);
    ada.put(&path, &json!({})).await.is(403, &refused);
    assert_eq!(api.records().await, before);
    let nowhere = format!("/api/employees/{NOBODY}");
    let not_found = json!({ "detail": "No Employee matches the given query." });
    ada.get(&nowhere).await.is(404, &not_found);
    ada.delete(&nowhere).await.is(404, &not_found);
    ada.patch(&nowhere, &json!({ "job_title": "Spy" })).await.is(404, &not_found);

    assert_eq!(bob.patch(&path, &json!({ "job_title": "Admiral" })).await.status, 200);
    assert_eq!(admin.delete(&path).await.status, 204);
    assert_eq!(ada.delete(&path_of(&of_ada)).await.status, 204);
}

#[tokio::test]
async fn every_user_lists_and_reads_all_users_and_changes_themselves() {
    let api = Api::with(&[("UsersVisibleTo", "all")]).await;
    let (ada, bob, admin) = (api.signed_in().await, api.another().await, api.staff().await);
    let path = format!("/api/users/{}", bob.id());

    for user in [&ada, &bob, &admin] {
        for (query, names) in [
            ("", &["admin", "bob", "ada"][..]),
            ("?is_staff=true", &["admin"]),
            ("?search=bob@example.com", &["bob"]),
            ("?is_active=false", &[]),
        ] {
            assert_eq!(seen(&user.get(&format!("/api/users{query}")).await, "username"), names, "{query}");
        }
        user.get(&path).await.is(200, &bob.profile().await);
    }
    let of_bob = bob.employs(&employee("9881167672")).await;
    ada.get(&path_of(&of_bob)).await.is(404, &json!({ "detail": "No Employee matches the given query." }));

    let before = api.records().await;
    let refused = json!({ "detail": NOT_ALLOWED });
    ada.delete(&path).await.is(403, &refused);
    for body in
        [json!({ "first_name": "Eve" }), json!({ "is_staff": true }), json!({ "email": "x" }), json!({})]
    {
        ada.patch(&path, &body).await.is(403, &refused);
        ada.put(&path, &body).await.is(403, &refused);
    }
    for path in [format!("{path}/unlock"), format!("{path}/logout"), format!("{path}/password/forgot")] {
        ada.post(&path, &json!({})).await.is(403, &refused);
    }
    assert_eq!(api.records().await, before);
    ada.get(&format!("/api/users/{NOBODY}"))
        .await
        .is(404, &json!({ "detail": "No User matches the given query." }));
    let own = format!("/api/users/{}", ada.id());
    assert_eq!(ada.patch(&own, &json!({ "first_name": "Ada" })).await.status, 200);
    assert_eq!(ada.delete(&own).await.status, 204);
}

/// What everybody sees is read beside the check of the caller, as what staff see is.
#[tokio::test]
async fn a_list_for_all_waits_for_nothing() {
    let api = Api::behind_a_proxy(&[("EmployeesVisibleTo", "all"), ("UsersVisibleTo", "all")]).await;
    let ada = api.signed_in().await;
    for (path, calls_of) in [("/api/employees", 5), ("/api/users", 3)] {
        ada.get(path).await;
        let (answer, calls) = api.proxy.watch(ada.get(path)).await;
        assert_eq!((answer.status, calls.len()), (200, calls_of), "{path}\n{calls}");
    }
}

#[tokio::test]
async fn the_employees_of_one_owner_can_be_asked_for() {
    for visible_to in ["all", "owner"] {
        let api = Api::with(&[("EmployeesVisibleTo", visible_to)]).await;
        let (ada, bob, admin) = (api.signed_in().await, api.another().await, api.staff().await);
        ada.employs(&employee("9881167671")).await;
        let of_bob = bob.employs(&employee("9881167672")).await["phone_number"].clone();
        let of = async |user: &crate::support::User, query: String| {
            seen(&user.get(&format!("/api/employees?owner={query}")).await, "phone_number")
        };

        let of_bob = vec![of_bob];
        assert_eq!(of(&admin, bob.id()).await, of_bob);
        assert_eq!(of(&admin, format!("{}&search=grace", bob.id())).await, of_bob);
        assert_eq!(of(&bob, bob.id()).await, of_bob);
        let shown = if visible_to == "all" { of_bob } else { Vec::new() };
        assert_eq!(of(&ada, bob.id()).await, shown);
        assert_eq!(of(&admin, NOBODY.to_owned()).await, [] as [Value; 0]);
        let words = "Select a valid choice. That choice is not one of the available choices.";
        admin.get("/api/employees?owner=bob").await.is(400, &json!({ "owner": [words] }));
    }
}
