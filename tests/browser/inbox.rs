//! The page of the local stack: what was sent, and what was asked.

use serde_json::json;

use crate::support::{Api, Browser, registration};

#[tokio::test]
async fn messages_appear_by_themselves_with_their_codes_and_bodies() {
    let api = Api::start().await;
    let browser = Browser::open(&format!("{}/_local/", api.stack.url())).await;
    browser.sees("Nothing has been sent yet.").await;

    api.registered("ada").await;
    api.post("/otp/generate", &json!({ "phone_number": "9881167671" })).await;

    browser.sees("To ada@example.com").await;
    browser.sees("Rollcall: verify your e-mail address").await;
    browser.sees(&api.code_for("ada@example.com").await).await;
    browser.sees("To +919881167671").await;
    browser.sees("is your Rollcall code. It can be used once and expires in 10 min.").await;
    browser.click("details summary").await;
    let script = "return document.querySelector('iframe').srcdoc";
    let html = browser.run(script, vec![]).await;
    assert!(html.as_str().unwrap().contains(&api.code_for("ada@example.com").await), "{html}");
}

#[tokio::test]
async fn a_message_that_did_not_arrive_says_why() {
    let api = Api::start().await;
    let browser = Browser::open(&format!("{}/_local/", api.stack.url())).await;
    let mut body = registration("ada");
    body["email"] = json!("bounce@simulator.amazonses.com");
    assert_eq!(api.post("/api/register", &body).await.status, 201);

    browser.sees("Bounced: the receiver's server has no such address.").await;
}

#[tokio::test]
async fn one_addressee_can_be_looked_for() {
    let api = Api::start().await;
    let browser = Browser::open(&format!("{}/_local/", api.stack.url())).await;
    api.registered("ada").await;
    api.registered("bob").await;
    browser.sees("To ada@example.com").await;
    browser.sees("To bob@example.com").await;

    browser.type_into("#to", "bob@example.com").await;

    browser.no_longer_sees("To ada@example.com").await;
    browser.sees("To bob@example.com").await;
}

#[tokio::test]
async fn endpoints_appear_with_their_timings_and_cold_starts() {
    let api = Api::start().await;
    let browser = Browser::open(&format!("{}/_local/", api.stack.url())).await;

    api.get("/health").await;
    api.get("/health/").await;
    api.get("/nowhere").await;

    browser.sees("GET /health").await;
    browser.sees("Cold starts").await;
    // Requests, last status, and how many of them were cold; the times are what they are.
    let cells = "return [...document.querySelectorAll('#asked td')].map((cell) => cell.textContent)";
    browser.sees("\t2\t200\t").await;
    let cells = browser.run(cells, vec![]).await;
    assert_eq!((&cells[0], &cells[1], &cells[4]), (&json!("2"), &json!("200"), &json!("1")));
    assert_eq!(cells.as_array().unwrap().len(), 7, "a route that is none is no endpoint: {cells}");
}
