//! What the settings make of access tokens: what they tell of their user, and what stands before them in `Authorization`.

use serde_json::{Value, json};

use crate::support::{
    Api, PASSWORD, User, bearer_not_valid, registration,
    token::{self, Key},
};

const ALL: &str = "username,email, phone_number,first_name,last_name,is_staff";

/// What both tokens say that is no claim of SimpleJWT's or ours.
fn told(user: &User) -> [Value; 2] {
    [&user.access, &user.refresh].map(|token| {
        let mut claims = token::claims(token);
        for name in ["token_type", "exp", "iat", "jti", "user_id", "sub", "iss", "aud", "sid", "staff"] {
            claims.as_object_mut().unwrap().remove(name);
        }
        claims
    })
}

#[tokio::test]
async fn an_access_token_tells_the_fields_that_are_asked_for_as_the_api_shows_them() {
    let api = Api::with(&[("AccessTokenClaims", ALL)]).await;
    let mut body = registration("ada");
    body["first_name"] = json!("Ådå");
    body["phone_number"] = json!("+919881167671");
    assert_eq!(api.post("/api/register", &body).await.status, 201);
    let ada = api.log_in("ada").await;

    let expected = json!({
        "username": "ada", "email": "ada@example.com", "phone_number": "+919881167671", "first_name": "Ådå",
        "last_name": "", "is_staff": false,
    });
    assert_eq!(told(&ada), [expected.clone(), json!({})]);
    let profile = ada.profile().await;
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(profile[name], *value, "{name}");
    }

    // A later token tells what the user is then.
    assert_eq!(ada.patch("/api/profile", &json!({ "last_name": "Lovelace" })).await.status, 200);
    let refreshed = ada.refreshed().await;
    assert_eq!(told(&refreshed)[0]["last_name"], "Lovelace");
    let next = "another long phrase";
    let body = json!({ "old_password": PASSWORD, "new_password": next, "confirm_password": next });
    let changed = User::new(&api, &refreshed.post("/api/password/reset", &body).await.body);
    assert_eq!(told(&changed)[0]["last_name"], "Lovelace");
    let admin = api.staff().await;
    assert_eq!(
        (&told(&admin)[0]["is_staff"], &told(&admin)[0]["phone_number"]),
        (&json!(true), &Value::Null)
    );

    let api = Api::with(&[("AccessTokenClaims", "is_staff")]).await;
    assert_eq!(told(&api.signed_in().await), [json!({ "is_staff": false }), json!({})]);
    let api = Api::start().await;
    assert_eq!(told(&api.signed_in().await), [json!({}), json!({})]);
}

#[tokio::test]
async fn what_a_token_tells_gives_no_right() {
    let api = Api::with(&[("AccessTokenClaims", ALL)]).await;
    let ada = api.signed_in().await;
    let key = Key::believed(&api).await;
    let mut claims = token::claims(&ada.access);
    claims["is_staff"] = json!(true);
    claims["username"] = json!("admin");
    let boasting = api.bearer(&key.sign(&claims));

    assert_eq!(boasting.get("/api/profile").await.body["username"], "ada");
    assert_eq!(boasting.get("/api/users").await.status, 200);
    let answer = boasting.post(&format!("/api/users/{}/unlock", ada.id()), &json!({})).await;
    answer.is(403, &json!({ "detail": "You do not have permission to perform this action." }));
    // Nor do they have to be there.
    let name = |name: &str| claims.as_object().unwrap().contains_key(name);
    assert!(name("first_name") && name("email"));
    for name in ["is_staff", "username", "email", "phone_number", "first_name", "last_name"] {
        claims.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(api.bearer(&key.sign(&claims)).get("/api/profile").await.status, 200);
}

#[tokio::test]
async fn the_longest_names_make_no_token_too_long() {
    let api = Api::with(&[("AccessTokenClaims", ALL), ("Policy", "seeds")]).await;
    let username = "𠀀".repeat(150);
    // JSON writes six characters for it.
    let name = "\u{1}".repeat(150);
    let email =
        format!("{}@{}.com", "x".repeat(64), ["y".repeat(60), "z".repeat(60), "w".repeat(60)].join("."));
    let body = json!({
        "username": username, "email": email, "password": PASSWORD, "first_name": name, "last_name": name,
        "phone_number": "+919881167671",
    });
    let registered = api.post("/api/register", &body).await;
    assert_eq!(registered.status, 201, "{}", registered.text);

    let ada = api.log_in(&username).await;

    assert!(ada.access.len() > 3_500, "{}", ada.access.len());
    ada.is_signed_in().await;
}

#[tokio::test]
async fn other_words_than_bearer_may_stand_before_a_token() {
    let not_provided = json!({ "detail": "Authentication credentials were not provided." });
    let api = Api::with(&[("AuthHeaderTypes", "JWT, Bearer")]).await;
    let ada = api.signed_in().await;
    for word in ["JWT", "Bearer"] {
        let client = api.authorization(&format!("{word} {}", ada.access));
        assert_eq!(client.get("/api/profile").await.status, 200, "{word}");
        let two = api.authorization(&format!("{word} {0} {0}", ada.access)).get("/api/profile").await;
        assert_eq!((two.status, &two.body["code"]), (401, &json!("bad_authorization_header")));
        let bad = api.authorization(&format!("{word} x")).get("/api/profile").await;
        bad.is(401, &bearer_not_valid("Token is invalid"));
        assert_eq!(bad.header("x-amzn-remapped-www-authenticate"), "JWT realm=\"api\"");
    }
    for word in ["jwt", "bearer", "Token", "JWT,"] {
        let client = api.authorization(&format!("{word} {}", ada.access));
        client.get("/api/profile").await.is(401, &not_provided);
        // To an endpoint for anyone it is no token at all.
        let answer = client.post("/otp/generate", &json!({ "phone_number": "+919881167671" })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        api.forget_limits().await;
    }

    let api = Api::start().await;
    let ada = api.signed_in().await;
    api.authorization(&format!("JWT {}", ada.access)).get("/api/profile").await.is(401, &not_provided);
}
