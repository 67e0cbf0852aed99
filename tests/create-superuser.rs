//! `create-superuser`, a function without a URL.

use futures_util::future::join_all;
use local::InvokeError;
use serde_json::{Value, json};

use crate::support::{Api, PASSWORD, User, no_active_account, registration};

const EMAIL: &str = "ada@example.com";
const ANOTHER: &str = "another long phrase";

fn ada_with(password: &str) -> Value {
    json!({ "username": "ada", "email": EMAIL, "password": password })
}

/// Asserts that a superuser is made, and gives the answer.
async fn made(api: &Api, event: Value) -> Value {
    api.stack.invoke("create-superuser", event).await.unwrap()
}

/// Asserts that an event is refused with these words, and that nothing is written.
async fn is_refused(api: &Api, event: Value, words: &str) {
    let before = api.records().await;
    let Err(InvokeError::Failed(error)) = api.stack.invoke("create-superuser", event.clone()).await else {
        unreachable!("not refused: {event}");
    };
    assert_eq!((&error["errorType"], &error["errorMessage"]), (&json!("Refused"), &json!(words)));
    assert_eq!(api.records().await, before, "{event}");
}

/// How many users there are.
async fn users(api: &Api) -> usize {
    api.items("Users").await.into_keys().filter(|key| key.starts_with("user#")).count()
}

/// Asserts that a user is the only active staff user whom the stack counts.
async fn is_the_only_one(user: &User) {
    let answer = user.delete(&format!("/api/users/{}", user.id())).await;
    assert_eq!((answer.status, &answer.body["code"]), (400, &json!("last_staff_user")), "{}", answer.text);
}

#[tokio::test]
async fn a_superuser_is_made_with_an_address_that_needs_no_proof() {
    let api = Api::start().await;

    let answer = made(
        &api,
        json!({
            "username": "Ada", "email": " Ada@Example.com ", "password": PASSWORD, "is_staff": false, "first_name": "Ada",
            "id": "0",
        }),
    )
    .await;

    let expected = json!({
        "created": true,
        "user": {
            "id": answer["user"]["id"],
            "username": "Ada",
            "email": "Ada@Example.com",
            "first_name": "",
            "last_name": "",
            "phone_number": null,
            "address": "",
            "date_of_birth": null,
            "is_email_verified": true,
            "pending_email": null,
            "pending_phone_number": null,
            "language": "",
            "is_phone_verified": false,
            "is_active": true,
            "is_staff": true,
            "date_joined": answer["user"]["date_joined"],
            "last_login": null,
        },
    });
    assert_eq!(answer, expected);
    let ada = api.log_in("ada").await;
    assert_eq!(json!(ada.id()), answer["user"]["id"]);
    let by_email = api.post("/api/login", &json!({ "email": EMAIL, "password": PASSWORD })).await;
    assert_eq!(by_email.status, 200, "{}", by_email.text);
    assert_eq!(api.mails_to(EMAIL).await, 0);
    is_the_only_one(&ada).await;
}

#[tokio::test]
async fn a_user_with_that_name_and_address_is_made_staff_with_the_new_password() {
    let api = Api::start().await;
    let old = api.signed_in().await;
    let mut expected = old.profile().await;

    let event = json!({ "username": "ADA", "email": "ADA@example.com", "password": ANOTHER });
    let answer = made(&api, event).await;

    expected["is_staff"] = json!(true);
    expected["is_email_verified"] = json!(true);
    assert_eq!(answer, json!({ "created": false, "user": expected }));
    old.is_signed_out().await;
    api.try_token("ada", PASSWORD).await.is(401, &no_active_account());
    let ada = api.log_in_with("ada", ANOTHER).await;
    assert_eq!(ada.id(), old.id());
    is_the_only_one(&ada).await;
    assert_eq!(users(&api).await, 1);
}

#[tokio::test]
async fn a_user_who_was_switched_off_is_active_again() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let path = format!("/api/users/{}", ada.id());
    assert_eq!(admin.patch(&path, &json!({ "is_active": false })).await.status, 200);

    assert_eq!(made(&api, ada_with(ANOTHER)).await["user"]["is_active"], true);

    ada.is_signed_out().await;
    let ada = api.log_in_with("ada", ANOTHER).await;
    // Both count now.
    assert_eq!(ada.delete(&format!("/api/users/{}", admin.id())).await.status, 204);
    is_the_only_one(&ada).await;
}

#[tokio::test]
async fn a_superuser_who_is_made_again_counts_once() {
    let api = Api::start().await;
    made(&api, ada_with(PASSWORD)).await;

    assert_eq!(made(&api, ada_with(ANOTHER)).await["created"], false);

    is_the_only_one(&api.log_in_with("ada", ANOTHER).await).await;
}

