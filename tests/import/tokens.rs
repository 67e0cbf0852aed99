//! Refresh tokens of the Django system that users came from.

use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use super::HASH;
use crate::{
    rotation::put_secret,
    support::{Answer, Api, User, token_not_valid},
};

/// What Django calls `SECRET_KEY`.
const SECRET: &str = "django-insecure-8#2k)of-the-tests";
pub(crate) const ARN: (&str, &str) =
    ("LegacyJwtSecretArn", "arn:aws:secretsmanager:us-east-1:000000000000:secret:legacy-jwt");

/// Seconds since 1970.
fn now() -> u64 {
    jiff::Timestamp::now().as_second().try_into().unwrap()
}

/// A refresh token as SimpleJWT makes it.
pub(crate) fn token(user: impl Into<Value>) -> String {
    let user: Value = user.into();
    let jti = uuid::Uuid::new_v4().simple().to_string();
    signed(
        &json!({ "token_type": "refresh", "exp": now() + 3_600, "iat": now() - 60, "jti": jti, "user_id": user }),
        SECRET,
    )
}

fn signed(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap()
}

/// Ada had the key 7 in the Django system, and Bob 8.
async fn moved(parameters: &[(&str, &str)]) -> Api {
    let api = Api::with(&[parameters, &[ARN]].concat()).await;
    move_in(&api).await;
    api
}

pub(crate) async fn move_in(api: &Api) {
    put_secret(api, "legacy-jwt", SECRET).await;
    import(api, "import").await;
}

async fn import(api: &Api, mode: &str) {
    let user = |n: u32, name: &str| {
        json!({
            "id": format!("018bcfe5-6800-7000-8000-{n:012}"), "number": n, "username": name, "password": HASH,
            "email": format!("{name}@example.com"), "is_email_verified": true, "token_user_id": n,
        })
    };
    let users = [user(7, "ada"), user(8, "bob")];
    api.stack.invoke("import", json!({ "mode": mode, "users": users })).await.unwrap();
}

async fn refresh(api: &Api, token: &str) -> Answer {
    api.post("/api/token/refresh", &json!({ "refresh": token })).await
}

/// Asserts that a token is refreshed, and gives who has it then.
async fn refreshed(api: &Api, token: &str) -> User {
    let answer = refresh(api, token).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let refresh = answer.body["refresh"].as_str().unwrap_or(token);
    User::new(api, &json!({ "access": answer.body["access"], "refresh": refresh }))
}

#[tokio::test]
async fn a_token_of_before_goes_on_where_refreshes_rotate() {
    for ids in ["uuid", "integer"] {
        let api = moved(&[("RotateRefreshTokens", "true"), ("Ids", ids)]).await;
        let old = token(7);

        let ada = refreshed(&api, &old).await;

        assert_eq!(ada.profile().await["username"], "ada");
        let again = ada.refreshed().await;
        assert_eq!(again.profile().await["username"], "ada");
        let sessions = again.get("/api/sessions").await.body;
        assert_eq!(sessions["results"].as_array().unwrap_or(sessions.as_array().unwrap_or(&vec![])).len(), 1);
        // It was used up, and its successor was used: it is in two hands.
        refresh(&api, &old).await.is(401, &token_not_valid("Token is blacklisted"));
        assert_eq!(again.try_refresh().await.status, 401);
    }
}

#[tokio::test]
async fn a_token_of_before_stays_the_refresh_token_where_refreshes_do_not_rotate() {
    let api = moved(&[("RotateRefreshTokens", "false")]).await;
    let old = token("7");

    let (first, second) = (refreshed(&api, &old).await, refreshed(&api, &old).await);

    for ada in [&first, &second] {
        assert_eq!(ada.profile().await["username"], "ada");
    }
    // Another of her tokens is another session, of another device.
    let other = refreshed(&api, &token(7)).await;
    assert_eq!(api.post("/api/logout", &json!({ "refresh": old })).await.status, 200);
    assert_eq!(first.get("/api/profile").await.status, 401);
    refresh(&api, &old).await.is(401, &token_not_valid("Token is blacklisted"));
    assert_eq!(other.get("/api/profile").await.status, 200);
}

#[tokio::test]
async fn a_token_that_is_shown_by_many_at_once_is_one_session() {
    for rotates in ["true", "false"] {
        let api = moved(&[("RotateRefreshTokens", rotates)]).await;
        let old = token(7);

        let answers = join_all((0..6).map(|_| refresh(&api, &old))).await;

        for answer in &answers {
            assert_eq!(answer.status, 200, "{}", answer.text);
        }
        let sessions = api.sessions().await;
        assert_eq!(sessions.len(), 1, "{sessions:?}");
        let body = json!({ "access": answers[0].body["access"], "refresh": old });
        assert_eq!(User::new(&api, &body).get("/api/profile").await.status, 200);
    }
}

