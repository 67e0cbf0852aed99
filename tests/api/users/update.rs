//! `PUT` and `PATCH /api/users/{id}`.

use futures_util::{future::join_all, join};
use serde_json::{Value, json};

use super::{
    NOBODY, forbidden, has_changed, is_refused, last_staff_user, no_user, not_authenticated, path, path_to,
    shown, signed_in, staff_named,
};
use crate::support::{
    Answer, Api, Fault, PASSWORD, User, bearer_not_valid, complaint, no_active_account, registration,
};

const EMAIL: &str = "ada@example.com";
const NEW: &str = "new@example.com";
/// Another good password.
const NEXT: &str = "another long phrase";
const PHONE: &str = "+919881167671";
const FLAGS: [&str; 4] = ["is_active", "is_staff", "is_email_verified", "is_phone_verified"];

/// Asserts that a change is made, and gives the user as they then are.
async fn change(by: &User, path: &str, change: &Value) -> Value {
    let answer = by.patch(path, change).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

/// The same user with other fields.
fn with(user: &Value, fields: &Value) -> Value {
    let mut user = user.clone();
    user.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    user
}

async fn log_in_by_email(api: &Api, email: &str) -> Answer {
    api.post("/api/login", &json!({ "email": email, "password": PASSWORD })).await
}

async fn log_in_by_phone(api: &Api) -> Answer {
    api.post("/auth/login", &json!({ "phone": PHONE, "password": PASSWORD })).await
}

#[tokio::test]
async fn users_change_themselves() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let fields = json!({ "first_name": "Ada", "address": "London", "date_of_birth": "1815-12-10" });
    let expected = with(&ada.profile().await, &fields);

    ada.patch(&path(&ada), &fields).await.is(200, &expected);

    assert_eq!(ada.profile().await, expected);
}

#[tokio::test]
async fn staff_change_anybody() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let fields = json!({ "username": "countess", "phone_number": PHONE, "is_staff": true });
    let expected = with(&ada.profile().await, &fields);

    admin.patch(&path(&ada), &fields).await.is(200, &expected);

    assert_eq!(ada.profile().await, expected);
    assert_eq!(shown(&admin, &path(&admin)).await["username"], "admin");
}

#[tokio::test]
async fn another_user_is_nobody() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let bob = signed_in(&api, "bob").await;
    let ada = api.signed_in().await;

    for id in [admin.id().as_str(), &bob.id()].into_iter().chain(NOBODY) {
        let body = json!({ "username": "mine", "email": NEW, "first_name": "Mine" });
        is_refused(&api, ada.patch(&path_to(id), &body), 404, &no_user()).await;
        is_refused(&api, ada.put(&path_to(id), &body), 404, &no_user()).await;
        is_refused(&api, ada.patch(&path_to(id), &json!({})), 404, &no_user()).await;
    }
}

#[tokio::test]
async fn who_is_not_signed_in_changes_nobody() {
    let api = Api::start().await;
    let path = path(&api.signed_in().await);

    for body in [json!({ "first_name": "Eve" }), json!({ "is_staff": true }), json!([])] {
        is_refused(&api, api.patch(&path, &body), 401, &not_authenticated()).await;
        is_refused(&api, api.put(&path, &body), 401, &not_authenticated()).await;
    }
}

#[tokio::test]
async fn staff_find_nobody_under_an_unknown_id() {
    let api = Api::start().await;
    let admin = api.staff().await;

    for id in NOBODY {
        is_refused(
            &api,
            admin.patch(&path_to(id), &json!({ "username": "one", "is_staff": true })),
            404,
            &no_user(),
        )
        .await;
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_told_before_nobody_is_found() {
    let api = Api::start().await;
    let admin = api.staff().await;

    let complaints =
        json!({ "first_name": ["Not a valid string."], "is_staff": ["Must be a valid boolean."] });
    is_refused(
        &api,
        admin.patch(&path_to(NOBODY[0]), &json!({ "first_name": [], "is_staff": "maybe" })),
        400,
        &complaints,
    )
    .await;
}

#[tokio::test]
async fn only_staff_change_a_flag() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let own = ada.profile().await;

    for flag in FLAGS {
        for value in [json!(!own[flag].as_bool().unwrap()), json!("maybe"), json!(null), json!([])] {
            let body = json!({ "first_name": "Ada", flag: value });
            for path in [path(&ada), path(&admin), path_to(NOBODY[0])] {
                is_refused(&api, ada.patch(&path, &body), 403, &forbidden()).await;
            }
        }
    }
}

#[tokio::test]
async fn another_users_flags_are_not_even_to_be_repeated() {
    let api = Api::start().await;
    let bob = signed_in(&api, "bob").await;
    let ada = api.signed_in().await;

    for flag in FLAGS {
        let body = json!({ flag: bob.profile().await[flag] });
        is_refused(&api, ada.patch(&path(&bob), &body), 403, &forbidden()).await;
    }
}

#[tokio::test]
async fn users_may_write_themselves_back_as_they_read_themselves() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let own = ada.profile().await;

    ada.put(&path(&ada), &own).await.is(200, &own);

    let fields = json!({ "first_name": "Ada" });
    ada.put(&path(&ada), &with(&own, &fields)).await.is(200, &with(&own, &fields));
}

