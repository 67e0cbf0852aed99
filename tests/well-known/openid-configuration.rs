//! `GET /.well-known/openid-configuration`.

use serde_json::json;

use crate::support::{Api, token};

const PATH: &str = "/.well-known/openid-configuration";

#[tokio::test]
async fn it_names_the_issuer_of_tokens_and_where_their_keys_are() {
    let url = "https://accounts.example.com/v1";
    let api = Api::with(&[("TokenIssuer", &format!("{url}, rollcall"))]).await;

    // A page or proxy that sends another host does not change it.
    let answer = api.header("X-Forwarded-Host", "eve.example.com").get(PATH).await;

    assert_eq!(answer.header("cache-control"), "public, max-age=60");
    answer.is(
        200,
        &json!({
            "issuer": url, "jwks_uri": "https://accounts.example.com/v1/.well-known/jwks.json",
            "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }),
    );
    let ada = api.signed_in().await;
    let keys = api.get("/.well-known/jwks.json").await.body["keys"].clone();
    for token in [&ada.access, &ada.refresh] {
        assert_eq!(token::claims(token)["iss"], answer.body["issuer"]);
        assert_eq!(token::header(token)["alg"], answer.body["id_token_signing_alg_values_supported"][0]);
        assert_eq!(token::header(token)["kid"], keys[0]["kid"]);
    }
}

#[tokio::test]
async fn without_a_url_as_issuer_there_is_none() {
    for issuer in ["", "rollcall, https://accounts.example.com"] {
        let api = Api::with(&[("TokenIssuer", issuer)]).await;

        let answer = api.get(PATH).await;

        assert_eq!(answer.header("cache-control"), "no-store");
        answer.is(404, &json!({ "detail": "No Issuer matches the given query." }));
    }
}
