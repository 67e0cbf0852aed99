//! `GET /api/employees/{id}`.

use serde_json::json;

use crate::support::{
    Api,
    employee::{NOBODY, employee, no_employee, path_of, whole_employee},
};

#[tokio::test]
async fn an_employee_is_shown_to_their_owner_and_to_staff() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    let made = ada.employs(&whole_employee()).await;

    for user in [&ada, &admin] {
        let answer = user.get(&path_of(&made)).await;
        answer.is(200, &made);
        assert_eq!(answer.header("etag"), "\"1\"");
    }
}

#[tokio::test]
async fn nobody_else_sees_that_there_is_one() {
    let api = Api::start().await;
    let (ada, bob) = (api.signed_in().await, api.another().await);
    let made = ada.employs(&employee("9881167671")).await;

    bob.get(&path_of(&made)).await.is(404, &no_employee());
    api.get(&path_of(&made))
        .await
        .is(401, &json!({ "detail": "Authentication credentials were not provided." }));
}

#[tokio::test]
async fn an_id_that_nobody_has_or_that_is_none_is_not_found() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let made = ada.employs(&employee("9881167671")).await;
    let longer = format!("{}0", made["id"].as_str().unwrap());

    let nil = "00000000-0000-0000-0000-000000000000";
    for id in [NOBODY, nil, "x", "1", "-1", "%00", "%20", "%F0%9F%98%80", &longer, &ada.id()] {
        let answer = ada.get(&format!("/api/employees/{id}")).await;
        answer.is(404, &no_employee());
    }
}
