//! Bearer tokens: what proves a caller, and what does not.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Api, PASSWORD, User, bearer_not_valid,
    contract::DOCUMENT,
    token::{self, Key, encoded, encoded_bytes, parts},
};

/// Every endpoint for users alone, as the document says.
fn guarded() -> Vec<(Method, String)> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(move |(method, operation)| (path, method, operation))
    });
    let guarded: Vec<_> = operations
        .filter(|(.., operation)| operation["security"][0].get("bearer").is_some())
        .map(|(path, method, _)| {
            let path = path.replace("{id}", "01900000-0000-7000-8000-000000000000");
            (method.to_uppercase().parse().unwrap(), path)
        })
        .collect();
    assert!(guarded.len() >= 20, "{guarded:?}");
    guarded
}

async fn show(api: &Api, token: &str) -> Answer {
    api.bearer(token).get("/api/profile").await
}

fn not_provided() -> Value {
    json!({ "detail": "Authentication credentials were not provided." })
}

#[tokio::test]
async fn no_guarded_endpoint_answers_without_a_token() {
    let api = Api::start().await;
    for (method, path) in guarded() {
        // Who calls is asked before what they say is read.
        let body = if method == Method::GET { "" } else { "{" };
        let answer = api.send(method, &path, Some("application/json"), body).await;

        answer.is(401, &not_provided());
        assert_eq!(answer.header("x-amzn-remapped-www-authenticate"), "Bearer realm=\"api\"");
    }
}

#[tokio::test]
async fn asvs_9_1_1_no_guarded_endpoint_answers_to_a_forged_token() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let forged = Key::named("a-key-of-a-stranger-which-nobody-published-").sign(&token::claims(&ada.access));
    for (method, path) in guarded() {
        let body = if method == Method::GET { "" } else { "{}" };
        let answer = api.bearer(&forged).send(method, &path, Some("application/json"), body).await;

        answer.is(401, &bearer_not_valid("Token is invalid"));
        assert_eq!(answer.header("x-amzn-remapped-www-authenticate"), "Bearer realm=\"api\"");
    }
}

#[tokio::test]
async fn another_scheme_is_no_credential() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    for scheme in ["Token", "bearer", "BEARER", "Basic", "JWT"] {
        let answer = api.authorization(&format!("{scheme} {}", ada.access)).get("/api/profile").await;
        answer.is(401, &not_provided());
    }
}

#[tokio::test]
async fn a_header_without_exactly_one_token_is_told_so() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let detail = "Authorization header must contain two space-delimited values";
    for header in ["Bearer".to_owned(), format!("Bearer {} {}", ada.access, ada.access)] {
        let answer = api.authorization(&header).get("/api/profile").await;
        answer.is(401, &json!({ "detail": detail, "code": "bad_authorization_header" }));
    }
}

/// A random id of a key.
fn any_kid() -> String {
    format!("{0}{0}", uuid::Uuid::new_v4().simple())[..43].to_owned()
}

#[tokio::test]
async fn nothing_but_its_key_is_read_for_a_token_that_is_not_verified() {
    let api = Api::behind_a_proxy(&[]).await;
    let admin = api.staff().await;
    let claims = token::claims(&admin.access);
    assert_eq!(claims["staff"], true);
    let mut requests: Vec<_> =
        guarded().into_iter().map(|(method, path)| (method, path, String::new())).collect();
    for path in ["/api/token/verify", "/api/logout"] {
        requests.push((Method::POST, path.to_owned(), "in a body".to_owned()));
    }
    for (method, path, place) in requests {
        let forged = Key::named(&any_kid()).sign(&claims);
        let body = match (place.as_str(), &method) {
            ("", &Method::GET) => String::new(),
            ("", _) => "{}".to_owned(),
            _ => json!({ "token": forged, "refresh": forged }).to_string(),
        };
        let client = api.bearer(&forged);
        let send = || client.send(method.clone(), &path, Some("application/json"), body.clone());

        let (answer, calls) = api.proxy.watch(send()).await;
        assert_eq!((answer.status, calls.len()), (401, 1), "{method} {path}\n{calls}");
        assert_eq!(calls.costs(), ["BatchGetItem [\"Tokens\"] 1"], "{method} {path}");

        // That there is no such key is known by now.
        let (answer, calls) = api.proxy.watch(send()).await;
        assert_eq!((answer.status, calls.len()), (401, 0), "{method} {path}\n{calls}");
    }
}

