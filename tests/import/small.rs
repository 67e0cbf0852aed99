//! Dumps of one rule each.

use local::{Import, Inactive, Login, Settings};
use serde_json::{Value, json};

use super::moving::{by_email, by_phone, by_username, import, logs_in, moves_in, records};
use crate::support::{Api, unlimited_seeds};

const PASSWORD: &str = "password123";

async fn api() -> Api {
    Api::with(&unlimited_seeds()).await
}

fn with(settings: Settings) -> Import {
    Import { settings, ..Import::default() }
}

#[tokio::test]
async fn a_column_that_is_always_empty_is_no_identifier() {
    for login in [None, Some(Login::Phone)] {
        let api = api().await;

        let moved =
            moves_in(&api, &records("m1.json"), &with(Settings { login, ..Settings::default() })).await;

        moved.everybody(1, 0);
        logs_in(async |password| by_phone(&api, "09101234567", &password).await, PASSWORD).await;
        logs_in(async |password| by_username(&api, "09101234567", &password).await, PASSWORD).await;
        assert_eq!(moved.dump.users[0].record["is_phone_verified"], true);
    }
}

#[tokio::test]
async fn a_table_of_pending_sign_ups_has_no_users() {
    let api = api().await;

    let moved = moves_in(&api, &records("m2.json"), &Import::default()).await;

    moved.everybody(0, 0);
    moved.says("left out: user.pendinguser (1): pending sign-ups are not users");
    let check = api.post("/auth/check-phone/", &json!({ "phone": "9881167601" })).await;
    assert_eq!((check.status, &check.body["exists"]), (200, &json!(false)), "{}", check.text);
    assert_eq!(by_phone(&api, "9881167601", PASSWORD).await.status, 401);
}

#[tokio::test]
async fn a_user_who_waits_for_a_code_is_pending_until_the_address_is_verified() {
    let api = api().await;

    let moved = moves_in(&api, &records("m4.json"), &Import::default()).await;

    moved.everybody(2, 0);
    moved.says("inactive users: 1 pending until their address is verified, 0 deactivated");
    logs_in(async |password| by_username(&api, "boss", &password).await, PASSWORD).await;
    for _ in 0..2 {
        assert_eq!(by_username(&api, "pending", PASSWORD).await.status, 401);
        assert_ne!(by_email(&api, "victim@example.com", PASSWORD).await.status, 200);
    }
    assert_eq!(api.post("/api/otp/resend/", &json!({ "email": "victim@example.com" })).await.status, 200);
    api.verify("victim@example.com").await;
    logs_in(async |password| by_username(&api, "pending", &password).await, PASSWORD).await;
    logs_in(async |password| by_email(&api, "victim@example.com", &password).await, PASSWORD).await;
}

#[tokio::test]
async fn an_option_verifies_no_pending_user_and_another_deactivates_them() {
    let verified = Settings { emails_are_verified: true, ..Settings::default() };
    let api_of_verified = api().await;
    moves_in(&api_of_verified, &records("m4.json"), &with(verified)).await;
    logs_in(async |password| by_email(&api_of_verified, "boss@example.com", &password).await, PASSWORD).await;
    assert_ne!(by_email(&api_of_verified, "victim@example.com", PASSWORD).await.status, 200);

    let disabled = Settings { inactive: Some(Inactive::Disabled), ..Settings::default() };
    let api = api().await;
    let moved = moves_in(&api, &records("m4.json"), &with(disabled)).await;
    moved.says("inactive users: 0 pending until their address is verified, 1 deactivated");
    assert_eq!(moved.dump.users[1].record.get("is_pending"), None);
    assert_eq!(by_username(&api, "pending", PASSWORD).await.status, 401);
}

#[tokio::test]
async fn an_employee_who_is_the_user_needs_no_name() {
    let api = api().await;

    let moved = moves_in(&api, &records("m5.json"), &Import::default()).await;

    moved.everybody(1, 1);
    logs_in(async |password| by_username(&api, "bunny", &password).await, PASSWORD).await;
    let bunny = api.log_in_with("bunny", PASSWORD).await;
    let employee = &bunny.get("/api/employees/").await.body["results"][0];
    assert_eq!(
        [
            &employee["first_name"],
            &employee["last_name"],
            &employee["phone_number"],
            &employee["email"],
            &employee["job_title"]
        ],
        ["bunny", "", "+919881167604", "b@example.com", "Dev"]
    );
    assert_eq!(employee["owner"], bunny.id());
}

#[tokio::test]
async fn fields_without_a_place_are_listed() {
    let api = api().await;

    let moved = moves_in(&api, &records("m6.json"), &Import::default()).await;

    moved.everybody(1, 1);
    let no_place: Vec<_> =
        moved.dump.report.no_place.iter().map(|(field, count)| (field.as_str(), *count)).collect();
    assert_eq!(
        no_place,
        [
            ("hr.employee.employee_id", 1),
            ("hr.employee.salary", 1),
            ("hr.employee.skills", 1),
            ("hr.profile.avatar", 1),
            ("hr.profile.bio", 1)
        ]
    );
    let ada = api.log_in_with("ada", PASSWORD).await;
    assert_eq!(ada.profile().await["phone_number"], "+919881167606");
    assert_eq!(ada.get("/api/employees/").await.body["results"][0]["phone_number"], "+919881167605");
}

#[tokio::test]
async fn a_number_that_is_none_is_no_error() {
    let api = api().await;

    let moved = moves_in(&api, &records("m7.json"), &Import::default()).await;

    moved.everybody(1, 0);
    moved.says("left out: shop.item (1)");
    logs_in(async |password| by_username(&api, "ada", &password).await, PASSWORD).await;
}

#[tokio::test]
async fn allauth_says_which_addresses_are_verified() {
    let api = api().await;

    moves_in(&api, &records("m8.json"), &Import::default()).await.everybody(1, 0);

    logs_in(async |password| by_email(&api, "ada@example.com", &password).await, PASSWORD).await;
}

#[tokio::test]
async fn a_dump_is_imported_as_it_comes() {
    for file in ["enc_utf16.json", "enc.json.gz", "enc_prefix.json"] {
        let api = api().await;

        moves_in(&api, &records(file), &Import::default()).await.everybody(3, 0);

        for number in 0..3 {
            let name = format!("v{number}");
            let user = api.log_in_with(&name, PASSWORD).await;
            let profile = user.profile().await;
            assert_eq!(profile["phone_number"], format!("+91988116760{number}"), "{file}");
            assert_eq!([&profile["first_name"], &profile["last_name"]], ["José", "Müller"]);
            assert_eq!(by_username(&api, &name, "password124").await.status, 401);
        }
    }
}

#[tokio::test]
async fn every_record_has_its_new_id() {
    let api = api().await;

    let moved = import(&api, &records("m6.json"), &Import::default()).await;

    let ada = api.log_in_with("ada", PASSWORD).await;
    let employee = ada.get("/api/employees/").await.body["results"][0]["id"].clone();
    let expected: [Value; 2] = [
        json!({ "model": "auth.user", "key": 1, "id": ada.id() }),
        json!({ "model": "hr.employee", "key": 1, "id": employee }),
    ];
    assert_eq!(moved.imported.ids, expected);
}
