//! A request as a Lambda proxy event of a REST API, and a function's answer as a response.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html>

use std::{collections::BTreeMap, net::SocketAddr};

use axum::{
    body::{Body, Bytes},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, Version, header::CONTENT_TYPE,
    },
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::emulator::{lambda::trace_id, template::ACCOUNT};

/// The stage of `AWS::Serverless::Api` in the template.
const STAGE: &str = "Prod";
const API_ID: &str = "local";

/// Headers that API Gateway hands on under another name (`x-amzn-Remapped-…`), from its "important notes".
const REMAPPED: [&str; 8] = [
    "authorization",
    "connection",
    "content-md5",
    "date",
    "max-forwards",
    "server",
    "user-agent",
    "www-authenticate",
];
/// Headers that it does not hand on; the length is counted again.
const DROPPED: [&str; 8] = [
    "content-length",
    "expect",
    "host",
    "proxy-authenticate",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A request, read.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) peer: SocketAddr,
}

/// The event for a function. The gateway stands for a custom domain that is mapped to the stage, so that paths carry no stage.
pub(super) fn event(
    request: &Incoming,
    id: &str,
    resource: &str,
    parameters: &BTreeMap<String, String>,
) -> Value {
    let headers = multi_value_headers(request);
    let query = query(request.uri.query().unwrap_or_default());
    json!({
        "resource": resource,
        // Slashes at its beginning are one here, and all there in the context.
        "path": format!("/{}", request.uri.path().trim_start_matches('/')),
        "httpMethod": request.method.as_str(),
        "headers": last_values(&headers),
        "multiValueHeaders": headers,
        "queryStringParameters": (!query.is_empty()).then(|| last_values(&query)),
        "multiValueQueryStringParameters": (!query.is_empty()).then_some(&query),
        "pathParameters": (!parameters.is_empty()).then_some(parameters),
        "stageVariables": null,
        "requestContext": context(request, id, resource),
        "body": body(&request.body),
        "isBase64Encoded": false,
    })
}

fn context(request: &Incoming, id: &str, resource: &str) -> Value {
    let now = Timestamp::now();
    let host = text(request.headers.get("host"));
    json!({
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "deploymentId": API_ID,
        "domainName": host,
        "domainPrefix": host.as_deref().and_then(|host| host.split('.').next()),
        "extendedRequestId": id,
        "httpMethod": request.method.as_str(),
        "identity": {
            "accessKey": null,
            "accountId": null,
            "caller": null,
            "cognitoAuthenticationProvider": null,
            "cognitoAuthenticationType": null,
            "cognitoIdentityId": null,
            "cognitoIdentityPoolId": null,
            "principalOrgId": null,
            // The connection's, never a header's: anyone can write a header.
            "sourceIp": request.peer.ip().to_string(),
            "user": null,
            "userAgent": text(request.headers.get("user-agent")),
            "userArn": null,
        },
        "path": request.uri.path(),
        "protocol": format!("{:?}", request.version),
        "requestId": id,
        "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "requestTimeEpoch": now.as_millisecond(),
        "resourceId": API_ID,
        "resourcePath": resource,
        "stage": STAGE,
    })
}

/// The client's headers, and those that API Gateway adds.
fn multi_value_headers(request: &Incoming) -> BTreeMap<String, Vec<String>> {
    let mut headers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in &request.headers {
        headers.entry(name.as_str().to_owned()).or_default().extend(text(Some(value)));
    }
    let forwarded = headers.remove("x-forwarded-for").unwrap_or_default();
    let forwarded =
        forwarded.into_iter().chain([request.peer.ip().to_string()]).collect::<Vec<_>>().join(", ");
    headers.insert("X-Forwarded-For".to_owned(), vec![forwarded]);
    for (name, value) in [("X-Forwarded-Proto", "http".to_owned()), ("X-Amzn-Trace-Id", trace_id())] {
        headers.remove(&name.to_lowercase());
        headers.insert(name.to_owned(), vec![value]);
    }
    headers
}