#[tokio::test]
async fn nothing_is_read_for_a_forged_token_once_the_key_that_it_names_is_known() {
    let api = Api::behind_a_proxy(&[]).await;
    let admin = api.staff().await;
    let kid = token::header(&admin.access)["kid"].as_str().unwrap().to_owned();
    let forged = api.bearer(&Key::named(&kid).sign(&token::claims(&admin.access)));
    for path in ["/api/sessions", "/api/users", "/api/employees", "/api/profile"] {
        let (answer, calls) = api.proxy.watch(forged.get(path)).await;
        assert_eq!(
            (answer.status, calls.costs()),
            (401, vec!["BatchGetItem [\"Tokens\"] 1".to_owned()]),
            "{path}"
        );
        assert_eq!(admin.get(path).await.status, 200);

        let (answer, calls) = api.proxy.watch(forged.get(path)).await;
        assert_eq!((answer.status, calls.len()), (401, 0), "{path}\n{calls}");
    }
}

/// Tokens that were never ours, made from one that is.
async fn forgeries(api: &Api, ada: &User) -> Vec<(&'static str, String)> {
    let [header, body, signature] = parts(&ada.access);
    let claims = token::claims(&ada.access);
    let kid = token::header(&ada.access)["kid"].as_str().unwrap().to_owned();
    let changed = |name: &str, value: Value| {
        let mut changed = claims.clone();
        changed[name] = value;
        changed
    };
    let alg = |alg: &str| encoded(&json!({ "typ": "JWT", "alg": alg, "kid": kid }));

    let jwk = api.get("/.well-known/jwks.json").await.body["keys"][0].clone();
    let coordinate = |name: &str| {
        let encoded = jwk[name].as_str().unwrap();
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, encoded).unwrap()
    };
    let point = [vec![4], coordinate("x"), coordinate("y")].concat();
    let mut hs256 = Header::new(Algorithm::HS256);
    hs256.kid = Some(kid.clone());
    let by_hmac =
        |secret: &[u8]| jsonwebtoken::encode(&hs256, &claims, &EncodingKey::from_secret(secret)).unwrap();

    let mut forgeries = vec![
        ("alg none", format!("{}.{body}.", alg("none"))),
        ("alg none with a signature", format!("{}.{body}.{signature}", alg("none"))),
        ("alg NONE", format!("{}.{body}.", alg("NONE"))),
        ("alg HS256 with the signature of ES256", format!("{}.{body}.{signature}", alg("HS256"))),
        ("HS256 by the public point", by_hmac(&point)),
        ("HS256 by the public key as JSON", by_hmac(jwk.to_string().as_bytes())),
        ("no signature", format!("{header}.{body}.")),
        ("a signature of zeros", format!("{header}.{body}.{}", encoded_bytes(&[0; 64]))),
        ("two parts", format!("{header}.{body}")),
        ("four parts", format!("{}.{signature}", ada.access)),
        (
            "another user",
            format!("{header}.{}.{signature}", encoded(&changed("user_id", json!(uuid::Uuid::now_v7())))),
        ),
        (
            "a longer life",
            format!("{header}.{}.{signature}", encoded(&changed("exp", json!(4_102_444_800_u64)))),
        ),
        ("a foreign key under our key's id", Key::named(&kid).sign(&claims)),
        ("a foreign key", Key::named("a-key-of-a-stranger-which-nobody-published-").sign(&claims)),
        ("garbage", "garbage".to_owned()),
        ("nothing in three parts", "..".to_owned()),
        ("a long text", "x".repeat(5_000)),
    ];
    for kid in [
        "",
        "../../../../dev/null",
        "key#x' OR '1'='1",
        "https://eve.example.com/jwks.json",
        &"k".repeat(2_000),
    ] {
        forgeries.push(("a hostile kid", Key::named(kid).sign(&claims)));
    }
    forgeries
}

#[tokio::test]
async fn asvs_9_1_2_a_forged_token_proves_nothing_before_or_after_the_logout_of_the_real_one() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let forgeries = forgeries(&api, &ada).await;
    for (name, forged) in &forgeries {
        let answer = show(&api, forged).await;
        assert_eq!((answer.status, &answer.body), (401, &bearer_not_valid("Token is invalid")), "{name}");
    }
    ada.is_signed_in().await;

    ada.post("/api/logout", &json!({ "refresh": ada.refresh })).await;

    for (name, forged) in &forgeries {
        let answer = show(&api, forged).await;
        assert_eq!((answer.status, &answer.body), (401, &bearer_not_valid("Token is invalid")), "{name}");
    }
    let respelled = show(&api, &token::respelled(&ada.access)).await;
    respelled.is(401, &bearer_not_valid("Token is blacklisted"));
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token_before_or_after_logout() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    show(&api, &ada.refresh).await.is(401, &bearer_not_valid("Token has wrong type"));

    ada.post("/api/logout", &json!({ "refresh": ada.refresh })).await;

    show(&api, &ada.refresh).await.is(401, &bearer_not_valid("Token has wrong type"));
}

