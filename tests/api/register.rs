//! `POST /api/register`.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Api, PASSWORD, User, complaint, registration};

/// A user as the API shows them right after registration as `ada`; what nobody can foresee is taken from `seen`.
fn ada(seen: &Value) -> Value {
    json!({
        "id": seen["id"],
        "username": "ada",
        "email": "ada@example.com",
        "first_name": "",
        "last_name": "",
        "phone_number": null,
        "address": "",
        "date_of_birth": null,
        "is_email_verified": false,
        "pending_email": null,
        "pending_phone_number": null,
        "language": "",
        "is_phone_verified": false,
        "is_active": true,
        "is_staff": false,
        "date_joined": seen["date_joined"],
        "last_login": null,
    })
}

/// Asserts that a body is refused with these complaints, and that nothing is written.
async fn is_refused(api: &Api, body: &Value, complaints: &Value) {
    let before = api.records().await;
    api.post("/api/register", body).await.is(400, complaints);
    assert_eq!(api.records().await, before, "{body}");
}

fn with(fields: &Value) -> Value {
    let mut body = registration("ada");
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

#[tokio::test]
async fn a_registration_answers_with_the_user() {
    let api = Api::start().await;

    let answer = api.post("/api/register", &registration("ada")).await;

    answer.is(201, &ada(&answer.body));
    let id: uuid::Uuid = answer.body["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(id.get_version_num(), 7);
    let joined = answer.body["date_joined"].as_str().unwrap();
    assert!(joined.starts_with("20") && joined.ends_with('Z') && joined.contains('T'), "{joined}");
    assert!(!answer.text.contains("argon2"));
}

#[tokio::test]
async fn a_registration_sends_one_code_to_the_address() {
    let api = Api::start().await;

    api.registered("ada").await;

    let message = api.message_to("ada@example.com").await;
    assert_eq!(message.subject, "Rollcall: verify your e-mail address");
    let code = api.code_for("ada@example.com").await;
    assert_eq!(
        message.body,
        format!(
            "Your verification code is {code}\n\nIt can be used once and expires in 10 min. If you did not ask for it, ignore \
             this message.\n"
        )
    );
    assert!(message.html.unwrap().contains(&code));
    assert_eq!(api.mails_to("ada@example.com").await, 1);
}

#[tokio::test]
async fn every_optional_field_is_kept() {
    let api = Api::start().await;
    let fields = json!({
        "first_name": " Ada ", "last_name": "Lovelace", "address": "12 St James's Square",
        "phone_number": "098811 67671", "date_of_birth": "1815-12-10",
    });

    let answer = api.post("/api/register", &with(&fields)).await;

    let mut expected = ada(&answer.body);
    expected["first_name"] = json!("Ada");
    expected["last_name"] = json!("Lovelace");
    expected["address"] = json!("12 St James's Square");
    expected["phone_number"] = json!("+919881167671");
    expected["date_of_birth"] = json!("1815-12-10");
    answer.is(201, &expected);
}

#[tokio::test]
async fn optional_fields_may_be_empty() {
    let api = Api::start().await;
    let fields = json!({ "first_name": "", "address": " ", "phone_number": "", "date_of_birth": null });

    let answer = api.post("/api/register", &with(&fields)).await;

    answer.is(201, &ada(&answer.body));
}

#[tokio::test]
async fn read_only_and_unknown_fields_are_ignored() {
    let api = Api::start().await;
    let fields = json!({
        "id": "0", "is_staff": true, "is_superuser": true, "is_active": false, "is_email_verified": true,
        "is_phone_verified": true, "pending_email": "eve@example.com", "date_joined": "2000-01-01T00:00:00Z",
        "last_login": "2000-01-01T00:00:00Z", "epoch": 9, "pk": "user#0", "owner": "eve",
    });

    let answer = api.post("/api/register", &with(&fields)).await;

    answer.is(201, &ada(&answer.body));
    assert_ne!(answer.body["id"], "0");
    assert_ne!(answer.body["date_joined"], "2000-01-01T00:00:00Z");
    assert_eq!(api.log_in("ada").await.profile().await["is_staff"], false);
}

#[tokio::test]
async fn what_is_missing_is_told_together() {
    let api = Api::start().await;
    let required = ["This field is required."];

    is_refused(&api, &json!({}), &json!({ "username": required, "email": required, "password": required }))
        .await;
}

#[tokio::test]
async fn every_complaint_about_every_field_comes_at_once() {
    let api = Api::start().await;
    let body = json!({
        "username": "a b", "email": "nobody", "password": "123456", "phone_number": "abc", "first_name": "x".repeat(151),
        "last_name": null, "date_of_birth": "10/12/1815", "address": ["London"],
    });

    let complaints = json!({
        "username": ["Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."],
        "email": ["Enter a valid email address."],
        "password": [
            "This password is too short. It must contain at least 8 characters.",
            "This password is too common.",
            "This password is entirely numeric.",
        ],
        "phone_number": ["Enter a valid phone number."],
        "first_name": ["Ensure this field has no more than 150 characters."],
        "last_name": ["This field may not be null."],
        "date_of_birth": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."],
        "address": ["Not a valid string."],
    });
    is_refused(&api, &body, &complaints).await;
}

#[tokio::test]
async fn each_fault_of_a_field_has_its_words() {
    let api = Api::with(&[("RegistrationsPerIpPerHour", "100"), ("OtpPerIpPerHour", "100")]).await;
    let long = |text: &str, length: usize| text.repeat(length);
    for (field, value, words) in [
        ("username", json!(null), "This field may not be null."),
        ("username", json!("  "), "This field may not be blank."),
        ("username", json!(true), "Not a valid string."),
        ("username", json!("a\0b"), "Null characters are not allowed."),
        ("username", json!(long("a", 151)), "Ensure this field has no more than 150 characters."),
        (
            "username",
            json!("+91 98811 67671"),
            "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.",
        ),
        ("username", json!("9881167671"), "A username may not be a phone number."),
        ("username", json!("eve@example.com"), "A username that is an e-mail address must be your own."),
        // Without regard to case, they are "victim@example.com" and "russ@example.com".
        (
            "username",
            json!("v\u{131}ctim@example.com"),
            "A username that is an e-mail address must be your own.",
        ),
        ("username", json!("ru\u{df}@example.com"), "A username that is an e-mail address must be your own."),
        ("email", json!(null), "This field may not be null."),
        ("email", json!(""), "This field may not be blank."),
        ("email", json!({}), "Not a valid string."),
        ("email", json!("ada@localhost"), "Enter a valid email address."),
        ("email", json!("ada@example.com\nBcc: eve@example.com"), "Enter a valid email address."),
        (
            "email",
            json!(format!("{}@example.com", long("a", 250))),
            "Ensure this field has no more than 254 characters.",
        ),
        ("password", json!(null), "This field may not be null."),
        ("password", json!(""), "This field may not be blank."),
        ("password", json!(["x"]), "Not a valid string."),
        ("password", json!("correct\0horse"), "Null characters are not allowed."),
        ("password", json!(long("kÖ7 ", 33)), "Ensure this field has no more than 128 characters."),
        ("phone_number", json!(true), "Not a valid string."),
        ("phone_number", json!("123"), "Enter a valid phone number."),
        (
            "date_of_birth",
            json!("2023-02-29"),
            "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
        ),
        (
            "date_of_birth",
            json!("0000-01-01"),
            "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
        ),
        (
            "date_of_birth",
            json!("2023-02-03T00:00"),
            "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
        ),
    ] {
        is_refused(&api, &with(&json!({ field: value })), &complaint(field, words)).await;
    }
}

#[tokio::test]
async fn a_password_may_not_be_common_numeric_short_or_like_its_user() {
    let api = Api::start().await;
    for (password, words) in [
        ("password123", "This password is too common."),
        ("PASSWORD123", "This password is too common."),
        ("8317462950174", "This password is entirely numeric."),
        ("xq7!z", "This password is too short. It must contain at least 8 characters."),
        ("wonderlandy", "The password is too similar to the username."),
        ("Basavraj7", "The password is too similar to the first name."),
        ("ningadali.", "The password is too similar to the last name."),
        ("rabbit-hole", "The password is too similar to the email address."),
    ] {
        let body = json!({
            "username": "wonderland1", "email": "rabbithole@example.com", "first_name": "Basavraj", "last_name": "Ningadali",
            "password": password,
        });
        is_refused(&api, &body, &complaint("password", words)).await;
    }
}

#[tokio::test]
async fn the_seeds_policy_keeps_only_the_length_rule() {
    let api = Api::seeds().await;

    for (name, password) in [("ada", "password123"), ("bob", "123456789"), ("charlotte", "charlotte")] {
        let body = json!({ "username": name, "email": format!("{name}@example.com"), "password": password });
        assert_eq!(api.post("/api/register", &body).await.status, 201, "{password}");
    }

    let short = "This password is too short. It must contain at least 8 characters.";
    is_refused(
        &api,
        &with(&json!({ "username": "eve", "email": "eve@example.com", "password": "1234567" })),
        &complaint("password", short),
    )
    .await;
}

#[tokio::test]
async fn a_username_may_be_the_registrants_own_address() {
    let api = Api::start().await;

    let answer = api.post("/api/register", &with(&json!({ "username": "Ada@Example.com" }))).await;

    assert_eq!(
        (answer.status, &answer.body["username"]),
        (201, &json!("Ada@Example.com")),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_password_is_taken_as_it_is_typed_up_to_128_characters() {
    let api = Api::start().await;
    let password = format!("  {}  ", "kÖ7 ".repeat(31));
    assert_eq!(password.chars().count(), 128);

    assert_eq!(api.post("/api/register", &with(&json!({ "password": password }))).await.status, 201);

    assert_eq!(api.try_token("ada", password.trim()).await.status, 401);
    assert_eq!(api.try_token("ada", &password).await.status, 200);
}

#[tokio::test]
async fn neither_password_nor_code_nor_token_is_stored() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let code = api.code_for("ada@example.com").await;

    let user = api.item("Users", &format!("user#{}", ada.id())).await.unwrap();
    assert!(user["password"]["S"].as_str().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{user}");
    let records = json!(api.records().await).to_string();
    for secret in [PASSWORD, &format!("\"{code}\""), &ada.access, &ada.refresh, "eyJ"] {
        assert!(!records.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn an_address_is_trimmed_and_kept_as_it_was_typed() {
    let api = Api::start().await;

    let answer = api.post("/api/register", &with(&json!({ "email": "  Ada.L+tag@Example.COM " }))).await;

    assert_eq!((answer.status, &answer.body["email"]), (201, &json!("Ada.L+tag@Example.COM")));
    api.verify("ada.l+TAG@example.com").await;
}

#[tokio::test]
async fn a_username_is_kept_in_its_composed_form() {
    let api = Api::start().await;

    let answer = api.post("/api/register", &with(&json!({ "username": "Ame\u{301}lie" }))).await;

    assert_eq!((answer.status, &answer.body["username"]), (201, &json!("Am\u{e9}lie")));
    assert_eq!(api.try_token("AM\u{c9}LIE", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused_in_any_spelling() {
    let api = Api::start().await;
    let phone = json!({ "phone_number": "9881167671" });
    assert_eq!(api.post("/api/register", &with(&phone)).await.status, 201);
    // Only a verified number is taken.
    api.set("Users", |key| key == "phone#+919881167671", "verified", &json!({ "BOOL": true })).await;

    let body = json!({
        "username": "ADA", "email": "Ada@EXAMPLE.com", "phone_number": "+91 98811-67671", "password": PASSWORD,
    });
    let complaints = json!({
        "username": ["A user with that username already exists."],
        "email": ["user with this email already exists."],
        "phone_number": ["user with this phone number already exists."],
    });
    is_refused(&api, &body, &complaints).await;
}

/// Registers eight times at once: one succeeds, all others hear that the name is taken, and one user is there.
async fn one_of_eight_succeeds(field: &str, words: &str, body: impl Fn(usize) -> Value) {
    let api = Api::start().await;

    let bodies: Vec<Value> = (0..8).map(body).collect();
    let answers = join_all(bodies.iter().map(|body| api.post("/api/register", body))).await;

    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    for answer in refused {
        answer.is(400, &complaint(field, words));
    }
    let users = api.items("Users").await;
    assert_eq!(users.keys().filter(|key| key.starts_with("user#")).count(), 1);
    assert_eq!(api.items("Otps").await.len(), 1);
}

#[tokio::test]
async fn of_parallel_registrations_of_one_username_one_succeeds() {
    one_of_eight_succeeds("username", "A user with that username already exists.", |n| {
        with(&json!({ "email": format!("ada{n}@example.com") }))
    })
    .await;
}

#[tokio::test]
async fn of_parallel_registrations_of_one_address_one_succeeds() {
    one_of_eight_succeeds("email", "user with this email already exists.", |n| {
        with(&json!({ "username": format!("ada{n}") }))
    })
    .await;
}

#[tokio::test]
async fn of_parallel_registrations_with_one_phone_number_one_has_it() {
    let api = Api::start().await;
    api.staff().await;
    let body = |n| {
        let (username, email) = (format!("ada{n}"), format!("ada{n}@example.com"));
        with(&json!({ "username": username, "email": email, "phone_number": "9881167671" }))
    };
    let bodies: Vec<Value> = (0..4).map(body).collect();

    for answer in join_all(bodies.iter().map(|body| api.post("/api/register", body))).await {
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    let users = api.items("Users").await;
    assert_eq!(users.values().filter(|user| user["phone_number"].is_object()).count(), 1);
    assert_eq!(api.audited("name lost").len(), 3);
    crate::model::users_agree(&api).await;
}

#[tokio::test]
async fn under_the_seeds_policy_of_parallel_registrations_with_one_phone_number_one_succeeds() {
    let api = Api::seeds().await;
    let body = |n| {
        let (username, email) = (format!("ada{n}"), format!("ada{n}@example.com"));
        with(&json!({ "username": username, "email": email, "phone_number": "9881167671" }))
    };
    let bodies: Vec<Value> = (0..8).map(body).collect();

    let answers = join_all(bodies.iter().map(|body| api.post("/api/register", body))).await;

    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    for answer in refused {
        answer.is(400, &complaint("phone_number", "user with this phone number already exists."));
    }
}

#[tokio::test]
async fn an_ip_address_registers_so_many_users_an_hour() {
    let api = Api::with(&[("RegistrationsPerIpPerHour", "2")]).await;
    api.registered("ada").await;
    // What is refused for its fields counts, too.
    api.post("/api/register", &json!({})).await;
    let before = api.records().await;

    let throttled = api.post("/api/register", &registration("bob")).await;

    assert!(throttled.is_throttled() <= 3600);
    let spoofed = api.header("X-Forwarded-For", "203.0.113.9").header("Forwarded", "for=203.0.113.9");
    spoofed
        .header("X-Real-IP", "203.0.113.9")
        .post("/api/register", &registration("bob"))
        .await
        .is_throttled();
    // The limit is told before what is wrong with a body.
    api.post_text("/api/register", "application/json", "{").await.is_throttled();
    assert_eq!(api.records().await, before);
    assert_eq!(api.at([127, 0, 0, 2]).post("/api/register", &registration("bob")).await.status, 201);
}

#[tokio::test]
async fn an_unverified_address_reserves_itself_while_its_code_lives() {
    let api = Api::start().await;
    api.registered("ada").await;

    let body = json!({ "username": "bob", "email": "ada@example.com", "password": PASSWORD });
    is_refused(&api, &body, &complaint("email", "user with this email already exists.")).await;
}

#[tokio::test]
async fn an_unverified_number_reserves_nothing() {
    let api = Api::start().await;
    let phone = json!({ "phone_number": "9881167671" });
    assert_eq!(api.post("/api/register", &with(&phone)).await.status, 201);
    let loser = api.log_in("ada").await;

    let mut body = registration("bob");
    body["phone_number"] = json!("9881167671");
    let answer = api.post("/api/register", &body).await;

    assert_eq!(
        (answer.status, &answer.body["phone_number"]),
        (201, &json!("+919881167671")),
        "{}",
        answer.text
    );
    assert_eq!(loser.profile().await["phone_number"], Value::Null);
    assert_eq!(api.changes("name lost"), json!([[answer.body["id"], loser.id(), null, "phone_number"]]));
}

/// A body with an address as its username, too.
fn called_like_the_address(address: &str) -> Value {
    json!({ "username": address, "email": address, "password": PASSWORD })
}

#[tokio::test]
async fn a_username_that_is_an_address_is_lost_with_it() {
    let api = Api::start().await;
    api.staff().await;
    let address = "ada@example.com";
    assert_eq!(api.post("/api/register", &called_like_the_address(address)).await.status, 201);
    let loser = api.log_in(address).await;
    let_lapse(&api).await;

    let mut body = called_like_the_address(address);
    body["password"] = json!("another long phrase");
    let answer = api.post("/api/register", &body).await;

    assert_eq!((answer.status, &answer.body["username"]), (201, &json!(address)), "{}", answer.text);
    let lost = loser.profile().await;
    let username = lost["username"].as_str().unwrap();
    assert!(username.starts_with("user-"), "{username}");
    assert_eq!(lost["email"], "");
    assert_eq!(api.changes("name lost"), json!([[answer.body["id"], loser.id(), null, "username,email"]]));
    // Nobody logs in as the other.
    assert_eq!(api.try_token(address, PASSWORD).await.status, 401);
    assert_eq!(api.log_in(username).await.id(), loser.id());
    api.log_in_with(address, "another long phrase").await;
    crate::model::users_agree(&api).await;
}

#[tokio::test]
async fn a_username_that_is_a_lapsed_address_is_lost_even_to_who_is_called_otherwise() {
    let api = Api::start().await;
    api.staff().await;
    let address = "ada@example.com";
    assert_eq!(api.post("/api/register", &called_like_the_address(address)).await.status, 201);
    let loser = api.log_in(address).await;
    let_lapse(&api).await;

    assert_eq!(api.post("/api/register", &with(&json!({ "username": "bob" }))).await.status, 201);

    assert_eq!(api.item("Users", &format!("username#{address}")).await, None);
    assert!(loser.profile().await["username"].as_str().unwrap().starts_with("user-"));
    api.try_token(address, PASSWORD).await.is(401, &crate::support::no_active_account());
    crate::model::users_agree(&api).await;
}

/// Mallory, whom the previous release has left an address as her username that is hers no longer.
async fn called_like(api: &Api, address: &str) -> User {
    api.verified("mallory").await;
    let mallory = api.log_in("mallory").await;
    let id = format!("user#{}", mallory.id());
    api.set("Users", |key| key == id, "username", &json!({ "S": address })).await;
    let mut claim = api.item("Users", "username#mallory").await.unwrap();
    claim["pk"] = json!({ "S": format!("username#{address}") });
    api.put_item("Users", &claim).await;
    api.delete_items("Users", |key| key == "username#mallory").await;
    // That does not break: she logs in with it as long as it is nobody else's address.
    assert_eq!(api.log_in(address).await.id(), mallory.id());
    mallory
}

#[tokio::test]
async fn who_is_called_like_an_address_that_is_not_theirs_loses_the_username_to_its_owner() {
    let api = Api::start().await;
    api.staff().await;
    let address = "ada@example.com";
    let mallory = called_like(&api, address).await;

    let answer = api.post("/api/register", &called_like_the_address("Ada@example.com")).await;

    assert_eq!(
        (answer.status, &answer.body["username"]),
        (201, &json!("Ada@example.com")),
        "{}",
        answer.text
    );
    let username = mallory.profile().await["username"].clone();
    assert!(username.as_str().unwrap().starts_with("user-"), "{username}");
    assert_eq!(api.changes("name lost"), json!([[answer.body["id"], mallory.id(), null, "username"]]));
    mallory.is_signed_in().await;
    crate::model::users_agree(&api).await;
}

#[tokio::test]
async fn who_is_called_like_the_verified_address_of_another_does_not_log_in_with_it() {
    let api = Api::start().await;
    let address = "ada@example.com";
    called_like(&api, address).await;
    let mut body = with(&json!({ "password": "another long phrase" }));
    body["username"] = json!("ada");
    let ada = api.post("/api/register", &body).await;
    assert_eq!(ada.status, 201, "{}", ada.text);
    api.verify(address).await;

    // Nor in a spelling that is the address only as a username.
    for spelling in [address, "ADA@EXAMPLE.COM", "ada@example.co\u{ff4d}"] {
        api.try_token(spelling, PASSWORD).await.is(401, &crate::support::no_active_account());
        let session = api.log_in_with(spelling, "another long phrase").await;
        assert_eq!(session.id(), ada.body["id"].as_str().unwrap());
    }
}

/// Lets the reservations and the code of `ada` pass.
async fn let_lapse(api: &Api) {
    api.let_code_expire("verify_email", "ada@example.com").await;
    let long_ago = json!({ "N": "1000000000" });
    for kind in ["email#", "phone#"] {
        let is_claim = |key: &str| key.starts_with(kind);
        let claims = api.items("Users").await.into_iter().filter(|(key, _)| is_claim(key));
        for (key, claim) in claims.filter(|(_, claim)| claim.get("reserved_until").is_some()) {
            assert_eq!(claim["verified"], json!({ "BOOL": false }));
            api.set("Users", |other| other == key, "reserved_until", &long_ago).await;
        }
    }
}

#[tokio::test]
async fn a_lapsed_address_is_taken_over_and_its_first_account_loses_it() {
    let api = Api::start().await;
    let phone = json!({ "phone_number": "9881167671" });
    assert_eq!(api.post("/api/register", &with(&phone)).await.status, 201);
    let loser = api.log_in("ada").await;
    let old_code = api.code_for("ada@example.com").await;
    let_lapse(&api).await;

    let winner = json!({
        "username": "bob", "email": "Ada@example.com", "phone_number": "9881167671", "password": "another long phrase",
    });
    let answer = api.post("/api/register", &winner).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    let lost = loser.profile().await;
    assert_eq!((&lost["email"], &lost["phone_number"]), (&json!(""), &Value::Null));
    assert_eq!(
        api.changes("name lost"),
        json!([[answer.body["id"], loser.id(), null, "email,phone_number"]])
    );
    let code = api.code_after("ada@example.com", 1).await;
    if code != old_code {
        let planted =
            api.post("/api/otp/verify", &json!({ "email": "ada@example.com", "otp": old_code })).await;
        assert_eq!(planted.status, 400);
    }
    api.verify("ada@example.com").await;
    let login = |password: &str| json!({ "email": "ada@example.com", "password": password });
    assert_eq!(api.post("/api/login", &login("another long phrase")).await.status, 200);
    assert_eq!(api.post("/api/login", &login(PASSWORD)).await.status, 401);
    assert_eq!(loser.profile().await["is_email_verified"], false);
}

#[tokio::test]
async fn a_registration_takes_over_the_lapsed_names_of_two_accounts() {
    let api = Api::start().await;
    api.registered("ada").await;
    let mut bob = registration("bob");
    bob["phone_number"] = json!("9881167671");
    assert_eq!(api.post("/api/register", &bob).await.status, 201);
    let (ada, bob) = (api.log_in("ada").await, api.log_in("bob").await);
    let_lapse(&api).await;

    let winner =
        with(&json!({ "username": "eve", "email": "ada@example.com", "phone_number": "+919881167671" }));
    assert_eq!(api.post("/api/register", &winner).await.status, 201);

    let (ada, bob) = (ada.profile().await, bob.profile().await);
    assert_eq!((&ada["email"], &ada["username"]), (&json!(""), &json!("ada")));
    assert_eq!((&bob["email"], &bob["phone_number"]), (&json!("bob@example.com"), &Value::Null));
}

#[tokio::test]
async fn who_lost_an_address_can_give_another() {
    let api = Api::start().await;
    let loser = api.signed_in().await;
    let_lapse(&api).await;
    assert_eq!(api.post("/api/register", &with(&json!({ "username": "bob" }))).await.status, 201);

    let answer = loser.patch("/api/profile", &json!({ "email": "other@example.com" })).await;
    assert_eq!((answer.status, &answer.body["pending_email"]), (200, &json!("other@example.com")));

    api.verify_by(&loser, "other@example.com").await;
    assert_eq!(loser.profile().await["email"], "other@example.com");
}

#[tokio::test]
async fn of_parallel_takeovers_one_succeeds() {
    let api = Api::start().await;
    api.registered("ada").await;
    let_lapse(&api).await;

    let bodies: Vec<Value> = (0..6).map(|n| with(&json!({ "username": format!("ada{n}") }))).collect();
    let answers = join_all(bodies.iter().map(|body| api.post("/api/register", body))).await;

    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    for answer in refused {
        answer.is(400, &complaint("email", "user with this email already exists."));
    }
    let claim = api.item("Users", "email#ada@example.com").await.unwrap();
    assert_eq!(claim["user_id"]["S"], made[0].body["id"]);
}

#[tokio::test]
async fn a_verified_address_never_lapses() {
    let api = Api::start().await;
    api.verified("ada").await;
    let claim = api.item("Users", "email#ada@example.com").await.unwrap();
    assert_eq!(claim.get("reserved_until"), None);

    let body = with(&json!({ "username": "bob" }));
    is_refused(&api, &body, &complaint("email", "user with this email already exists.")).await;
}

#[tokio::test]
async fn under_the_seeds_policy_no_address_lapses() {
    let api = Api::seeds().await;
    api.registered("ada").await;
    let_lapse(&api).await;

    let body = with(&json!({ "username": "bob" }));
    is_refused(&api, &body, &complaint("email", "user with this email already exists.")).await;
}

#[tokio::test]
async fn a_registration_does_not_wait_for_the_mail_and_its_code_comes_once_the_mail_goes_again() {
    let api = Api::start().await;
    api.stack.refuse_mail(true);

    api.registered("ada").await;
    assert_eq!(api.stack.messages("ada@example.com"), []);
    api.stack.refuse_mail(false);

    api.verify("ada@example.com").await;
    assert_eq!(api.mails_to("ada@example.com").await, 1);
}
