//! Integer ids, as Django's: `Ids=integer`. What holds in both modes is tested where it belongs, in both.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Api, PASSWORD, User,
    employee::{employee, no_employee, whole_employee},
    registration,
    token::{self, Key},
    unlimited,
};

/// The text that stands for the integer 1 in the database.
const ONE: &str = "00000000-0000-8000-8000-000000000001";

fn internal() -> Value {
    json!({ "detail": "A server error occurred." })
}

#[tokio::test]
async fn users_and_employees_are_numbered_each_from_one() {
    let api = Api::with_integers(&[]).await;

    let ada = api.registered("ada").await;
    let bob = api.registered("bob").await;
    assert_eq!((&ada["id"], &bob["id"]), (&json!(1), &json!(2)));
    let (ada, admin) = (api.log_in("ada").await, api.staff().await);
    assert_eq!(admin.profile().await["id"], 3);
    let grace = ada.employs(&employee("+919881167671")).await;
    let alan = ada.employs(&whole_employee()).await;
    assert_eq!((&grace["id"], &grace["owner"], &alan["id"]), (&json!(1), &json!(1), &json!(2)));

    ada.get("/api/employees/2").await.is(200, &alan);
    admin.get("/api/users/2").await.is(200, &bob);
    let list = admin.get("/api/users").await.body;
    let ids: Vec<&Value> = list["results"].as_array().unwrap().iter().map(|user| &user["id"]).collect();
    assert_eq!(ids, [&json!(3), &json!(2), &json!(1)]);
    let changed = ada.patch("/api/employees/1", &json!({ "department": "Navy" })).await;
    assert_eq!((changed.status, &changed.body["owner"]), (200, &json!(1)));
    assert_eq!(ada.delete("/api/employees/2").await.status, 204);
    assert_eq!(admin.post("/api/users/2/logout", &json!({})).await.status, 200);
    assert_eq!(admin.delete("/api/users/2").await.status, 204);
    // A number is not given again.
    assert_eq!(ada.employs(&whole_employee()).await["id"], 3);
    assert_eq!(api.registered("eve").await["id"], 4);
}

#[tokio::test]
async fn an_integer_id_has_one_form() {
    let api = Api::with_integers(&[]).await;
    let ada = api.signed_in().await;
    ada.employs(&employee("+919881167671")).await;

    for wrong in [ONE, "01", "+1", "%31%20", "1.0", "0", "-1", "9007199254740993", "1e0"] {
        ada.get(&format!("/api/employees/{wrong}")).await.is(404, &no_employee());
        assert_eq!(ada.get(&format!("/api/users/{wrong}")).await.status, 404, "{wrong}");
    }
    // It is stored as a UUID, as every other id.
    let record = api.item("Employees", &format!("employee#{ONE}")).await.unwrap();
    assert_eq!((&record["id"]["S"], &record["owner"]["S"]), (&json!(ONE), &json!(ONE)));
    assert!(record["by_owner"]["S"].as_str().unwrap().starts_with(ONE));
}

#[tokio::test]
async fn lines_of_the_log_show_ids_as_the_api_does() {
    let api = Api::with_integers(&[]).await;
    let ada = api.signed_in().await;
    ada.employs(&employee("+919881167671")).await;

    assert_eq!(api.changes("registered")[0][1], "1");
    assert_eq!(
        api.changes("employee created")[0].as_array().unwrap()[..3],
        ["1".into(), Value::Null, "1".into()]
    );
    assert!(!api.stack.logs().iter().any(|line| line.contains(ONE)));
}