#[tokio::test]
async fn a_token_that_was_logged_out_first_begins_no_session() {
    let api = moved(&[]).await;
    let old = token(7);
    for _ in 0..2 {
        assert_eq!(api.post("/api/logout", &json!({ "refresh_token": old })).await.status, 200);
        refresh(&api, &old).await.is(401, &token_not_valid("Token is blacklisted"));
    }
    assert_eq!(api.sessions().await.len(), 0);
}

/// A session's record is deleted when its refresh token has expired, which may be before the old one does.
#[tokio::test]
async fn a_session_that_is_gone_does_not_begin_again() {
    let api = moved(&[("RotateRefreshTokens", "true")]).await;
    let old = token(7);
    refreshed(&api, &old).await;
    api.delete_items("Tokens", |key| key.contains("session#")).await;
    refresh(&api, &old).await.is(401, &token_not_valid("Token is blacklisted"));
}

#[tokio::test]
async fn a_token_opens_nothing_once_all_sessions_of_its_user_were_ended() {
    let api = moved(&[]).await;
    let (old, unseen) = (token(7), token(7));
    let ada = refreshed(&api, &old).await;
    let next = "another long phrase";
    let body = json!({ "old_password": "password123", "new_password": next, "confirm_password": next });
    assert_eq!(ada.post("/api/password/reset", &body).await.status, 200);
    for token in [&old, &unseen] {
        refresh(&api, token).await.is(401, &token_not_valid("Token is blacklisted"));
    }

    let admin = api.staff().await;
    let bob = refreshed(&api, &token(8)).await;
    let path = format!("/api/users/{}", bob.id());
    assert_eq!(admin.patch(&path, &json!({ "is_active": false })).await.status, 200);
    assert_eq!(refresh(&api, &token(8)).await.status, 401);
    assert_eq!(admin.patch(&path, &json!({ "is_active": true })).await.status, 200);
    refresh(&api, &token(8)).await.is(401, &token_not_valid("Token is blacklisted"));
}

#[tokio::test]
async fn what_the_django_system_did_not_sign_for_an_imported_user_is_refused() {
    let api = moved(&[]).await;
    let claims = |kind: &str, exp: u64, user: Value| json!({ "token_type": kind, "exp": exp, "iat": now() - 60, "jti": "a1b2", "user_id": user });
    let later = now() + 60;
    let invalid = token_not_valid("Token is invalid");
    for (token, refusal) in [
        (signed(&claims("refresh", later, json!(7)), "another secret"), &invalid),
        (signed(&claims("refresh", later, json!(9)), SECRET), &invalid),
        (signed(&claims("refresh", later, json!("x".repeat(300))), SECRET), &invalid),
        (signed(&claims("refresh", later, json!({ "id": 7 })), SECRET), &invalid),
        (signed(&claims("refresh", now() - 1, json!(7)), SECRET), &token_not_valid("Token is expired")),
        (signed(&claims("access", later, json!(7)), SECRET), &token_not_valid("Token has wrong type")),
    ] {
        refresh(&api, &token).await.is(401, refusal);
        api.post("/api/logout", &json!({ "refresh": token })).await.is(401, refusal);
    }
    // Nor is one taken as an access token, or by somebody who was not imported.
    let by_old_token = api.bearer(&token(7)).get("/api/profile").await;
    assert_eq!(by_old_token.status, 401);
    api.registered("eve").await;
    let eve = api.log_in("eve").await;
    refresh(&api, &token(eve.id())).await.is(401, &invalid);
}

#[tokio::test]
async fn no_token_of_before_is_taken_without_the_parameter_or_the_option() {
    let api = Api::start().await;
    put_secret(&api, "legacy-jwt", SECRET).await;
    import(&api, "import").await;
    refresh(&api, &token(7)).await.is(401, &token_not_valid("Token is invalid"));

    let api = Api::with(&[ARN]).await;
    put_secret(&api, "legacy-jwt", SECRET).await;
    let user = json!({ "id": "018bcfe5-6800-7000-8000-000000000007", "number": 7, "username": "ada", "password": HASH });
    api.stack.invoke("import", json!({ "users": [user] })).await.unwrap();
    refresh(&api, &token(7)).await.is(401, &token_not_valid("Token is invalid"));
    // The option may come with a later run, even if the record stays as it was.
    import(&api, "compare").await;
    assert_eq!(refresh(&api, &token(7)).await.status, 401);
    import(&api, "import").await;
    refreshed(&api, &token(7)).await;
}