#[tokio::test]
async fn who_was_made_staff_is_staff_at_once_and_who_is_no_more_is_not() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let bob = signed_in(&api, "bob").await;
    let ada = api.signed_in().await;

    change(&admin, &path(&ada), &json!({ "is_staff": true })).await;
    assert_eq!(change(&ada, &path(&bob), &json!({ "first_name": "Bob" })).await["first_name"], "Bob");

    change(&admin, &path(&ada), &json!({ "is_staff": false })).await;
    is_refused(&api, ada.patch(&path(&bob), &json!({ "first_name": "Eve" })), 404, &no_user()).await;
    ada.is_signed_in().await;
}

#[tokio::test]
async fn a_put_wants_the_required_fields_and_leaves_the_others() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let before = change(&admin, &path(&ada), &json!({ "first_name": "Ada", "is_staff": true })).await;
    let required = ["This field is required."];

    is_refused(
        &api,
        admin.put(&path(&ada), &json!({ "last_name": "Lovelace" })),
        400,
        &json!({ "username": required, "email": required }),
    )
    .await;
    let fields = json!({ "username": "ada", "email": EMAIL, "last_name": "Lovelace" });
    admin.put(&path(&ada), &fields).await.is(200, &with(&before, &fields));
}

#[tokio::test]
async fn an_empty_patch_changes_nothing() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let user = ada.profile().await;

    is_refused(&api, admin.patch(&path(&ada), &json!({})), 200, &user).await;
    is_refused(&api, admin.patch(&path(&ada), &json!({ "is_active": true })), 200, &user).await;
}

#[tokio::test]
async fn read_only_and_unknown_fields_are_ignored_even_from_staff() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let before = ada.profile().await;
    let body = json!({
        "id": admin.id(), "is_superuser": true, "pending_email": "eve@example.com",
        "date_joined": "2000-01-01T00:00:00Z", "last_login": null, "password": "a new long phrase", "epoch": 9,
        "version": 9, "pk": "user#0", "listed": "inactive", "listed_staff": "active", "cursor_key": "0", "search": {},
        "owner": admin.id(), "groups": ["staff"],
    });

    for user in [&ada, &admin] {
        is_refused(&api, user.patch(&path(&ada), &body), 200, &before).await;
    }

    ada.is_signed_in().await;
    api.try_token("ada", "a new long phrase").await.is(401, &no_active_account());
}

#[tokio::test]
async fn every_complaint_about_every_field_comes_at_once() {
    let api = Api::start().await;
    let admin = api.staff().await;
    api.registered("bob").await;
    let ada = api.signed_in().await;

    let body = json!({
        "username": "Bob", "email": "BOB@example.com", "phone_number": "123", "first_name": [], "last_name": null,
        "address": "x".repeat(1001), "date_of_birth": "yesterday", "is_active": "maybe", "is_staff": null,
        "is_email_verified": 2, "is_phone_verified": true,
    });
    let complaints = json!({
        "username": ["A user with that username already exists."],
        "email": ["user with this email already exists."],
        "phone_number": ["Enter a valid phone number."],
        "first_name": ["Not a valid string."],
        "last_name": ["This field may not be null."],
        "address": ["Ensure this field has no more than 1000 characters."],
        "date_of_birth": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."],
        "is_active": ["Must be a valid boolean."],
        "is_staff": ["This field may not be null."],
        "is_email_verified": ["Must be a valid boolean."],
        "is_phone_verified": ["There is no phone number to verify."],
    });
    is_refused(&api, admin.patch(&path(&ada), &body), 400, &complaints).await;
}

#[tokio::test]
async fn a_body_may_be_a_form() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let fields =
        json!({ "first_name": "Ada", "phone_number": PHONE, "is_staff": true, "is_phone_verified": true });
    let expected = with(&ada.profile().await, &fields);

    let form = "first_name=Ada&phone_number=9881167671&is_staff=on&is_phone_verified=1";
    let form_type = Some("application/x-www-form-urlencoded");
    let answer = admin.send(reqwest::Method::PATCH, &path(&ada), form_type, form).await;

    answer.is(200, &expected);
}

#[tokio::test]
async fn a_body_that_cannot_be_read_changes_nobody() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let path = path(&admin);
    let send = async |content_type, body: &'static str| {
        admin.send(reqwest::Method::PATCH, &path, Some(content_type), body).await
    };

    let list = complaint("non_field_errors", "Invalid data. Expected a dictionary, but got list.");
    is_refused(&api, admin.patch(&path, &json!([])), 400, &list).await;
    let media = json!({ "detail": "Unsupported media type \"text/plain\" in request." });
    is_refused(&api, send("text/plain", "{}"), 415, &media).await;
    assert_eq!(send("application/json", "{").await.status, 400);
}

#[tokio::test]
async fn names_move_with_a_change_and_the_old_ones_are_free() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    change(&admin, &path(&ada), &json!({ "phone_number": PHONE })).await;

    let fields = json!({ "username": "countess", "phone_number": "+919101234567", "email": NEW });
    change(&admin, &path(&ada), &fields).await;
    api.verify(NEW).await;

    let mut next = registration("ada");
    next["phone_number"] = json!(PHONE);
    let registered = api.post("/api/register", &next).await;
    assert_eq!(registered.status, 201, "{}", registered.text);
    assert_eq!(api.log_in("countess").await.id(), ada.id());
    let names = api.items("Users").await;
    let hers: Vec<_> = names
        .iter()
        .filter(|(_, name)| name["user_id"]["S"] == json!(ada.id()))
        .map(|(key, _)| key.as_str())
        .collect();
    assert_eq!(hers, ["email#new@example.com", "phone#+919101234567", "username#countess"]);
}

