//! What each fuzz target does with its input. The journeys read this file too, to replay the corpus.

use std::{collections::BTreeMap, sync::LazyLock};

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::DecodingKey;
use lambda_http::{Body, RequestExt, http, request};
use serde_json::{Value, json};
use shared::{
    Form, Request,
    compatibility::ListFormat,
    email::Email,
    employee,
    fields::{ADDRESS_LENGTH, Given},
    page::ListQuery,
    password::Password,
    phone::{PhoneRules, Reach},
    token::{Issuer, Kind, Unverified},
    user::{self, Username},
};

const DOMAIN: &str = "api.example.com";
const CLIENT: &str = "2001:db8::1";
const NOW: u64 = 1_800_000_000;

/// An HTTP request as text (its first line, headers, an empty line, a body), which reaches a function as an event of
/// either kind of API Gateway. Host and forwarding headers are not the client's to choose: the gateway sets them.
pub fn event(data: &[u8]) {
    let Some((first, rest)) = split(data, b"\n") else { return };
    let (head, body) = split(rest, b"\n\n").unwrap_or((rest, b""));
    let (Ok(first), Ok(head)) = (str::from_utf8(first), str::from_utf8(head)) else { return };
    let Some((method, target)) = first.split_once(' ') else { return };
    // What is no path ends at the gateway.
    let Ok(target) = target.parse::<http::Uri>() else { return };
    let (path, query) = (target.path(), target.query().unwrap_or_default());
    if !path.starts_with('/') {
        return;
    }
    let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in head.lines().filter_map(|line| line.split_once(": ")) {
        if !["host", "x-forwarded-proto"].contains(&name.to_ascii_lowercase().as_str()) {
            headers.entry(name).or_default().push(value);
        }
    }
    let (body, is_base64) = match str::from_utf8(body) {
        Ok(text) => (text.to_owned(), false),
        Err(_) => (STANDARD.encode(body), true),
    };
    for event in [
        rest_event(method, path, query, &headers, &body, is_base64),
        http_event(method, path, query, &headers, &body, is_base64),
    ] {
        if let Ok(request) = request::from_str(&event.to_string()) {
            read(&Request::new(request, 0));
        }
    }
}

fn split<'a>(data: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = data.windows(mark.len()).position(|window| window == mark)?;
    Some((&data[..at], &data[at + mark.len()..]))
}

