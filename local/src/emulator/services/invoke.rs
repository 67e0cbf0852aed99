//! Lambda, as far as it invokes: <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Services, refusal};
use crate::emulator::{
    body,
    lambda::{EVENT_LIMIT, InvokeError, find},
};

/// The header that marks a function's error: the status is 200 even then.
pub(crate) const FUNCTION_ERROR: &str = "x-amz-function-error";

/// `POST /2015-03-31/functions/{name}/invocations`
pub(super) async fn invoke(
    State(services): State<Arc<Services>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    // Nobody checks it, but a page in a browser cannot send one, and shall not invoke what has no URL.
    if !headers.contains_key(AUTHORIZATION) {
        let message = "Missing Authentication Token";
        return refusal(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException", message);
    }
    let kind = headers.get("x-amz-invocation-type").map_or(&b"RequestResponse"[..], |kind| kind.as_bytes());
    if kind != b"RequestResponse" {
        let message = "The local stack offers the invocation type RequestResponse only.";
        return refusal(StatusCode::BAD_REQUEST, "InvalidParameterValueException", message);
    }
    let Some(pool) = find(&services.pools, &name) else {
        let message = format!("Function not found: {name}");
        return refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", &message);
    };
    let event = match body::read(body, EVENT_LIMIT).await {
        Ok(body) if body.is_empty() => Ok(json!({})),
        Ok(body) => serde_json::from_slice(&body),
        Err(_) => return too_large(),
    };
    let result = match &event {
        Ok(event) => pool.invoke_with(event).await,
        Err(error) => {
            let message = format!("Could not parse request body into json: {error}");
            return refusal(StatusCode::BAD_REQUEST, "InvalidRequestContentException", &message);
        }
    };
    match result {
        Ok(answer) => answer.to_string().into_response(),
        Err(InvokeError::TooLarge) => too_large(),
        Err(InvokeError::Throttled) => {
            refusal(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate Exceeded.")
        }
        Err(InvokeError::Failed(error)) => function_error(&error),
        Err(InvokeError::TimedOut(timeout)) => {
            let message = format!("Error: Task timed out after {:.2} seconds", timeout.as_secs_f64());
            function_error(&json!({ "errorType": "Sandbox.Timedout", "errorMessage": message }))
        }
        Err(InvokeError::Exited(status)) => {
            let message = format!("Error: Runtime exited with error: {status}");
            function_error(&json!({ "errorType": "Runtime.ExitError", "errorMessage": message }))
        }
        Err(error @ InvokeError::BadAnswer) => function_error(
            &json!({ "errorType": "Runtime.MalformedResponse", "errorMessage": error.to_string() }),
        ),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", &error.to_string()),
    }
}

fn function_error(error: &Value) -> Response {
    ([(FUNCTION_ERROR, "Unhandled")], error.to_string()).into_response()
}

fn too_large() -> Response {
    let message = InvokeError::TooLarge.to_string();
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestTooLargeException", &message)
}
