//! `GET /` and its parts.

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