#[tokio::test]
async fn a_name_that_is_taken_is_refused() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let bob = signed_in(&api, "bob").await;
    let ada = api.signed_in().await;
    // An unverified number is not taken.
    change(&admin, &path(&bob), &json!({ "phone_number": PHONE, "is_phone_verified": true })).await;

    let body = json!({ "username": "BOB", "email": "Bob@Example.com", "phone_number": "9881167671" });
    let complaints = json!({
        "username": ["A user with that username already exists."],
        "email": ["user with this email already exists."],
        "phone_number": ["user with this phone number already exists."],
    });
    for user in [&admin, &ada] {
        is_refused(&api, user.patch(&path(&ada), &body), 400, &complaints).await;
    }
}

#[tokio::test]
async fn of_parallel_changes_to_one_verified_number_one_succeeds() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let mut paths = Vec::new();
    for name in ["ada", "bob", "cleo", "dora", "eve"] {
        paths.push(path_to(api.registered(name).await["id"].as_str().unwrap()));
    }

    let number = json!({ "phone_number": PHONE, "is_phone_verified": true });
    let answers = join_all(paths.iter().map(|path| admin.patch(path, &number))).await;

    let (changed, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(changed.len(), 1);
    for answer in refused {
        answer.is(400, &complaint("phone_number", "user with this phone number already exists."));
    }
}

#[tokio::test]
async fn two_users_cannot_swap_names_by_halves() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let bob = signed_in(&api, "bob").await;
    let ada = api.signed_in().await;

    let (bobs, adas) = (path(&bob), path(&ada));
    let (to_bob, to_ada) = (json!({ "username": "bob" }), json!({ "username": "ada" }));
    let (one, other) = join!(admin.patch(&adas, &to_bob), admin.patch(&bobs, &to_ada));
    for answer in [one, other] {
        answer.is(400, &complaint("username", "A user with that username already exists."));
    }

    change(&admin, &bobs, &json!({ "username": "bob2" })).await;
    change(&admin, &adas, &to_bob).await;
    change(&admin, &bobs, &to_ada).await;
    assert_eq!(api.log_in("bob").await.id(), ada.id());
    assert_eq!(api.log_in("ada").await.id(), bob.id());
}

#[tokio::test]
async fn names_asked_for_are_counted_unless_staff_ask() {
    let api = Api::with(&[("RegistrationsPerIpPerHour", "2")]).await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let change = async |by: &User, name: &str| by.patch(&path(&ada), &json!({ "username": name })).await;
    for n in 0..5 {
        assert_eq!(change(&admin, &format!("ada{n}")).await.status, 200);
    }
    assert_eq!(change(&ada, "ada").await.status, 200);

    let before = api.records().await;
    change(&ada, "countess").await.is_throttled();
    // The limit is told before what is wrong with a body.
    change(&ada, "admin").await.is_throttled();
    assert_eq!(api.records().await, before);
    assert_eq!(change(&admin, "countess").await.status, 200);
}

#[tokio::test]
async fn staff_cannot_let_a_user_pose_as_another() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    for (username, words) in [
        // Neither as somebody else nor as an address that is not proven to be her own.
        ("eve@example.com", "A username that is an e-mail address must be your own."),
        ("admin@example.com", "A username that is an e-mail address must be your own."),
        (EMAIL, "A username that is an e-mail address must be your own."),
        ("9881167671", "A username may not be a phone number."),
    ] {
        is_refused(
            &api,
            admin.patch(&path(&ada), &json!({ "username": username })),
            400,
            &complaint("username", words),
        )
        .await;
    }
}

#[tokio::test]
async fn an_address_that_staff_give_is_staged_and_both_addresses_are_told() {
    let api = Api::start().await;
    let admin = api.staff().await;
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    let expected = with(&ada.profile().await, &json!({ "pending_email": NEW }));

    admin.patch(&path(&ada), &json!({ "email": NEW })).await.is(200, &expected);

    let notice = api.stack.message(EMAIL, 1).await.unwrap();
    assert_eq!(notice.subject, "Rollcall: your e-mail address is about to change");
    assert!(!notice.body.contains(NEW));
    assert_eq!(log_in_by_email(&api, EMAIL).await.status, 200);
    log_in_by_email(&api, NEW).await.is(401, &no_active_account());
    api.verify(NEW).await;
    let profile = with(&ada.profile().await, &json!({ "last_login": null }));
    let fields = json!({ "email": NEW, "pending_email": null, "last_login": null });
    assert_eq!(profile, with(&expected, &fields));
    assert_eq!(log_in_by_email(&api, NEW).await.status, 200);
    log_in_by_email(&api, EMAIL).await.is(401, &no_active_account());
    assert_eq!(api.mails_to("admin@example.com").await, 0);
}

