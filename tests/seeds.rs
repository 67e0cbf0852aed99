//! The Django systems' own sample requests, in their order and with their bodies.

use serde_json::{Value, json};

use crate::support::{Api, User, bearer_not_valid, no_active_account, token_not_valid};

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
async fn the_journey_of_seed_000() {
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
            "is_email_verified": false, "pending_email": null, "is_phone_verified": false, "pending_phone_number": null, "language": "", "is_active": true,
            "is_staff": false, "date_joined": seen["date_joined"], "last_login": null,
        }),
    );
    let token = api
        .post_text("/api/token/", JSON, "{\"username\": \"bunny0909\",\n\"password\": \"password123\"}")
        .await;
    manages_an_employee(&User::new(&api, &token.body)).await;
    refreshes_and_logs_out(&api, &token.body).await;
}

/// The requests of the employee endpoints, in their order.
async fn manages_an_employee(user: &User) {
    let page = |results: Value| json!({ "next": null, "previous": null, "results": results });
    user.get("/api/employees/").await.is(200, &page(json!([])));

    let fields = json!({ "first_name": "Basavraj", "last_name": "Ningadali", "phone_number": "9881167671" });
    let created = user.post("/api/employees/", &fields).await;
    let mut employee = json!({
        "id": created.body["id"], "first_name": "Basavraj", "last_name": "Ningadali", "phone_number": "+919881167671",
        "email": null, "date_of_birth": null, "department": "", "job_title": "", "hire_date": null, "address": "",
        "is_phone_verified": false, "owner": user.id(), "created_at": created.body["created_at"],
        "updated_at": created.body["updated_at"],
    });
    created.is(201, &employee);
    user.get("/api/employees/").await.is(200, &page(json!([employee])));

    let path = format!("/api/employees/{}/", created.body["id"].as_str().unwrap());
    user.get(&path).await.is(200, &employee);

    let fields = json!({
        "first_name": "Basavraj", "last_name": "Ningadali", "phone_number": "9881167671", "department": "Engineering",
    });
    let updated = user.put(&path, &fields).await;
    employee["department"] = json!("Engineering");
    employee["updated_at"] = updated.body["updated_at"].clone();
    updated.is(200, &employee);

    let updated = user.patch(&path, &json!({ "job_title": "Developer" })).await;
    employee["job_title"] = json!("Developer");
    employee["updated_at"] = updated.body["updated_at"].clone();
    updated.is(200, &employee);

    assert_eq!(user.delete(&path).await.status, 204);
    user.get(&path).await.is(404, &json!({ "detail": "No Employee matches the given query." }));
}

#[tokio::test]
async fn the_journey_of_seed_001() {
    let api = Api::seeds().await;
    let user = api.signed_in().await;
    let employee =
        json!({ "first_name": "Basavraj", "last_name": "Ningadali", "phone_number": "1234567890" });
    let employee = user.post("/api/employees/", &employee).await.body;

    // Generate OTP
    let body = r#"{
        "phone_number": "1234567890"
        }"#;
    let generated = api.post_text("/otp/generate/", JSON, body).await;
    generated.is(200, &json!({ "message": "OTP sent successfully" }));
    let missing = api.post("/otp/generate/", &json!({})).await;
    missing.is(400, &json!({ "phone_number": ["Phone number is required"] }));

    // Verify OTP
    let body = r#"{
        "phone_number": "1234567890",
        "otp": "1234"}"#;
    let otp = code_to(&api, "+911234567890").await;
    let wrong = if otp == "1234" { "4321" } else { "1234" };
    let refused = api.post_text("/otp/verify/", JSON, body.replace("1234\"}", &format!("{wrong}\"}}"))).await;
    refused.is(400, &json!({ "detail": "OTP has expired or invalid", "code": "otp_invalid" }));
    let body = body.replace("1234\"}", &format!("{otp}\"}}"));
    let verified = api.post_text("/otp/verify/", JSON, body.as_str()).await;
    verified.is(200, &json!({ "message": "Phone number verified successfully" }));
    let path = format!("/api/employees/{}/", employee["id"].as_str().unwrap());
    assert_eq!(user.get(&path).await.body["is_phone_verified"], true);

    // 404 Not Found: Employee not found
    assert_eq!(user.delete(&path).await.status, 204);
    api.forget_limits().await;
    assert_eq!(api.post("/otp/generate/", &json!({ "phone_number": "1234567890" })).await.status, 200);
    api.stack.message("+911234567890", 1).await.unwrap();
    let body = json!({ "phone_number": "1234567890", "otp": code_to(&api, "+911234567890").await });
    api.post("/otp/verify/", &body).await.is(404, &json!({ "detail": "Employee not found" }));
}

