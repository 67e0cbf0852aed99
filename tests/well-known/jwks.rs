//! `GET /.well-known/jwks.json`.

use serde_json::json;

use crate::support::{Api, token};

#[tokio::test]
async fn before_anybody_has_logged_in_there_is_no_key() {
    let api = Api::start().await;

    api.get("/.well-known/jwks.json").await.is(200, &json!({ "keys": [] }));
}

#[tokio::test]
async fn the_public_key_of_every_token_is_there_and_nothing_secret() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    let answer = api.get("/.well-known/jwks.json").await;

    let key = &answer.body["keys"][0];
    let kid = &token::header(&ada.access)["kid"];
    answer.is(
        200,
        &json!({ "keys": [
            { "kty": "EC", "crv": "P-256", "x": key["x"], "y": key["y"], "use": "sig", "alg": "ES256", "kid": kid }
        ] }),
    );
    assert_eq!(&token::header(&ada.refresh)["kid"], kid);
    assert_eq!(answer.header("cache-control"), "public, max-age=60");
}

#[tokio::test]
async fn anybody_can_verify_a_token_with_it() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let key = api.get("/.well-known/jwks.json").await.body["keys"][0].clone();
    let part = |name: &str| key[name].as_str().unwrap();

    let public = jsonwebtoken::DecodingKey::from_ec_components(part("x"), part("y")).unwrap();
    let mut rules = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::ES256);
    let read = |token: &str, rules: &_| jsonwebtoken::decode::<serde_json::Value>(token, &public, rules);
    assert_eq!(read(&ada.access, &rules).unwrap().claims["user_id"], json!(ada.id()));
    // A refresh token is for one endpoint alone.
    assert!(read(&ada.refresh, &rules).is_err());
    rules.set_audience(&["rollcall/api/token/refresh"]);
    assert_eq!(read(&ada.refresh, &rules).unwrap().claims["user_id"], json!(ada.id()));
}
