//! Writes `records/<release>.json`: what this release stores in the course of a few journeys.
//!
//!     cargo test --workspace --test api -- --ignored records::write

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    rotation::rotate_to,
    support::{Api, Client, PASSWORD, User, registration, root},
};

/// Tokens live for ten years.
const LIFETIMES: [(&str, &str); 3] = [
    ("ACCESS_TOKEN_SECONDS", "315360000"),
    ("REFRESH_TOKEN_SECONDS", "315360000"),
    ("SESSION_SECONDS", "315360000"),
];
/// A second in the year 2100.
const FAR_AWAY: &str = "4102444800";
const TABLES: [&str; 5] = ["Employees", "Otps", "Throttles", "Tokens", "Users"];

/// What a release has stored, with tokens and codes that its users hold.
pub(crate) async fn records() -> Value {
    let binaries = Path::new(env!("CARGO_BIN_EXE_health")).parent().unwrap();
    let api = Api::of(binaries, &root().join("template.yaml"), &LIFETIMES).await;
    let secret = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
    rotate_to(&api, &secret).await;
    let admin = api.staff().await;

    let (ada, ended) = ada(&api).await;
    let employee = employees(&api, &ada).await;
    let bob = bob(&api).await;
    let carol = carol(&api).await;
    let (dora, new_dora, reset) = dora(&api).await;
    eve(&api, &admin).await;
    import(&api).await;
    strangers(&api).await;
    let registration_token = signs_up(&api, "+919881167677").await;

    let mut tables = json!({});
    for table in TABLES {
        tables[table] = api.all_items(table).await.into_values().collect();
    }
    json!({
        "secret": secret,
        "sessions": { "ada": tokens(&ada), "ended": tokens(&ended), "carol": carol, "dora": tokens(&dora) },
        "codes": { "bob": bob, "employee": employee, "new-dora": new_dora, "reset": reset },
        "registration_token": registration_token,
        "tables": tables,
    })
}

fn tokens(user: &User) -> Value {
    json!({ "access": user.access, "refresh": user.refresh })
}

async fn done(api: &Client, path: &str, body: Value) -> Value {
    let answer = api.post(path, &body).await;
    assert!((200..300).contains(&answer.status), "{path}: {}", answer.text);
    answer.body
}