#[tokio::test]
async fn a_staged_address_is_given_up() {
    let api = Api::start().await;
    let old = api.signed_in().await;
    let staged = old.patch("/api/profile", &json!({ "email": "eve@example.com" })).await;
    assert_eq!(staged.status, 200, "{}", staged.text);
    let code = api.code_for("eve@example.com").await;

    assert_eq!(made(&api, ada_with(ANOTHER)).await["user"]["pending_email"], Value::Null);

    let guess = json!({ "email": "eve@example.com", "otp": code });
    assert_eq!(api.post("/api/otp/verify", &guess).await.status, 400);
    assert_eq!(api.item("Users", "email#eve@example.com").await, None);
    assert_eq!(api.log_in_with("ada", ANOTHER).await.profile().await["email"], EMAIL);
}

#[tokio::test]
async fn an_address_that_lapsed_is_the_superusers() {
    let api = Api::start().await;
    let mut squatter = registration("eve");
    squatter["username"] = json!(EMAIL);
    squatter["email"] = json!(EMAIL);
    assert_eq!(api.post("/api/register", &squatter).await.status, 201);
    let eve = api.log_in(EMAIL).await;
    is_refused(&api, ada_with(ANOTHER), "email: user with this email already exists.").await;
    api.let_code_expire("verify_email", EMAIL).await;
    let claim = |key: &str| key == "email#ada@example.com";
    api.set("Users", claim, "reserved_until", &json!({ "N": "1000000000" })).await;

    assert_eq!(made(&api, ada_with(ANOTHER)).await["created"], true);

    let lost = eve.profile().await;
    assert_eq!((&lost["email"], &lost["is_staff"]), (&json!(""), &json!(false)));
    assert_eq!(api.changes("name lost"), json!([[null, eve.id(), null, "username,email"]]));
    is_the_only_one(&api.log_in_with(EMAIL, ANOTHER).await).await;
}

#[tokio::test]
async fn names_of_two_users_or_of_another_promote_nobody() {
    let api = Api::start().await;
    api.verified("ada").await;
    let bob = api.registered("bob").await;
    let staged = api.log_in("bob").await;
    assert_eq!(staged.patch("/api/profile", &json!({ "email": "new@example.com" })).await.status, 200);
    let event =
        |username: &str, email: &str| json!({ "username": username, "email": email, "password": ANOTHER });

    let has_another = "email: The user with that username has another e-mail address.";
    for (username, email, words) in [
        ("ada", "bob@example.com", has_another),
        ("ada", "nobody@example.com", has_another),
        // A staged address is nobody's yet.
        ("bob", "new@example.com", has_another),
        ("eve", EMAIL, "email: user with this email already exists."),
        ("eve", "bob@example.com", "email: user with this email already exists."),
        ("eve", "new@example.com", "email: user with this email already exists."),
    ] {
        is_refused(&api, event(username, email), words).await;
    }
    for name in ["ada", "bob"] {
        assert_eq!(api.log_in(name).await.profile().await["is_staff"], false);
    }
    assert_eq!(bob["username"], "bob");
}

#[tokio::test]
async fn everything_that_is_wrong_is_said_at_once() {
    let api = Api::start().await;
    let required = "This field is required.";
    let username =
        "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.";
    for (event, words) in [
        (json!({}), format!("email: {required} password: {required} username: {required}")),
        (json!({ "username": "ada", "email": EMAIL }), format!("password: {required}")),
        (
            json!({ "username": "a b", "email": "nobody", "password": "" }),
            format!(
                "email: Enter a valid email address. password: This field may not be blank. username: {username}"
            ),
        ),
        (
            json!({ "username": null, "email": [], "password": true }),
            "email: Not a valid string. password: Not a valid string. username: This field may not be null."
                .to_owned(),
        ),
        (json!([]), "non_field_errors: Invalid data. Expected a dictionary, but got list.".to_owned()),
    ] {
        is_refused(&api, event, &words).await;
    }
}

#[tokio::test]
async fn the_rules_for_passwords_hold() {
    let api = Api::start().await;
    for (password, words) in [
        ("password123", "This password is too common."),
        ("8317462950174", "This password is entirely numeric."),
        ("xq7!z", "This password is too short. It must contain at least 8 characters."),
        ("wonderlandy", "The password is too similar to the username."),
        ("rabbit-hole", "The password is too similar to the email address."),
        (
            "123456",
            "This password is too short. It must contain at least 8 characters. This password is too common. This password \
             is entirely numeric.",
        ),
        (&"kÖ7 ".repeat(33), "Ensure this field has no more than 128 characters."),
    ] {
        let event =
            json!({ "username": "wonderland1", "email": "rabbithole@example.com", "password": password });
        is_refused(&api, event, &format!("password: {words}")).await;
    }
}