/// Somebody with the stolen token of a staff user cannot wait with the code for longer than a day.
#[tokio::test]
async fn an_address_that_staff_give_waits_for_a_day() {
    let api = Api::start().await;
    let admin = api.staff().await;
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    change(&admin, &path(&ada), &json!({ "email": NEW })).await;
    let code = api.code_for(NEW).await;
    let claim = format!("email#{NEW}");
    api.set("Users", |key| key == claim, "staged_until", &json!({ "N": "1000000000" })).await;

    let answer = api.post("/api/otp/verify", &json!({ "email": NEW, "otp": code })).await;

    answer.is(400, &crate::support::otp_invalid());
    api.forget_limits().await;
    let mails = api.mails_to(NEW).await;
    assert_eq!(api.post("/api/otp/resend", &json!({ "email": NEW })).await.status, 200);
    assert_eq!(api.mails_to(NEW).await, mails);
}

#[tokio::test]
async fn a_record_that_staff_put_back_keeps_the_staged_address_and_its_code() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    change(&ada, &path(&ada), &json!({ "email": NEW })).await;
    let record = with(&shown(&admin, &path(&ada)).await, &json!({ "last_name": "Lovelace" }));

    admin.put(&path(&ada), &record).await.is(200, &record);

    api.verify_by(&ada, NEW).await;
    assert_eq!(ada.profile().await["email"], NEW);
}

#[tokio::test]
async fn a_number_that_staff_verify_logs_in_until_they_say_otherwise() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    change(&admin, &path(&ada), &json!({ "phone_number": PHONE })).await;
    log_in_by_phone(&api).await.is(401, &no_active_account());

    let verified = change(&admin, &path(&ada), &json!({ "is_phone_verified": true })).await;
    assert_eq!(verified["is_phone_verified"], true);
    assert_eq!(log_in_by_phone(&api).await.status, 200);
    assert_eq!(api.try_token("9881167671", PASSWORD).await.status, 200);

    let verified = change(&admin, &path(&ada), &json!({ "is_phone_verified": false })).await;
    assert_eq!(verified["is_phone_verified"], false);
    log_in_by_phone(&api).await.is(401, &no_active_account());
    api.try_token(PHONE, PASSWORD).await.is(401, &no_active_account());
    ada.is_signed_in().await;
}

#[tokio::test]
async fn an_address_that_staff_verify_logs_in_until_they_say_otherwise() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let not_verified = json!({ "detail": "Email address is not verified.", "code": "email_not_verified" });
    log_in_by_email(&api, EMAIL).await.is(403, &not_verified);

    let verified = change(&admin, &path(&ada), &json!({ "is_email_verified": true })).await;
    assert_eq!(verified["is_email_verified"], true);
    assert_eq!(log_in_by_email(&api, EMAIL).await.status, 200);
    assert_eq!(api.try_token(EMAIL, PASSWORD).await.status, 200);

    let verified = change(&admin, &path(&ada), &json!({ "is_email_verified": false })).await;
    assert_eq!(verified["is_email_verified"], false);
    log_in_by_email(&api, EMAIL).await.is(403, &not_verified);
    api.try_token(EMAIL, PASSWORD).await.is(401, &no_active_account());

    // A code proves it as ever.
    api.forget_limits().await;
    assert_eq!(api.post("/api/otp/resend", &json!({ "email": EMAIL })).await.status, 200);
    api.code_after(EMAIL, 1).await;
    api.verify(EMAIL).await;
    assert_eq!(log_in_by_email(&api, EMAIL).await.status, 200);
}

#[tokio::test]
async fn what_staff_verified_cannot_be_taken_over() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let proven = json!({ "phone_number": PHONE, "is_phone_verified": true, "is_email_verified": true });
    change(&admin, &path(&ada), &proven).await;
    api.let_code_expire("verify_email", EMAIL).await;

    for (name, spelling) in [("email#ada@example.com", Some(EMAIL)), ("phone#+919881167671", None)] {
        let claim = api.item("Users", name).await.unwrap();
        let mut expected = json!({
            "pk": { "S": name }, "user_id": { "S": ada.id() }, "verified": { "BOOL": true }, "staged": { "BOOL": false },
        });
        if let Some(spelling) = spelling {
            expected["spelling"] = json!({ "S": spelling });
        }
        assert_eq!(claim, expected);
    }
}

/// Lets the time pass for which the names of all users are reserved that nothing has proven.
async fn let_lapse(api: &Api) {
    let claims = api.items("Users").await.into_iter().filter(|(_, item)| item["reserved_until"].is_object());
    let claims: Vec<String> = claims.map(|(key, _)| key).collect();
    let long_ago = json!({ "N": "1000000000" });
    api.set("Users", |key| claims.iter().any(|claim| claim == key), "reserved_until", &long_ago).await;
}

#[tokio::test]
async fn staff_give_a_user_the_names_that_have_lapsed_from_themselves() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let before = ada.profile().await;
    let names = json!({ "phone_number": PHONE, "email": NEW });
    change(&admin, &path(&admin), &names).await;
    api.let_code_expire("verify_email", NEW).await;
    let_lapse(&api).await;
    api.forget_limits().await;

    let changed = change(&admin, &path(&ada), &names).await;

    assert_eq!(changed, with(&before, &json!({ "phone_number": PHONE, "pending_email": NEW })));
    let lost = admin.profile().await;
    assert_eq!((&lost["phone_number"], &lost["pending_email"]), (&Value::Null, &Value::Null));
    assert_eq!(lost["is_staff"], true);
    let id = admin.id();
    assert_eq!(api.changes("name lost"), json!([[id, id, null, "pending_email,phone_number"]]));
}

