//! `POST /auth/register`.

use futures_util::{future::join_all, join};
use serde_json::{Value, json};

use super::{NUMBER, OTHER, check, exists, log_in, prove, register, registered_with, signed_up, token_of};
use crate::support::{
    Answer, Api, PASSWORD, User, complaint, no_active_account, registration, registration_token_invalid,
};

/// A user as the API shows them right after a sign-up with nothing but a number; what nobody can foresee is taken from `seen`.
fn newcomer(seen: &Value) -> Value {
    json!({
        "id": seen["id"],
        "username": NUMBER,
        "email": "",
        "first_name": "",
        "last_name": "",
        "phone_number": NUMBER,
        "address": "",
        "date_of_birth": null,
        "is_email_verified": false,
        "pending_email": null,
        "pending_phone_number": null,
        "language": "",
        "is_phone_verified": true,
        "is_active": true,
        "is_staff": false,
        "date_joined": seen["date_joined"],
        "last_login": null,
        "refresh": seen["refresh"],
        "access": seen["access"],
    })
}

/// Makes an account with a registration token and more fields.
async fn register_with(api: &Api, token: &str, fields: &Value) -> Answer {
    let mut body = json!({ "reg_token": token, "password": PASSWORD });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    api.post("/auth/register", &body).await
}

/// Asserts that fields are refused with these complaints, that nothing is written, and that the token can be used again.
async fn keeps_the_token(api: &Api, fields: &Value, complaints: &Value) {
    let token = token_of(api, NUMBER).await;
    let before = api.records().await;

    register_with(api, &token, fields).await.is(400, complaints);

    assert_eq!(api.records().await, before);
    let answer = register(api, &token).await;
    answer.is(201, &newcomer(&answer.body));
}

#[tokio::test]
async fn a_sign_up_answers_with_the_user_and_a_session() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;

    let answer = register(&api, &token).await;

    answer.is(201, &newcomer(&answer.body));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.text.contains("argon2"));
    let user = User::new(&api, &answer.body);
    user.is_signed_in().await;
    assert_eq!(user.id(), answer.body["id"]);
    let mut profile = newcomer(&answer.body);
    for token in ["refresh", "access"] {
        profile.as_object_mut().unwrap().remove(token);
    }
    assert_eq!(user.profile().await, profile);
    user.refreshed().await.is_signed_in().await;
}

#[tokio::test]
async fn who_has_signed_up_logs_in_by_number() {
    let api = Api::start().await;
    let user = signed_up(&api, NUMBER).await;

    check(&api, NUMBER).await.is(200, &exists());
    let answer = log_in(&api, "98811 67671", PASSWORD).await;
    assert_eq!(User::new(&api, &answer.body).id(), user.id());
    assert_eq!(api.log_in(NUMBER).await.id(), user.id());
}

#[tokio::test]
async fn every_optional_field_is_kept_and_the_address_gets_a_code() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;
    let fields = json!({ "first_name": " Ada ", "last_name": "Lovelace", "email": "Ada@example.com" });

    let answer = register_with(&api, &token, &fields).await;

    let mut expected = newcomer(&answer.body);
    expected["first_name"] = json!("Ada");
    expected["last_name"] = json!("Lovelace");
    expected["email"] = json!("Ada@example.com");
    answer.is(201, &expected);
    assert_eq!(api.message_to("ada@example.com").await.subject, "Rollcall: verify your e-mail address");
    api.verify("ada@example.com").await;
    assert_eq!(api.mails_to("ada@example.com").await, 1);
    let user = User::new(&api, &answer.body);
    assert_eq!(user.profile().await["is_email_verified"], true);
    let login = api.post("/api/login", &json!({ "email": "ada@example.com", "password": PASSWORD })).await;
    assert_eq!(login.status, 200, "{}", login.text);
}

#[tokio::test]
async fn optional_fields_may_be_empty() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;

    let answer =
        register_with(&api, &token, &json!({ "first_name": "", "last_name": " ", "email": "" })).await;

    answer.is(201, &newcomer(&answer.body));
}

#[tokio::test]
async fn read_only_and_unknown_fields_are_ignored() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;
    let fields = json!({
        "id": "0", "username": "admin", "phone_number": OTHER, "phone": OTHER, "is_staff": true, "is_active": false,
        "is_email_verified": true, "is_phone_verified": false, "address": "12 St James's Square",
        "date_of_birth": "1815-12-10", "pending_email": "eve@example.com",
    });

    let answer = register_with(&api, &token, &fields).await;

    answer.is(201, &newcomer(&answer.body));
}

