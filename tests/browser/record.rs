//! One user or employee: what is shown of them, changed, and done to them.

use serde_json::{Value, json};

use crate::support::{Api, Browser, PASSWORD, User, complaint};

async fn staff_and_employee(api: &Api) -> (User, String) {
    let admin = api.staff().await;
    let body = json!({ "first_name": "Ada", "last_name": "Lovelace", "phone_number": "+919800000001" });
    let answer = admin.post("/api/employees", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    (admin, format!("/api/employees/{}", answer.body["id"].as_str().unwrap()))
}

/// The place of a record in the panel.
fn place(path: &str) -> String {
    path.replace("/api/", "/#/")
}

/// The record of a user who has registered.
async fn user(admin: &User, id: &Value) -> (String, Value) {
    let path = format!("/api/users/{}", id.as_str().unwrap());
    let user = admin.get(&path).await.body;
    (path, user)
}

#[tokio::test]
async fn an_employee_is_added_and_belongs_to_who_adds_them() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let browser = Browser::admin_as(&api, "admin", "/#/employees").await;

    browser.press("Add employee").await;
    browser.fill("First name", "Grace").await;
    browser.fill("Last name", "Hopper").await;
    browser.fill("Phone number", "09800000002").await;
    browser.fill("Department", "Compilers").await;
    browser.press("Add employee").await;

    browser.sees("Added Grace Hopper.").await;
    browser.sees("phone unverified").await;
    assert_eq!(browser.value("Phone number").await, "+919800000002");
    let added = admin.get("/api/employees").await.body["results"][0].clone();
    assert_eq!(
        (&added["department"], &added["email"], &added["hire_date"]),
        (&json!("Compilers"), &json!(null), &json!(null))
    );
    browser.press("admin").await;
    browser.sees("End sessions").await;
    assert!(browser.url().await.ends_with(&format!("#/users/{}", admin.id())));
}

#[tokio::test]
async fn complaints_stand_beside_their_fields() {
    let api = Api::start().await;
    let (admin, path) = staff_and_employee(&api).await;
    let before = admin.get(&path).await.body;
    let browser = Browser::admin_as(&api, "admin", &place(&path)).await;

    browser.fill("First name", "").await;
    browser.fill("E-mail address", "nowhere").await;
    browser.fill("Phone number", "12").await;
    browser.press("Save").await;

    browser.sees("Please correct the fields below.").await;
    assert_eq!(browser.said_of("First name").await, "This field may not be blank.");
    assert_eq!(browser.said_of("E-mail address").await, "Enter a valid email address.");
    assert_eq!(browser.said_of("Phone number").await, "Enter a valid phone number.");
    assert_eq!(browser.said_of("Last name").await, "");
    assert_eq!(browser.focus().await, "First name");
    assert_eq!(admin.get(&path).await.body, before);

    browser.fill("First name", "Augusta").await;
    browser.fill("E-mail address", "").await;
    browser.fill("Phone number", "+919800000001").await;
    browser.press("Save").await;
    browser.sees("Saved.").await;
    assert_eq!(browser.said_of("First name").await, "");
    assert!(!browser.text().await.contains("Please correct"));
}

#[tokio::test]
async fn a_change_by_somebody_else_is_not_overwritten() {
    let api = Api::start().await;
    let (admin, path) = staff_and_employee(&api).await;
    let browser = Browser::admin_as(&api, "admin", &place(&path)).await;
    browser.sees("Owner").await;
    admin.patch(&path, &json!({ "job_title": "Countess" })).await;

    browser.fill("Job title", "Analyst").await;
    browser.press("Save").await;
    browser.sees("Somebody else has changed this record meanwhile.").await;
    assert_eq!(admin.get(&path).await.body["job_title"], "Countess");
    browser.press("Load it again").await;
    browser.no_longer_sees("Somebody else").await;

    assert_eq!(browser.value("Job title").await, "Countess");
    browser.fill("Job title", "Analyst").await;
    browser.press("Save").await;
    browser.sees("Saved.").await;
    assert_eq!(admin.get(&path).await.body["job_title"], "Analyst");
}

