//! The embedded database as a service: `DynamoDB`'s JSON protocol before its operations.
//!
//! The library has a server, too, but it opens a port of its own, nothing can be put before it, and it lets the pages of every
//! origin read and write.

use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{
        HeaderMap, StatusCode, Uri,
        header::{AUTHORIZATION, CONTENT_TYPE, DATE},
    },
    response::{IntoResponse, Response},
    routing::post,
};
use dynoxide::{
    Database, DynoxideError,
    auth_material::{self, AuthMaterial},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

const JSON: &str = "application/x-amz-json-1.0";
/// The longest request, in bytes: `DynamoDB`'s quota.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

pub(super) fn router(database: Database) -> Router {
    Router::new().route("/", post(call)).layer(DefaultBodyLimit::max(BODY_LIMIT)).with_state(database)
}

/// A call of an operation, which a header names.
async fn call(State(database): State<Database>, uri: Uri, headers: HeaderMap, body: String) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = header(CONTENT_TYPE.as_str()).and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let target = header("x-amz-target").filter(|_| [JSON, "application/json"].contains(&kind.trim()));
    let operation = target.and_then(|target| target.split_once('.'));
    let Some(("DynamoDB_20120810" | "DynamoDBStreams_20120810", operation)) = operation else {
        return unknown();
    };
    // Nobody checks a signature, but a request without one is refused, as it would be there.
    let signature = AuthMaterial {
        authorization: header(AUTHORIZATION.as_str()),
        query: uri.query().unwrap_or_default(),
        has_date_header: headers.contains_key("x-amz-date") || headers.contains_key(DATE),
    };
    if let Some(refusal) = auth_material::validate(signature) {
        return answer(StatusCode::BAD_REQUEST, refusal);
    }
    match run(&database, operation, &body) {
        None => unknown(),
        Some(Ok(body)) => answer(StatusCode::OK, body),
        Some(Err(error)) => {
            let status = StatusCode::from_u16(error.status_code());
            answer(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), error.to_json())
        }
    }
}

fn unknown() -> Response {
    let error = json!({ "__type": "com.amazon.coral.service#UnknownOperationException" });
    answer(StatusCode::BAD_REQUEST, error.to_string())
}

fn answer(status: StatusCode, body: String) -> Response {
    let id = uuid::Uuid::new_v4().to_string();
    (status, [("content-type", JSON), ("x-amzn-requestid", id.as_str())], body).into_response()
}

/// The answer of an operation; none if there is no such operation.
fn run(database: &Database, operation: &str, body: &str) -> Option<Result<String, DynoxideError>> {
    macro_rules! operations {
        ($($name:literal: $method:ident,)*) => {
            match operation {
                $($name => Some(parsed(body).and_then(|request| database.$method(request)).and_then(|answer| text(&answer))),)*
                _ => None,
            }
        };
    }
    operations! {
        "BatchExecuteStatement": batch_execute_statement,
        "BatchGetItem": batch_get_item,
        "BatchWriteItem": batch_write_item,
        "CreateTable": create_table,
        "DeleteItem": delete_item,
        "DeleteTable": delete_table,
        "DescribeStream": describe_stream,
        "DescribeTable": describe_table,
        "DescribeTimeToLive": describe_time_to_live,
        "ExecuteStatement": execute_statement,
        "ExecuteTransaction": execute_transaction,
        "GetItem": get_item,
        "GetRecords": get_records,
        "GetShardIterator": get_shard_iterator,
        "ListStreams": list_streams,
        "ListTables": list_tables,
        "ListTagsOfResource": list_tags_of_resource,
        "PutItem": put_item,
        "Query": query,
        "Scan": scan,
        "TagResource": tag_resource,
        "TransactGetItems": transact_get_items,
        "TransactWriteItems": transact_write_items,
        "UntagResource": untag_resource,
        "UpdateItem": update_item,
        "UpdateTable": update_table,
        "UpdateTimeToLive": update_time_to_live,
    }
}

fn parsed<T: DeserializeOwned>(body: &str) -> Result<T, DynoxideError> {
    serde_json::from_str(body).map_err(|error| {
        let reason = error.to_string();
        // The library marks what can be parsed and is invalid.
        match reason.split_once(':') {
            Some(("VALIDATION" | "VALIDATION_REQUEST" | "VALIDATION_AS_READ", reason)) => {
                DynoxideError::ValidationException(reason.to_owned())
            }
            _ => DynoxideError::SerializationException(reason),
        }
    })
}

fn text(answer: &impl Serialize) -> Result<String, DynoxideError> {
    serde_json::to_string(answer).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}
