//! `GET /admin` over HTTP; what the page does is in `browser/`.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use reqwest::Method;

use crate::support::{Answer, Api};

/// The directives of an answer's policy.
fn policy(answer: &Answer) -> BTreeMap<&str, &str> {
    let directives = answer.header("content-security-policy").split("; ");
    directives.map(|directive| directive.split_once(' ').unwrap()).collect()
}

/// What is in the only element of this name.
fn content<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("<{name}>")).unwrap();
    let (content, rest) = rest.split_once(&format!("</{name}>")).unwrap();
    assert!(!rest.contains(&format!("<{name}")), "more than one {name}");
    content
}

#[tokio::test]
async fn the_page_is_one_answer_that_runs_nothing_but_its_own_script() {
    let api = Api::start().await;

    let answer = api.get("/admin").await;

    assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"));
    let hash = |name| {
        let digest = digest(&SHA256, content(&answer.text, name).as_bytes());
        format!("'sha256-{}'", BASE64.encode(digest))
    };
    let (script, style) = (hash("script"), hash("style"));
    let expected = [
        ("base-uri", "'none'"),
        ("connect-src", "'self'"),
        ("default-src", "'none'"),
        ("form-action", "'none'"),
        ("frame-ancestors", "'none'"),
        ("img-src", "data:"),
        ("require-trusted-types-for", "'script'"),
        ("script-src", script.as_str()),
        ("style-src", style.as_str()),
        ("trusted-types", "'none'"),
    ];
    assert_eq!(policy(&answer), BTreeMap::from(expected));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "public, max-age=300"),
        ("vary", "accept-encoding"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    // Nothing is fetched from anywhere else, and nothing is left for later.
    for foreign in ["src=", "rel=\"stylesheet\"", "https://", "innerHTML", "localStorage", "sessionStorage"] {
        assert!(!answer.text.contains(foreign), "{foreign}");
    }
}

#[tokio::test]
async fn the_page_is_small_and_goes_out_compressed() {
    let api = Api::start().await;
    let whole = api.get("/admin").await.text.len();

    let request =
        reqwest::Client::builder().no_proxy().build().unwrap().get(format!("{}/admin/", api.stack.url()));
    let answer = request.header("accept-encoding", "gzip, deflate, br").send().await.unwrap();

    assert_eq!(answer.headers()["content-encoding"], "gzip");
    let compressed = answer.bytes().await.unwrap().len();
    assert!(whole < 150_000 && compressed * 2 < whole, "{whole} bytes, {compressed} compressed");
}

#[tokio::test]
async fn who_has_the_page_does_not_get_it_again() {
    let api = Api::start().await;
    let tag = api.get("/admin").await.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() == 46, "{tag}");

    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let answer = api.header("if-none-match", &known).get("/admin").await;
        assert_eq!((answer.status, answer.text.as_str()), (304, ""), "{known}");
        assert_eq!((answer.header("etag"), answer.header("cache-control")), (&*tag, "public, max-age=300"));
    }
    assert_eq!(api.header("if-none-match", "\"other\"").get("/admin").await.status, 200);
}

#[tokio::test]
async fn there_is_nothing_but_to_get_it() {
    let api = Api::start().await;

    for method in [Method::POST, Method::PUT, Method::DELETE] {
        assert_eq!(api.send(method, "/admin", None, "").await.status, 404);
    }
}
