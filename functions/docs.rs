//! `GET`, `HEAD /`: the documentation of the API as a page (Swagger UI), whose parts are `/docs/{file}`; for anyone.

use std::{collections::BTreeMap, sync::LazyLock};

use shared::{Anyone, App, Error, Published, Reply, Request, config::Pages};

const PAGE: &str = include_str!("docs/page.html");
const SCRIPT: &str = include_str!("docs/page.js");
const STYLE: &str = include_str!("docs/page.css");
/// Swagger UI, as `build.rs` has unpacked it.
const SWAGGER_UI_SCRIPT: &str = include_str!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js"));
const SWAGGER_UI_STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/swagger-ui.css"));
/// Nothing but what comes from here, and the pictures within the style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";
/// Seconds for which the page and its parts may be kept.
const FRESH: u32 = 3_600;

/// The parts of the page.
static PARTS: LazyLock<BTreeMap<&str, Published>> = LazyLock::new(|| {
    let parts = [
        ("page.js", SCRIPT, "text/javascript"),
        ("page.css", STYLE, "text/css"),
        ("swagger-ui-bundle.js", SWAGGER_UI_SCRIPT, "text/javascript"),
        ("swagger-ui.css", SWAGGER_UI_STYLE, "text/css"),
    ];
    parts.map(|(name, text, media_type)| (name, Published::new(text, media_type))).into()
});

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    LazyLock::force(&PARTS);
    shared::serve(docs).await
}

async fn docs(_: &App, _: Anyone, request: Request) -> Reply {
    Pages::Documentation.are_public()?;
    match request.path("file") {
        "" => page(&request),
        name => PARTS.get(name).ok_or(Error::NotFound("File"))?.answer(&request, FRESH),
    }
}

/// The page may be at `/`, `/Prod` or `/Prod/`: its links need to be told what they are relative to.
fn page(request: &Request) -> Reply {
    let html = PAGE.replace("{{base}}", &request.base_url());
    let mut page = Published::new(html, "text/html; charset=utf-8").answer(request, FRESH)?;
    let policy = POLICY.parse().map_err(|_| Error::internal("the policy is no header"))?;
    page.headers_mut().insert("content-security-policy", policy);
    Ok(page)
}

#[cfg(contract)]
pub fn contract() -> [contract::Operation; 2] {
    use contract::{FILE_NOT_FOUND, Group::About, SWITCHED_OFF, file, get, nothing};

    [
        get(About, "/", "The documentation as a page")
            .listed_as("docs")
            .refuses(&[SWITCHED_OFF])
            .answers(200, file("The page.", &["text/html"]))
            .answers(304, nothing("The page is the one that `If-None-Match` names.")),
        get(About, "/docs/{file}", "A part of the documentation page")
            .called("docs-file")
            .refuses(&[FILE_NOT_FOUND])
            .answers(200, file("The part.", &["text/css", "text/javascript"]))
            .answers(304, nothing("The part is the one that `If-None-Match` names.")),
    ]
}