#[tokio::test]
async fn a_token_works_once() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;
    assert_eq!(register(&api, &token).await.status, 201);
    let before = api.records().await;

    register(&api, &token).await.is(400, &registration_token_invalid());

    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn a_token_used_at_once_by_eight_makes_one_account() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;

    let answers = join_all((0..8).map(|_| register(&api, &token))).await;

    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 1);
    for answer in refused {
        answer.is(400, &registration_token_invalid());
    }
    let users = api.items("Users").await;
    assert_eq!(users.keys().filter(|key| key.starts_with("user#")).count(), 1);
    assert_eq!(api.sessions().await.len(), 1);
}

#[tokio::test]
async fn an_expired_token_is_refused_though_its_record_is_still_there() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;
    let is_token = |key: &str| key.starts_with("registration#");
    api.set("Otps", is_token, "expires", &json!({ "N": "1000000000" })).await;
    let before = api.records().await;

    register(&api, &token).await.is(400, &registration_token_invalid());

    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn a_token_lives_as_long_as_a_code() {
    let api = Api::start().await;
    token_of(&api, NUMBER).await;

    let record = api.items("Otps").await.into_values().next().unwrap();

    let left = record["expires"]["N"].as_str().unwrap().parse::<i64>().unwrap() - now();
    assert!((590..=600).contains(&left), "{left}");
}

/// Seconds since 1970.
fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;
    let before = api.records().await;

    for wrong in
        ["fef8702768384d1d88a2e1454e6c749c", "x", &token[1..], &token.to_uppercase(), &"a".repeat(10_000)]
    {
        if wrong != token {
            register(&api, wrong).await.is(400, &registration_token_invalid());
        }
    }

    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn nothing_is_told_of_an_address_without_a_token() {
    let api = Api::start().await;
    api.registered("ada").await;

    let answer = register_with(&api, "x", &json!({ "email": "ada@example.com" })).await;

    answer.is(400, &registration_token_invalid());
}

#[tokio::test]
async fn what_is_missing_is_told_together() {
    let api = Api::start().await;
    let required = ["This field is required."];

    let answer = api.post("/auth/register", &json!({})).await;

    answer.is(400, &json!({ "reg_token": required, "password": required }));
    assert_eq!(api.records().await.len(), 0);
}

#[tokio::test]
async fn an_invalid_address_leaves_the_token_as_it_was() {
    let api = Api::start().await;
    let words = complaint("email", "Enter a valid email address.");
    keeps_the_token(&api, &json!({ "email": "nobody" }), &words).await;
}

#[tokio::test]
async fn an_address_that_is_taken_leaves_the_token_as_it_was() {
    let api = Api::start().await;
    api.verified("ada").await;
    let words = complaint("email", "user with this email already exists.");
    keeps_the_token(&api, &json!({ "email": "Ada@Example.com" }), &words).await;
}

#[tokio::test]
async fn a_weak_password_leaves_the_token_as_it_was() {
    let api = Api::start().await;
    let words = json!({ "password": ["This password is too common.", "This password is entirely numeric."] });
    keeps_the_token(&api, &json!({ "password": "123456789" }), &words).await;
}

#[tokio::test]
async fn a_password_may_not_be_like_its_user() {
    let api = Api::with(&[("RegistrationsPerIpPerHour", "100")]).await;
    let token = token_of(&api, NUMBER).await;
    let before = api.records().await;
    for (password, words) in [
        ("+919881167671", "The password is too similar to the username."),
        ("Basavraj7", "The password is too similar to the first name."),
        ("ningadali.", "The password is too similar to the last name."),
        ("rabbit-hole", "The password is too similar to the email address."),
    ] {
        let fields = json!({
            "first_name": "Basavraj", "last_name": "Ningadali", "email": "rabbithole@example.com", "password": password,
        });
        register_with(&api, &token, &fields).await.is(400, &complaint("password", words));
    }
    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn every_complaint_about_every_field_comes_at_once() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;
    let fields =
        json!({ "password": "short", "first_name": "x".repeat(151), "last_name": null, "email": [] });

    let answer = register_with(&api, &token, &fields).await;

    answer.is(
        400,
        &json!({
            "password": ["This password is too short. It must contain at least 8 characters."],
            "first_name": ["Ensure this field has no more than 150 characters."],
            "last_name": ["This field may not be null."],
            "email": ["Not a valid string."],
        }),
    );
}