#[tokio::test]
async fn deleting_asks_first() {
    let api = Api::start().await;
    let (admin, path) = staff_and_employee(&api).await;
    let browser = Browser::admin_as(&api, "admin", &place(&path)).await;

    browser.press("Delete").await;
    browser.sees("Delete the employee Ada Lovelace?").await;
    assert_eq!(browser.focus().await, "Cancel");
    browser.types("\n").await;
    browser.no_longer_sees("Delete the employee").await;
    assert_eq!(browser.focus().await, "Delete");
    assert_eq!(admin.get(&path).await.status, 200);

    browser.press("Delete").await;
    browser.sees("Delete the employee Ada Lovelace?").await;
    browser.types("\t\n").await;

    browser.sees("Deleted Ada Lovelace.").await;
    browser.sees("No employees found.").await;
    assert_eq!(admin.get(&path).await.status, 404);
}

#[tokio::test]
async fn only_what_was_changed_is_sent() {
    let api = Api::start().await;
    let (_, path) = staff_and_employee(&api).await;
    let browser = Browser::admin_as(&api, "admin", &place(&path)).await;
    browser.sees("Owner").await;
    let watch = "
        const real = fetch;
        window.bodies = [];
        window.fetch = (url, options) => {
            if (options.method === 'PATCH') bodies.push(JSON.parse(options.body));
            return real(url, options);
        };";
    browser.run(watch, vec![]).await;

    browser.press("Save").await;
    browser.sees("There was nothing to save.").await;
    browser.fill("Department", "Engines").await;
    browser.press("Save").await;
    browser.sees("Saved.").await;

    assert_eq!(browser.run("return bodies", vec![]).await, json!([{ "department": "Engines" }]));
}

#[tokio::test]
async fn a_user_is_switched_off_and_on_and_unsaved_fields_stay() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let (path, _) = user(&admin, &json!(ada.id())).await;
    let browser = Browser::admin_as(&api, "admin", &place(&path)).await;

    browser.fill("Last name", "Lovelace").await;
    browser.press("Deactivate").await;
    browser.sees("Deactivated.").await;
    assert_eq!(ada.get("/api/profile").await.body["code"], "user_inactive");
    assert_eq!(api.try_token("ada", PASSWORD).await.status, 401);
    browser.press("Activate").await;
    browser.sees("Activated.").await;
    api.log_in("ada").await;

    assert_eq!(browser.value("Last name").await, "Lovelace");
    assert_eq!(user(&admin, &json!(ada.id())).await.1["last_name"], "");
    browser.press("Save").await;
    browser.sees("Saved.").await;
    assert_eq!(user(&admin, &json!(ada.id())).await.1["last_name"], "Lovelace");
}

#[tokio::test]
async fn a_user_is_unlocked_verified_by_hand_and_signed_out() {
    let api = Api::with(&[("LoginFailuresPerIdentifierAndIp", "1")]).await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let (path, _) = user(&admin, &json!(ada.id())).await;
    api.try_token("ada", "not the password").await;
    assert_eq!(api.try_token("ada", PASSWORD).await.status, 429);
    let browser = Browser::admin_as(&api, "admin", &place(&path)).await;

    browser.press("Unlock").await;
    browser.sees("The user can log in again.").await;
    assert_eq!(api.try_token("ada", PASSWORD).await.status, 200);
    browser.press("Reset password").await;
    browser.sees("The user has neither a verified e-mail address nor a verified phone number.").await;
    browser.press("End sessions").await;
    browser.sees("Logged out everywhere.").await;
    ada.is_signed_out().await;
    browser.tick("E-mail address verified").await;
    browser.press("Save").await;
    browser.sees("Saved.").await;

    assert_eq!(user(&admin, &json!(ada.id())).await.1["is_email_verified"], true);
}