#[tokio::test]
async fn who_is_demoted_at_this_moment_gives_nobody_what_has_lapsed_from_them() {
    let api = Api::start().await;
    let (eve, bob) = (staff_named(&api, "eve").await, staff_named(&api, "bob").await);
    let ada = api.signed_in().await;
    let phone = json!({ "phone_number": PHONE });
    change(&bob, &path(&bob), &phone).await;
    let_lapse(&api).await;

    let demoted = json!({ "is_staff": false });
    let (adas, bobs) = (path(&ada), path(&bob));
    let (given, _) = join!(bob.patch(&adas, &phone), change(&eve, &bobs, &demoted));

    let who_has_it = if given.status == 200 { &ada } else { &bob };
    assert!(given.status == 200 || (given.status, &given.body) == (403, &forbidden()), "{}", given.text);
    let bob = bob.profile().await;
    assert_eq!(bob["is_staff"], false);
    assert_eq!(shown(&eve, &path(who_has_it)).await["phone_number"], PHONE);
    assert_eq!(bob["phone_number"].is_null(), given.status == 200);
}

#[tokio::test]
async fn a_new_number_counts_as_proven_only_if_staff_say_so_with_it() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let proven = json!({ "phone_number": PHONE, "is_phone_verified": true });
    assert_eq!(change(&admin, &path(&ada), &proven).await["is_phone_verified"], true);

    let other = change(&admin, &path(&ada), &json!({ "phone_number": "9101234567" })).await;
    assert_eq!(other["is_phone_verified"], false);
    assert_eq!(change(&admin, &path(&ada), &proven).await["is_phone_verified"], true);
    assert_eq!(log_in_by_phone(&api).await.status, 200);
}

#[tokio::test]
async fn a_user_proves_no_number_by_repeating_that_the_last_one_was() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let proven = json!({ "phone_number": "9101234567", "is_phone_verified": true });
    change(&admin, &path(&ada), &proven).await;

    let changed =
        change(&ada, &path(&ada), &json!({ "phone_number": PHONE, "is_phone_verified": true })).await;

    assert_eq!(
        (&changed["phone_number"], &changed["pending_phone_number"]),
        (&json!("+919101234567"), &json!(PHONE))
    );
    log_in_by_phone(&api).await.is(401, &no_active_account());
    // Staff set another user's number at once, and with it the waiting one is given up.
    let set = change(&admin, &path(&ada), &json!({ "phone_number": "9101234568" })).await;
    assert_eq!((&set["phone_number"], &set["is_phone_verified"]), (&json!("+919101234568"), &json!(false)));
    assert_eq!(set["pending_phone_number"], Value::Null);
    change(&admin, &path(&ada), &proven).await;
    let none = change(&ada, &path(&ada), &json!({ "phone_number": "", "is_phone_verified": true })).await;
    assert_eq!((&none["phone_number"], &none["is_phone_verified"]), (&Value::Null, &json!(false)));
}

#[tokio::test]
async fn a_user_who_is_switched_off_does_not_stay_on_by_repeating_that_they_are() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let path = path(&ada);
    let repeated: Vec<_> =
        (0..6).map(|n| json!({ "first_name": format!("Ada {n}"), "is_active": true })).collect();

    let repeat = join_all(repeated.iter().map(|body| ada.patch(&path, body)));
    let off = json!({ "is_active": false });
    join!(repeat, change(&admin, &path, &off));

    assert_eq!(shown(&admin, &path).await["is_active"], false);
}

#[tokio::test]
async fn staff_who_are_made_less_at_this_moment_do_not_stay_what_they_were_by_repeating_it() {
    for (flag, status) in [("is_staff", 403), ("is_active", 401)] {
        let api = Api::behind_a_proxy(&[]).await;
        let (eve, bob) = (staff_named(&api, "eve").await, staff_named(&api, "bob").await);
        let bobs = path(&bob);
        let begun = api.proxy.hold_up_the_next_change();
        let repeated = json!({ "first_name": "Bob", "is_staff": true, "is_active": true });
        let less = json!({ flag: false });
        let made_less = async {
            begun.notified().await;
            change(&eve, &bobs, &less).await
        };

        let (repeat, _) = join!(bob.patch(&bobs, &repeated), made_less);

        assert_eq!(shown(&eve, &bobs).await[flag], false, "{}", repeat.text);
        // On a slow machine he may have been first.
        assert!([200, status].contains(&repeat.status), "{}", repeat.text);
    }
}

#[tokio::test]
async fn a_change_of_oneself_ends_with_the_session_that_makes_it() {
    let api = Api::behind_a_proxy(&[]).await;
    let ada = api.signed_in().await;
    let begun = api.proxy.hold_up_the_next_change();
    let reset = json!({ "old_password": PASSWORD, "new_password": NEXT, "confirm_password": NEXT });
    let new_password = async {
        begun.notified().await;
        ada.post("/api/password/reset", &reset).await
    };

    let own = path(&ada);
    let change = json!({ "first_name": "Eve" });
    let (change, reset) = join!(ada.patch(&own, &change), new_password);

    assert_eq!(reset.status, 200, "{}", reset.text);
    // On a slow machine the change may have been first.
    assert!([200, 401].contains(&change.status), "{}", change.text);
    let name = api.log_in_with("ada", NEXT).await.profile().await["first_name"].clone();
    assert_eq!(name == "Eve", change.status == 200);
}

