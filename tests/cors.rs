//! Pages of another origin: what they may read of the answers (Fetch, "CORS protocol").

use local::Template;
use reqwest::Method;

use crate::support::{Answer, Api, root};

const ORIGIN: &str = "https://app.example.com";
const OTHER: &str = "https://admin.example.com";
const STRANGER: &str = "https://evil.example";
const ALLOWED: &str = "access-control-allow-origin";
const CREDENTIALS: &str = "access-control-allow-credentials";

/// Answers of functions, and at last one of the gateway's own.
async fn answers(api: &Api, origin: &str) -> Vec<(&'static str, Answer)> {
    api.forget_limits().await;
    api.post("/api/otp/resend", &serde_json::json!({ "email": "ada@example.com" })).await;
    let page = api.header("Origin", origin);
    let mut answers = Vec::new();
    for (method, path, status) in [
        (Method::GET, "/api", 200),
        (Method::HEAD, "/api", 200),
        (Method::GET, "/admin", 200),
        (Method::GET, "/api/profile", 401),
        (Method::POST, "/api/otp/resend", 429),
        (Method::GET, "/nowhere", 404),
    ] {
        let answer = page.send(method, path, Some("application/json"), "").await;
        assert_eq!(answer.status, status, "{path}");
        answers.push((path, answer));
    }
    answers
}

#[tokio::test]
async fn a_page_of_the_allowed_origin_reads_success_refusal_and_the_gateways_own_answers() {
    let api = Api::with(&[("CorsOrigins", ORIGIN), ("OtpPerIpPerHour", "1")]).await;
    for (path, answer) in answers(&api, ORIGIN).await {
        assert_eq!((answer.header(ALLOWED), answer.header(CREDENTIALS)), (ORIGIN, ""), "{path}");
        let exposed = answer.header("access-control-expose-headers");
        let is_exposed = exposed.contains("ETag") && exposed.contains("Retry-After");
        assert!(path == "/nowhere" || is_exposed, "{path}: {exposed}");
    }
    // The gateway names the one origin to every page; what a browser makes of that is the same.
    for (path, answer) in answers(&api, STRANGER).await {
        assert_eq!(answer.header(ALLOWED), if path == "/nowhere" { ORIGIN } else { "" }, "{path}");
    }
}

#[tokio::test]
async fn pages_of_several_origins_read_with_credentials() {
    let origins = format!("{ORIGIN}, {OTHER}");
    let parameters =
        [("CorsOrigins", origins.as_str()), ("CorsCredentials", "true"), ("OtpPerIpPerHour", "1")];
    let api = Api::with(&parameters).await;
    for origin in [ORIGIN, OTHER] {
        for (path, answer) in answers(&api, origin).await {
            assert_eq!((answer.header(ALLOWED), answer.header(CREDENTIALS)), (origin, "true"), "{path}");
        }
    }
    for (path, answer) in answers(&api, STRANGER).await {
        // The gateway cannot choose from a list: what it says by itself, which tells nothing of anybody, any page may read.
        let expected = if path == "/nowhere" { (STRANGER, "true") } else { ("", "") };
        assert_eq!((answer.header(ALLOWED), answer.header(CREDENTIALS)), expected, "{path}");
    }
}

#[tokio::test]
async fn a_cache_keeps_the_answers_to_different_origins_apart() {
    let api = Api::with(&[("CorsOrigins", ORIGIN)]).await;
    assert_eq!(api.get("/openapi.json").await.header("vary"), "accept-encoding, Origin");
    assert_eq!(api.get("/api/profile").await.header("vary"), "Origin");
    let api = Api::with(&[("CorsOrigins", "*")]).await;
    let answer = api.get("/openapi.json").await;
    assert_eq!((answer.header("vary"), answer.header(ALLOWED)), ("accept-encoding", "*"));
}

#[tokio::test]
async fn no_page_of_another_origin_may_read_unless_it_is_allowed() {
    let api = Api::start().await;
    for path in ["/api", "/api/profile", "/nowhere"] {
        let answer = api.header("Origin", ORIGIN).get(path).await;
        assert_eq!((answer.header(ALLOWED), answer.header(CREDENTIALS)), ("", ""), "{path}");
        assert_eq!(answer.header("access-control-expose-headers"), "", "{path}");
    }
}

fn refusal(parameters: &[(&str, &str)]) -> String {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Template::load(&root().join("template.yaml"), &parameters.collect()).unwrap_err().to_string()
}

#[test]
fn an_origin_has_no_path() {
    for origin in ["https://app.example.com/", "app.example.com", "https://a.example,app.example.com", "null"]
    {
        let error = refusal(&[("CorsOrigins", origin)]);
        assert!(error.contains("must be origins without a path"), "{origin}: {error}");
    }
}

#[test]
fn credentials_need_origins_by_name() {
    for origins in ["", "*"] {
        let error = refusal(&[("CorsOrigins", origins), ("CorsCredentials", "true")]);
        assert!(error.contains("CorsCredentials needs CorsOrigins"), "{origins}: {error}");
    }
}
