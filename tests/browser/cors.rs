//! Pages of another origin that call the API.

use axum::{Router, response::Html, routing::get};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Api, Browser, PASSWORD};

/// An empty page on a port of its own; gives its origin.
async fn page(host: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let page = Router::new().route("/", get(|| async { Html("<!doctype html><title>A page</title>") }));
    tokio::spawn(async { axum::serve(listener, page).await });
    format!("http://{host}:{port}")
}

/// Sends a request as libraries for Django do, and gives its status and what it was answered; `blocked` when the page may not
/// read that.
const CALL: &str = "
    const [method, url, headers, fields] = arguments;
    return new Promise((done) => {
        const call = new XMLHttpRequest();
        call.open(method, url);
        call.withCredentials = true;
        const own = { 'X-CSRFToken': 'a token', 'X-Requested-With': 'XMLHttpRequest', ...headers };
        for (const [name, value] of Object.entries(own)) call.setRequestHeader(name, value);
        call.onload = () => done([call.status, JSON.parse(call.responseText || 'null')]);
        call.onerror = () => done('blocked');
        let body = null;
        if (fields) {
            body = new FormData();
            for (const [name, value] of Object.entries(fields)) body.append(name, value);
            // A file input in which nothing was chosen.
            body.append('photo', new File([], '', { type: 'application/octet-stream' }));
        }
        call.send(body);
    });";

/// Sends a request for which a browser does not ask first.
const SIMPLE: &str = "
    const read = (answer) => answer.status;
    return fetch(arguments[0], { credentials: 'include' }).then(read, () => 'blocked');";

async fn call(browser: &Browser, method: &str, url: &str, headers: Value, fields: Value) -> Value {
    browser.run(CALL, vec![json!(method), json!(url), headers, fields]).await
}

#[tokio::test]
async fn pages_of_the_allowed_origins_call_with_credentials_and_those_of_others_do_not() {
    let (first, second) = (page("127.0.0.1").await, page("localhost").await);
    let stranger = page("127.0.0.1").await;
    let origins = format!("{first}, {second}");
    let api = Api::with(&[("CorsOrigins", &origins), ("CorsCredentials", "true")]).await;
    api.registered("ada").await;
    let url = |path: &str| format!("{}{path}", api.stack.url());
    let login = json!({ "username": "ada", "password": PASSWORD });

    let browser = Browser::open(&first).await;
    for (n, origin) in [&first, &second].into_iter().enumerate() {
        browser.go(origin).await;
        let tokens = call(&browser, "POST", &url("/api/token/"), json!({}), login.clone()).await;
        assert_eq!(tokens[0], 200, "{tokens}");
        let bearer = json!({ "Authorization": format!("Bearer {}", tokens[1]["access"].as_str().unwrap()) });
        let fields =
            json!({ "first_name": "Grace", "last_name": "H", "phone_number": format!("988116767{n}") });
        let created = call(&browser, "POST", &url("/api/employees/"), bearer.clone(), fields).await;
        assert_eq!((&created[0], &created[1]["first_name"]), (&json!(201), &json!("Grace")), "{created}");
        let path = format!("/api/employees/{}/", created[1]["id"].as_str().unwrap());
        let changed = json!({ "first_name": "Ada" });
        let changed = call(&browser, "PATCH", &url(&path), bearer.clone(), changed).await;
        assert_eq!((&changed[0], &changed[1]["first_name"]), (&json!(200), &json!("Ada")), "{changed}");
        let deleted = call(&browser, "DELETE", &url(&path), bearer.clone(), Value::Null).await;
        assert_eq!(deleted[0], 204, "{deleted}");
        // A refusal can be read, too: a function's and the gateway's.
        let refused = call(&browser, "GET", &url("/api/profile"), json!({}), Value::Null).await;
        assert_eq!(refused[0], 401, "{refused}");
        assert_eq!(browser.run(SIMPLE, vec![json!(url("/nowhere"))]).await, 404);
    }

    browser.go(&stranger).await;
    for (method, path, fields) in [("POST", "/api/token/", login), ("GET", "/api", Value::Null)] {
        assert_eq!(call(&browser, method, &url(path), json!({}), fields).await, "blocked", "{path}");
    }
    assert_eq!(browser.run(SIMPLE, vec![json!(url("/api"))]).await, "blocked");
}
