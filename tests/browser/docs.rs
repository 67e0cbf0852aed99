//! The page of the documentation.

use crate::support::{Api, Browser};

const PROFILE: &str = "#operations-Profile-api-profile-read";

#[tokio::test]
async fn who_authorizes_tries_a_request_and_sees_its_answer() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let browser = Browser::open(api.stack.url()).await;
    browser.sees("Registration").await;

    // Without a token first.
    browser.click(&format!("{PROFILE} .opblock-summary-control")).await;
    browser.click(&format!("{PROFILE} .try-out__btn")).await;
    browser.click(&format!("{PROFILE} .execute")).await;
    browser.sees("Authentication credentials were not provided.").await;

    browser.click(".auth-wrapper .authorize").await;
    browser.type_into(".auth-container input", &ada.access).await;
    browser.click(".auth-btn-wrapper .authorize").await;
    browser.click(".auth-btn-wrapper .btn-done").await;
    browser.click(&format!("{PROFILE} .execute")).await;

    browser.sees("\"username\": \"ada\"").await;
}

#[tokio::test]
async fn the_page_leads_to_the_document_and_the_collection() {
    let api = Api::start().await;
    let browser = Browser::open(api.stack.url()).await;
    let links = "return [...document.querySelectorAll('nav a')].map((link) => link.href)";

    let links = browser.run(links, vec![]).await;

    for (at, path) in ["/openapi.json", "/postman_collection.json"].iter().enumerate() {
        assert_eq!(links[at], format!("{}{path}", api.stack.url()));
        assert_eq!(api.get(path).await.status, 200);
    }
}
