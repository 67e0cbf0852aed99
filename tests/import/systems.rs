//! Whole Django systems, with the flaws that old tables have.

use local::{Import, Settings};
use serde_json::{Value, json};

use super::moving::{by_email, by_phone, by_username, import, logs_in, moves_in, records};
use crate::support::{Api, User, unlimited_seeds};

const PASSWORD: &str = "password123";

async fn api() -> Api {
    Api::with(&unlimited_seeds()).await
}

fn with(settings: Settings) -> Import {
    Import { settings, ..Import::default() }
}

/// The employees that a user sees, by first name.
async fn employees(user: &User) -> Vec<Value> {
    let mut all = user.get("/api/employees/?page_size=100").await.body["results"].as_array().unwrap().clone();
    all.sort_by_key(|employee| employee["first_name"].as_str().unwrap().to_owned());
    all
}

#[tokio::test]
async fn users_who_log_in_by_phone_go_on_as_their_numbers_were_stored() {
    let api = api().await;

    moves_in(&api, &records("p2.json"), &Import::default()).await.everybody(4, 0);

    for (number, password) in [
        ("09101234567", "majed0"),
        ("09102664392", "majed1"),
        ("09223929948", "majed2"),
        ("09120000000", "SuperPass123"),
    ] {
        logs_in(async |password| by_phone(&api, number, &password).await, password).await;
    }
    let staff = User::new(&api, &by_phone(&api, "09120000000", "SuperPass123").await.body);
    assert_eq!(staff.profile().await["is_staff"], true);
}

#[tokio::test]
async fn the_first_line_says_that_nothing_verifies_the_addresses_that_users_log_in_with() {
    let api = api().await;
    let unverified = import(&api, &records("p4.json"), &Import::default()).await;
    assert!(unverified.first_line().contains("nothing in the dump says that the addresses are verified"));
    assert!(unverified.first_line().contains("--verified email"), "{}", unverified.first_line());
    assert_eq!(by_email(&api, "a@example.com", PASSWORD).await.body["code"], "email_not_verified");

    let api = Api::with(&unlimited_seeds()).await;
    let verified = Settings { emails_are_verified: true, ..Settings::default() };
    let moved = moves_in(&api, &records("p4.json"), &with(verified)).await;

    moved.everybody(4, 0);
    assert!(!moved.text().contains("nothing in the dump says"), "{}", moved.text());
    for (email, password) in [
        ("a@example.com", PASSWORD),
        ("b@example.com", PASSWORD),
        ("o'neil@example.com", PASSWORD),
        ("s@example.com", "SuperPass123"),
    ] {
        logs_in(async |password| by_email(&api, email, &password).await, password).await;
    }
    let ann = User::new(&api, &by_email(&api, "a@example.com", PASSWORD).await.body).profile().await;
    assert_eq!([&ann["first_name"], &ann["last_name"]], ["Ann", "Smith"]);
}

#[tokio::test]
async fn numbers_of_another_region_are_a_warning_that_names_the_option() {
    let api = api().await;
    let unknown = import(&api, &records("p5b.json"), &Import::default()).await;
    unknown.says("3 of 3 phone numbers are not valid in the region IN");
    unknown.says("--region NG");

    let api = Api::with(&unlimited_seeds()).await;
    let region = Settings { region: Some("NG".to_owned()), ..Settings::default() };
    let moved = moves_in(&api, &records("p5b.json"), &with(region)).await;

    moved.everybody(3, 0);
    moved.says("phone numbers by region: NG 3;");
    moved.says("user.user.roles (3)");
    moved.says("left out: user.pendinguser (1): pending sign-ups are not users");
    for number in ["+2348031234560", "+2348031234561"] {
        logs_in(async |password| by_phone(&api, number, &password).await, PASSWORD).await;
    }
    assert_eq!(by_phone(&api, "+2348031234562", PASSWORD).await.status, 401);
    assert_eq!(by_phone(&api, "+2348031234569", "attacker-pass1").await.status, 401);
}

#[tokio::test]
async fn an_employee_that_inherits_from_the_user_has_its_names() {
    let api = api().await;

    let moved = moves_in(&api, &records("p7.json"), &Import::default()).await;

    moved.everybody(4, 1);
    for name in ["u0", "u1"] {
        logs_in(async |password| by_email(&api, &format!("{name}@example.com"), &password).await, PASSWORD)
            .await;
    }
    assert_eq!(by_email(&api, "u2@example.com", PASSWORD).await.body["code"], "email_not_verified");
    let mti = api.log_in_with("mti", PASSWORD).await;
    let employee = &employees(&mti).await[0];
    assert_eq!([&employee["first_name"], &employee["last_name"], &employee["department"]], ["M", "T", "Eng"]);
    assert_eq!([&employee["phone_number"], &employee["owner"]], [&json!("+919881167677"), &json!(mti.id())]);
}

#[tokio::test]
async fn usernames_that_are_numbers_and_addresses_go_on() {
    let api = api().await;

    moves_in(&api, &records("p8.json"), &Import::default()).await.everybody(11, 0);

    for number in 0..5 {
        let name = format!("988116760{number}");
        logs_in(async |password| by_username(&api, &name, &password).await, PASSWORD).await;
        logs_in(async |password| by_phone(&api, &name, &password).await, PASSWORD).await;
        logs_in(
            async |password| by_username(&api, &format!("person{number}@example.com"), &password).await,
            PASSWORD,
        )
        .await;
    }
    logs_in(async |password| by_username(&api, "ANN@Example.com", &password).await, PASSWORD).await;
}
