//! The Django systems' own sample requests, in their order and with their bodies.

use serde_json::{Value, json};

use crate::support::{Api, User, bearer_not_valid, token_not_valid};

const JSON: &str = "application/json";

#[tokio::test]
async fn the_journey_of_seed_002() {
    let api = Api::seeds().await;

    // Register a new user
    let body = r#"{
    "email": "testuser@example.com",
    "username": "testuser",
    "phone_number": "1234567890",
    "password": "strongpassword123"
}"#;
    let registered = api.post_text("/api/register/", JSON, body).await;
    assert_eq!(registered.status, 201, "{}", registered.text);
    assert_eq!(registered.body["phone_number"], "+911234567890");

    // Verify OTP
    let otp = api.code_for("testuser@example.com").await;
    let body = json!({ "email": "testuser@example.com", "otp": otp });
    let verified = api.post("/api/otp/verify/", &body).await;
    verified.is(200, &json!({ "message": "Email verified successfully." }));

    // Log in
    let body = r#"{
    "email": "testuser@example.com",
    "password": "strongpassword123"
}"#;
    let login = api.post_text("/api/login/", JSON, body).await;
    assert_eq!(login.status, 200, "{}", login.text);
    let user = User::new(&api, &login.body);

    // Get user profile
    let profile = user.get("/api/profile/").await;
    let mut expected = registered.body.clone();
    expected["is_email_verified"] = json!(true);
    expected["last_login"] = profile.body["last_login"].clone();
    profile.is(200, &expected);

    // Change password
    let body = r#"{
    "old_password": "strongpassword123",
    "new_password": "newpassword456",
    "confirm_password": "newpassword456"
}"#;
    let changed = user.post_text("/api/password/reset/", JSON, body).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let next = User::new(&api, &changed.body);
    next.is_signed_in().await;

    // Log out, with the token of the login: a client of this system knows no other
    let logout = api.post("/api/logout/", &json!({ "refresh_token": user.refresh })).await;
    logout.is(200, &json!({ "message": "Logged out successfully." }));
    user.is_signed_out().await;
    let logout = api.post("/api/logout/", &json!({ "refresh_token": next.refresh })).await;
    assert_eq!(logout.status, 200);
    next.is_signed_out().await;
}

#[tokio::test]
async fn the_bodies_of_seed_000() {
    let api = Api::seeds().await;

    let body = r#"{
    "username": "bunny0909",
    "password": "password123",
    "first_name": "Basavraj",
    "last_name": "Ningadali",
    "email": "test@example.com",
    "phone_number": "9881167671",
    "date_of_birth": "1990-01-01"
}"#;
    let registered = api.post_text("/api/register/", JSON, body).await;

    let seen = &registered.body;
    registered.is(
        201,
        &json!({
            "id": seen["id"], "username": "bunny0909", "email": "test@example.com", "first_name": "Basavraj",
            "last_name": "Ningadali", "phone_number": "+919881167671", "address": "", "date_of_birth": "1990-01-01",
            "is_email_verified": false, "pending_email": null, "is_phone_verified": false, "is_active": true,
            "is_staff": false, "date_joined": seen["date_joined"], "last_login": null,
        }),
    );
    let token = api
        .post_text("/api/token/", JSON, "{\"username\": \"bunny0909\",\n\"password\": \"password123\"}")
        .await;
    refreshes_and_logs_out(&api, &token.body).await;
}

#[tokio::test]
async fn the_bodies_of_seed_004() {
    let api = Api::seeds().await;

    let body = r#"{
       "username": "testuser",
       "email": "testuser@example.com",
       "password": "password123",
       "phone_number": "1234567890",
       "address": "123 Test Street"
     }"#;
    let registered = api.post_text("/api/register/", JSON, body).await;

    assert_eq!((registered.status, &registered.body["address"]), (201, &json!("123 Test Street")));
    let body = r#"{
       "username": "testuser",
       "password": "password123"
     }"#;
    let token = api.post_text("/api/token/", JSON, body).await;
    refreshes_and_logs_out(&api, &token.body).await;
}

/// What a client of both systems does next.
async fn refreshes_and_logs_out(api: &Api, tokens: &Value) {
    let user = User::new(api, tokens);
    let refreshed = api.post("/api/token/refresh/", &json!({ "refresh": user.refresh })).await;
    assert_eq!(refreshed.status, 200, "{}", refreshed.text);
    let user = User::new(api, &refreshed.body);

    let logout = user.post("/api/logout/", &json!({ "refresh": user.refresh })).await;

    logout.is(200, &json!({ "message": "Logged out successfully." }));
    user.get("/api/profile/").await.is(401, &bearer_not_valid("Token is blacklisted"));
    let again = api.post("/api/token/refresh/", &json!({ "refresh": user.refresh })).await;
    again.is(401, &token_not_valid("Token is blacklisted"));
}