#[tokio::test]
async fn the_seeds_policy_keeps_only_the_length_rule() {
    let api = Api::seeds().await;

    is_refused(
        &api,
        ada_with("1234567"),
        "password: This password is too short. It must contain at least 8 characters.",
    )
    .await;
    assert_eq!(made(&api, ada_with("password123")).await["created"], true);
}

#[tokio::test]
async fn a_superuser_poses_as_nobody() {
    let api = Api::start().await;
    for (username, words) in [
        ("eve@example.com", "username: A username that is an e-mail address must be your own."),
        ("9881167671", "username: A username may not be a phone number."),
    ] {
        is_refused(&api, json!({ "username": username, "email": EMAIL, "password": PASSWORD }), words).await;
    }

    let own = json!({ "username": "Ada@example.com", "email": EMAIL, "password": PASSWORD });
    assert_eq!(made(&api, own).await["created"], true);
}

#[tokio::test]
async fn parallel_invocations_make_one_user() {
    let api = Api::start().await;

    let answers = join_all((0..5).map(|_| made(&api, ada_with(PASSWORD)))).await;

    let created: Vec<_> = answers.iter().filter(|answer| answer["created"] == true).collect();
    assert_eq!(created.len(), 1);
    assert!(answers.iter().all(|answer| answer["user"]["id"] == created[0]["user"]["id"]));
    assert_eq!(users(&api).await, 1);
    is_the_only_one(&api.log_in("ada").await).await;
}

#[tokio::test]
async fn of_parallel_invocations_with_one_name_and_many_addresses_one_succeeds() {
    let api = Api::start().await;

    let events = (0..5).map(|n| {
        let event =
            json!({ "username": "ada", "email": format!("ada{n}@example.com"), "password": PASSWORD });
        api.stack.invoke("create-superuser", event)
    });
    let answers = join_all(events).await;

    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    for answer in refused {
        let Err(InvokeError::Failed(error)) = answer else { panic!("{answer:?}") };
        assert_eq!(error["errorMessage"], "email: The user with that username has another e-mail address.");
    }
    assert_eq!(users(&api).await, 1);
    is_the_only_one(&api.log_in("ada").await).await;
}

#[tokio::test]
async fn a_registration_beside_it_makes_no_second_user() {
    let api = Api::start().await;

    let body = registration("ada");
    let (answer, registered) =
        futures_util::join!(made(&api, ada_with(ANOTHER)), api.post("/api/register", &body));

    // Whoever came first, the superuser's word is the last one.
    assert!(matches!(registered.status, 201 | 400), "{}", registered.text);
    assert_eq!(answer["created"], json!(registered.status == 400));
    assert_eq!(users(&api).await, 1);
    is_the_only_one(&api.log_in_with("ada", ANOTHER).await).await;
}

#[tokio::test]
async fn it_is_audited_by_the_fields_it_sets_and_never_their_values() {
    let api = Api::start().await;

    let answer = made(&api, ada_with(PASSWORD)).await;
    is_refused(&api, json!({ "username": "ada", "email": "e@x.com", "password": ANOTHER }), {
        "email: The user with that username has another e-mail address."
    })
    .await;

    made(&api, ada_with(ANOTHER)).await;

    let id = &answer["user"]["id"];
    let fields = "password,username,email,is_email_verified,is_active,is_staff";
    // No user made it, and the second time only the password was another.
    assert_eq!(
        api.changes("superuser made"),
        json!([[null, id, null, fields], [null, id, null, "password"]])
    );
    for line in api.stack.logs() {
        for value in [PASSWORD, ANOTHER, EMAIL, "e@x.com", "$argon2"] {
            assert!(!line.contains(value), "{value}: {line}");
        }
    }
}

#[tokio::test]
async fn a_user_whom_strangers_have_locked_out_gets_in() {
    let api = Api::with(&[("LoginFailuresPerIdentifier", "1")]).await;
    made(&api, ada_with(PASSWORD)).await;
    api.at([127, 0, 0, 2]).try_token("ada", "a wrong password").await.is(401, &no_active_account());
    api.try_token("ada", PASSWORD).await.is_throttled();

    made(&api, ada_with(ANOTHER)).await;

    api.log_in_with("ada", ANOTHER).await.is_signed_in().await;
}