#[tokio::test]
async fn what_is_not_there_cannot_be_verified() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    api.let_code_expire("verify_email", EMAIL).await;
    let claim = |key: &str| key == "email#ada@example.com";
    api.set("Users", claim, "reserved_until", &json!({ "N": "1000000000" })).await;
    let mut bob = registration("bob");
    bob["email"] = json!(EMAIL);
    assert_eq!(api.post("/api/register", &bob).await.status, 201);
    assert_eq!(ada.profile().await["email"], "");

    let body = json!({ "is_email_verified": true, "is_phone_verified": true, "first_name": [] });
    let complaints = json!({
        "is_email_verified": ["There is no e-mail address to verify."],
        "is_phone_verified": ["There is no phone number to verify."],
        "first_name": ["Not a valid string."],
    });
    is_refused(&api, admin.patch(&path(&ada), &body), 400, &complaints).await;

    change(&admin, &path(&ada), &json!({ "phone_number": PHONE })).await;
    let gone = json!({ "phone_number": null, "is_phone_verified": true });
    let words = complaint("is_phone_verified", "There is no phone number to verify.");
    is_refused(&api, admin.patch(&path(&ada), &gone), 400, &words).await;
    // What is not verified may be said not to be.
    change(&admin, &path(&ada), &json!({ "is_email_verified": false, "is_phone_verified": false })).await;
}

#[tokio::test]
async fn who_is_switched_off_is_signed_out_for_good() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;

    change(&admin, &path(&ada), &json!({ "is_active": false })).await;

    let inactive = json!({ "detail": "User is inactive", "code": "user_inactive" });
    ada.get("/api/profile").await.is(401, &inactive);
    let no_account =
        json!({ "detail": "No active account found for the given token.", "code": "no_active_account" });
    ada.try_refresh().await.is(401, &no_account);
    api.try_token("ada", PASSWORD).await.is(401, &no_active_account());

    change(&admin, &path(&ada), &json!({ "is_active": true })).await;

    ada.get("/api/profile").await.is(401, &bearer_not_valid("Token is blacklisted"));
    ada.is_signed_out().await;
    api.log_in("ada").await.is_signed_in().await;
}

#[tokio::test]
async fn a_user_who_stays_active_stays_signed_in() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;

    let body =
        json!({ "is_active": true, "is_staff": true, "is_email_verified": true, "username": "countess" });
    change(&admin, &path(&ada), &body).await;

    ada.is_signed_in().await;
}

#[tokio::test]
async fn who_is_switched_off_cannot_recover_a_session_by_a_new_password() {
    let api = Api::start().await;
    let admin = api.staff().await;
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    assert_eq!(api.post("/api/password/forgot", &json!({ "email": EMAIL })).await.status, 200);
    let code = api.code_after(EMAIL, 1).await;
    change(&admin, &path(&ada), &json!({ "is_active": false })).await;

    let another = "another long phrase";
    let body = json!({ "email": EMAIL, "otp": code, "new_password": another, "confirm_password": another });
    api.post("/api/password/forgot/confirm", &body).await;

    api.try_token("ada", another).await.is(401, &no_active_account());
    assert_eq!(shown(&admin, &path(&ada)).await["is_active"], false);
}

#[tokio::test]
async fn the_last_active_staff_user_can_be_neither_demoted_nor_switched_off() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let eve = staff_named(&api, "eve").await;
    // An inactive one manages nobody.
    change(&admin, &path(&eve), &json!({ "is_active": false })).await;

    for body in [
        json!({ "is_staff": false }),
        json!({ "is_active": false }),
        json!({ "is_staff": false, "is_active": false, "first_name": "Eve" }),
    ] {
        is_refused(&api, admin.patch(&path(&admin), &body), 400, &last_staff_user()).await;
        let whole = with(&admin.profile().await, &body);
        is_refused(&api, admin.put(&path(&admin), &whole), 400, &last_staff_user()).await;
    }
    admin.is_signed_in().await;
    change(&admin, &path(&admin), &json!({ "first_name": "Eve" })).await;
}

#[tokio::test]
async fn staff_who_are_not_the_last_can_step_down() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    change(&admin, &path(&ada), &json!({ "is_staff": true })).await;

    change(&admin, &path(&admin), &json!({ "is_staff": false })).await;

    assert_eq!(admin.get("/api/users").await.body["results"].as_array().unwrap().len(), 1);
    is_refused(&api, ada.patch(&path(&ada), &json!({ "is_staff": false })), 400, &last_staff_user()).await;
    change(&ada, &path(&admin), &json!({ "is_staff": true })).await;
    change(&ada, &path(&ada), &json!({ "is_staff": false })).await;
}

#[tokio::test]
async fn a_staff_user_who_is_switched_off_and_on_again_counts_once() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let eve = staff_named(&api, "eve").await;
    for body in [
        json!({ "is_active": false }),
        json!({ "is_active": false, "first_name": "Eve" }),
        json!({ "is_active": true }),
        json!({ "is_active": true, "is_staff": true }),
        json!({ "is_active": false, "is_staff": false }),
        json!({ "is_staff": true }),
        json!({ "is_active": true }),
    ] {
        change(&admin, &path(&eve), &body).await;
    }

    change(&admin, &path(&eve), &json!({ "is_staff": false })).await;

    is_refused(&api, admin.patch(&path(&admin), &json!({ "is_active": false })), 400, &last_staff_user())
        .await;
}

