//! Authorizes requests to other APIs of the account, by the access tokens of this one. API Gateway invokes it there: it has no URL.
//!
//! An HTTP API sends its events in format 2.0, and is answered in the simple form. Any other event is answered with a policy: those in
//! format 1.0, and those of REST and WebSocket APIs. A token that is no good is refused (403). When that cannot be found out, the
//! invocation fails (500): nothing is allowed, and API Gateway asks again the next time.

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};
use shared::{App, Authorized, Checks, Error, authorize, log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    log::start();
    let (app, checks) = (App::from_env()?, Checks::from_env()?);
    let app = &app;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        Box::pin(answer(app, checks, &event.payload)).await.map_err(|error| Diagnostic {
            error_type: "Unavailable".to_owned(),
            // The cause is for the log.
            error_message: error.to_string(),
        })
    }))
    .await
}

async fn answer(app: &App, checks: Checks, event: &Value) -> Result<Value, Error> {
    let authorized = match authorize(app, authorization(event), checks).await {
        Err(error) if error.is_ours() => return Err(error),
        authorized => authorized.ok(),
    };
    Ok(if event["version"] == "2.0" { simple(authorized) } else { policy(event, authorized) })
}

/// What the header `Authorization` of the request holds, unless there are two. An authorizer of type `TOKEN` gets it by itself.
fn authorization(event: &Value) -> Option<&str> {
    let headers = event["headers"].as_object().into_iter().flatten();
    let mut found = headers.filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    // A REST API shows the last of two, and all of them apart.
    let all = event["multiValueHeaders"].as_object().into_iter().flatten();
    let mut all = all.filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
    if all.any(|(_, values)| values.as_array().is_some_and(|values| values.len() > 1)) {
        return None;
    }
    match (found.next(), found.next()) {
        (Some((_, value)), None) => value.as_str(),
        (None, _) => event["authorizationToken"].as_str(),
        _ => None,
    }
}

/// What the other API learns of the user.
fn context(Authorized { user_id, staff, sid }: Authorized) -> Value {
    json!({ "user_id": user_id.to_string(), "staff": staff, "sid": sid })
}

fn simple(authorized: Option<Authorized>) -> Value {
    match authorized {
        Some(authorized) => json!({ "isAuthorized": true, "context": context(authorized) }),
        None => json!({ "isAuthorized": false }),
    }
}

/// A policy about all of the stage: API Gateway keeps it for the token, and applies it to the next request, which may be to another
/// method. `methodArn` is `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>`.
fn policy(event: &Value, authorized: Option<Authorized>) -> Value {
    let arn = event["methodArn"].as_str().unwrap_or_default();
    let mut parts = arn.split('/');
    let stage = parts.next().zip(parts.next()).map(|(api, stage)| format!("{api}/{stage}/*"));
    let (effect, resource, who) = match (authorized, stage) {
        (Some(authorized), Some(stage)) => ("Allow", stage, Some(authorized)),
        (_, stage) => ("Deny", stage.unwrap_or_else(|| "*".to_owned()), None),
    };
    json!({
        "principalId": who.map_or_else(|| "anyone".to_owned(), |who| who.user_id.to_string()),
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": resource }],
        },
        "context": who.map_or_else(|| json!({}), context),
    })
}

#[cfg(contract)]
pub fn contract() -> Value {
    contract::request_to_another_api()
}
