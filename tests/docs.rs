//! `GET /` and its parts.

use local::Template;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, root};

/// What the page links to and loads, in its order.
fn links(page: &str) -> Vec<&str> {
    let values = page.split(['\n', ' ']).filter_map(|word| {
        let (name, rest) = word.split_once("=\"")?;
        ["href", "src"].contains(&name).then(|| rest.split('"').next())?
    });
    values.filter(|link| !link.starts_with("data:")).collect()
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_all_that_it_links_to_is_there() {
    let api = Api::start().await;

    let page = api.get("/").await;

    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), "public, max-age=3600");
    let policy = page.header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';") && !policy.contains("unsafe"),
        "{policy}"
    );
    let links = links(&page.text);
    let base = format!("{}/", api.stack.url());
    assert_eq!(links[0], base, "the base");
    assert!(links.contains(&"openapi.json") && links.contains(&"postman_collection.json"), "{links:?}");
    for link in &links[1..] {
        assert!(!link.contains(':') && !link.starts_with('/'), "{link}");
        let part = api.get(&format!("/{link}")).await;
        assert_eq!(part.status, 200, "{link}");
        assert!(part.text.len() < 5 << 20, "{link} is near what Lambda can answer");
        assert!(part.header("cache-control").starts_with("public, max-age="), "{link}");
    }
}

#[tokio::test]
async fn a_stage_is_part_of_the_base_with_and_without_its_slash() {
    let api = Api::start().await;
    let event = std::fs::read(root().join("events/docs.json")).unwrap();
    let mut event: Value = serde_json::from_slice(&event).unwrap();
    event["requestContext"]["domainName"] = json!("abc.execute-api.eu-west-1.amazonaws.com");
    for path in ["/Prod", "/Prod/"] {
        event["requestContext"]["path"] = json!(path);

        let answer = api.stack.invoke("docs", event.clone()).await.unwrap();

        let page = answer["body"].as_str().unwrap();
        assert_eq!(links(page)[0], "https://abc.execute-api.eu-west-1.amazonaws.com/Prod/");
    }
}

#[tokio::test]
async fn what_is_no_part_of_the_page_is_not_found() {
    let api = Api::start().await;
    for name in ["index.html", "swagger-initializer.js", "x", "..%2FCargo.toml"] {
        let answer = api.get(&format!("/docs/{name}")).await;
        answer.is(404, &json!({ "detail": "No File matches the given query." }));
    }
}

/// Every page and file that anyone can load, and what switches it off.
const PAGES: [(&str, &str); 8] = [
    ("/", "documentation"),
    ("/docs/page.js", "documentation"),
    ("/docs/swagger-ui-bundle.js", "documentation"),
    ("/docs/swagger-ui.css", "documentation"),
    ("/openapi.json", "documentation"),
    ("/postman_collection.json", "documentation"),
    ("/admin", "admin"),
    ("/api", ""),
];

#[tokio::test]
async fn a_client_that_has_a_page_does_not_get_it_again() {
    let api = Api::start().await;
    for (path, _) in PAGES {
        let first = api.get(path).await;
        let (tag, kept) = (first.header("etag"), first.header("cache-control"));
        assert!(tag.starts_with('"') && kept.starts_with("public, max-age="), "{path}: {tag} {kept}");

        let again = api.header("if-none-match", tag).get(path).await;

        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
        assert_eq!((again.header("etag"), again.header("cache-control")), (tag, kept), "{path}");
        assert_eq!(api.header("if-none-match", "\"another\"").get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn pages_are_there_as_far_as_the_stack_publishes_them() {
    for published in ["documentation", "admin", "none"] {
        let api = Api::with(&[("PublicPages", published)]).await;
        for (path, kind) in PAGES {
            let answer = api.get(path).await;
            if kind == published || kind.is_empty() {
                assert_eq!(answer.status, 200, "{published}: {path}");
            } else {
                answer.is(404, &json!({ "detail": "Not found." }));
                assert_eq!(answer.header("cache-control"), "no-store", "{published}: {path}");
            }
        }
        let admin = api.send(Method::HEAD, "/admin", None, "").await;
        assert_eq!(admin.status, if published == "admin" { 200 } else { 404 }, "{published}");
        api.signed_in().await;
    }
}

/// The operator pays for each byte that a stranger loads: at most 1 MB a second of each page, 86 GB a day.
#[tokio::test]
async fn what_is_large_has_a_limit_of_its_own() {
    let api = Api::start().await;
    let template = Template::load(&root().join("template.yaml"), &[].into()).unwrap();
    let number = |value: &Value| value.as_f64().or_else(|| value.as_str()?.parse().ok()).unwrap();
    let settings = template.resources["Api"]["Properties"]["MethodSettings"].as_array().unwrap();
    let limit_of = |path: &str| {
        let setting = settings.iter().find(|setting| setting["ResourcePath"] == path);
        number(&setting.unwrap_or(&settings[0])["ThrottlingRateLimit"])
    };
    for (path, _) in PAGES {
        let url = format!("{}{path}", api.stack.url());
        let request = reqwest::Client::builder().no_proxy().build().unwrap().get(url);
        let answer = request.header("accept-encoding", "gzip").send().await.unwrap();
        let bytes = answer.bytes().await.unwrap().len();

        let route = if path.starts_with("/docs/") { "/docs/{file}" } else { path };
        let a_second = limit_of(route) * f64::from(u32::try_from(bytes).unwrap());

        println!("{path}: {bytes} bytes, {a_second} a second");
        assert!(a_second <= 1e6, "{path}: {bytes} bytes, {} times a second", limit_of(route));
    }
}
