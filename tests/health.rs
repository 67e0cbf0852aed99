//! `GET /health`.

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn a_stack_whose_tables_answer_is_well() {
    let api = Api::start().await;

    api.get("/health").await.is(200, &json!({ "status": "ok" }));
}

#[tokio::test]
async fn a_stack_without_one_of_its_tables_is_not() {
    let api = Api::start().await;
    api.dynamodb("DeleteTable", &json!({ "TableName": "rollcall-Throttles" })).await;

    let answer = api.get("/health").await;

    answer.is(503, &json!({ "detail": "A server error occurred." }));
    assert_eq!(answer.header("retry-after"), "1");
}