#[tokio::test]
async fn of_two_staff_users_who_demote_each_other_at_once_one_stays() {
    let api = Api::start().await;
    let (eve, bob) = (staff_named(&api, "eve").await, staff_named(&api, "bob").await);
    let (eves, bobs) = (path(&eve), path(&bob));

    let demoted = json!({ "is_staff": false });
    let (by_eve, by_bob) = join!(eve.patch(&bobs, &demoted), bob.patch(&eves, &demoted));

    let (done, refused) = if by_eve.status == 200 { (by_eve, by_bob) } else { (by_bob, by_eve) };
    assert_eq!((done.status, &done.body["is_staff"]), (200, &json!(false)), "{}", done.text);
    // Whether the loser was staff no more or the other the last one depends on who was read when.
    let (status, body) = if refused.status == 403 { (403, forbidden()) } else { (400, last_staff_user()) };
    refused.is(status, &body);
    let staff = join!(shown(&eve, &eves), shown(&bob, &bobs));
    assert_ne!(staff.0["is_staff"], staff.1["is_staff"]);
}

#[tokio::test]
async fn of_five_staff_users_who_step_down_at_once_one_stays() {
    let api = Api::start().await;
    let mut staff = Vec::new();
    for n in 0..5 {
        staff.push(staff_named(&api, &format!("staff{n}")).await);
    }

    let steps = staff.iter().enumerate().map(async |(n, user)| {
        let flag = if n % 2 == 0 { "is_staff" } else { "is_active" };
        user.patch(&path(user), &json!({ flag: false })).await
    });
    let answers = join_all(steps).await;

    let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((done.len(), refused.len()), (4, 1));
    refused[0].is(400, &last_staff_user());
}

#[tokio::test]
async fn a_promotion_that_was_written_unheard_counts_once() {
    let api = Api::behind_a_proxy(&[]).await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    api.proxy.fail_next(Fault::AnswerLost, |call| call.operation == "TransactWriteItems");

    change(&admin, &path(&ada), &json!({ "is_staff": true })).await;

    change(&admin, &path(&ada), &json!({ "is_staff": false })).await;
    is_refused(&api, admin.patch(&path(&admin), &json!({ "is_staff": false })), 400, &last_staff_user())
        .await;
}

#[tokio::test]
async fn a_write_demands_the_version_that_its_entity_tag_names() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let path = path(&ada);
    let stale = ada.get(&path).await.header("etag").to_owned();
    let current = ada.patch(&path, &json!({ "first_name": "Ada" })).await.header("etag").to_owned();

    for tag in [stale.as_str(), &format!("W/{current}"), current.trim_matches('"'), "\"\"", "\"x\", \"y\""] {
        let body = json!({ "last_name": "Lovelace", "username": "countess" });
        let change = ada.header("If-Match", tag);
        is_refused(&api, change.patch(&path, &body), 412, &has_changed()).await;
        let whole = with(&ada.profile().await, &body);
        is_refused(&api, change.put(&path, &whole), 412, &has_changed()).await;
        // Even for a change that would change nothing.
        is_refused(&api, change.patch(&path, &json!({})), 412, &has_changed()).await;
    }

    let mut tag = current;
    for (n, any) in ["{}", "*", "\"stale\", {}", "{},\"stale\""].iter().enumerate() {
        let change = admin.header("If-Match", &any.replace("{}", &tag));
        let answer = change.patch(&path, &json!({ "last_name": format!("Lovelace {n}") })).await;
        assert_eq!(answer.status, 200, "{any}: {}", answer.text);
        assert_ne!(answer.header("etag"), tag);
        answer.header("etag").clone_into(&mut tag);
    }
}

#[tokio::test]
async fn of_two_writers_who_saw_one_version_one_succeeds() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let path = path(&ada);
    let tag = ada.get(&path).await.header("etag").to_owned();
    let (one, other) = (admin.header("If-Match", &tag), ada.header("If-Match", &tag));
    let (first, last) = (json!({ "first_name": "Ada" }), json!({ "last_name": "Lovelace" }));
    let before = ada.profile().await;

    let (by_one, by_other) = join!(one.patch(&path, &first), other.patch(&path, &last));

    let (done, refused, fields) =
        if by_one.status == 200 { (by_one, by_other, first) } else { (by_other, by_one, last) };
    done.is(200, &with(&before, &fields));
    refused.is(412, &has_changed());
    assert_eq!(ada.profile().await, with(&before, &fields));
}

#[tokio::test]
async fn parallel_changes_of_ten_users_all_survive() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let mut users = Vec::new();
    for n in 0..10 {
        users.push(api.registered(&format!("user{n}")).await);
    }
    let names: Vec<_> = (0..10).map(|n| json!({ "username": format!("name{n}") })).collect();

    let changes = users.iter().zip(&names).map(async |(user, name)| {
        let answer = admin.patch(&path_to(user["id"].as_str().unwrap()), name).await;
        answer.is(200, &with(user, name));
    });
    join_all(changes).await;

    let listed = admin.get("/api/users?is_staff=false").await.body["results"].clone();
    let mut expected: Vec<_> = users.iter().zip(&names).map(|(user, name)| with(user, name)).collect();
    expected.reverse();
    assert_eq!(listed, json!(expected));
}

