//! `GET`, `HEAD /admin`: the admin panel, a page for staff. Anyone may have it: it holds nothing, and asks the API for everything.

use std::sync::LazyLock;

use shared::{Anyone, App, Html, Reply, Request, config::Pages, csp_hash};

const STYLE: &str = include_str!("admin/style.css");
const SCRIPT: &str = include_str!("admin/app.js");
/// Seconds for which the page may be kept.
const FRESH: u32 = 300;

/// One answer holds all of it. The files stay files, so that an editor and a linter know what they are.
static PAGE: LazyLock<Html> = LazyLock::new(|| {
    let body = include_str!("admin/index.html")
        .replace(r#"<link rel="stylesheet" href="style.css">"#, &format!("<style>{STYLE}</style>"))
        .replace(r#"<script src="app.js"></script>"#, &format!("<script>{SCRIPT}</script>"));
    let policy = format!(
        "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; img-src data:; form-action 'none'; \
         frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
        csp_hash(SCRIPT),
        csp_hash(STYLE)
    );
    Html::new(body, policy)
});

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    LazyLock::force(&PAGE);
    shared::serve(admin).await
}

async fn admin(_: &App, _: Anyone, request: Request) -> Reply {
    Pages::Admin.are_public()?;
    PAGE.answer(&request, FRESH)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::About, SWITCHED_OFF, file, get, nothing};

    get(About, "/admin", "The admin panel")
        .about("A page for staff. What it does goes through this API.")
        .refuses(&[SWITCHED_OFF])
        .answers(200, file("The page.", &["text/html"]))
        .answers(304, nothing("The page is the one that `If-None-Match` names."))
}
