//! What goes with every answer: who may keep it, who may read it, and how a browser is to take it.

use local::Route;
use reqwest::Method;
use serde_json::json;

use super::routes;
use crate::support::{
    Answer, Api, Client, Fault, PASSWORD, TWILIO, User,
    employee::{NOBODY, employee, nth_employee},
    poll, registration, unlimited_seeds,
};

const JSON: &str = "application/json";
/// What holds nothing of anybody's, and may be kept.
const PUBLIC: [&str; 8] = [
    "/",
    "/docs/{file}",
    "/api",
    "/openapi.json",
    "/postman_collection.json",
    "/admin",
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
];
/// Without it, the last of them is not there.
const ISSUER: (&str, &str) = ("TokenIssuer", "https://accounts.example.com");
const ELSEWHERE: &str = "https://eve.example";

/// A route, asked by `client` about `id`.
async fn ask(client: &Client, route: &Route, id: &str) -> Answer {
    let path = route.path.replace("{id}", id).replace("{file}", "page.js");
    let method: Method = route.method.parse().unwrap();
    let body = if method == Method::GET { "" } else { "{}" };
    client.send(method, &path, Some(JSON), body).await
}

/// Every route, asked by `client` about what nobody has.
async fn everything(client: &Client) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    for route in routes() {
        let answer = ask(client, &route, NOBODY).await;
        answers.push((route.path, answer));
    }
    answers
}

/// Every route, asked by `client` as staff about what there is. Each has a session and a record of its own: a route may end
/// the one and delete the other.
async fn everything_by_staff(client: &Client) -> Vec<(String, Answer)> {
    let mut answers = Vec::new();
    for (n, route) in routes().into_iter().enumerate() {
        let admin = client.log_in("admin").await;
        let id = something(&admin, &route.path, n).await;
        let answer = ask(&admin, &route, &id).await;
        // A refusal would stand for an answer that nobody has looked at.
        let is_answered = if route.method == "GET" { answer.status == 200 } else { answer.status <= 400 };
        assert!(is_answered, "{} {}: {answer:?}", route.method, route.path);
        answers.push((route.path, answer));
    }
    answers
}

/// The id of what a route is about: the session of `admin`, or their `n`th employee or user.
async fn something(admin: &User, path: &str, n: usize) -> String {
    if !path.contains("{id}") {
        return String::new();
    }
    if path.starts_with("/api/sessions/") {
        return admin.sid();
    }
    let made = if path.starts_with("/api/employees/") {
        admin.employs(&employee(&format!("+9198{n:08}"))).await
    } else {
        admin.post("/api/register", &registration(&format!("user-{n}"))).await.body
    };
    made["id"].as_str().unwrap().to_owned()
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
    let api = Api::with(&[unlimited_seeds(), vec![ISSUER]].concat()).await;
    api.staff().await;
    for (path, answer) in everything_by_staff(&api).await {
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
    let api = Api::with(&[unlimited_seeds(), vec![ISSUER]].concat()).await;
    api.staff().await;
    let elsewhere = api.header("Origin", ELSEWHERE);
    for (path, answer) in everything_by_staff(&elsewhere).await {
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
    for (path, length) in [("/api/token", 4_097), ("/api/register", 129)] {
        let body = json!({ "username": "ada", "email": "ada@example.com", "password": "x".repeat(length) });
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
    let api = Api::behind_a_proxy(&TWILIO).await;
    // What has begun as Twilio's "yes" is one, however it ends.
    let broken = [(Fault::AnswerCut, "+919881167671"), (Fault::AnswerTruncated, "+919881167672")];
    for (n, (fault, number)) in broken.into_iter().enumerate() {
        // After an error Twilio is asked again at once; that is lost, so that the delivery fails and is repeated.
        for fault in [Fault::ServerError, Fault::AnswerLost, fault] {
            api.services.fail_next(fault, |call| call.operation.starts_with('/'));
        }

        let answer = api.post("/otp/generate", &json!({ "phone_number": number })).await;

        answer.is(200, &json!({ "message": "OTP sent successfully" }));
        poll(async || (api.services.pending_faults() == 0).then_some(())).await;
        api.has_failed_to_send(n + 1).await;
        // The one whose answer was lost, and the one whose answer has begun.
        assert_eq!(api.texts_to(number).await, 2, "{fault:?}");
        let lines = api.logged();
        assert!(lines.iter().all(|line| !line.to_string().contains(number)), "{lines:?}");
    }
    assert_eq!(api.stack.undelivered(), [] as [serde_json::Value; 0]);
}