#[tokio::test]
async fn parallel_changes_of_seven_fields_of_one_user_all_survive() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let path = path(&ada);
    let before = ada.profile().await;
    let changes = [
        json!({ "first_name": "Ada" }),
        json!({ "last_name": "Lovelace" }),
        json!({ "address": "London" }),
        json!({ "date_of_birth": "1815-12-10" }),
        json!({ "phone_number": PHONE }),
        json!({ "username": "countess" }),
        json!({ "email": NEW }),
    ];

    let writers = [&admin, &ada].into_iter().cycle().zip(&changes);
    for answer in join_all(writers.map(|(writer, change)| writer.patch(&path, change))).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    let all = changes.iter().take(6).fold(before, |user, fields| with(&user, fields));
    assert_eq!(ada.profile().await, with(&all, &json!({ "pending_email": NEW })));
}

#[tokio::test]
async fn a_change_that_was_written_unheard_is_one_change() {
    let api = Api::behind_a_proxy(&[]).await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let before = ada.get(&path(&ada)).await;
    api.proxy.fail_next(Fault::AnswerLost, |call| call.operation == "TransactWriteItems");

    let fields = json!({ "username": "countess", "first_name": "Ada" });
    let answer = admin.patch(&path(&ada), &fields).await;

    answer.is(200, &with(&before.body, &fields));
    let version = |answer: &Answer| answer.header("etag").trim_matches('"').parse::<u64>().unwrap();
    assert_eq!(version(&answer), version(&before) + 1);
}

#[tokio::test]
async fn a_change_is_audited_with_who_made_it_to_whom_and_its_fields() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;

    let body = json!({
        "username": "countess", "first_name": "Augusta", "last_name": "", "email": NEW, "phone_number": PHONE,
        "is_phone_verified": true, "is_staff": true, "is_active": true,
    });
    change(&admin, &path(&ada), &body).await;

    let [event] = api.audited("user changed").try_into().unwrap();
    assert_eq!((&event["actor_id"], &event["user_id"]), (&json!(admin.id()), &json!(ada.id())));
    assert_eq!(event["fields"], "username,first_name,phone_number,pending_email,is_phone_verified,is_staff");
    assert_eq!(event["ip"], "127.0.0.1");
    for line in api.stack.logs() {
        for value in ["countess", "Augusta", NEW, "9881167671"] {
            assert!(!line.contains(value), "{value}: {line}");
        }
    }
}

#[tokio::test]
async fn a_change_of_oneself_is_one_of_the_profile() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    change(&ada, &path(&ada), &json!({ "first_name": "Ada" })).await;

    assert_eq!(api.audited("user changed"), [] as [Value; 0]);
    let [event] = api.audited("profile changed").try_into().unwrap();
    assert_eq!((&event["actor_id"], &event["user_id"]), (&json!(ada.id()), &json!(ada.id())));
    assert_eq!(event["fields"], "first_name");
}

#[tokio::test]
async fn what_changes_nothing_is_no_event() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;

    change(&admin, &path(&ada), &json!({ "username": "ada", "is_active": true })).await;
    admin.patch(&path(&ada), &json!({ "username": "admin" })).await;
    ada.patch(&path(&ada), &json!({ "is_staff": true })).await;
    admin.patch(&path(&admin), &json!({ "is_staff": false })).await;

    for act in ["user changed", "profile changed"] {
        assert_eq!(api.audited(act), [] as [Value; 0]);
    }
}

#[tokio::test]
async fn who_has_no_address_sends_their_record_back_as_it_is() {
    let api = Api::start().await;
    let user = crate::auth::signed_up(&api, PHONE).await;
    let profile = user.profile().await;
    assert_eq!(profile["email"], "");

    let sent_back = user.put("/api/profile", &profile).await;
    let blanked = api.signed_in().await.patch("/api/profile", &json!({ "email": "" })).await;

    sent_back.is(200, &profile);
    blanked.is(400, &complaint("email", "This field may not be blank."));
}

#[tokio::test]
async fn a_proof_that_staff_take_back_reserves_a_name_no_longer_than_a_code_would() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.verified("ada").await;
    let path = format!("/api/users/{}", ada["id"].as_str().unwrap());

    change(&admin, &path, &json!({ "is_email_verified": false })).await;

    let claim = api.item("Users", "email#ada@example.com").await.unwrap();
    assert_eq!(claim["verified"], json!({ "BOOL": false }));
    let reserved_until: u64 = claim["reserved_until"]["N"].as_str().unwrap().parse().unwrap();
    assert!(reserved_until > 1_700_000_000, "{claim}");
}

#[tokio::test]
async fn a_user_in_the_middle_of_a_change_cannot_undo_what_staff_do() {
    let api = Api::start().await;
    let (admin, ada) = (api.staff().await, api.signed_in().await);
    let own = path(&ada);
    let repeats = (0..8).map(|at| {
        let body = json!({ "is_active": true, "first_name": format!("Ada {at}") });
        let (ada, own) = (&ada, &own);
        async move { ada.patch(own, &body).await.status }
    });

    let off = json!({ "is_active": false });
    let (statuses, switched_off) = join!(join_all(repeats), admin.patch(&own, &off));

    assert_eq!(switched_off.status, 200, "{}", switched_off.text);
    assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
    assert_eq!(admin.get(&own).await.body["is_active"], false);
}
