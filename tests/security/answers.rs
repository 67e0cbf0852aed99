//! What goes with every answer: who may keep it, who may read it, and how a browser is to take it.

use reqwest::Method;
use serde_json::json;

use super::routes;
use crate::{
    openapi::LIFTED,
    support::{Answer, Api, Client, Fault, PASSWORD, TWILIO, employee::nth_employee, registration},
};

const JSON: &str = "application/json";
/// What holds nothing of anybody's, and may be kept.
const PUBLIC: [&str; 7] = [
    "/",
    "/docs/{file}",
    "/api",
    "/openapi.json",
    "/postman_collection.json",
    "/admin",
    "/.well-known/jwks.json",
];
const ELSEWHERE: &str = "https://eve.example";

/// Every route, asked by `client`.
async fn everything(client: &Client) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    for route in routes() {
        let path =
            route.path.replace("{id}", "01900000-0000-7000-8000-000000000000").replace("{file}", "page.js");
        let method: Method = route.method.parse().unwrap();
        let body = if method == Method::GET { "" } else { "{}" };
        answers.push((route.path, client.send(method, &path, Some(JSON), body).await));
    }
    answers
}

/// One answer of each status.
async fn refusals(api: &Api) -> Vec<(u16, Answer)> {
    let registered = api.post("/api/register", &registration("ada")).await;
    let ada = api.log_in("ada").await;
    let wrong = json!({ "username": "bob", "password": "wrong" });
    vec![
        (201, registered),
        (200, ada.get("/api/profile").await),
        (200, ada.get("/api/sessions").await),
        (200, ada.try_refresh().await),
        (400, api.post("/api/register", &json!({})).await),
        (400, api.post_text("/api/token", JSON, "{").await),
        (401, api.get("/api/profile").await),
        (401, api.post("/api/token", &wrong).await),
        (401, api.post("/api/token", &wrong).await),
        (429, api.post("/api/token", &wrong).await),
        (403, api.post("/api/login", &json!({ "email": "ada@example.com", "password": PASSWORD })).await),
        (404, ada.delete("/api/sessions/x").await),
        (415, api.post_text("/api/token", "text/plain", "x").await),
        (204, ada.delete(&format!("/api/sessions/{}", ada.sid())).await),
    ]
}

#[tokio::test]
async fn asvs_14_3_2_no_cache_keeps_what_is_private() {
    let api = Api::with(&[("LoginFailuresPerIdentifierAndIp", "2")]).await;
    for (status, answer) in refusals(&api).await {
        assert_eq!((answer.status, answer.header("cache-control")), (status, "no-store"), "{answer:?}");
    }
    let api = Api::with(&LIFTED).await;
    let admin = api.staff().await;
    for (path, answer) in everything(&admin).await {
        let kept = answer.header("cache-control");
        if PUBLIC.contains(&path.as_str()) {
            assert!(kept.starts_with("public, max-age="), "{path}: {kept}");
            assert_eq!(answer.header("vary"), "accept-encoding", "{path}");
        } else {
            assert_eq!(kept, "no-store", "{path}");
        }
    }
}

#[tokio::test]
async fn asvs_3_4_every_answer_is_hardened() {
    let api = Api::with(&[("LoginFailuresPerIdentifierAndIp", "2")]).await;
    let refusals = refusals(&api).await.into_iter().map(|(_, answer)| answer);
    let unknown = api.get("/nowhere").await;
    let too_large = api.post_text("/api/token", JSON, vec![b' '; 11 << 20]).await;
    let all = everything(&api).await.into_iter().map(|(_, answer)| answer);
    let by_functions = all.chain(refusals).map(|answer| (answer, false));
    // What the gateway itself says is JSON for a client and the template's.
    for (answer, is_the_gateways) in by_functions.chain([unknown, too_large].map(|answer| (answer, true))) {
        assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{answer:?}");
        // 3.3: there are no cookies. 13.4.6: nothing says which version of what answers.
        for header in ["set-cookie", "server", "x-powered-by", "via"] {
            assert_eq!(answer.header(header), "", "{answer:?}");
        }
        // 4.1.1: what there is says what it is.
        assert!(answer.text.is_empty() || !answer.header("content-type").is_empty(), "{answer:?}");
        if is_the_gateways {
            continue;
        }
        let policy = answer.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
    }
}