/// The code of four digits in the newest text message to a number.
async fn code_to(api: &Api, number: &str) -> String {
    let text = api.message_to(number).await.body;
    let code: String = text.chars().filter(char::is_ascii_digit).take(4).collect();
    assert!(text.starts_with(&format!("{code} is your Rollcall code")), "{text}");
    code
}

#[tokio::test]
async fn the_journey_of_seed_003() {
    let api = Api::seeds().await;

    // 1. Check Phone & Send OTP
    let body = r#"{
  "phone": "09101234567"
}"#;
    let checked = api.post_text("/auth/check-phone/", JSON, body).await;
    checked.is(200, &json!({ "exists": false, "message": "OTP sent." }));

    // 2. Verify OTP and Receive Registration Token
    let code = code_to(&api, "+919101234567").await;
    let body = r#"{
  "phone": "09101234567",
  "code": "1234"
}"#
    .replace("1234\"\n", &format!("{code}\"\n"));
    let verified = api.post_text("/auth/verify/", JSON, body).await;
    let token = verified.body["registration_token"].as_str().unwrap();
    verified.is(200, &json!({ "message": "Phone verified.", "registration_token": token }));
    assert_eq!(token.len(), "fef8702768384d1d88a2e1454e6c749c".len());

    // 3. Complete Registration
    let body = r#"{
  "reg_token": "fef8702768384d1d88a2e1454e6c749c",
  "password": "123456789",
  "first_name": "Majed",
  "last_name": "Shabani",
  "email": "majedwp12@gmail.com"
}"#
    .replace("fef8702768384d1d88a2e1454e6c749c", token);
    let registered = api.post_text("/auth/register/", JSON, body).await;
    let seen = &registered.body;
    registered.is(
        201,
        &json!({
            "id": seen["id"], "username": "+919101234567", "email": "majedwp12@gmail.com", "first_name": "Majed",
            "last_name": "Shabani", "phone_number": "+919101234567", "address": "", "date_of_birth": null,
            "is_email_verified": false, "pending_email": null, "is_phone_verified": true, "pending_phone_number": null, "language": "", "is_active": true,
            "is_staff": false, "date_joined": seen["date_joined"], "last_login": null,
            "refresh": seen["refresh"], "access": seen["access"],
        }),
    );
    User::new(&api, seen).is_signed_in().await;

    // 4. Login with Phone and Password
    let body = r#"{
  "phone": "09101234567",
  "password": "123456789"
}"#;
    let login = api.post_text("/auth/login/", JSON, body).await;
    assert_eq!(login.status, 200, "{}", login.text);
    let user = User::new(&api, &login.body);
    assert_eq!(user.id(), seen["id"]);

    // Check if phone exists
    let checked = api.post("/auth/check-phone/", &json!({ "phone": "09101234567" })).await;
    checked.is(200, &json!({ "exists": true, "message": "Phone number is registered. Please log in." }));
    refreshes_and_logs_out(&api, &login.body).await;
}

#[tokio::test]
async fn the_journey_of_seed_004() {
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
    let user = User::new(&api, &token.body);

    // User Management
    let mut expected = registered.body.clone();
    expected["last_login"] = user.profile().await["last_login"].clone();
    let listed = user.get("/api/users/").await;
    listed.is(200, &json!({ "next": null, "previous": null, "results": [expected] }));
    let path = format!("/api/users/{}/", user.id());
    user.get(&path).await.is(200, &expected);
    let body = json!({
        "username": "testuser", "email": "testuser@example.com", "phone_number": "1234567890",
        "address": "456 Other Street",
    });
    expected["address"] = json!("456 Other Street");
    user.put(&path, &body).await.is(200, &expected);
    for answer in [api.get("/api/users/").await, api.get(&path).await, api.delete(&path).await] {
        answer.is(401, &json!({ "detail": "Authentication credentials were not provided." }));
    }

    // Logout, and the end of the account
    refreshes_and_logs_out(&api, &token.body).await;
    let user = api.log_in_with("testuser", "password123").await;
    assert_eq!(user.delete(&path).await.status, 204);
    user.get(&path).await.is(401, &json!({ "detail": "User not found", "code": "user_not_found" }));
    api.try_token("testuser", "password123").await.is(401, &no_active_account());
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