#[tokio::test]
async fn records_that_are_made_at_once_never_share_a_number() {
    let api = Api::with_integers(&unlimited()).await;
    let names: Vec<String> = (0..12).map(|n| format!("user{n}")).collect();
    let users = join_all(names.iter().map(|name| api.registered(name))).await;
    let ids: BTreeSet<u64> = users.iter().map(|user| user["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=12).collect());

    let ada = api.log_in("user0").await;
    let phones: Vec<Value> = (0..12).map(|n| employee(&format!("+9198811676{n:02}"))).collect();
    let employees = join_all(phones.iter().map(|body| ada.employs(body))).await;
    let ids: BTreeSet<u64> = employees.iter().map(|employee| employee["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=12).collect());
}

#[tokio::test]
async fn a_request_that_is_wrong_takes_no_number() {
    let api = Api::with_integers(&[]).await;
    let ada = api.signed_in().await;

    assert_eq!(api.post("/api/register", &json!({ "username": "bob" })).await.status, 400);
    assert_eq!(ada.post("/api/employees", &json!({ "first_name": "Grace" })).await.status, 400);

    let ids = api.item("Users", "ids").await.unwrap();
    assert_eq!((&ids["users"], ids.get("employees")), (&json!({ "N": "1" }), None));
}

#[tokio::test]
async fn a_token_names_its_user_by_text_or_by_number() {
    let api = Api::with_integers(&[]).await;
    let ada = api.signed_in().await;
    let claims = token::claims(&ada.access);
    assert_eq!(claims["user_id"], "1");

    let other = Api::with_number_claims().await;
    let bob = other.signed_in().await;
    assert_eq!(token::claims(&bob.access)["user_id"], 1);
    assert_eq!(token::claims(&bob.refresh)["user_id"], 1);
    bob.is_signed_in().await;
    assert_eq!(token::claims(&bob.refreshed().await.access)["user_id"], 1);

    // A stack that is set otherwise later still takes the tokens of before.
    let key = Key::believed(&api).await;
    let mut number = claims.clone();
    number["user_id"] = json!(1);
    let client = api.bearer(&key.sign(&number));
    client.get("/api/profile").await.is(200, &ada.profile().await);
    for wrong in [json!(2), json!(0), json!(-1), json!(1.5), json!("x"), Value::Null] {
        number["user_id"] = wrong;
        assert_eq!(api.bearer(&key.sign(&number)).get("/api/profile").await.status, 401, "{number}");
    }
}

#[tokio::test]
async fn a_stack_with_integers_makes_no_uuids() {
    let api = Api::start().await;
    let ids = json!({ "pk": { "S": "ids" }, "kind": { "S": "integer" }, "users": { "N": "7" } });
    api.put_item("Users", &ids).await;

    makes_nothing(&api).await;

    let said = api.logged().into_iter().any(|line| {
        let cause = line.to_string();
        cause.contains("deploy it with Ids=integer")
    });
    assert!(said);
}

#[tokio::test]
async fn a_stack_with_uuids_makes_no_integers() {
    let api = Api::with_integers(&[]).await;
    let pattern = Api::start().await;
    pattern.registered("ada").await;
    api.put_items("Users", pattern.items("Users").await.into_values()).await;

    makes_nothing(&api).await;

    assert!(api.logged().into_iter().any(|line| line.to_string().contains("deploy it with Ids=uuid")));
    // Everything else works.
    let login = json!({ "username": "ada", "password": PASSWORD });
    assert_eq!(api.post("/api/token", &login).await.status, 200);
}

async fn makes_nothing(api: &Api) {
    let before = api.items("Users").await;
    for _ in 0..2 {
        api.post("/api/register", &registration("bob")).await.is(500, &internal());
    }
    let superuser = json!({ "username": "admin", "email": "admin@example.com", "password": PASSWORD });
    assert!(api.stack.invoke("create-superuser", superuser).await.is_err());
    assert!(api.stack.invoke("import", json!({ "users": [] })).await.is_err());
    assert_eq!(api.items("Users").await, before);
}

#[tokio::test]
async fn everything_of_a_user_with_an_integer_id_works() {
    let api = Api::with_integers(&[]).await;
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    assert_eq!(ada.get("/api/sessions").await.body.as_array().map(Vec::len), Some(1));
    let phone = json!({ "phone_number": "+919881167671" });
    assert_eq!(ada.patch("/api/profile", &phone).await.status, 200);
    assert_eq!(ada.post("/otp/generate", &phone).await.status, 200);
    let otp = api.code_for("+919881167671").await;
    let proof = json!({ "phone_number": "+919881167671", "otp": otp });
    assert_eq!(ada.post("/otp/verify", &proof).await.status, 200);
    let new = json!({ "email": "ada@example.org" });
    assert_eq!(ada.patch("/api/profile", &new).await.status, 200);
    api.verify_by(&ada, "ada@example.org").await;
    let passwords = json!({ "old_password": PASSWORD, "new_password": "another long phrase", "confirm_password": "another long phrase" });
    let answer = ada.post("/api/password/reset", &passwords).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let again = User::new(&api, &answer.body).profile().await;
    assert_eq!(
        (&again["id"], &again["email"], &again["is_phone_verified"]),
        (&json!(1), &json!("ada@example.org"), &json!(true))
    );
    assert_eq!(ada.post("/api/logout/all", &json!({})).await.status, 401);
}

#[tokio::test]
async fn a_folder_keeps_the_kind_of_its_ids() {
    for (first, second) in [("uuid", "integer"), ("integer", "uuid")] {
        let folder = tempfile::tempdir().unwrap();
        let api = Api::kept_in(folder.path(), &[("Ids", first)]).await;
        api.registered("ada").await;
        api.stack.stop().await;

        let refused = Api::try_kept_in(folder.path(), &[("Ids", second)]).await.unwrap_err().to_string();
        assert!(refused.contains(&format!("--parameter Ids={first}")), "{refused}");

        let api = Api::kept_in(folder.path(), &[("Ids", first)]).await;
        assert_eq!(api.log_in("ada").await.profile().await["username"], "ada");
    }
}

#[tokio::test]
async fn a_folder_with_uuids_goes_on_with_them_unless_it_is_told_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::kept_in(folder.path(), &[]).await;
    let ada = api.registered("ada").await;
    assert!(ada["id"].is_string());
    api.stack.stop().await;

    let api = Api::kept_in(folder.path(), &[("Compatibility", "django")]).await;

    assert!(api.registered("bob").await["id"].is_string());
    assert_eq!(api.log_in("ada").await.profile().await["id"], ada["id"]);
    assert_eq!(api.stack.setting("IDS"), Some("uuid"));
}
