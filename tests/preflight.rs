//! `OPTIONS`: what a browser asks before a page of another origin may call.

use std::collections::{BTreeMap, BTreeSet};

use local::Template;
use reqwest::Method;

use crate::support::{Answer, Api, root};

const ORIGIN: &str = "https://app.example.com";
const OTHER: &str = "https://admin.example.com";
const ALLOWED: &str = "access-control-allow-origin";

async fn preflight(api: &Api, origin: &str, path: &str) -> Answer {
    let browser = api.header("Origin", origin).header("Access-Control-Request-Method", "PATCH");
    browser.send(Method::OPTIONS, path, None, "").await
}

fn template(parameters: &[(&str, &str)]) -> Template {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Template::load(&root().join("template.yaml"), &parameters.collect()).unwrap()
}

/// The paths of every route, each with its methods.
fn paths(template: &Template) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut paths: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for route in template.functions.iter().flat_map(|function| &function.routes) {
        paths.entry(route.path.as_str()).or_default().insert(route.method.as_str());
    }
    paths
}

#[tokio::test]
async fn pages_of_each_allowed_origin_may_call_every_method_of_a_path() {
    let api = Api::with(&[("CorsOrigins", &format!("{ORIGIN}, {OTHER}"))]).await;
    for (path, origin) in [
        ("/api/employees/01900000-0000-7000-8000-000000000000", ORIGIN),
        ("/api/login/", OTHER),
        ("/", ORIGIN),
    ] {
        let answer = preflight(&api, origin, path).await;

        assert_eq!((answer.status, answer.header(ALLOWED)), (200, origin), "{answer:?}");
        assert_eq!(answer.text, "");
        assert_eq!(
            answer.header("access-control-allow-methods"),
            "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
        );
        let headers = answer.header("access-control-allow-headers");
        // django-cors-headers' defaults, and ours.
        let expected = "accept, authorization, content-type, if-match, if-none-match, user-agent, x-csrftoken, x-requested-with";
        assert_eq!(headers, expected);
        assert_eq!(answer.header("access-control-max-age"), "7200");
        assert_eq!(answer.header("vary"), "Origin");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
    }
    assert_eq!(preflight(&api, ORIGIN, "/nowhere").await.status, 404);
}

#[tokio::test]
async fn more_headers_may_be_sent_where_the_stack_says_so() {
    let api =
        Api::with(&[("CorsOrigins", ORIGIN), ("CorsHeaders", "traceparent,Sentry-Trace, baggage")]).await;

    let answer = preflight(&api, ORIGIN, "/api/login").await;

    let headers: Vec<&str> =
        answer.header("access-control-allow-headers").split(',').map(str::trim).collect();
    for header in ["authorization", "x-csrftoken", "traceparent", "sentry-trace", "baggage"] {
        assert!(headers.contains(&header), "{header}: {headers:?}");
    }
    for headers in ["traceparent; x", "*", "a,,b", "x:y"] {
        let parameters = BTreeMap::from([("CorsHeaders".to_owned(), headers.to_owned())]);
        let error =
            Template::load(&root().join("template.yaml"), &parameters).expect_err(headers).to_string();
        assert!(error.contains("must be names of headers"), "{headers}: {error}");
    }
}

#[tokio::test]
async fn pages_of_another_origin_may_not() {
    let api = Api::with(&[("CorsOrigins", &format!("{ORIGIN},{OTHER}")), ("CorsCredentials", "true")]).await;
    for origin in
        ["https://app.example.com.evil.example", "https://example.com", "null", "http://app.example.com", ""]
    {
        let answer = preflight(&api, origin, "/api/login").await;
        assert_eq!((answer.status, answer.header(ALLOWED)), (200, ""), "{origin}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "{origin}");
    }
    assert_eq!(preflight(&api, OTHER, "/api/login").await.header("access-control-allow-credentials"), "true");
}

#[tokio::test]
async fn a_star_is_for_everybody() {
    let api = Api::with(&[("CorsOrigins", "*")]).await;

    let answer = preflight(&api, ORIGIN, "/api/login").await;

    assert_eq!((answer.header(ALLOWED), answer.header("vary")), ("*", ""));
}

#[tokio::test]
async fn without_an_origin_nobody_is_answered() {
    let api = Api::start().await;
    let answer = preflight(&api, ORIGIN, "/api/login").await;
    assert_eq!((answer.status, answer.header(ALLOWED)), (404, ""));
    assert!(!template(&[]).functions.iter().any(|function| function.binary == "preflight"));
}

#[test]
fn no_path_is_forgotten() {
    let template = template(&[("CorsOrigins", ORIGIN)]);
    for (path, methods) in paths(&template) {
        assert!(methods.contains("OPTIONS"), "template.yaml: Preflight has no event for {path}");
        assert!(
            methods.len() > 1,
            "template.yaml: Preflight has an event for {path}, which is no other function's"
        );
    }
}

/// `CloudFormation` takes 500 resources; a function's policy has 20,480 characters at most, of which each of its events takes
/// some 400 and its path twice.
#[test]
fn so_many_events_fit() {
    let template = template(&[
        ("CorsOrigins", ORIGIN),
        ("DomainName", "a.example"),
        ("CertificateArn", "arn:aws:acm:us-east-1:000000000000:certificate/x"),
    ]);
    let (functions, paths) = (template.functions.len(), paths(&template));
    let permissions: usize = paths.values().map(BTreeSet::len).sum();
    // SAM makes a role for a function, a permission for each of its events, and a deployment and a stage.
    let resources = template.resources.len() + functions + permissions + 2;
    assert!(resources < 450, "{resources}");
    let policy: usize = paths.keys().map(|path| 400 + 2 * path.len()).sum();
    assert!(policy < 19_000, "the policy of Preflight has some {policy} characters");
}