type Headers<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn rest_event(
    method: &str,
    path: &str,
    query: &str,
    headers: &Headers,
    body: &str,
    is_base64: bool,
) -> Value {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        parameters.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    let last = |(name, values): (&String, &Vec<String>)| (name.clone(), json!(values.last()));
    json!({
        "resource": "/api/users/{id}",
        "path": path,
        "httpMethod": method,
        "headers": { "Host": DOMAIN, "X-Forwarded-Proto": "https" },
        "multiValueHeaders": headers,
        "queryStringParameters": parameters.iter().map(last).collect::<serde_json::Map<_, _>>(),
        "multiValueQueryStringParameters": parameters,
        "pathParameters": { "id": path.rsplit('/').next() },
        "requestContext": {
            "domainName": DOMAIN,
            "httpMethod": method,
            "identity": { "sourceIp": CLIENT },
            "path": path,
            "requestId": "id",
            "resourcePath": "/api/users/{id}",
            "stage": "Prod",
        },
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

fn http_event(
    method: &str,
    path: &str,
    query: &str,
    headers: &Headers,
    body: &str,
    is_base64: bool,
) -> Value {
    let mut joined: BTreeMap<String, String> =
        headers.iter().map(|(name, values)| (name.to_lowercase(), values.join(","))).collect();
    joined.insert("host".to_owned(), DOMAIN.to_owned());
    joined.insert("x-forwarded-proto".to_owned(), "https".to_owned());
    json!({
        "version": "2.0",
        "routeKey": format!("{method} /api/users/{{id}}"),
        "rawPath": path,
        "rawQueryString": query,
        "headers": joined,
        "pathParameters": { "id": path.rsplit('/').next() },
        "requestContext": {
            "domainName": DOMAIN,
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": CLIENT, "userAgent": "" },
            "requestId": "id",
            "routeKey": format!("{method} /api/users/{{id}}"),
            "stage": "$default",
        },
        "body": body,
        "isBase64Encoded": is_base64,
    })
}

/// Everything that an endpoint may ask a request.
fn read(request: &Request) {
    assert_eq!((request.ip(), request.network().as_str()), (CLIENT, "2001:db8::/64"));
    assert_eq!((request.route(), request.id()), ("/api/users/{id}", "id"));
    assert!(request.url().starts_with("https://api.example.com/"), "{}", request.url());
    assert!(request.base_url().starts_with("https://api.example.com"));
    assert!(request.client().user_agent().chars().count() <= 200);
    let _ = (request.method(), request.path("id"), request.precondition().check(7));
    let (parameters, format) = (request.parameters(), ListFormat::Page);
    let _ = (employee::List::read(&parameters, format, false), user::List::read(&parameters, format, false));
    let _ = request.form().map(fields);
}

/// A body: JSON, or a form when it begins with `&`.
pub fn body(data: &[u8]) {
    let media_type = match data.first() {
        Some(b'&') => "application/x-www-form-urlencoded",
        _ => "application/json",
    };
    let mut request = http::Request::new(Body::Binary(data.to_vec()));
    request.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(media_type));
    let _ = Request::new(request, 0).form().map(fields);
}

/// Reads every kind of field. What is not read has a complaint.
fn fields(mut form: Form) {
    let phones = PhoneRules::of("IN").expect("India");
    let username = form.required("username", Username::parse);
    let email = form.required("email", Email::parse);
    let password = form.secret("password", Password::parse);
    let phone = form.nullable("phone_number", |text| phones.parse(text));
    let details = Given::read(&mut form, user::FIELDS, true);
    let last_name = form.not_blank("last_name", |text| Ok::<_, String>(text.len()));
    let is_staff = form.flag("is_staff");
    if let Some(username) = &username {
        let _ = (username.key(), username.poses_as_another(email.as_ref(), phones));
    }
    for entry in details.entries() {
        assert!(entry.text().chars().count() <= ADDRESS_LENGTH);
    }
    let are_read = [
        ("phone_number", phone.is_given()),
        ("last_name", last_name.is_some()),
        ("is_staff", is_staff.is_some()),
    ];
    let is_wrong = are_read.iter().any(|(name, is_read)| form.has(name) && !is_read);
    let is_missing = username.is_none() || email.is_none() || password.is_none();
    let refused = form.check().is_err();
    assert!(refused || !is_wrong && !is_missing);
}

/// A token: as it came or, when the input begins with `{`, claims that our own key has signed.
pub fn token(data: &[u8]) {
    static KEYS: LazyLock<(EcdsaKeyPair, DecodingKey)> = LazyLock::new(|| {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let point = pair.public_key().as_ref();
        let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
        let key = DecodingKey::from_ec_components(&x, &y).expect("its public half");
        (pair, key)
    });
    let Ok(text) = str::from_utf8(data) else { return };
    let (pair, key) = &*KEYS;
    let text = if text.starts_with('{') {
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": "k".repeat(43) });
        let signed = [&header.to_string(), text].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
        let signature = pair.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    } else {
        text.to_owned()
    };
    let Ok(token) = Unverified::read(&text) else { return };
    let issuer = Issuer::new("rollcall", Vec::new(), Vec::new());
    if let Ok(claims) = token.verify(key, &issuer, NOW, Some(Kind::Access)) {
        assert!(data.starts_with(b"{"), "a forgery");
        assert_eq!((claims.iss.as_str(), claims.token_type), ("rollcall", Kind::Access));
        assert!(claims.exp > NOW && claims.iat <= NOW + 60);
    }
}

/// The parameters of a list, a line each: its cursor, its search, its page size, its order and its page. In each form of list.
pub fn cursor(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let names = ["cursor", "search", "page_size", "ordering", "page"];
    let query = names
        .into_iter()
        .zip(text.split('\n'))
        .map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
    let request = http::Request::new(Body::Empty)
        .with_query_string_parameters(query.collect::<std::collections::HashMap<_, _>>());
    let parameters = Request::new(request, 0).parameters();
    for format in [ListFormat::Cursor, ListFormat::Page, ListFormat::Array] {
        let _ = ListQuery::read(&parameters, format, false);
    }
}

/// A phone number, in the region that its first byte chooses.
pub fn phone(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let regions = ["IN", "US", "GB", "BR", "IT", "AR"];
    let region = regions[usize::from(data.first().copied().unwrap_or_default()) % regions.len()];
    let rules = PhoneRules::of(region).expect("a region");
    let Ok(phone) = rules.parse(text) else { return };
    let again = rules.parse(phone.e164());
    assert_eq!(again.as_ref(), Ok(&phone), "one number has one form");
    let _ = Reach::from_env().map(|reach| reach.check(phone));
}
