//! Tokens for other services: whose they are, for whom they are, and what becomes of those of earlier releases.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use crate::support::{
    Api, User, bearer_not_valid,
    token::{self, Key},
    token_not_valid,
};

const URL: &str = "https://accounts.example.com";
const ISSUER: (&str, &str) = ("TokenIssuer", URL);

/// What a token says of whose it is and for whom.
fn told(token: &str) -> Value {
    let claims = token::claims(token);
    json!([token::header(token)["typ"], claims["iss"], claims["aud"], claims["sub"]])
}

/// The same claims as earlier releases wrote them: with the stack's name, and without an audience.
fn as_before(token: &str) -> Value {
    let mut claims = token::claims(token);
    claims["iss"] = json!("rollcall");
    for name in ["aud", "sub"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    claims
}

/// Whether a service that expects `audience` of `issuer` takes a token.
async fn is_taken(api: &Api, token: &str, issuer: &str, audience: &str) -> bool {
    let key = api.get("/.well-known/jwks.json").await.body["keys"][0].clone();
    let part = |name: &str| key[name].as_str().unwrap();
    let public = DecodingKey::from_ec_components(part("x"), part("y")).unwrap();
    let mut rules = Validation::new(Algorithm::ES256);
    rules.set_issuer(&[issuer]);
    rules.set_audience(&[audience]);
    rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    jsonwebtoken::decode::<Value>(token, &public, &rules).is_ok()
}

/// Everything that takes a token takes these. Gives their successors, whose session has ended.
async fn are_good(api: &Api, user: &User) -> User {
    user.is_signed_in().await;
    for token in [&user.access, &user.refresh] {
        let answer = api.post("/api/token/verify", &json!({ "token": token })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
    let refreshed = user.refreshed().await;
    refreshed.is_signed_in().await;
    let answer = api.post("/api/logout", &json!({ "refresh": refreshed.refresh })).await;
    assert!((200..300).contains(&answer.status), "{answer:?}");
    refreshed.is_signed_out().await;
    refreshed
}

#[tokio::test]
async fn by_default_the_stack_is_the_issuer_and_an_access_token_has_no_audience() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    assert_eq!(told(&ada.access), json!(["at+jwt", "rollcall", null, ada.id()]));
    assert_eq!(told(&ada.refresh), json!(["rt+jwt", "rollcall", ["rollcall/api/token/refresh"], null]));
    are_good(&api, &ada).await;
}

#[tokio::test]
async fn an_access_token_is_for_the_api_and_its_services_and_a_refresh_token_is_for_no_service() {
    let api = Api::with(&[ISSUER, ("TokenAudience", "orders, https://stock.example.com")]).await;
    let ada = api.signed_in().await;

    let audience = json!([URL, "orders", "https://stock.example.com"]);
    let refresh = format!("{URL}/api/token/refresh");
    assert_eq!(told(&ada.access), json!(["at+jwt", URL, audience, ada.id()]));
    assert_eq!(told(&ada.refresh), json!(["rt+jwt", URL, [refresh], null]));
    for name in [URL, "orders", "https://stock.example.com"] {
        assert!(is_taken(&api, &ada.access, URL, name).await, "{name}");
        assert!(!is_taken(&api, &ada.refresh, URL, name).await, "{name}");
    }
    assert!(!is_taken(&api, &ada.access, URL, "another").await);
    assert!(!is_taken(&api, &ada.access, "rollcall", "orders").await);
    let profile = api.bearer(&ada.refresh).get("/api/profile").await;
    profile.is(401, &bearer_not_valid("Token has wrong type"));
    are_good(&api, &ada).await;
}

#[tokio::test]
async fn an_integer_is_the_subject_as_text_whatever_user_id_is() {
    let api = Api::with_number_claims().await;
    let claims = token::claims(&api.signed_in().await.access);

    assert_eq!((&claims["user_id"], &claims["sub"]), (&json!(1), &json!("1")));
}

#[tokio::test]
async fn tokens_of_the_previous_release_stay_good_when_the_issuer_becomes_a_url() {
    let api = Api::with(&[ISSUER, ("TokenAudience", "orders")]).await;
    let key = Key::believed(&api).await;
    let ada = api.signed_in().await;
    let [access, refresh] = [&ada.access, &ada.refresh].map(|token| key.sign(&as_before(token)));

    let before = User::new(&api, &json!({ "access": access, "refresh": refresh }));

    let after = are_good(&api, &before).await;

    assert_eq!(told(&after.access), told(&ada.access));
    assert_eq!(told(&after.refresh), told(&ada.refresh));
}

#[tokio::test]
async fn a_token_for_another_audience_is_refused() {
    let api = Api::with(&[ISSUER, ("TokenAudience", "orders")]).await;
    let key = Key::believed(&api).await;
    let ada = api.signed_in().await;
    let to = |token: &str, audience: Value| {
        let mut claims = token::claims(token);
        claims["aud"] = audience;
        key.sign(&claims)
    };

    let refresh = token::claims(&ada.refresh)["aud"].clone();
    for audience in [json!(["orders"]), json!(["another"]), refresh, json!("orders"), json!({})] {
        let answer = api.bearer(&to(&ada.access, audience.clone())).get("/api/profile").await;
        assert_eq!((answer.status, &answer.body), (401, &bearer_not_valid("Token is invalid")), "{audience}");
    }
    for audience in [json!([URL]), json!(["orders"])] {
        let body = json!({ "refresh": to(&ada.refresh, audience) });
        api.post("/api/token/refresh", &body).await.is(401, &token_not_valid("Token is invalid"));
    }
    let answer = api.bearer(&to(&ada.access, json!([URL]))).get("/api/profile").await;
    assert_eq!(answer.status, 200, "the key of this test is believed");
}

/// While a deployment changes the parameter, functions with the old value and functions with the new one take each other's tokens.
#[tokio::test]
async fn an_issuer_is_changed_in_two_steps_and_nobody_notices() {
    let folder = tempfile::tempdir().unwrap();
    let steps = ["", "rollcall,https://accounts.example.com", URL];
    let mut tokens: Vec<(usize, Value)> = Vec::new();
    // Each step and the one before it, and at last the first once more.
    for step in [0, 1, 0, 1, 2, 1] {
        let api = Api::kept_in(folder.path(), &[("TokenIssuer", steps[step])]).await;
        for (of, pair) in tokens.iter().filter(|(of, _)| of.abs_diff(step) <= 1) {
            let user = User::new(&api, pair);
            let answer = user.get("/api/profile").await;
            assert_eq!(answer.status, 200, "of step {of} in step {step}: {}", answer.text);
            assert_eq!(user.try_refresh().await.status, 200, "of step {of} in step {step}");
        }
        if tokens.is_empty() {
            api.registered("ada").await;
        }
        let ada = api.log_in("ada").await;
        assert_eq!(token::claims(&ada.access)["iss"], if step == 2 { URL } else { "rollcall" });
        tokens.push((step, json!({ "access": ada.access, "refresh": ada.refresh })));
        api.stack.stop().await;
    }
}

#[tokio::test]
async fn an_issuer_is_a_url_without_a_slash_at_its_end() {
    for (name, value) in [
        ("TokenIssuer", "https://accounts.example.com/"),
        ("TokenIssuer", "https://accounts.example.com?a=b"),
        ("TokenIssuer", "ftp://accounts.example.com"),
        ("TokenAudience", "orders,,stock"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        assert!(Api::try_kept_in(folder.path(), &[(name, value)]).await.is_err(), "{value}");
    }
}
