//! Hostile bodies: each is the client's fault at every endpoint that takes one, told at once, and the next request is
//! served.

use std::collections::BTreeMap;

use local::Template;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Api, Client, Instance, PASSWORD, User, complaint, contract, employee::whole_employee, root,
    token_not_valid, unlimited_seeds,
};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";
/// How often a cost is measured: the least of them is the function's own.
const TRIES: usize = 5;

/// An endpoint that takes a body, and the names of its fields.
struct Endpoint {
    method: Method,
    path: &'static str,
    function: String,
    fields: Vec<&'static str>,
}

/// All of them, as the document has them.
fn endpoints() -> Vec<Endpoint> {
    let functions = Template::load(&root().join("template.yaml"), &[].into()).unwrap().functions;
    let function = |method: &str, path: &str| {
        let mut routes = functions.iter().flat_map(|of| of.routes.iter().map(move |route| (route, of)));
        let found = routes.find(|(route, _)| route.method == method && route.path == path);
        found.expect("a function").1.binary.clone()
    };
    let paths = contract::DOCUMENT["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
    });
    let endpoints = operations.filter_map(|(path, method, operation)| {
        let schema = contract::resolved(&operation.get("requestBody")?["content"][JSON]["schema"]);
        let fields = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        let method = method.to_uppercase();
        Some(Endpoint { function: function(&method, path), method: method.parse().unwrap(), path, fields })
    });
    endpoints.collect()
}

