//! Pages of another origin: whether they may call, and what they may read of the answers (Fetch, "CORS protocol").

use local::Template;
use reqwest::Method;

use crate::support::{Answer, Api, root};

const ORIGIN: &str = "https://app.example.com";
const ALLOWED: &str = "access-control-allow-origin";

/// What a browser asks before it lets a page call.
async fn preflight(api: &Api, method: &str, path: &str) -> Answer {
    let browser = api.header("Origin", ORIGIN).header("Access-Control-Request-Method", method);
    browser.send(Method::OPTIONS, path, None, "").await
}

#[tokio::test]
async fn a_page_of_the_allowed_origin_may_call_every_method_of_a_path() {
    let api = Api::with(&[("CorsOrigins", ORIGIN)]).await;
    for (path, methods) in [
        ("/api/employees/01900000-0000-7000-8000-000000000000", "DELETE,GET,OPTIONS,PATCH,PUT"),
        ("/api/login/", "OPTIONS,POST"),
    ] {
        let answer = preflight(&api, "POST", path).await;

        assert_eq!((answer.status, answer.header(ALLOWED)), (200, ORIGIN), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-methods"), methods);
        let headers = answer.header("access-control-allow-headers");
        assert!(headers.contains("Authorization") && headers.contains("If-Match"), "{headers}");
        assert_eq!(answer.header("access-control-allow-credentials"), "", "there are no cookies");
    }
    assert_eq!(preflight(&api, "POST", "/nowhere").await.status, 404);
    assert_eq!(api.logged().len(), 0, "no function runs");
}

#[tokio::test]
async fn a_page_of_the_allowed_origin_reads_success_refusal_and_the_gateways_own_answers() {
    let api = Api::with(&[("CorsOrigins", ORIGIN), ("OtpPerIpPerHour", "1")]).await;
    api.post("/api/otp/resend", &serde_json::json!({ "email": "ada@example.com" })).await;
    for (method, path, status) in [
        (Method::GET, "/api", 200),
        (Method::GET, "/admin", 200),
        (Method::GET, "/api/profile", 401),
        (Method::POST, "/api/otp/resend", 429),
        (Method::GET, "/nowhere", 404),
    ] {
        let answer = api.header("Origin", ORIGIN).send(method, path, Some("application/json"), "").await;

        assert_eq!((answer.status, answer.header(ALLOWED)), (status, ORIGIN), "{path}");
        let exposed = answer.header("access-control-expose-headers");
        assert!(status == 404 || (exposed.contains("ETag") && exposed.contains("Retry-After")), "{path}");
    }
}

#[tokio::test]
async fn no_page_of_another_origin_may_call_or_read_unless_it_is_allowed() {
    let api = Api::start().await;
    assert_eq!(preflight(&api, "POST", "/api/login").await.header(ALLOWED), "");
    for path in ["/api", "/api/profile", "/nowhere"] {
        let answer = api.header("Origin", ORIGIN).get(path).await;
        assert_eq!(answer.header(ALLOWED), "", "{path}");
        assert_eq!(answer.header("access-control-expose-headers"), "", "{path}");
    }
}

#[test]
fn an_origin_has_no_path() {
    for origin in ["https://app.example.com/", "app.example.com", "https://a.example,app.example.com", "null"]
    {
        let parameters = [("CorsOrigins".to_owned(), origin.to_owned())].into();
        let error = Template::load(&root().join("template.yaml"), &parameters).unwrap_err().to_string();
        assert!(error.contains("must be origins without a path"), "{origin}: {error}");
    }
}
