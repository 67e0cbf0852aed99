//! Phones, darkness, and who cannot see.

use serde_json::{Value, json};

use crate::support::{Api, Browser};

/// A stack with an employee and a user whose names are long.
async fn inhabited() -> (Api, String) {
    let api = Api::start().await;
    let admin = api.staff().await;
    api.registered("a-name-that-somebody-took-because-shorter-ones-were-gone").await;
    let body = json!({
        "first_name": "Adeline-Theodora-Wilhelmina", "last_name": "Featherstonehaugh-Cholmondeley", "phone_number": "+919800000001",
        "email": "adeline.featherstonehaugh.cholmondeley@a-very-long-name-of-a-company.example.com",
        "department": "Engineering", "job_title": "Principal engineer for long words", "hire_date": "2020-02-29",
    });
    let employee = admin.post("/api/employees", &body).await;
    assert_eq!(employee.status, 201, "{}", employee.text);
    (api, format!("/#/employees/{}", employee.body["id"].as_str().unwrap()))
}

async fn style_of(browser: &Browser, selector: &str, property: &str) -> Value {
    let script = "const [selector, property] = arguments; return getComputedStyle(document.querySelector(selector))[property]";
    browser.run(script, vec![json!(selector), json!(property)]).await
}

async fn is_a_phone(browser: &Browser) {
    let metrics = json!({ "width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true });
    browser.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
}

/// Nothing is wider than the screen.
async fn fits(browser: &Browser) {
    let widths = browser.run("return [document.documentElement.scrollWidth, innerWidth]", vec![]).await;
    assert_eq!(widths, json!([360, 360]), "{}", browser.url().await);
}

#[tokio::test]
async fn a_phone_shows_cards_and_needs_no_scrolling_sideways() {
    let (api, employee) = inhabited().await;
    let browser = Browser::admin(&api, &employee).await;
    is_a_phone(&browser).await;
    fits(&browser).await;

    browser.sign_in("admin").await;
    browser.sees("Owner").await;
    fits(&browser).await;
    for (list, somebody) in [("Employees", "Featherstonehaugh"), ("Users", "shorter-ones")] {
        browser.press(list).await;
        browser.sees(somebody).await;
        fits(&browser).await;
        assert_eq!(style_of(&browser, "tbody tr", "display").await, "block");
    }
    // The header with the order is gone, but not the order.
    browser.choose("Order", "Oldest first").await;
    browser.sees("2 users on this page.").await;
    assert!(browser.url().await.ends_with("#/users?ordering=created_at"));
}

#[tokio::test]
async fn the_panel_is_dark_where_the_system_is() {
    let (api, _) = inhabited().await;
    let browser = Browser::admin_as(&api, "admin", "").await;
    let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });

    assert_eq!(style_of(&browser, "body", "backgroundColor").await, "rgb(246, 247, 249)");
    browser.devtools("Emulation.setEmulatedMedia", dark).await;

    assert_eq!(style_of(&browser, "body", "backgroundColor").await, "rgb(17, 18, 20)");
    assert_eq!(style_of(&browser, "body", "color").await, "rgb(237, 238, 240)");
}

#[tokio::test]
async fn everything_has_a_name_for_who_cannot_see() {
    let (api, employee) = inhabited().await;
    let browser = Browser::admin_as(&api, "admin", "/").await;
    let places = [
        ("/#/users", "Joined ↓"),
        ("/#/employees", "Created ↓"),
        ("/#/employees/new", "Cancel"),
        (&employee, "Owner"),
    ];
    for (place, shown) in places {
        browser.go(&format!("{}/admin{place}", api.stack.url())).await;
        browser.sees(shown).await;
        let nameless = "
            const hasName = (control) => control.labels?.length > 0 || control.innerText?.trim();
            return [...document.querySelectorAll('a, button, input, select, textarea')].filter((control) => !hasName(control)).map((control) => control.outerHTML)";
        assert_eq!(browser.run(nameless, vec![]).await, json!([]), "{place}");
        assert_eq!(browser.run("return document.querySelectorAll('h1').length", vec![]).await, 1, "{place}");
    }
}
