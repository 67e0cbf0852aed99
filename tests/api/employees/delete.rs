//! `DELETE /api/employees/{id}`.

use futures_util::{future::join_all, join};
use serde_json::json;

use crate::support::{
    Api,
    employee::{NOBODY, employee, no_employee, path_of, whole_employee},
};

const PHONE: &str = "9881167671";

#[tokio::test]
async fn a_deleted_employee_is_gone_and_their_names_are_free() {
    let api = Api::start().await;
    let (ada, bob) = (api.signed_in().await, api.another().await);
    let path = path_of(&ada.employs(&whole_employee()).await);

    let answer = ada.delete(&path).await;

    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert_eq!(api.items("Employees").await.len(), 0);
    ada.get(&path).await.is(404, &no_employee());
    ada.patch(&path, &json!({ "first_name": "Alan" })).await.is(404, &no_employee());
    ada.delete(&path).await.is(404, &no_employee());
    ada.get("/api/employees").await.is(200, &json!({ "next": null, "previous": null, "results": [] }));
    bob.employs(&whole_employee()).await;
}

#[tokio::test]
async fn staff_may_delete_an_employee() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    let path = path_of(&ada.employs(&employee(PHONE)).await);

    assert_eq!(admin.delete(&path).await.status, 204);

    assert_eq!(api.items("Employees").await.len(), 0);
}

#[tokio::test]
async fn nobody_else_can_delete_an_employee() {
    let api = Api::start().await;
    let (ada, bob) = (api.signed_in().await, api.another().await);
    let path = path_of(&ada.employs(&employee(PHONE)).await);
    let before = api.items("Employees").await;

    bob.delete(&path).await.is(404, &no_employee());
    bob.header("If-Match", "\"9\"").delete(&path).await.is(404, &no_employee());
    api.delete(&path).await.is(401, &json!({ "detail": "Authentication credentials were not provided." }));

    assert_eq!(api.items("Employees").await, before);
}

#[tokio::test]
async fn an_id_that_nobody_has_or_that_is_none_is_not_found() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    for id in [NOBODY, "x", "%00"] {
        ada.delete(&format!("/api/employees/{id}")).await.is(404, &no_employee());
    }
}

#[tokio::test]
async fn a_record_that_has_changed_since_it_was_read_stays() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let path = path_of(&ada.employs(&employee(PHONE)).await);
    assert_eq!(ada.patch(&path, &json!({ "first_name": "G." })).await.header("etag"), "\"2\"");
    let before = api.items("Employees").await;

    ada.header("If-Match", "\"1\"")
        .delete(&path)
        .await
        .is(412, &json!({ "detail": "The record has changed since it was read." }));
    assert_eq!(api.items("Employees").await, before);

    assert_eq!(ada.header("If-Match", "\"2\"").delete(&path).await.status, 204);
}

#[tokio::test]
async fn of_parallel_deletions_one_succeeds() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let path = path_of(&ada.employs(&whole_employee()).await);

    let answers = join_all((0..4).map(|_| ada.delete(&path))).await;

    let (deleted, late): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 204);
    assert_eq!(deleted.len(), 1);
    for answer in late {
        answer.is(404, &no_employee());
    }
    assert_eq!(api.audited("employee deleted").len(), 1);
}

#[tokio::test]
async fn a_change_beside_a_deletion_resurrects_nothing() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    for _ in 0..10 {
        let path = path_of(&ada.employs(&whole_employee()).await);
        let names = json!({ "phone_number": PHONE, "email": "alan@example.com" });
        let (title, department) = (json!({ "job_title": "Reader" }), json!({ "department": "Mathematics" }));

        let (renamed, titled, deleted, moved) = join!(
            ada.patch(&path, &names),
            ada.patch(&path, &title),
            ada.delete(&path),
            ada.patch(&path, &department),
        );

        assert_eq!(deleted.status, 204, "{}", deleted.text);
        for answer in [renamed, titled, moved] {
            if answer.status != 200 {
                answer.is(404, &no_employee());
            }
        }
        assert_eq!(api.items("Employees").await, [].into(), "not even a name is left");
    }
}

#[tokio::test]
async fn a_deletion_is_audited() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    let made = ada.employs(&whole_employee()).await;

    ada.delete(&format!("/api/employees/{NOBODY}")).await;
    admin.delete(&path_of(&made)).await;

    let audited = api.audited("employee deleted");
    assert_eq!(audited.len(), 1);
    assert_eq!((&audited[0]["actor_id"], &audited[0]["employee_id"]), (&json!(admin.id()), &made["id"]));
    assert_eq!(audited[0]["fields"], "");
}