#[tokio::test]
async fn a_user_is_sent_a_code_for_a_new_password() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let (path, _) = user(&admin, &api.verified("ada").await["id"]).await;
    let mails = api.mails_to("ada@example.com").await;
    let browser = Browser::admin_as(&api, "admin", &place(&path)).await;

    browser.press("Reset password").await;

    browser.sees("A code to set a new password has been sent by e-mail.").await;
    assert_eq!(api.mails_to("ada@example.com").await, mails + 1);
}

#[tokio::test]
async fn a_new_address_waits_for_its_code_and_the_panel_says_so() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let (path, _) = user(&admin, &api.verified("ada").await["id"]).await;
    let browser = Browser::admin_as(&api, "admin", &place(&path)).await;

    browser.fill("E-mail address", "countess@example.com").await;
    browser.press("Save").await;

    browser.sees("Saved. countess@example.com takes effect once its code has been entered.").await;
    assert_eq!(browser.value("E-mail address").await, "ada@example.com");
    assert_eq!(
        browser.said_of("E-mail address").await,
        "countess@example.com takes its place once its code has been entered."
    );
}

#[tokio::test]
async fn a_new_number_that_waits_for_its_code_is_told_beside_the_present_one() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let (path, _) = user(&admin, &json!(ada.id())).await;
    let proven = json!({ "phone_number": "+919881167671", "is_phone_verified": true });
    assert_eq!(admin.patch(&path, &proven).await.status, 200);
    assert_eq!(ada.patch("/api/profile", &json!({ "phone_number": "9101234567" })).await.status, 200);

    let browser = Browser::admin_as(&api, "admin", &place(&path)).await;

    assert_eq!(browser.value("Phone number").await, "+919881167671");
    assert_eq!(
        browser.said_of("Phone number").await,
        "+919101234567 takes its place once its code has been entered."
    );
}

#[tokio::test]
async fn what_is_refused_as_a_whole_is_told_on_top() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let browser = Browser::admin_as(&api, "admin", &format!("/#/users/{}", admin.id())).await;

    browser.press("Deactivate").await;

    browser.sees("The last active staff user can be neither demoted, deactivated nor deleted.").await;
    assert_eq!(admin.profile().await["is_active"], true);
}

#[tokio::test]
async fn a_record_that_is_gone_is_told() {
    let api = Api::start().await;
    api.staff().await;
    let browser = Browser::admin_as(&api, "admin", "/#/users/00000000-0000-7000-8000-000000000000").await;

    browser.sees("No User matches the given query.").await;
    browser.press("← Users").await;

    browser.sees("admin@example.com").await;
}

#[tokio::test]
async fn a_taken_name_is_refused_at_its_field() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let (path, before) = user(&admin, &api.registered("ada").await["id"]).await;
    api.registered("bob").await;
    let browser = Browser::admin_as(&api, "admin", &place(&path)).await;

    browser.fill("Username", "bob").await;
    browser.press("Save").await;

    browser.sees("A user with that username already exists.").await;
    let taken = admin.patch(&path, &json!({ "username": "bob" })).await;
    taken.is(400, &complaint("username", &browser.said_of("Username").await));
    assert_eq!(admin.get(&path).await.body, before);
}

#[tokio::test]
async fn who_is_no_longer_staff_is_told_so_and_changes_nothing() {
    let api = Api::with(&[("LoginFailuresPerIdentifierAndIp", "1")]).await;
    let admin = api.staff().await;
    let ada = api.registered("ada").await;
    let boss = json!({ "username": "boss", "email": "boss@example.com", "password": PASSWORD });
    api.stack.invoke("create-superuser", boss).await.unwrap();
    let boss = api.log_in("boss").await;
    let (path, _) = user(&boss, &ada["id"]).await;
    api.try_token("ada", "not the password").await;
    let browser = Browser::admin_as(&api, "admin", &place(&path)).await;
    browser.sees("End sessions").await;
    let demoted = boss.patch(&format!("/api/users/{}", admin.id()), &json!({ "is_staff": false })).await;
    assert_eq!(demoted.status, 200, "{}", demoted.text);

    browser.press("Unlock").await;

    browser.sees("You do not have permission to perform this action.").await;
    assert_eq!(api.try_token("ada", PASSWORD).await.status, 429);
}
