//! `OPTIONS` of every path: tells browsers what pages of other origins may send, for anyone. It exists with `CorsOrigins` alone.

use shared::{Anyone, App, Reply, Request, http};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(preflight).await
}

async fn preflight(_: &App, _: Anyone, _: Request) -> Reply {
    http::preflight()
}

#[cfg(contract)]
pub fn contract() -> serde_json::Value {
    contract::preflight_request()
}
