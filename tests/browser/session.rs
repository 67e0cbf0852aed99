//! Who may use the panel, and for how long.

use axum::{Router, body::Body, extract::Request, http::Response};
use reqwest::Client;
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::{Api, Browser, PASSWORD};

const EMPLOYEES: &str = "/#/employees?search=ada";
const ENDED: &str = "Your session has ended. Please sign in again.";

#[tokio::test]
async fn staff_sign_in_and_out() {
    let api = Api::start().await;
    let staff = api.staff().await;
    let browser = Browser::admin(&api, "").await;
    assert_eq!(browser.focus().await, "Username, e-mail address or phone number");

    browser.sign_in("admin").await;

    browser.sees("admin@example.com").await;
    assert_eq!(browser.title().await, "Users · Rollcall admin");
    // The tokens are nowhere but in the memory of the page.
    let kept =
        browser.run("return [localStorage.length, sessionStorage.length, document.cookie]", vec![]).await;
    assert_eq!(kept, json!([0, 0, ""]));

    browser.press("Sign out").await;

    browser.sees("You have signed out.").await;
    assert!(!browser.text().await.contains("admin@example.com"));
    let sessions = staff.get("/api/sessions").await.body;
    assert_eq!(sessions.as_array().unwrap().len(), 1, "the browser's session is over: {sessions}");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_many_are_throttled() {
    let api = Api::with(&[("LoginFailuresPerIdentifierAndIp", "1")]).await;
    let browser = Browser::admin(&api, "").await;

    browser.sign_in("nobody").await;
    browser.sees("No active account found with the given credentials").await;
    assert_eq!(browser.focus().await, "Password");
    browser.sign_in("nobody").await;

    browser.sees("Request was throttled. Expected available in").await;
}

#[tokio::test]
async fn who_is_not_staff_is_sent_away_and_their_session_is_over() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let browser = Browser::admin(&api, "").await;

    browser.sign_in("ada").await;

    browser.sees("This account is not staff.").await;
    assert_eq!(ada.get("/api/sessions").await.body.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn no_mouse_is_needed() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let browser = Browser::admin(&api, "").await;

    browser.types("admin\t").await;
    browser.types(&format!("{PASSWORD}\n")).await;
    browser.sees("admin@example.com").await;
    assert_eq!(browser.focus().await, "Users");
    browser.tabs_to("admin").await;
    browser.types("\n").await;
    browser.sees("End sessions").await;
    assert_eq!(browser.focus().await, "admin");
    browser.tabs_to("First name").await;
    browser.types("Grace\n").await;

    browser.sees("Saved.").await;
    assert_eq!(admin.profile().await["first_name"], "Grace");
}

#[tokio::test]
async fn a_session_that_has_ended_leads_back_to_where_one_was() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let browser = Browser::admin_as(&api, "admin", EMPLOYEES).await;
    browser.sees("No employees found.").await;

    admin.post("/api/logout/all", &json!({})).await;
    browser.press("Users").await;
    browser.sees(ENDED).await;
    browser.back().await;
    browser.no_longer_sees(ENDED).await;
    browser.sign_in("admin").await;

    browser.sees("No employees found.").await;
    assert!(browser.url().await.ends_with(EMPLOYEES));
}

#[tokio::test]
async fn an_access_token_that_has_expired_is_renewed_once_for_all_who_need_it() {
    let api = Api::start().await;
    api.staff().await;
    let browser = Browser::admin_as(&api, "admin", EMPLOYEES).await;
    browser.sees("No employees found.").await;

    let statuses = "
        const [real, old] = [window.fetch, session.access];
        let renewals = 0;
        window.fetch = (url, options) => {
            if (url.endsWith('/refresh')) renewals += 1;
            const isOld = options.headers.Authorization === `Bearer ${old}`;
            return isOld ? Promise.resolve(new Response('{}', { status: 401 })) : real(url, options);
        };
        return Promise.all(['users', 'employees'].map((path) => call('GET', `/api/${path}`))).then(() => renewals);";
    assert_eq!(browser.run(statuses, vec![]).await, 1);

    browser.press("Users").await;
    browser.sees("admin@example.com").await;
}

#[tokio::test]
async fn the_panel_works_behind_the_path_of_a_stage() {
    let api = Api::start().await;
    api.staff().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = format!("http://{}/Prod", listener.local_addr().unwrap());
    let stack = api.stack.url().to_owned();
    let stage = Router::new().fallback(async move |request: Request| under_a_stage(&stack, request).await);
    tokio::spawn(async { axum::serve(listener, stage).await });

    for place in ["admin", "admin/"] {
        let browser = Browser::open(&format!("{gateway}/{place}")).await;
        browser.sign_in("admin").await;

        browser.sees("admin@example.com").await;
    }
}

/// What the stack answers to a request for a path below `/Prod`.
async fn under_a_stage(stack: &str, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let Some(path) = parts.uri.path_and_query().unwrap().as_str().strip_prefix("/Prod") else {
        return Response::builder().status(404).body(Body::empty()).unwrap();
    };
    let client = Client::builder().no_proxy().build().unwrap();
    let mut sent = client.request(parts.method, format!("{stack}{path}")).body(body);
    for name in ["authorization", "content-type"] {
        if let Some(value) = parts.headers.get(name) {
            sent = sent.header(name, value);
        }
    }
    let answer = sent.send().await.unwrap();
    let mut response = Response::builder().status(answer.status());
    for name in ["content-type", "content-security-policy"] {
        if let Some(value) = answer.headers().get(name) {
            response = response.header(name, value);
        }
    }
    response.body(Body::from(answer.bytes().await.unwrap())).unwrap()
}
