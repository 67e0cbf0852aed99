//! A sample event for every function, for `sam local invoke` and `cargo lambda invoke`.

use serde_json::{Map, Value, json};

use crate::{Declared, Operation, functions};

/// Stands for an id in a path.
const ID: &str = "01900000-0000-7000-8000-000000000000";
/// Reads like one of our access tokens, and is refused.
const TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiIsImtpZCI6ImEta2V5LXRoYXQtbm9ib2R5LWhhcy1hbmQtdGhhdC1pcy1hLXNhbXBsZSJ9\
    .eyJ0b2tlbl90eXBlIjoiYWNjZXNzIn0.c2FtcGxl";
const USER_AGENT: &str = "curl/8.5.0";

/// The sample events by the names of the functions.
#[must_use]
pub fn events() -> Vec<(&'static str, Value)> {
    let events = functions::declared().into_iter().filter_map(|(function, declared)| match declared {
        Declared::Operations(operations) => {
            operations.first().map(|operation| (function, request(operation)))
        }
        Declared::Event(event) => Some((function, event)),
    });
    events.collect()
}

/// A request to another API, an HTTP API, as it asks an authorizer about it.
#[must_use]
pub fn request_to_another_api() -> Value {
    let authorization = format!("Bearer {TOKEN}");
    json!({
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": "arn:aws:execute-api:us-east-1:000000000000:another/$default/GET/orders",
        "identitySource": [authorization],
        "routeKey": "GET /orders",
        "rawPath": "/orders",
        "rawQueryString": "",
        "headers": { "authorization": authorization },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "another",
            "http": {
                "method": "GET", "path": "/orders", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
                "userAgent": USER_AGENT,
            },
            "requestId": "a-request-of-the-samples",
            "routeKey": "GET /orders",
            "stage": "$default",
        },
    })
}

/// A new code for somebody, as the stream of the Otps table brings it.
#[must_use]
pub fn new_code(purpose: &str, channel: &str, to: &str) -> Value {
    let key = json!({ "S": format!("{purpose}#{to}") });
    json!({
        "Records": [{
            "eventID": "00000000000000000000000000000001",
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "us-east-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_767_225_600,
                "Keys": { "pk": key },
                "NewImage": {
                    "pk": key,
                    "purpose": { "S": purpose },
                    "channel": { "S": channel },
                    "to": { "S": to },
                    "user_id": { "S": ID },
                    "nonce": { "S": "0123456789abcdef0123456789abcdef" },
                    "digits": { "N": "6" },
                    "attempts_left": { "N": "3" },
                    "expires": { "N": "4102444800" },
                },
                "SequenceNumber": "100000000000000000001",
                "SizeBytes": 300,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
            "eventSourceARN":
                "arn:aws:dynamodb:us-east-1:000000000000:table/rollcall-Otps/stream/2026-01-01T00:00:00.000",
        }],
    })
}

/// A mail that the receiver's server refused, as SES reports it by EventBridge.
#[must_use]
pub fn bounced_mail(to: &str) -> Value {
    let (time, set) = ("2026-01-01T00:00:00.000Z", "rollcall-MailConfiguration");
    json!({
        "version": "0",
        "id": ID,
        "detail-type": "Email Bounced",
        "source": "aws.ses",
        "account": "000000000000",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [format!("arn:aws:ses:us-east-1:000000000000:configuration-set/{set}")],
        "detail": {
            "eventType": "Bounce",
            "bounce": {
                "bounceType": "Permanent",
                "bounceSubType": "General",
                "bouncedRecipients": [{
                    "emailAddress": to,
                    "action": "failed",
                    "status": "5.1.1",
                    "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                }],
                "timestamp": time,
                "feedbackId": "0100000000000000-00000000-0000-0000-0000-000000000000-000000",
                "reportingMTA": "dns; a1-1.smtp-out.amazonses.com",
            },
            "mail": {
                "timestamp": time,
                "source": "no-reply@example.com",
                "sendingAccountId": "000000000000",
                "messageId": "0100000000000000-00000000-0000-0000-0000-000000000000-000000",
                "destination": [to],
                "headersTruncated": false,
                "tags": { "ses:configuration-set": [set] },
            },
        },
    })
}

/// What a browser asks before it sends a request with JSON for a page of another origin.
#[must_use]
pub fn preflight_request() -> Value {
    let headers = json!({
        "Accept": "*/*",
        "Access-Control-Request-Headers": "authorization,content-type",
        "Access-Control-Request-Method": "POST",
        "Host": "127.0.0.1:3000",
        "Origin": "https://app.example.com",
        "User-Agent": USER_AGENT,
    });
    proxy_event("OPTIONS", "/api/login", &headers, &Value::Null, None)
}

/// A request of the operation with its first example.
fn request(operation: &Operation) -> Value {
    let mut headers = json!({ "Accept": "*/*", "Host": "127.0.0.1:3000", "User-Agent": USER_AGENT });
    if operation.needs_token() {
        headers["Authorization"] = json!(format!("Bearer {TOKEN}"));
    }
    if operation.example().is_some() {
        headers["Content-Type"] = json!("application/json");
    }
    let (method, query) = (operation.method.to_uppercase(), query(operation));
    let body = operation.example().map(Value::to_string);
    proxy_event(&method, operation.path, &headers, &query, body.as_deref())
}

/// A request as API Gateway hands it on.
fn proxy_event(method: &str, resource: &str, headers: &Value, query: &Value, body: Option<&str>) -> Value {
    let path = resource.replace("{id}", ID);
    json!({
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": multiplied(headers),
        "queryStringParameters": query,
        "multiValueQueryStringParameters": multiplied(query),
        "pathParameters": if path == resource { Value::Null } else { json!({ "id": ID }) },
        "stageVariables": null,
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "local",
            "domainName": "127.0.0.1",
            "httpMethod": method,
            "identity": { "sourceIp": "127.0.0.1", "userAgent": USER_AGENT },
            "path": format!("/Prod{path}"),
            "protocol": "HTTP/1.1",
            "requestId": "00000000-0000-4000-8000-000000000000",
            "requestTime": "01/Jan/2026:00:00:00 +0000",
            "requestTimeEpoch": 1_767_225_600_000_u64,
            "resourceId": "sample",
            "resourcePath": resource,
            "stage": "Prod",
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

/// The parameters of the query that have a default, with it.
fn query(operation: &Operation) -> Value {
    let parameters = operation.parameters().into_iter().filter(|parameter| parameter["in"] == "query");
    let defaults = parameters.filter_map(|parameter| {
        let default = parameter["schema"].get("default")?;
        let text = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
        Some((parameter["name"].as_str()?.to_owned(), json!(text)))
    });
    let query: Map<_, _> = defaults.collect();
    if query.is_empty() { Value::Null } else { json!(query) }
}

/// The same, with a list of one value for each.
fn multiplied(values: &Value) -> Value {
    let lists =
        |values: &Map<_, _>| values.iter().map(|(name, value)| (name.clone(), json!([value]))).collect();
    values.as_object().map_or(Value::Null, |values| Value::Object(lists(values)))
}
