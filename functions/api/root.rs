//! `GET /api`: every endpoint's name and URL, for anyone.

use serde_json::{Map, Value};
use shared::{Anyone, App, Reply, Request, json_public};

/// In the order of the documentation. A test compares them with the template.
const ENDPOINTS: [(&str, &str); 35] = [
    ("docs", "/"),
    ("docs-file", "/docs/{file}"),
    ("openapi", "/openapi.json"),
    ("postman-collection", "/postman_collection.json"),
    ("root", "/api"),
    ("register", "/api/register"),
    ("otp-verify", "/api/otp/verify"),
    ("otp-resend", "/api/otp/resend"),
    ("login", "/api/login"),
    ("token", "/api/token"),
    ("token-refresh", "/api/token/refresh"),
    ("token-verify", "/api/token/verify"),
    ("logout", "/api/logout"),
    ("logout-all", "/api/logout/all"),
    ("sessions", "/api/sessions"),
    ("session", "/api/sessions/{id}"),
    ("profile", "/api/profile"),
    ("password-reset", "/api/password/reset"),
    ("password-forgot", "/api/password/forgot"),
    ("password-forgot-confirm", "/api/password/forgot/confirm"),
    ("users", "/api/users"),
    ("user", "/api/users/{id}"),
    ("user-unlock", "/api/users/{id}/unlock"),
    ("user-logout", "/api/users/{id}/logout"),
    ("employees", "/api/employees"),
    ("employee", "/api/employees/{id}"),
    ("phone-otp-generate", "/otp/generate"),
    ("phone-otp-verify", "/otp/verify"),
    ("phone-check", "/auth/check-phone"),
    ("phone-verify", "/auth/verify"),
    ("phone-register", "/auth/register"),
    ("phone-login", "/auth/login"),
    ("admin", "/admin"),
    ("jwks", "/.well-known/jwks.json"),
    ("health", "/health"),
];
/// Seconds for which the answer may be kept.
const FRESH: u32 = 300;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(root).await
}

async fn root(_: &App, _: Anyone, request: Request) -> Reply {
    let base = request.base_url();
    let endpoints =
        ENDPOINTS.iter().map(|(name, path)| ((*name).to_owned(), Value::from(format!("{base}{path}"))));
    json_public(&endpoints.collect::<Map<_, _>>(), FRESH)
}
