//! More requests than the account has concurrent executions: Lambda throttles, and API Gateway answers for the function.

use serde_json::json;

use crate::support::Api;

const ORIGIN: &str = "https://app.example.com";

#[tokio::test]
async fn a_request_that_lambda_throttles_is_told_when_to_come_again() {
    let api = Api::with_concurrency(0, &[("CorsOrigins", ORIGIN)]).await;
    let page = api.header("Origin", ORIGIN);
    for answer in [page.get("/api/profile").await, page.post("/api/login", &json!({})).await] {
        answer.is(503, &json!({ "detail": "A server error occurred." }));
        assert_eq!(answer.header("retry-after"), "1");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("access-control-allow-origin"), ORIGIN);
        assert_eq!(answer.header("access-control-expose-headers"), "Retry-After");
    }
}
