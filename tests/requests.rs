//! What holds for the requests and answers of every endpoint.

use std::collections::BTreeMap;

use local::Template;
use reqwest::Method;
use serde_json::json;

use crate::support::{Answer, Api, PASSWORD, root};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn is_hardened(answer: &Answer) {
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{answer:?}");
    assert_eq!(answer.header("strict-transport-security"), "max-age=31536000", "{answer:?}");
    assert_eq!(answer.header("set-cookie"), "", "{answer:?}");
}

#[tokio::test]
async fn every_path_answers_with_and_without_its_trailing_slash() {
    // Without an issuer one path has nothing to answer.
    let api = Api::with(&[("TokenIssuer", "https://accounts.example.com")]).await;
    let functions = Template::load(&root().join("template.yaml"), &BTreeMap::new()).unwrap().functions;
    let routes: Vec<_> = functions.into_iter().flat_map(|function| function.routes).collect();
    assert!(routes.len() >= 19);
    for route in routes {
        // The root has one spelling.
        if route.path == "/" {
            continue;
        }
        let path = route.path.replace("{id}", "01900000-0000-7000-8000-000000000000");
        let path = path.replace("{file}", "page.js");
        let method: Method = route.method.parse().unwrap();
        let body = if [Method::GET, Method::HEAD].contains(&method) { "" } else { "{}" };
        let without = api.send(method.clone(), &path, Some(JSON), body).await;
        let with = api.send(method, &format!("{path}/"), Some(JSON), body).await;

        assert_eq!((with.status, &with.text), (without.status, &without.text), "{path}");
        assert_ne!(with.status, 404, "{path}");
        is_hardened(&with);
    }
}

#[tokio::test]
async fn what_is_no_route_is_not_found() {
    let api = Api::start().await;
    for (method, path) in [
        ("GET", "/nowhere"),
        ("GET", "/api/register"),
        ("POST", "/api/profile"),
        ("DELETE", "/api/profile"),
        ("GET", "/api/sessions/x/y"),
        ("POST", "/API/register"),
        ("POST", "/api//register"),
        ("GET", "/api/../health"),
    ] {
        let answer = api.send(method.parse().unwrap(), path, None, "").await;
        if path == "/api/../health" {
            // The client itself resolves it.
            answer.is(200, &json!({ "status": "ok" }));
        } else {
            answer.is(404, &json!({ "detail": "Not found." }));
            is_hardened(&answer);
        }
    }
    assert_eq!(
        api.logged().iter().filter(|line| line["message"] == "request").count(),
        1,
        "no function runs"
    );
}

#[tokio::test]
async fn a_token_at_an_unknown_path_is_not_repeated() {
    let api = Api::start().await;

    let answer = api.bearer("a.secret.token").get("/nowhere").await;

    answer.is(403, &json!({ "detail": "There is no such path, or the request is malformed." }));
    assert_eq!(answer.header("x-amzn-errortype"), "IncompleteSignatureException");
    is_hardened(&answer);
}

#[tokio::test]
async fn slashes_at_the_beginning_of_a_path_are_one() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let profile = ada.get("/api/profile").await;

    ada.get("//api/profile").await.is(200, &profile.body);
}