#[tokio::test]
async fn a_taken_address_is_told_with_the_rest() {
    let api = Api::start().await;
    api.registered("ada").await;
    let token = token_of(&api, NUMBER).await;
    let fields = json!({ "password": "short", "email": "ada@example.com" });

    let answer = register_with(&api, &token, &fields).await;

    answer.is(
        400,
        &json!({
            "password": ["This password is too short. It must contain at least 8 characters."],
            "email": ["user with this email already exists."],
        }),
    );
    // Who has no token hears nothing of it.
    let stranger = register_with(&api, "no-token", &fields).await;
    assert_eq!(stranger.body.get("email"), None, "{}", stranger.text);
}

#[tokio::test]
async fn a_number_that_was_proven_meanwhile_is_taken() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;
    let ada = registered_with(&api, "ada", NUMBER).await;
    prove(&api, &ada, NUMBER).await;
    let before = api.records().await;

    let answer = register(&api, &token).await;

    answer.is(400, &complaint("phone_number", "user with this phone number already exists."));
    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn of_two_tokens_for_one_number_one_makes_an_account() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    let (one, two) = (token_of(&api, NUMBER).await, token_of(&api, NUMBER).await);

    let answers: [Answer; 2] = join!(register(&api, &one), register(&api, &two)).into();

    let (made, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (1, 1));
    refused[0].is(400, &complaint("phone_number", "user with this phone number already exists."));
}

#[tokio::test]
async fn of_a_sign_up_and_a_registration_at_once_the_sign_up_gets_the_number() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;
    let mut body = registration("ada");
    body["phone_number"] = json!(NUMBER);

    let answers: [Answer; 2] = join!(register(&api, &token), api.post("/api/register", &body)).into();

    let [signed_up, registered] = answers;
    assert_eq!(signed_up.status, 201, "{}", signed_up.text);
    // It came after the sign-up, or it has lost the number to it.
    if registered.status != 201 {
        registered.is(400, &complaint("phone_number", "user with this phone number already exists."));
    }
    let claim = api.item("Users", &format!("phone#{NUMBER}")).await.unwrap();
    assert_eq!(claim["user_id"]["S"], signed_up.body["id"]);
}

#[tokio::test]
async fn who_never_proved_a_number_loses_it_at_once_to_who_does() {
    let api = Api::start().await;
    let loser = registered_with(&api, "eve", NUMBER).await;
    let version = loser.get("/api/profile").await.header("etag").to_owned();

    let winner = signed_up(&api, NUMBER).await;

    assert_ne!(loser.get("/api/profile").await.header("etag"), version);
    assert_eq!(api.changes("name lost"), json!([[winner.id(), loser.id(), null, "phone_number"]]));

    let lost = loser.profile().await;
    assert_eq!((&lost["phone_number"], &lost["is_phone_verified"]), (&Value::Null, &json!(false)));
    assert_eq!(winner.profile().await["phone_number"], NUMBER);
    let answer = log_in(&api, NUMBER, PASSWORD).await;
    assert_eq!(User::new(&api, &answer.body).id(), winner.id());
    loser.is_signed_in().await;
}

#[tokio::test]
async fn a_number_cannot_be_held_without_a_proof() {
    let api = Api::start().await;
    let eve = registered_with(&api, "eve", NUMBER).await;
    let token = token_of(&api, NUMBER).await;
    // Neither by claiming it again nor by a code on its way.
    for number in [Value::Null, json!(NUMBER)] {
        assert_eq!(eve.patch("/api/profile", &json!({ "phone_number": number })).await.status, 200);
    }
    assert_eq!(eve.post("/otp/generate", &json!({ "phone_number": NUMBER })).await.status, 200);

    let answer = register(&api, &token).await;

    assert_eq!((answer.status, &answer.body["username"]), (201, &json!(NUMBER)), "{}", answer.text);
    assert_eq!(eve.profile().await["phone_number"], Value::Null);
    let login = log_in(&api, NUMBER, PASSWORD).await;
    assert_eq!(User::new(&api, &login.body).id(), answer.body["id"]);
}

