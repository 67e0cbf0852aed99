//! `GET /.well-known/openid-configuration`: how other services verify tokens (`OpenID` Connect Discovery 1.0), for anyone.

use serde_json::json as object;
use shared::{Anyone, App, Error, Reply, Request, json_public};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    shared::serve(configuration).await
}

/// The URL is a parameter and not that of the request: it has to be the `iss` of tokens, letter by letter.
async fn configuration(app: &App, _: Anyone, _: Request) -> Reply {
    let issuer = app.issuer.url().ok_or(Error::NotFound("Issuer"))?;
    let configuration = object!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}/.well-known/jwks.json"),
        // There is no OpenID login here. These three have to be in every such document: readers that check it refuse it without.
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    });
    json_public(&configuration, 60)
}

#[cfg(contract)]
pub fn contract() -> contract::Operation {
    use contract::{Group::About, ISSUER_NOT_FOUND, get, shown};

    get(About, "/.well-known/openid-configuration", "How other services verify tokens")
        .listed_as("openid_configuration")
        .about("OpenID Connect Discovery 1.0. It is there when `TokenIssuer` is a URL.")
        .refuses(&[ISSUER_NOT_FOUND])
        .answers(200, shown("Where the keys are.", "OpenidConfiguration"))
}
