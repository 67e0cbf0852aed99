//! Tables: search, filters, order and pages.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Api, Browser, User, id_text, registration, stored_id};

/// As many employees as an operator imports: items like the one that the API makes of the first.
async fn fill(api: &Api, admin: &User, count: usize) {
    let first = employee(
        admin,
        &json!({ "first_name": "First", "last_name": "Hired", "phone_number": "+919800000000" }),
    )
    .await;
    let record = api.item("Employees", &format!("employee#{}", stored_id(&first["id"]))).await.unwrap();
    let names = ["Basavraj", "Chitra", "Deepa", "Farhan", "Gauri", "Harish", "Indira", "Jatin"];
    let items: Vec<Value> = (1..count)
        .map(|number| {
            let id = Uuid::now_v7();
            let (name, family, phone) =
                (names[number % names.len()], format!("Number{number}"), format!("+91981{number:07}"));
            let mut item = record.clone();
            item["pk"] = json!({ "S": format!("employee#{id}") });
            item["id"] = json!({ "S": id.to_string() });
            item["by_shard"] = json!({ "S": format!("{}#unverified", id.as_bytes()[15] % 2) });
            item["first_name"] = json!({ "S": name });
            item["last_name"] = json!({ "S": family });
            item["phone_number"] = json!({ "S": phone });
            for (field, text) in [("first_name", name), ("last_name", &family), ("phone_number", &phone)] {
                item["search"]["M"][field] = json!({ "S": text.to_lowercase() });
            }
            json!({ "PutRequest": { "Item": item } })
        })
        .collect();
    for batch in items.chunks(25) {
        let answer =
            api.dynamodb("BatchWriteItem", &json!({ "RequestItems": { "rollcall-Employees": batch } })).await;
        assert_eq!(answer["UnprocessedItems"], json!({}));
    }
}

async fn employee(admin: &User, body: &Value) -> Value {
    let answer = admin.post("/api/employees", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body
}

#[tokio::test]
async fn an_employee_among_a_thousand_is_found_changed_and_shown_as_changed() {
    let api = Api::start().await;
    let admin = api.staff().await;
    fill(&api, &admin, 1_000).await;
    let browser = Browser::admin_as(&api, "admin", "/#/employees").await;
    browser.sees("20 employees on this page.").await;

    browser.fill("Search", "number777").await;
    browser.sees("1 employee on this page.").await;
    browser.press("Chitra Number777").await;
    browser.fill("Job title", "Head of archives").await;
    browser.press("Save").await;
    browser.sees("Saved.").await;
    browser.back().await;

    browser.sees("Head of archives").await;
    assert_eq!(browser.value("Search").await, "number777");
    let found = admin.get("/api/employees?search=number777").await.body;
    assert_eq!(found["results"][0]["job_title"], "Head of archives");
}

#[tokio::test]
async fn pages_lead_on_and_back_and_turn_with_the_order() {
    let api = Api::start().await;
    let admin = api.staff().await;
    fill(&api, &admin, 45).await;
    let browser = Browser::admin_as(&api, "admin", "/#/employees").await;
    browser.sees("Number44").await;

    browser.press("Next →").await;
    browser.sees("Number24").await;
    browser.no_longer_sees("Number25").await;
    assert_eq!(browser.focus().await, "Employees");
    browser.press("Next →").await;
    browser.sees("5 employees on this page.").await;
    browser.press("← Previous").await;
    browser.sees("Number24").await;
    browser.back().await;
    browser.sees("First Hired").await;

    browser.press("Created ↓").await;
    browser.sees("Created ↑").await;
    browser.sees("Number19").await;
    assert!(!browser.text().await.contains("Number20"));
    browser.choose("Rows", "100").await;
    browser.sees("45 employees on this page.").await;
    assert!(!browser.text().await.contains("Next →"));
}

#[tokio::test]
async fn filters_choose_and_the_way_back_gives_them_up() {
    let api = Api::start().await;
    let admin = api.staff().await;
    for name in ["ada", "bob"] {
        api.registered(name).await;
    }
    let id = api.log_in("bob").await.id();
    admin.patch(&format!("/api/users/{id}"), &json!({ "is_active": false })).await;
    let browser = Browser::admin_as(&api, "admin", "").await;
    browser.sees("3 users on this page.").await;

    browser.choose("Active", "No").await;
    browser.sees("1 user on this page.").await;
    browser.sees("bob@example.com").await;
    browser.choose("Staff", "Yes").await;
    browser.sees("No users found.").await;
    browser.back().await;
    browser.sees("1 user on this page.").await;
    browser.back().await;

    browser.sees("3 users on this page.").await;
    assert_eq!(browser.value("Active").await, "");
}

#[tokio::test]
async fn a_department_is_a_filter_too() {
    let api = Api::start().await;
    let admin = api.staff().await;
    for (name, phone, department) in
        [("Ada", "+919800000001", "Engineering"), ("Bob", "+919800000002", "Sales")]
    {
        let body =
            json!({ "first_name": name, "last_name": "X", "phone_number": phone, "department": department });
        employee(&admin, &body).await;
    }
    let browser = Browser::admin_as(&api, "admin", "/#/employees").await;
    browser.sees("2 employees on this page.").await;

    browser.fill("Department", "Sales").await;

    browser.sees("1 employee on this page.").await;
    browser.sees("Bob X").await;
}

#[tokio::test]
async fn hostile_names_are_shown_as_they_are() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let hostile = "<img src=x onerror=\"document.title='taken'\">";
    let mut body = registration("mallory");
    body["first_name"] = json!(hostile);
    body["last_name"] = json!("<script>document.title='taken'</script>");
    assert_eq!(api.post("/api/register", &body).await.status, 201);
    let body = json!({ "first_name": hostile, "last_name": "'\"&lt;", "phone_number": "+919800000001", "department": "</td><b>" });
    let id = id_text(&employee(&admin, &body).await["id"]);
    let browser = Browser::admin_as(&api, "admin", "").await;

    browser.sees(hostile).await;
    browser.sees("<script>document.title='taken'</script>").await;
    browser.press("mallory").await;
    browser.sees("Unlock").await;
    assert_eq!(browser.value("First name").await, hostile);
    browser.press("Employees").await;
    browser.sees("</td><b>").await;
    browser.go(&format!("{}/admin#/employees/{id}", api.stack.url())).await;
    browser.sees(hostile).await;
    assert!(browser.title().await.starts_with(hostile));
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_can_be_tried_again() {
    let api = Api::start().await;
    api.staff().await;
    let browser = Browser::admin_as(&api, "admin", "/#/employees").await;
    browser.sees("No employees found.").await;
    browser
        .run("window.reached = fetch; window.fetch = () => Promise.reject(new TypeError('offline'))", vec![])
        .await;

    browser.press("Users").await;
    browser.sees("The server cannot be reached.").await;
    browser.run("window.fetch = reached", vec![]).await;
    browser.press("Try again").await;

    browser.sees("admin@example.com").await;
}