#[tokio::test]
async fn asvs_3_4_2_no_other_origin_may_read_an_answer() {
    let api = Api::with(&LIFTED).await;
    let admin = api.staff().await;
    let elsewhere = admin.header("Origin", ELSEWHERE);
    for (path, answer) in everything(&elsewhere).await {
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
    }
    let preflight = api
        .header("Origin", ELSEWHERE)
        .header("Access-Control-Request-Method", "PATCH")
        .header("Access-Control-Request-Headers", "authorization");
    for path in ["/api/profile", "/api/token", "/nowhere"] {
        let answer = preflight.send(Method::OPTIONS, path, None, "").await;
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{path}");
    }
}

#[tokio::test]
async fn asvs_4_1_4_a_method_that_is_not_used_is_not_found() {
    let api = Api::start().await;
    for route in routes() {
        let path = route.path.replace("{id}", "x").replace("{file}", "x");
        for method in ["TRACE", "PROPFIND", "ANY"] {
            let sent = api.try_send(method.parse().unwrap(), &path, None, "").await;
            // A client or a server that knows no such method may close the connection instead.
            assert!(sent.is_err() || sent.is_ok_and(|answer| answer.status >= 400), "{method} {path}");
        }
    }
    assert!(api.logged().iter().all(|line| line["message"] != "request"), "a function has run");
}

#[tokio::test]
async fn asvs_14_2_1_no_secret_is_taken_from_a_url() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    for name in ["access", "access_token", "token", "Authorization"] {
        let answer = api.get(&format!("/api/profile?{name}={}", ada.access)).await;
        assert_eq!(answer.status, 401, "{name}");
    }
    let query = format!("username=ada&password={}", PASSWORD.replace(' ', "+"));
    assert_eq!(api.send(Method::POST, &format!("/api/token?{query}"), Some(JSON), "{}").await.status, 400);
}

#[tokio::test]
async fn api4_2023_unrestricted_resource_consumption() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    api.store_employees((0..101).map(|n| nth_employee(&ada.id(), n))).await;

    for size in ["1000000", "101", "18446744073709551615"] {
        let page = ada.get(&format!("/api/employees?page_size={size}")).await;
        assert_eq!(page.body["results"].as_array().unwrap().len(), 100, "{size}");
    }
    assert_eq!(ada.get(&format!("/api/employees?search={}", "a".repeat(151))).await.status, 400);
    assert_eq!(api.post_text("/api/token", JSON, vec![b' '; 11 << 20]).await.status, 413);
    for path in ["/api/token", "/api/register"] {
        let body = json!({ "username": "ada", "email": "ada@example.com", "password": "x".repeat(129) });
        assert_eq!(api.post(path, &body).await.status, 400, "{path}: a long password is not hashed");
    }
}

#[tokio::test]
async fn api8_2023_security_misconfiguration() {
    let api = Api::start().await;
    // Nobody is here before somebody was made.
    for name in ["admin", "root", "test"] {
        assert_eq!(api.try_token(name, name).await.status, 401);
    }
    // Nothing is to be found that is not documented, and nothing is said of what is behind.
    for path in
        ["/.env", "/.git/config", "/debug", "/metrics", "/api/admin", "/docs/../template.yaml", "/_health"]
    {
        api.get(path).await.is(404, &json!({ "detail": "Not found." }));
    }
    for (path, answer) in everything(&api).await {
        assert!(answer.status < 500, "{path}: {answer:?}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "", "{path}");
        assert_eq!(answer.header("server"), "", "{path}");
    }
}

#[tokio::test]
async fn api10_2023_unsafe_consumption_of_apis() {
    const NUMBER: &str = "+919881167671";
    let api = Api::behind_a_proxy(&TWILIO).await;
    // What Twilio answers is broken off, cut in half, or an error.
    for fault in [Fault::AnswerCut, Fault::AnswerTruncated, Fault::ServerError] {
        api.services.fail_next(fault, |call| call.operation.starts_with('/'));
    }

    let answer = api.post("/otp/generate", &json!({ "phone_number": NUMBER })).await;

    answer.is(200, &json!({ "message": "OTP sent successfully" }));
    api.message_to(NUMBER).await;
    assert_eq!(api.stack.undelivered(), [] as [serde_json::Value; 0]);
    let lines = api.logged();
    assert!(lines.iter().all(|line| !line.to_string().contains(NUMBER)), "{lines:?}");
}