#[tokio::test]
async fn a_number_that_was_imported_unproven_is_its_provers() {
    let api = Api::start().await;
    let id = uuid::Uuid::now_v7().to_string();
    let record = json!({ "id": id, "username": NUMBER, "phone_number": NUMBER });
    let imported = api.stack.invoke("import", json!({ "users": [record] })).await.unwrap();
    assert_eq!(imported["users"][0]["outcome"], "imported", "{imported}");
    // A user who only claims it does not get it: an import sends no code, so that its user had no time to prove it.
    let mut body = registration("eve");
    body["phone_number"] = json!(NUMBER);
    let claimed = api.post("/api/register", &body).await;
    claimed.is(400, &complaint("phone_number", "user with this phone number already exists."));

    let token = token_of(&api, NUMBER).await;
    let answer = register(&api, &token).await;

    answer.is(201, &newcomer(&answer.body));
    let lost = api.item("Users", &format!("user#{id}")).await.unwrap();
    assert_eq!(lost.get("phone_number"), None);
    assert!(lost["username"]["S"].as_str().unwrap().starts_with("user-"), "{lost}");
    assert_eq!(api.changes("name lost"), json!([[answer.body["id"], id, null, "username,phone_number"]]));
}

#[tokio::test]
async fn under_the_seeds_policy_an_unproven_number_is_not_taken_over() {
    let api = Api::seeds().await;
    check(&api, NUMBER).await.is(200, &super::newcomer());
    let text = api.message_to(NUMBER).await.body;
    let code: String = text.chars().filter(char::is_ascii_digit).take(4).collect();
    let token = super::verify(&api, NUMBER, &code).await.body["registration_token"].clone();
    let ada = registered_with(&api, "ada", NUMBER).await;

    let answer = register(&api, token.as_str().unwrap()).await;

    answer.is(400, &complaint("phone_number", "user with this phone number already exists."));
    assert_eq!(ada.profile().await["phone_number"], NUMBER);
}

#[tokio::test]
async fn a_lapsed_address_is_taken_over_with_the_number() {
    let api = Api::start().await;
    let loser = registered_with(&api, "eve", NUMBER).await;
    api.let_code_expire("verify_email", "eve@example.com").await;
    let long_ago = json!({ "N": "1000000000" });
    api.set("Users", |key| key == "email#eve@example.com", "reserved_until", &long_ago).await;
    let token = token_of(&api, NUMBER).await;

    let answer = register_with(&api, &token, &json!({ "email": "eve@example.com" })).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    let lost = loser.profile().await;
    assert_eq!((&lost["email"], &lost["phone_number"]), (&json!(""), &Value::Null));
    // It has got one message for each of the two.
    assert_eq!(api.mails_to("eve@example.com").await, 2);
}