async fn changed(user: &User, body: Value) {
    let answer = user.patch("/api/profile", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Every field is set and both addresses are verified. One session is open, one has ended.
async fn ada(api: &Api) -> (User, User) {
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    changed(
        &ada,
        json!({
            "first_name": "Ada", "last_name": "Lovelace", "address": "12 St James's Square",
            "date_of_birth": "1815-12-10", "phone_number": "+919881167671",
        }),
    )
    .await;
    done(&ada, "/otp/generate", json!({ "phone_number": "+919881167671" })).await;
    let otp = api.code_for("+919881167671").await;
    done(&ada, "/otp/verify", json!({ "phone_number": "+919881167671", "otp": otp })).await;
    let wrong = json!({ "old_password": "wrong", "new_password": "another long phrase", "confirm_password": "another long phrase" });
    assert_eq!(ada.post("/api/password/reset", &wrong).await.status, 400);
    let ended = api.log_in("ada").await;
    done(&ended, "/api/logout", json!({ "refresh": ended.refresh })).await;
    // The session was refreshed once.
    (ada.refreshed().await, ended)
}

/// Two employees of Ada's, and a code for the number of one of them.
async fn employees(api: &Api, ada: &User) -> Value {
    let alan = json!({
        "first_name": "Alan", "last_name": "Turing", "phone_number": "+919101234567", "email": "alan.turing@example.com",
        "department": "Engineering", "job_title": "Analyst", "hire_date": "1938-09-04",
        "date_of_birth": "1912-06-23", "address": "Bletchley Park",
    });
    done(ada, "/api/employees", alan).await;
    let grace = json!({ "first_name": "Grace", "last_name": "Hopper", "phone_number": "+919881167672" });
    done(ada, "/api/employees", grace).await;
    done(api, "/otp/generate", json!({ "phone_number": "+919881167672" })).await;
    json!(api.code_for("+919881167672").await)
}

/// Nothing is verified. A wrong code was entered, and the right one is still good.
async fn bob(api: &Api) -> Value {
    let mut body = registration("bob");
    body["phone_number"] = json!("+919881167673");
    done(api, "/api/register", body).await;
    let otp = api.code_for("bob@example.com").await;
    let wrong = if otp == "000000" { "000001" } else { "000000" };
    let answer = api.post("/api/otp/verify", &json!({ "email": "bob@example.com", "otp": wrong })).await;
    assert_eq!(answer.status, 400, "{}", answer.text);
    json!(otp)
}

/// Signed up with a phone number.
async fn carol(api: &Api) -> Value {
    let token = signs_up(api, "+919881167674").await;
    let tokens = done(api, "/auth/register", json!({ "reg_token": token, "password": PASSWORD })).await;
    json!({ "access": tokens["access"], "refresh": tokens["refresh"] })
}

/// The token with which the owner of a number may register.
async fn signs_up(api: &Api, phone: &str) -> Value {
    done(api, "/auth/check-phone", json!({ "phone": phone })).await;
    let body = json!({ "phone": phone, "code": api.code_for(phone).await });
    done(api, "/auth/verify", body).await["registration_token"].clone()
}

/// Another address waits for its code, and so does a new password.
async fn dora(api: &Api) -> (User, Value, Value) {
    api.verified("dora").await;
    let dora = api.log_in("dora").await;
    changed(&dora, json!({ "email": "new-dora@example.com" })).await;
    let new = api.code_for("new-dora@example.com").await;
    done(api, "/api/password/forgot", json!({ "email": "dora@example.com" })).await;
    // The code of the registration and the notice of the change came before.
    let reset = api.code_after("dora@example.com", 2).await;
    (dora, json!(new), json!(reset))
}

/// Deactivated by staff.
async fn eve(api: &Api, admin: &User) {
    let eve = api.registered("eve").await;
    let path = format!("/api/users/{}", eve["id"].as_str().unwrap());
    assert_eq!(admin.patch(&path, &json!({ "is_active": false })).await.status, 200);
}

/// A user and an employee of a Django system.
async fn import(api: &Api) {
    let user = json!({
        "id": "018bcfe5-6800-7000-8000-000000000001", "username": "gus", "email": "gus@example.com",
        "is_email_verified": true, "phone_number": "+919881167675",
        "password": "pbkdf2_sha1$1000$MzHo6epWAm3lTXcw7mZaEi$5agn8WUFAY0F59nb036BnLsqLCQ=",
    });
    let employee = json!({
        "id": "018bcfe5-6800-7000-8000-000000000002", "owner_username": "gus", "first_name": "Hal",
        "last_name": "Hall", "email": "hal@example.com", "phone_number": "+919881167676", "department": "Stores",
    });
    let batch = json!({ "users": [user], "employees": [employee] });
    let answer = api.stack.invoke("import", batch).await.unwrap();
    assert!(!answer.to_string().contains("refused"), "{answer}");
}

/// Limits count what strangers do, and a code that nobody gets takes the place of one.
async fn strangers(api: &Api) {
    let email = "nobody@example.com";
    done(api, "/api/otp/resend", json!({ "email": email })).await;
    let failures = [
        ("/api/login", json!({ "email": email, "password": PASSWORD })),
        ("/api/login", json!({ "email": "ada@example.com", "password": "a wrong password" })),
        ("/api/otp/verify", json!({ "email": email, "otp": "000000" })),
    ];
    for (path, body) in failures {
        let answer = api.post(path, &body).await;
        assert!([400, 401].contains(&answer.status), "{path}: {}", answer.text);
    }
    // This number is to sign up, and its code waits.
    done(api, "/auth/check-phone", json!({ "phone": "+919881167678" })).await;
}

/// Puts off every time that would pass.
fn put_off(item: &mut Value) {
    for time in ["expires", "reserved_until", "hour_ends", "day_ends"] {
        let seconds = item[time]["N"].as_str().and_then(|seconds| seconds.parse::<u64>().ok());
        // A day or two from now: sessions and keys last for years.
        if seconds.is_some_and(|seconds| seconds < 2_000_000_000) {
            item[time]["N"] = json!(FAR_AWAY);
        }
    }
}

#[tokio::test]
#[ignore = "it writes a file, when a release is made: docs/upgrading.md"]
async fn write_the_records_of_this_release() {
    let mut records = records().await;
    for items in records["tables"].as_object_mut().unwrap().values_mut() {
        items.as_array_mut().unwrap().iter_mut().for_each(put_off);
    }
    let file = root().join(format!("tests/records/{}.json", env!("CARGO_PKG_VERSION")));
    let text = serde_json::to_string_pretty(&records).unwrap() + "\n";
    std::fs::write(&file, text).unwrap();
}