impl Endpoint {
    /// A body in which every field has this value, as JSON writes it.
    fn all(&self, value: &str) -> String {
        let fields: Vec<String> = self.fields.iter().map(|field| format!("\"{field}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    }

    /// What no client means.
    fn hostile_bodies(&self) -> Vec<(&'static str, &'static str, Vec<u8>)> {
        let first = self.fields[0];
        let secret = self.fields.iter().find(|field| field.contains("password")).unwrap_or(&first);
        let unknown: Vec<String> = (0..10_000).map(|n| format!("\"field{n}\":{n}")).collect();
        let pairs: Vec<String> = (0..10_000).map(|n| format!("field{n}={n}")).collect();
        let nested = |deep| format!("{{\"{first}\":{}{}}}", "[".repeat(deep), "]".repeat(deep));
        vec![
            ("60,000 characters", JSON, format!("{{\"{secret}\":\"{}\"}}", "x".repeat(60_000)).into()),
            ("a megabyte", JSON, format!("{{\"{secret}\":\"{}\"}}", "x".repeat(1_000_000)).into()),
            ("open brackets", JSON, "[".repeat(60_000).into()),
            ("open objects", JSON, "{\"a\":".repeat(10_000).into()),
            ("nested brackets", JSON, nested(30_000).into()),
            ("more of them", JSON, nested(100_000).into()),
            ("a field twice", JSON, format!("{{\"{first}\":\"a\",\"{first}\":\"b\"}}").into()),
            ("2,000 fields", JSON, format!("{{{}}}", unknown[..2_000].join(",")).into()),
            ("10,000 fields", JSON, format!("{{{}}}", unknown.join(",")).into()),
            ("a lone surrogate", JSON, self.all(r#""\ud800""#).into()),
            ("surrogates in the wrong order", JSON, self.all(r#""\udc00\ud800""#).into()),
            ("NUL", JSON, self.all(r#""a\u0000b""#).into()),
            ("a raw NUL", JSON, self.all("\"a\0b\"").into()),
            ("nothing but NULs", JSON, vec![0; 4]),
            ("a huge number", JSON, self.all("1e999").into()),
            ("a long number", JSON, self.all(&"9".repeat(10_000)).into()),
            ("what is no UTF-8", JSON, [self.all("\"a").as_bytes(), b"\xff\xfe\xc3\x28"].concat()),
            ("a list", JSON, self.all("[[], {}]").into()),
            (
                "half a form",
                "multipart/form-data; boundary=XX",
                "--XX\r\nContent-Disposition: form-data; na".into(),
            ),
            ("a form without a boundary", "multipart/form-data", format!("{first}=a").into()),
            ("2,000 fields in a form", FORM, pairs[..2_000].join("&").into()),
            ("10,000 fields in a form", FORM, pairs.join("&").into()),
            ("NUL in a form", FORM, format!("{first}=%00").into()),
        ]
    }

    async fn send(&self, client: &Client, path: &str, content_type: &str, body: &[u8]) -> Answer {
        client.send(self.method.clone(), path, Some(content_type), body).await
    }
}

/// What an answer costs a function that runs already, in milliseconds of processor time.
async fn cost(api: &Api, function: &str, ask: impl AsyncFn() -> Answer) -> (f64, Answer) {
    let used = || {
        let instances = Instance::of(function).into_iter().filter(|instance| instance.is_in(api));
        instances.map(|instance| instance.cpu()).sum::<f64>()
    };
    let before = used();
    let answer = ask().await;
    (used() - before, answer)
}

/// A login is what anybody can make a function do, as often as the limits allow, and it hashes a password.
#[tokio::test]
async fn asvs_15_3_5_a_hostile_body_is_refused_everywhere_and_costs_less_than_a_login() {
    let api = Api::with(&unlimited_seeds()).await;
    let admin = api.staff().await;
    let ids: BTreeMap<&str, String> = BTreeMap::from([
        ("users", admin.id()),
        ("employees", admin.employs(&whole_employee()).await["id"].as_str().unwrap().to_owned()),
    ]);
    let endpoints = endpoints();
    assert!(endpoints.len() >= 24, "{}", endpoints.len());
    let mut login = f64::INFINITY;
    for _ in 0..TRIES {
        let (cost, answer) = cost(&api, "api-token", || api.try_token("admin", PASSWORD)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        login = login.min(cost);
    }
    let before = api.records().await;
    let mut complaints = Vec::new();
    for endpoint in &endpoints {
        let path = endpoint.path.split('/').nth(2).and_then(|kind| ids.get(kind));
        let path = endpoint.path.replace("{id}", path.map_or("", String::as_str));
        // What an instance's start costs is not the body's fault.
        endpoint.send(&admin, &path, JSON, b"[]").await;
        for (name, content_type, body) in endpoint.hostile_bodies() {
            let mut least = f64::INFINITY;
            for _ in 0..TRIES {
                let ask = || endpoint.send(&admin, &path, content_type, &body);
                let (cost, answer) = cost(&api, &endpoint.function, ask).await;
                if !(400..500).contains(&answer.status) || !answer.body.is_object() {
                    let (method, status, text) = (&endpoint.method, answer.status, &answer.text);
                    complaints.push(format!("{method} {path}: {name}: {status} {text:.200}"));
                    break;
                }
                least = least.min(cost);
                if least < login {
                    break;
                }
            }
            if least >= login && least.is_finite() {
                let method = &endpoint.method;
                complaints.push(format!("{method} {path}: {name}: {least:.1} ms, a login takes {login:.1}"));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn a_password_of_20_000_characters_is_too_long() {
    let api = Api::start().await;
    let long = "x".repeat(20_000);
    let words = "Ensure this field has no more than 128 characters.";
    // Users who come from Django may have longer ones than can be set here.
    let words_at_login = "Ensure this field has no more than 4096 characters.";

    let body = json!({ "username": "ada", "email": "ada@example.com", "password": long });
    api.post("/api/register", &body).await.is(400, &complaint("password", words));
    let body = json!({ "username": "ada", "password": long });
    api.post("/api/token", &body).await.is(400, &complaint("password", words_at_login));
    let body = json!({ "email": "ada@example.com", "password": long });
    api.post("/api/login", &body).await.is(400, &complaint("password", words_at_login));

    let ada = api.signed_in().await;
    let body = json!({ "old_password": long, "new_password": long, "confirm_password": long });
    let all =
        json!({ "old_password": [words_at_login], "new_password": [words], "confirm_password": [words] });
    ada.post("/api/password/reset", &body).await.is(400, &all);
}

/// API Gateway takes every body for UTF-8 and replaces what is not, and so does the reader of a form.
#[tokio::test]
async fn a_password_that_is_not_in_utf_8_is_refused_everywhere() {
    let api = Api::with(&unlimited_seeds()).await;
    let admin = api.staff().await;
    let mut refused = Vec::new();
    for endpoint in endpoints() {
        let fields = endpoint.fields.iter();
        let secrets: Vec<&&str> = fields.clone().filter(|field| field.contains("password")).collect();
        if secrets.is_empty() {
            continue;
        }
        let json = endpoint.all("\"p#ssword-2024\"");
        let latin_1 = json.bytes().map(|byte| if byte == b'#' { 0xe4 } else { byte }).collect();
        let form: Vec<String> = fields.map(|field| format!("{field}=p%E4ssword-2024")).collect();
        for (content_type, body) in [(JSON, latin_1), (FORM, form.join("&").into_bytes())] {
            let answer = endpoint.send(&admin, endpoint.path, content_type, &body).await;
            for secret in &secrets {
                let words = json!(["Ensure this field is encoded in UTF-8."]);
                assert_eq!((answer.status, &answer.body[**secret]), (400, &words), "{}", answer.text);
            }
        }
        refused.push(endpoint.path);
    }
    refused.sort_unstable();
    assert_eq!(
        refused,
        [
            "/api/login",
            "/api/password/forgot/confirm",
            "/api/password/reset",
            "/api/register",
            "/api/token",
            "/auth/login",
            "/auth/register",
        ]
    );
}

#[tokio::test]
async fn asvs_15_3_7_a_field_that_is_given_twice_is_refused_or_has_one_meaning() {
    let api = Api::start().await;
    let json =
        r#"{"username":"eve","email":"ada@example.com","password":"correct horse battery","username":"ada"}"#;
    let form = "username=eve&email=ada%40example.com&password=correct+horse+battery&username=ada";

    let answer = api.post_text("/api/register", JSON, json).await;
    let detail = answer.body["detail"].as_str().unwrap_or_default();
    assert!(answer.status == 400 && detail.contains("duplicate field \"username\""), "{}", answer.text);
    assert_eq!(api.records().await.len(), 0);

    // As in Django, the last of a form counts.
    assert_eq!(api.post_text("/api/register", FORM, form).await.body["username"], "ada");
}

#[tokio::test]
async fn a_body_larger_than_the_gateway_takes_is_refused() {
    let api = Api::start().await;

    let answer = api.post_text("/api/token", JSON, vec![b' '; 11 << 20]).await;

    answer.is(413, &json!({ "detail": "Request body too large." }));
    assert_eq!(api.logged().len(), 0);
}

/// What a body of more than 64 KB hears.
fn too_large() -> Value {
    json!({ "detail": "Request body too large." })
}

#[tokio::test]
async fn a_body_of_more_than_64_kb_is_refused_everywhere() {
    let api = Api::with(&unlimited_seeds()).await;
    let admin = api.staff().await;
    let before = api.records().await;
    // As a tree it takes 300 MB.
    let objects = format!("{{\"a\":[{}0]}}", "{\"a\":{}},".repeat(460_000));
    let padded = |length: usize| format!("{{{}}}", " ".repeat(length - 2)).into_bytes();
    let form = |length: usize| format!("a={}", "b".repeat(length - 2)).into_bytes();
    for endpoint in endpoints() {
        let path = endpoint.path.replace("{id}", &uuid::Uuid::now_v7().to_string());
        for (content_type, body) in [
            (JSON, objects.clone().into_bytes()),
            (JSON, vec![0xff; 1_000_000]),
            (JSON, padded(65_537)),
            (FORM, form(65_537)),
            ("text/plain", form(65_537)),
        ] {
            endpoint.send(&admin, &path, content_type, &body).await.is(413, &too_large());
        }
        for (content_type, body) in [(JSON, padded(65_536)), (FORM, form(65_536))] {
            let answer = endpoint.send(&admin, &path, content_type, &body).await;
            assert!(answer.status < 500 && answer.status != 413, "{path}: {}", answer.text);
        }
    }
    assert_eq!(api.records().await, before);
}

/// A function never unpacks a body: what API Gateway hands on is unpacked, and as long as it is.
#[tokio::test]
async fn a_compressed_body_is_as_long_as_any_other() {
    let api = Api::start().await;
    let packed = api.header("Content-Encoding", "gzip");

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let body = vec![b' '; 70_000];
    std::io::Write::write_all(&mut gzip, &body).unwrap();
    packed.post_text("/api/token", JSON, gzip.finish().unwrap()).await.is(413, &too_large());
}

#[tokio::test]
async fn a_body_in_base64_is_as_long_as_its_bytes() {
    let api = Api::start().await;
    let event = std::fs::read(root().join("events/api-token.json")).unwrap();
    let mut event: Value = serde_json::from_slice(&event).unwrap();
    event["isBase64Encoded"] = json!(true);
    for (length, status) in [(65_536, 400), (65_537, 413), (65_538, 413), (65_539, 413), (3_000_000, 413)] {
        let body = vec![b' '; length];
        event["body"] = json!(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, body));
        let answer = api.stack.invoke("api-token", event.clone()).await.unwrap();
        assert_eq!(answer["statusCode"], status, "{length}: {answer}");
    }
}

#[tokio::test]
async fn what_is_in_an_unknown_field_is_read_over() {
    let api = Api::start().await;
    let nested = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let body = format!("{{\"unknown\":{nested},\"token\":\"x\",\"another\":{{\"a\":1,\"a\":[2]}}}}");

    let answer = api.post_text("/api/token/verify", JSON, body).await;

    answer.is(401, &token_not_valid("Token is invalid"));
}

#[tokio::test]
async fn a_hostile_header_does_no_harm() {
    let api = Api::start().await;
    let ada = api.header("User-Agent", &"x".repeat(8_000)).header("X-Forwarded-For", "' OR 1=1 --");

    api.registered("ada").await;
    let answer = ada.post("/api/token", &json!({ "username": "ada", "password": PASSWORD })).await;

    let user = User::new(&api, &answer.body);
    let session = &user.get("/api/sessions").await.body[0];
    assert_eq!((session["user_agent"].as_str().unwrap().len(), &session["ip"]), (200, &json!("127.0.0.1")));
}