#[tokio::test]
async fn head_is_answered_like_get_without_the_body() {
    let api = Api::start().await;
    for path in ["/", "/health", "/api", "/openapi.json", "/admin"] {
        let get = api.get(path).await;
        let head = api.send(Method::HEAD, path, None, "").await;

        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        for name in ["content-type", "cache-control", "etag", "content-security-policy"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        assert_eq!(head.header("content-length"), get.text.len().to_string(), "{path}");
        is_hardened(&head);
    }
}

#[tokio::test]
async fn a_body_may_be_a_form_as_curl_sends_it() {
    let api = Api::start().await;

    let body =
        "username=ada&email=ada%2Btag%40example.com&password=correct+horse%20battery&first_name=%C3%85da";
    let answer = api.post_text("/api/register/", FORM, body).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(
        (&answer.body["email"], &answer.body["first_name"]),
        (&json!("ada+tag@example.com"), &json!("Åda"))
    );
    let answer = api
        .post_text(
            "/api/token",
            &format!("{FORM}; charset=UTF-8"),
            format!("username=ada&password={PASSWORD}"),
        )
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let otp = api.code_for("ada+tag@example.com").await;
    let answer =
        api.post_text("/api/otp/verify", FORM, format!("email=ada%2btag@example.com&otp={otp}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn the_content_type_is_read_as_http_means_it() {
    let api = Api::start().await;
    for content_type in
        ["application/json; charset=utf-8", "Application/JSON", "application/json;charset=utf-8"]
    {
        let answer = api.post_text("/api/otp/resend", content_type, "{}").await;
        answer.is(400, &json!({ "email": ["This field is required."] }));
    }
}

#[tokio::test]
async fn another_content_type_is_not_supported() {
    let api = Api::start().await;
    for content_type in ["text/plain", "multipart/mixed; boundary=x", "application/xml", "application/jsonp"]
    {
        for path in ["/api/register", "/api/otp/resend", "/api/token"] {
            let answer = api.post_text(path, content_type, "{}").await;
            let detail = format!("Unsupported media type \"{content_type}\" in request.");
            answer.is(415, &json!({ "detail": detail }));
            is_hardened(&answer);
        }
    }
    let answer = api.send(Method::POST, "/api/token", None, "{}").await;
    answer.is(415, &json!({ "detail": "Unsupported media type \"\" in request." }));
    assert_eq!(api.records().await.len(), 0);
}

#[tokio::test]
async fn malformed_json_is_told_so() {
    let api = Api::start().await;
    for body in ["{", "{\"a\":}", "{'a':1}", "a=b", "{} {}", "{\"a\":1,}", "{\"a\":NaN}", "\u{feff}{}"] {
        let answer = api.post_text("/api/token", JSON, body).await;
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(answer.status == 400 && detail.starts_with("JSON parse error - "), "{body}: {}", answer.text);
        assert_eq!(answer.body.as_object().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_body_that_is_no_object_is_told_so() {
    let api = Api::start().await;
    for (body, kind) in [
        ("[]", "list"),
        ("[{}]", "list"),
        ("\"a\"", "str"),
        ("null", "NoneType"),
        ("1", "int"),
        ("1.5", "float"),
        ("true", "bool"),
    ] {
        let words = format!("Invalid data. Expected a dictionary, but got {kind}.");
        api.post_text("/api/token", JSON, body).await.is(400, &json!({ "non_field_errors": [words] }));
    }
}

#[tokio::test]
async fn no_body_is_no_fields() {
    let api = Api::start().await;

    let answer = api.send(Method::POST, "/api/otp/resend", None, "").await;

    answer.is(400, &json!({ "email": ["This field is required."] }));
}

#[tokio::test]
async fn a_number_is_taken_as_its_text() {
    let api = Api::start().await;
    let body = json!({ "username": 4711, "email": "ada@example.com", "password": 831_746_295_017_u64 });

    let answer = api.post("/api/register", &body).await;
    answer.is(400, &json!({ "password": ["This password is entirely numeric."] }));

    let body = json!({ "username": 4711, "email": "ada@example.com", "password": PASSWORD });
    assert_eq!(api.post("/api/register", &body).await.body["username"], "4711");
}

#[tokio::test]
async fn a_fault_of_ours_is_told_in_three_words_and_logged_in_full() {
    let api = Api::start().await;
    api.dynamodb("DeleteTable", &json!({ "TableName": "rollcall-Users" })).await;

    let answer = api.try_token("ada", PASSWORD).await;

    answer.is(500, &json!({ "detail": "A server error occurred." }));
    is_hardened(&answer);
    let errors: Vec<_> = api.logged().into_iter().filter(|line| line["level"] == "ERROR").collect();
    assert_eq!(errors.len(), 1);
    assert!(errors[0]["cause"].as_str().unwrap().contains("ResourceNotFoundException"), "{}", errors[0]);
}
