//! Whole Django systems, with the flaws that old tables have.

use jiff::tz::TimeZone;
use local::{Import, Inactive, Settings};
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
async fn a_system_with_every_flaw_loses_fields_and_no_user() {
    let api = api().await;

    let moved = moves_in(&api, &records("p1.json"), &Import::default()).await;

    moved.everybody(26, 0);
    moved.says("groups: Managers (1)\n");
    moved.says("inactive users: 0 pending until their address is verified, 1 deactivated");
    moved.says("dropped: phone_number of 2 users, not a valid phone number: users.customuser 13 \"N/A\", users.customuser 14 \"123\"\n");
    moved.says("dropped: phone_number of 1 users, an earlier user has this number: users.customuser 8 \"+919881167671\"\n");
    moved.says("dropped: email of 1 users, an earlier user has this address: users.customuser 10 \"Same@example.com\"\n");
    moved.says(
        "dropped: email of 1 users, not a valid e-mail address: users.customuser 24 \"not-an-email\"\n",
    );
    moved.says("left out: token_blacklist.outstandingtoken (1)");
    for (username, password) in [
        ("admin", "AdminPass123"),
        ("testuser", PASSWORD),
        ("noemail", PASSWORD),
        ("noemail2", PASSWORD),
        ("short", "abc12"),
        ("samephone1", PASSWORD),
        ("samephone2", PASSWORD),
        ("samemail1", PASSWORD),
        ("samemail2", PASSWORD),
        ("Case", PASSWORD),
        ("case_12", PASSWORD),
        ("badphone", PASSWORD),
        ("user@mail.com", PASSWORD),
        ("old@mail.com", PASSWORD),
        ("9876543210", PASSWORD),
        ("josé", PASSWORD),
        ("名前", "пароль-секрет"),
        ("badmail", PASSWORD),
        ("longpw", &"p".repeat(200)),
        ("spacepw", "  padded  "),
    ] {
        logs_in(async |password| by_username(&api, username, &password).await, password).await;
    }
    assert_eq!(by_email(&api, "inactive@example.com", PASSWORD).await.status, 401);
    assert_eq!(by_username(&api, "inactive", PASSWORD).await.status, 401);
    assert_ne!(by_username(&api, "unusable", PASSWORD).await.status, 200);
    let first = api.log_in_with("samephone1", PASSWORD).await.profile().await;
    assert_eq!(first["phone_number"], "+919881167671");
    let admin = api.log_in_with("admin", "AdminPass123").await;
    assert_eq!(admin.profile().await["is_staff"], true);
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
async fn users_who_are_employees_are_both() {
    let api = api().await;

    let moved = moves_in(&api, &records("p3.json"), &Import::default()).await;

    moved.everybody(3, 3);
    moved.says("left out: otp_app.otp (1)");
    logs_in(async |password| by_username(&api, "bunny0909", &password).await, PASSWORD).await;
    logs_in(async |password| by_phone(&api, "9881167671", &password).await, PASSWORD).await;
    let boss = api.log_in_with("boss", "BossPass123").await;
    assert_eq!(boss.profile().await["is_staff"], true);
    let all = employees(&boss).await;
    let names: Vec<_> = all.iter().map(|employee| &employee["first_name"]).collect();
    assert_eq!(names, ["boss", "bunny0909", "bunny2"]);
    for (employee, key) in all.iter().zip([3, 1, 2]) {
        assert_eq!(employee["owner"], moved.id("registration.employee", &json!(key), "user"));
        assert_eq!(employee["id"], moved.id("registration.employee", &json!(key), "employee"));
    }
    assert_eq!([&all[1]["is_phone_verified"], &all[2]["is_phone_verified"]], [true, false]);
}

#[tokio::test]
async fn users_who_are_employees_keep_their_address() {
    let api = api().await;

    let moved = moves_in(&api, &records("p3b.json"), &Import::default()).await;

    moved.everybody(2, 2);
    moved.says("employee.employee.bio (1), employee.employee.profile_picture (1)");
    let ess = api.log_in_with("ess1", PASSWORD).await;
    assert_eq!(ess.profile().await["address"], "Pune");
    assert_eq!(employees(&ess).await[0]["address"], "Pune");
    api.log_in_with("boss", "BossPass123").await;
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

/// `p6.json`, with an owner of the employees who have none.
fn rehearsal() -> Import {
    with(Settings { owner: Some("boss".to_owned()), ..Settings::default() })
}

#[tokio::test]
async fn employees_and_profiles_of_their_own_models_move_in() {
    let api = api().await;

    let moved = moves_in(&api, &records("p6.json"), &rehearsal()).await;

    moved.everybody(7, 6);
    moved.says("groups: HR (1)\n");
    for left_out in [
        "hr.attendance (6)",
        "hr.leaverequest (1)",
        "authtoken.token (1)",
        "token_blacklist.outstandingtoken (7)",
    ] {
        moved.says(&format!("left out: {left_out}"));
    }
    for no_place in [
        "hr.employee.employee_id (6)",
        "hr.employee.salary (6)",
        "hr.profile.avatar (6)",
        "hr.profile.bio (6)",
    ] {
        moved.says(no_place);
    }
    let boss = api.log_in_with("boss", "BossPass123").await;
    let all = employees(&boss).await;
    let field = |name: &str| all.iter().map(|employee| employee[name].clone()).collect::<Vec<_>>();
    assert_eq!(field("first_name"), ["Basavraj", "Dup", "Landline", "No", "Noowner", "Nophone"]);
    assert_eq!(field("last_name"), ["Ningadali", "Phone", "Ext", "", "X", "X"]);
    assert_eq!(field("department"), ["Engineering", "", "", "Ops", "", "Ops"]);
    let numbers = field("phone_number");
    assert_eq!([&numbers[0], &numbers[3], &numbers[4]], ["+919881167600", "+919881167601", "+919881167603"]);
    for without in [&numbers[1], &numbers[2], &numbers[5]] {
        assert!(without.is_null() || without == "", "{without}");
    }
    assert_eq!(all[4]["owner"], boss.id());
    logs_in(async |password| by_phone(&api, "9881167600", &password).await, PASSWORD).await;
    assert_eq!(by_phone(&api, "9881167601", PASSWORD).await.status, 401);
    let user = api.log_in_with("user0", PASSWORD).await.profile().await;
    assert_eq!([&user["address"], &user["date_of_birth"]], ["Street 0", "1990-01-01"]);
}

#[tokio::test]
async fn a_later_dump_changes_nothing_unless_it_is_told_to() {
    let api = api().await;
    import(&api, &records("p6.json"), &rehearsal()).await;
    let before = api.records().await;

    let later = import(&api, &records("p6_later.json"), &rehearsal()).await;

    later.says("users: 0 imported, 6 there already, 0 refused\n");
    later.says("users that differ from the dump: 5; --update applies the changes\n");
    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn a_later_dump_updates_the_users_whom_nobody_has_changed_here() {
    let api = api().await;
    import(&api, &records("p6.json"), &rehearsal()).await;
    let dismissed = api.log_in_with("user2", PASSWORD).await;
    let changed = api.log_in_with("user4", PASSWORD).await;
    assert_eq!(changed.patch("/api/profile", &json!({ "address": "elsewhere" })).await.status, 200);
    api.registered("newcomer").await;
    let mut update = Import { update: true, ..rehearsal() };
    update.settings.inactive = Some(Inactive::Disabled);

    let later = import(&api, &records("p6_later.json"), &update).await;

    later.says("users with changes in the dump: 4 updated, 1 conflicts, 0 deleted\n");
    later.says("conflict: auth.user 6: ");
    logs_in(async |password| by_username(&api, "user1", &password).await, "changed-in-django-1").await;
    assert_eq!(by_username(&api, "user2", PASSWORD).await.status, 401);
    for token in [&dismissed.access, &dismissed.refresh] {
        assert_eq!(api.post("/api/token/verify", &json!({ "token": token })).await.status, 401);
    }
    assert_eq!(dismissed.try_refresh().await.status, 401);
    assert_eq!(dismissed.get("/api/profile").await.status, 401);
    let is_staff = async |name: &str, password: &str| {
        api.log_in_with(name, password).await.profile().await["is_staff"].clone()
    };
    assert_eq!(is_staff("boss", "BossPass123").await, false);
    assert_eq!(is_staff("user3", PASSWORD).await, true);
    assert_eq!(changed.profile().await["address"], "elsewhere");
    api.log_in_with("user5", PASSWORD).await;

    let missing = Import { delete_missing: true, ..update };
    let later = import(&api, &records("p6_later.json"), &missing).await;

    later.says("users with changes in the dump: 0 updated, 1 conflicts, 1 deleted\n");
    assert_eq!(by_username(&api, "user5", PASSWORD).await.status, 401);
    api.log_in("newcomer").await;
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

#[tokio::test]
async fn times_without_a_zone_are_in_the_one_that_is_named() {
    let api = api().await;
    let timezone = TimeZone::get("Asia/Kolkata").unwrap();

    let moved =
        moves_in(&api, &records("p10.json"), &with(Settings { timezone, ..Settings::default() })).await;

    moved.everybody(2, 0);
    let profile = api.log_in_with("naive2", PASSWORD).await.profile().await;
    assert_eq!(profile["date_joined"], "2024-01-01T03:30:00.123Z");
}