/// The decoded query. A plus sign is a space, as in a form.
fn query(query: &str) -> BTreeMap<String, Vec<String>> {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        parameters.entry(form_decoded(name)).or_default().push(form_decoded(value));
    }
    parameters
}

fn form_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn last_values(values: &BTreeMap<String, Vec<String>>) -> BTreeMap<&String, &String> {
    values.iter().filter_map(|(name, values)| Some((name, values.last()?))).collect()
}

/// A body as text. Without `BinaryMediaTypes`, of which the template has none, API Gateway takes every body for UTF-8: what is none
/// becomes U+FFFD.
fn body(bytes: &Bytes) -> Option<String> {
    (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// A header's value; bytes that are no UTF-8 become question marks.
fn text(value: Option<&HeaderValue>) -> Option<String> {
    value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// A function's answer as a response. `None` is what API Gateway calls a malformed Lambda proxy response.
pub(super) fn response(answer: &[u8]) -> Option<Response<Body>> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let answer = answer.as_object()?;
    let status = answer.get("statusCode")?;
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok())?;
    let status =
        StatusCode::from_u16(u16::try_from(status).ok()?).ok().filter(|status| status.as_u16() >= 200)?;
    let body = answer_body(answer)?;

    let mut response = Response::builder().status(status);
    let headers = response.headers_mut()?;
    add_headers(headers, answer)?;
    if !headers.contains_key(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response.body(Body::from(body)).ok()
}

fn answer_body(answer: &Map<String, Value>) -> Option<Vec<u8>> {
    let body = match answer.get("body") {
        None | Some(Value::Null) => "",
        Some(Value::String(body)) => body,
        Some(_) => return None,
    };
    match answer.get("isBase64Encoded") {
        Some(Value::Bool(true)) => BASE64.decode(body).ok(),
        None | Some(Value::Null | Value::Bool(false)) => Some(body.as_bytes().to_vec()),
        Some(_) => None,
    }
}

/// `multiValueHeaders` wins where both name a header.
fn add_headers(headers: &mut HeaderMap, answer: &Map<String, Value>) -> Option<()> {
    let mut all: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for (name, value) in section(answer, "headers")? {
        all.insert(name.to_lowercase(), vec![value]);
    }
    for (name, values) in section(answer, "multiValueHeaders")? {
        all.insert(name.to_lowercase(), values.as_array()?.iter().collect());
    }
    for (name, values) in all {
        if DROPPED.contains(&name.as_str()) {
            continue;
        }
        let name = if REMAPPED.contains(&name.as_str()) { format!("x-amzn-remapped-{name}") } else { name };
        let name = HeaderName::try_from(name).ok()?;
        for value in values {
            headers.append(name.clone(), header_value(value)?);
        }
    }
    Some(())
}

fn section<'a>(
    answer: &'a Map<String, Value>,
    name: &str,
) -> Option<impl Iterator<Item = (&'a String, &'a Value)>> {
    match answer.get(name) {
        None | Some(Value::Null) => Some(None.into_iter().flatten()),
        Some(Value::Object(entries)) => Some(Some(entries).into_iter().flatten()),
        Some(_) => None,
    }
}

fn header_value(value: &Value) -> Option<HeaderValue> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incoming(uri: &str, headers: &[(&'static str, &'static str)], body: &[u8]) -> Incoming {
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value);
        }
        Incoming {
            method: Method::POST,
            uri: uri.parse().unwrap(),
            version: Version::HTTP_11,
            headers,
            body: Bytes::copy_from_slice(body),
            peer: "127.0.0.9:1234".parse().unwrap(),
        }
    }

    #[test]
    fn an_event_has_the_shape_of_a_rest_proxy_event() {
        let headers = [
            ("host", "localhost:3000"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("user-agent", "curl"),
            ("x-forwarded-for", "6.6.6.6"),
        ];
        let request = incoming("//api/users/a%20b/?q=x+y&q=%26&empty", &headers, b"{\"a\":1}");

        let mut event = event(
            &request,
            "id-1",
            "/api/users/{id}",
            &BTreeMap::from([("id".to_owned(), "a%20b".to_owned())]),
        );

        let context = event["requestContext"].take();
        assert_eq!(context["identity"]["sourceIp"], "127.0.0.9");
        assert_eq!(context["identity"]["userAgent"], "curl");
        assert_eq!(context["domainName"], "localhost:3000");
        assert_eq!(context["protocol"], "HTTP/1.1");
        assert_eq!((&context["stage"], &context["path"]), (&json!("Prod"), &json!("//api/users/a%20b/")));
        assert_eq!(
            (&context["requestId"], &context["resourcePath"]),
            (&json!("id-1"), &json!("/api/users/{id}"))
        );
        assert!(context["requestTimeEpoch"].is_i64() || context["requestTimeEpoch"].is_u64());

        let trace = event["headers"]["X-Amzn-Trace-Id"].take();
        event["multiValueHeaders"]["X-Amzn-Trace-Id"].take();
        assert!(trace.as_str().unwrap().starts_with("Root=1-"));
        let expected = json!({
            "resource": "/api/users/{id}",
            "path": "/api/users/a%20b/",
            "httpMethod": "POST",
            "headers": {
                "host": "localhost:3000", "x-a": "2", "user-agent": "curl",
                "X-Forwarded-For": "6.6.6.6, 127.0.0.9", "X-Forwarded-Proto": "http", "X-Amzn-Trace-Id": null,
            },
            "multiValueHeaders": {
                "host": ["localhost:3000"], "x-a": ["1", "2"], "user-agent": ["curl"],
                "X-Forwarded-For": ["6.6.6.6, 127.0.0.9"], "X-Forwarded-Proto": ["http"], "X-Amzn-Trace-Id": null,
            },
            "queryStringParameters": { "q": "&", "empty": "" },
            "multiValueQueryStringParameters": { "q": ["x y", "&"], "empty": [""] },
            "pathParameters": { "id": "a%20b" },
            "stageVariables": null,
            "requestContext": null,
            "body": "{\"a\":1}",
            "isBase64Encoded": false,
        });
        assert_eq!(event, expected);
    }

    #[test]
    fn what_is_absent_is_null() {
        let event = event(&incoming("/", &[], b""), "id", "/", &BTreeMap::new());

        for field in ["queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "body"] {
            assert_eq!(event[field], Value::Null, "{field}");
        }
    }

    #[test]
    fn a_body_that_is_not_text_becomes_text() {
        let event = event(&incoming("/", &[], &[b'a', 0xff, 0x00]), "id", "/", &BTreeMap::new());

        assert_eq!((&event["body"], &event["isBase64Encoded"]), (&json!("a\u{fffd}\0"), &json!(false)));
    }

    #[test]
    fn an_answer_becomes_a_response() {
        let answer = json!({
            "statusCode": 401,
            "headers": { "X-One": "1", "Retry-After": 42 },
            "multiValueHeaders": { "x-one": ["a", "b"], "WWW-Authenticate": ["Bearer"], "Content-Length": ["99"] },
            "body": "aGk=",
            "isBase64Encoded": true,
        });

        let response = response(answer.to_string().as_bytes()).unwrap();

        let headers: Vec<_> = response
            .headers()
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            headers,
            [
                "retry-after: 42",
                "x-amzn-remapped-www-authenticate: Bearer",
                "x-one: a",
                "x-one: b",
                "content-type: application/json"
            ]
        );
    }

    #[test]
    fn a_malformed_answer_is_no_response() {
        for answer in [
            "no JSON",
            "[]",
            "null",
            r#"{"body":"x"}"#,
            r#"{"statusCode":99999}"#,
            r#"{"statusCode":101}"#,
            r#"{"statusCode":200,"body":{"a":1}}"#,
            r#"{"statusCode":200,"body":"%","isBase64Encoded":true}"#,
            r#"{"statusCode":200,"headers":{"a b":"c"}}"#,
            r#"{"statusCode":200,"headers":{"a":"b\nc"}}"#,
            r#"{"statusCode":200,"headers":[]}"#,
            r#"{"statusCode":200,"multiValueHeaders":{"a":"b"}}"#,
        ] {
            assert!(response(answer.as_bytes()).is_none(), "{answer}");
        }
    }
}