#[tokio::test]
async fn asvs_9_2_1_an_expired_token_is_told_so_before_and_after_logout() {
    let api = Api::with(&[("AccessTokenSeconds", "0")]).await;
    let ada = api.signed_in().await;
    show(&api, &ada.access).await.is(401, &bearer_not_valid("Token is expired"));

    api.post("/api/logout", &json!({ "refresh": ada.refresh })).await;

    show(&api, &ada.access).await.is(401, &bearer_not_valid("Token is expired"));
}

#[tokio::test]
async fn asvs_9_1_3_a_token_of_another_stack_proves_nothing() {
    let (here, there) = (Api::start().await, Api::start().await);
    let (ada, stranger) = (here.signed_in().await, there.signed_in().await);

    show(&here, &stranger.access).await.is(401, &bearer_not_valid("Token is invalid"));
    show(&there, &ada.access).await.is(401, &bearer_not_valid("Token is invalid"));
}

#[tokio::test]
async fn asvs_9_2_every_claim_is_checked_though_the_signature_is_right() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let key = Key::believed(&api).await;
    let claims = token::claims(&ada.access);
    let iat = claims["iat"].as_u64().unwrap();
    let changed = |name: &str, value: Value| {
        let mut changed = claims.clone();
        changed[name] = value;
        key.sign(&changed)
    };
    let without = |name: &str| {
        let mut changed = claims.clone();
        changed.as_object_mut().unwrap().remove(name);
        key.sign(&changed)
    };

    assert_eq!(show(&api, &key.sign(&claims)).await.status, 200, "the key of this test is believed");
    assert_eq!(
        show(&api, &changed("iat", json!(iat + 30))).await.status,
        200,
        "a clock that is a little off"
    );
    for (reason, token) in [
        ("Token is invalid", changed("iss", json!("another"))),
        ("Token is invalid", changed("iat", json!(iat + 3_600))),
        ("Token is invalid", changed("user_id", json!("one"))),
        ("Token is invalid", changed("user_id", json!(1.5))),
        ("Token is invalid", changed("exp", json!("never"))),
        ("Token is invalid", changed("token_type", json!("sliding"))),
        ("Token is expired", changed("exp", json!(iat - 1))),
        ("Token has wrong type", changed("token_type", json!("refresh"))),
        ("Token is blacklisted", changed("sid", json!(uuid::Uuid::now_v7()))),
        ("Token is invalid", without("jti")),
        ("Token is invalid", without("exp")),
        ("Token is invalid", without("iss")),
        ("Token is invalid", without("sid")),
    ] {
        let answer = show(&api, &token).await;
        assert_eq!(
            (answer.status, &answer.body),
            (401, &bearer_not_valid(reason)),
            "{}",
            token::claims(&token)
        );
    }
    // An integer is an id, but of nobody here.
    let nobody = json!({ "detail": "User not found", "code": "user_not_found" });
    for integer in [json!("1"), json!(1)] {
        show(&api, &changed("user_id", integer)).await.is(401, &nobody);
    }
}

#[tokio::test]
async fn asvs_7_2_1_a_session_is_good_for_its_own_user_alone() {
    let api = Api::start().await;
    let bob = api.registered("bob").await;
    let ada = api.signed_in().await;
    let mut claims = token::claims(&ada.access);
    claims["user_id"] = bob["id"].clone();

    let answer = show(&api, &Key::believed(&api).await.sign(&claims)).await;

    answer.is(401, &bearer_not_valid("Token is blacklisted"));
}

#[tokio::test]
async fn asvs_7_4_2_the_token_of_an_inactive_or_deleted_user_is_dead() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let is_ada = |key: &str| key.starts_with("user#");

    api.set("Users", is_ada, "is_active", &json!({ "BOOL": false })).await;
    show(&api, &ada.access).await.is(401, &json!({ "detail": "User is inactive", "code": "user_inactive" }));

    api.delete_items("Users", is_ada).await;
    show(&api, &ada.access).await.is(401, &json!({ "detail": "User not found", "code": "user_not_found" }));
}

#[tokio::test]
async fn api2_2023_broken_authentication() {
    let api = Api::with(&[("LoginFailuresPerIdentifierAndIp", "2")]).await;
    let ada = api.signed_in().await;
    for _ in 0..2 {
        assert_eq!(api.try_token("ada", "a guess").await.status, 401);
    }
    api.try_token("ada", PASSWORD).await.is_throttled();

    for token in ["", "null", &ada.refresh, &token::respelled(&ada.refresh)] {
        assert_eq!(show(&api, token).await.status, 401, "{token}");
    }
    ada.is_signed_in().await;
    ada.post("/api/logout", &json!({ "refresh": ada.refresh })).await;
    ada.is_signed_out().await;
}