#[tokio::test]
async fn a_number_that_its_user_gave_up_signs_up_again() {
    let api = Api::start().await;
    let former = signed_up(&api, NUMBER).await;
    let changed = former.patch("/api/profile", &json!({ "phone_number": OTHER })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    assert_eq!(changed.body["username"], NUMBER);
    assert_eq!(api.changes("profile changed")[0][3], "pending_phone_number");
    prove(&api, &former, OTHER).await;
    let profile = former.profile().await;
    let username = profile["username"].as_str().unwrap().to_owned();
    let generated = username.strip_prefix("user-").unwrap();
    assert!(generated.len() == 16 && generated.chars().all(|c| c.is_ascii_hexdigit()), "{username}");
    let events = api.changes("verified");
    assert_eq!(events.as_array().unwrap().last().unwrap()[3], "username,phone_number,pending_phone_number");
    api.forget_limits().await;
    let token = token_of(&api, NUMBER).await;
    let second = "another long phrase";

    let answer = register_with(&api, &token, &json!({ "password": second })).await;

    answer.is(201, &newcomer(&answer.body));
    let present = User::new(&api, &answer.body);
    assert_ne!(present.id(), former.id());

    // Each logs in as themselves.
    for (number, password, user) in [(NUMBER, second, &present), (OTHER, PASSWORD, &former)] {
        let answer = log_in(&api, number, password).await;
        assert_eq!(User::new(&api, &answer.body).id(), user.id());
        assert_eq!(api.log_in_with(number, password).await.id(), user.id());
    }
    log_in(&api, NUMBER, PASSWORD).await.is(401, &no_active_account());
    log_in(&api, OTHER, second).await.is(401, &no_active_account());
    assert_eq!(api.log_in(&username).await.id(), former.id());
    assert_eq!(former.profile().await["username"], username);
}

#[tokio::test]
async fn who_is_called_like_a_number_since_the_previous_release_is_called_otherwise_when_its_owner_signs_up()
{
    let api = Api::start().await;
    api.staff().await;
    let former = signed_up(&api, NUMBER).await;
    assert_eq!(former.patch("/api/profile", &json!({ "phone_number": null })).await.status, 200);
    let changed = former.patch("/api/profile", &json!({ "phone_number": OTHER })).await;
    // The previous release left them the number as their username.
    let (id, generated) = (format!("user#{}", former.id()), changed.body["username"].as_str().unwrap());
    api.set("Users", |key| key == id, "username", &json!({ "S": NUMBER })).await;
    let mut claim = api.item("Users", &format!("username#{generated}")).await.unwrap();
    claim["pk"] = json!({ "S": format!("username#{NUMBER}") });
    api.put_item("Users", &claim).await;
    api.delete_items("Users", |key| key == format!("username#{generated}")).await;
    assert_eq!(api.log_in(NUMBER).await.id(), former.id());
    api.forget_limits().await;
    let token = token_of(&api, NUMBER).await;

    let answer = register(&api, &token).await;

    answer.is(201, &newcomer(&answer.body));
    let username = former.profile().await["username"].clone();
    assert!(username.as_str().unwrap().starts_with("user-"), "{username}");
    assert_eq!(api.changes("name lost"), json!([[answer.body["id"], former.id(), null, "username"]]));
    assert_eq!(User::new(&api, &api.try_token(NUMBER, PASSWORD).await.body).id(), answer.body["id"]);
    crate::model::users_agree(&api).await;
}

#[tokio::test]
async fn a_sign_up_without_an_address_uses_up_no_code() {
    let api = Api::with(&[("OtpPerIpPerHour", "1")]).await;
    let token = token_of(&api, NUMBER).await;

    assert_eq!(register(&api, &token).await.status, 201);
}

#[tokio::test]
async fn an_ip_address_registers_so_many_users_an_hour() {
    let api = Api::with(&[("RegistrationsPerIpPerHour", "1")]).await;
    let token = token_of(&api, NUMBER).await;
    // What is refused for its fields counts, too.
    assert_eq!(api.post("/auth/register", &json!({})).await.status, 400);
    let before = api.records().await;

    assert!(register(&api, &token).await.is_throttled() <= 3600);
    api.post_text("/auth/register", "application/json", "{").await.is_throttled();

    assert_eq!(api.records().await, before);
    assert_eq!(register(&api.at([127, 0, 0, 2]), &token).await.status, 201);
}

#[tokio::test]
async fn a_code_that_may_not_be_mailed_yet_leaves_the_token_as_it_was() {
    let api = Api::with(&[("OtpPerHour", "1")]).await;
    // A code went to the address of somebody who is gone.
    let user = api.signed_in().await;
    assert_eq!(user.delete(&format!("/api/users/{}", user.id())).await.status, 204);
    let token = token_of(&api, NUMBER).await;
    let before = api.records().await;

    assert!(register_with(&api, &token, &json!({ "email": "ada@example.com" })).await.is_throttled() > 60);

    assert_eq!(api.records().await, before);
    assert_eq!(register(&api, &token).await.status, 201);
}

#[tokio::test]
async fn neither_password_nor_token_is_stored() {
    let api = Api::start().await;
    let user = signed_up(&api, NUMBER).await;

    let record = api.item("Users", &format!("user#{}", user.id())).await.unwrap();
    assert!(record["password"]["S"].as_str().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    let records = json!(api.records().await).to_string();
    for secret in [PASSWORD, &user.access, &user.refresh, "eyJ"] {
        assert!(!records.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn a_sign_up_is_audited_by_the_names_of_the_fields_it_sets() {
    let api = Api::start().await;
    let token = token_of(&api, NUMBER).await;

    let answer =
        register_with(&api, &token, &json!({ "first_name": "Ada", "email": "ada@example.com" })).await;

    let id = &answer.body["id"];
    let fields = "username,phone_number,is_phone_verified,first_name,email";
    assert_eq!(api.changes("registered"), json!([[id, id, null, fields]]));
}
