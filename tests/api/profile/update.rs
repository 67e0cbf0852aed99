//! `PUT` and `PATCH /api/profile`.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Answer, Api, Client, PASSWORD, User, complaint, no_active_account, otp_invalid, registration,
};

const OLD: &str = "ada@example.com";
const NEW: &str = "new@example.com";

/// Asserts that a change is refused with these complaints, and that nothing is written.
async fn is_refused(api: &Api, user: &User, body: &Value, complaints: &Value) {
    let before = api.records().await;
    user.patch("/api/profile", body).await.is(400, complaints);
    assert_eq!(api.records().await, before, "{body}");
}

/// Ada, with a verified address and a staged new one.
async fn staged(api: &Api) -> User {
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    assert_eq!(ada.patch("/api/profile", &json!({ "email": NEW })).await.status, 200);
    ada
}

async fn log_in_by(api: &Api, email: &str) -> Answer {
    api.post("/api/login", &json!({ "email": email, "password": PASSWORD })).await
}

#[tokio::test]
async fn a_patch_changes_the_fields_it_names_and_no_others() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let mut expected = ada.profile().await;
    expected["first_name"] = json!("Ada");
    expected["date_of_birth"] = json!("1815-12-10");

    let answer =
        ada.patch("/api/profile", &json!({ "first_name": " Ada ", "date_of_birth": "1815-12-10" })).await;

    answer.is(200, &expected);
    assert_eq!(ada.profile().await, expected);
}

#[tokio::test]
async fn an_empty_patch_changes_nothing() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let before = api.records().await;

    ada.patch("/api/profile", &json!({})).await.is(200, &ada.profile().await);

    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn a_put_wants_the_required_fields_and_leaves_the_others() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    ada.patch("/api/profile", &json!({ "first_name": "Ada", "address": "London" })).await;
    let mut expected = ada.profile().await;
    expected["last_name"] = json!("Lovelace");
    let required = ["This field is required."];

    ada.put("/api/profile", &json!({ "last_name": "x" }))
        .await
        .is(400, &json!({ "username": required, "email": required }));
    let answer =
        ada.put("/api/profile", &json!({ "username": "ada", "email": OLD, "last_name": "Lovelace" })).await;

    answer.is(200, &expected);
    assert_eq!(ada.profile().await, expected);
}

#[tokio::test]
async fn read_only_and_unknown_fields_are_ignored() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let before = ada.profile().await;

    let body = json!({
        "id": "0", "is_staff": true, "is_superuser": true, "is_active": false, "is_email_verified": true,
        "is_phone_verified": true, "pending_email": "eve@example.com", "date_joined": "2000-01-01T00:00:00Z",
        "last_login": null, "password": "a new long phrase", "epoch": 9, "pk": "user#0",
    });
    ada.patch("/api/profile", &body).await.is(200, &before);

    assert_eq!(ada.profile().await, before);
    ada.is_signed_in().await;
    api.try_token("ada", "a new long phrase").await.is(401, &no_active_account());
}

#[tokio::test]
async fn optional_fields_can_be_emptied() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let before = ada.profile().await;
    let all = json!({
        "first_name": "Ada", "last_name": "Lovelace", "address": "London", "phone_number": "9881167671",
        "date_of_birth": "1815-12-10",
    });
    assert_eq!(ada.patch("/api/profile", &all).await.body["phone_number"], "+919881167671");

    let none = json!({ "first_name": "", "last_name": "", "address": "", "phone_number": null, "date_of_birth": "" });
    ada.patch("/api/profile", &none).await.is(200, &before);

    assert_eq!(api.item("Users", "phone#+919881167671").await, None);
}

#[tokio::test]
async fn every_complaint_about_every_field_comes_at_once() {
    let api = Api::start().await;
    api.registered("bob").await;
    let ada = api.signed_in().await;

    let body = json!({
        "username": "Bob", "email": "BOB@example.com", "phone_number": "123", "first_name": [], "last_name": null,
        "address": "x".repeat(1001), "date_of_birth": "yesterday",
    });
    let complaints = json!({
        "username": ["A user with that username already exists."],
        "email": ["user with this email already exists."],
        "phone_number": ["Enter a valid phone number."],
        "first_name": ["Not a valid string."],
        "last_name": ["This field may not be null."],
        "address": ["Ensure this field has no more than 1000 characters."],
        "date_of_birth": ["Date has wrong format. Use one of these formats instead: YYYY-MM-DD."],
    });
    is_refused(&api, &ada, &body, &complaints).await;
}

#[tokio::test]
async fn what_must_not_be_blank_cannot_be_emptied() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    for field in ["username", "email"] {
        is_refused(&api, &ada, &json!({ field: " " }), &complaint(field, "This field may not be blank."))
            .await;
        is_refused(&api, &ada, &json!({ field: null }), &complaint(field, "This field may not be null."))
            .await;
    }
}

#[tokio::test]
async fn a_username_may_not_pose_as_somebody_elses_address_or_number() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    for (username, words) in [
        ("eve@example.com", "A username that is an e-mail address must be your own."),
        // Nor as an address that is not proven to be one's own.
        ("ada@example.com", "A username that is an e-mail address must be your own."),
        ("9881167671", "A username may not be a phone number."),
    ] {
        is_refused(&api, &ada, &json!({ "username": username }), &complaint("username", words)).await;
    }

    api.verify(OLD).await;
    let named = json!({ "username": "Ada@example.com" });
    assert_eq!(ada.patch("/api/profile", &named).await.status, 200);
    // It may be written back as it was read, also beside a new address.
    let written_back = json!({ "username": "Ada@example.com", "email": NEW });
    assert_eq!(ada.put("/api/profile", &written_back).await.status, 200);
}

#[tokio::test]
async fn a_username_that_is_the_users_address_follows_it() {
    let api = Api::start().await;
    api.staff().await;
    let body = json!({ "username": OLD, "email": OLD, "password": PASSWORD });
    assert_eq!(api.post("/api/register", &body).await.status, 201);
    api.verify(OLD).await;
    let ada = api.log_in(OLD).await;
    assert_eq!(ada.patch("/api/profile", &json!({ "email": "New@example.com" })).await.body["username"], OLD);

    api.verify_by(&ada, NEW).await;

    let profile = ada.profile().await;
    let named = (&profile["username"], &profile["email"]);
    assert_eq!(named, (&json!("New@example.com"), &json!("New@example.com")));
    assert_eq!(api.changes("verified")[1][3], "username,email,pending_email");
    assert_eq!(api.log_in(NEW).await.id(), ada.id());
    // The old one is free, also as a username, and says nothing of Ada any more.
    api.try_token(OLD, PASSWORD).await.is(401, &no_active_account());
    let owner = api.post("/api/register", &body).await;
    assert_eq!((owner.status, &owner.body["username"]), (201, &json!(OLD)), "{}", owner.text);
    crate::model::users_agree(&api).await;
}

#[tokio::test]
async fn a_username_that_is_the_users_address_is_generated_when_the_next_one_is_somebodys_username() {
    let api = Api::start().await;
    api.staff().await;
    let body = json!({ "username": OLD, "email": OLD, "password": PASSWORD });
    assert_eq!(api.post("/api/register", &body).await.status, 201);
    let ada = api.log_in(OLD).await;
    // As the previous release could leave it.
    let bob = api.registered("bob").await["id"].as_str().unwrap().to_owned();
    let is_bob = |key: &str| key == format!("user#{bob}");
    api.set("Users", is_bob, "username", &json!({ "S": NEW })).await;
    let mut claim = api.item("Users", "username#bob").await.unwrap();
    claim["pk"] = json!({ "S": format!("username#{NEW}") });
    api.put_item("Users", &claim).await;
    api.delete_items("Users", |key| key == "username#bob").await;
    assert_eq!(ada.patch("/api/profile", &json!({ "email": NEW })).await.status, 200);

    api.verify_by(&ada, NEW).await;

    let username = ada.profile().await["username"].clone();
    assert!(username.as_str().unwrap().starts_with("user-"), "{username}");
    // The address is proven to be Ada's, and so is the username if she wants it.
    let named = ada.patch("/api/profile", &json!({ "username": NEW })).await;
    assert_eq!((named.status, &named.body["username"]), (200, &json!(NEW)), "{}", named.text);
    assert_eq!(api.changes("name lost"), json!([[ada.id(), bob, null, "username"]]));
    crate::model::users_agree(&api).await;
}

#[tokio::test]
async fn an_unverified_number_keeps_nobody_from_claiming_it() {
    let api = Api::start().await;
    let eve = api.signed_in().await;
    let number = json!({ "phone_number": "+919881167671" });
    api.registered("bob").await;
    let bob = api.log_in("bob").await;
    for _ in 0..2 {
        assert_eq!(eve.patch("/api/profile", &json!({ "phone_number": null })).await.status, 200);
        assert_eq!(eve.patch("/api/profile", &number).await.status, 200);

        let claimed = bob.patch("/api/profile", &number).await;

        assert_eq!((claimed.status, &claimed.body["phone_number"]), (200, &number["phone_number"]));
        assert_eq!(eve.profile().await["phone_number"], Value::Null);
    }
}

#[tokio::test]
async fn under_the_seeds_policy_an_unverified_number_is_its_first_users() {
    let api = Api::seeds().await;
    let eve = api.signed_in().await;
    let number = json!({ "phone_number": "+919881167671" });
    assert_eq!(eve.patch("/api/profile", &number).await.status, 200);
    api.registered("bob").await;
    let bob = api.log_in("bob").await;

    let complaints = complaint("phone_number", "user with this phone number already exists.");
    is_refused(&api, &bob, &number, &complaints).await;
}

#[tokio::test]
async fn names_asked_for_are_counted_with_the_registrations_of_a_network() {
    let api = Api::with(&[("RegistrationsPerIpPerHour", "3")]).await;
    let bob = api.registered("bob").await;
    let ada = api.signed_in().await;
    let taken = json!({ "username": "bob" });
    is_refused(&api, &ada, &taken, &complaint("username", "A user with that username already exists.")).await;

    ada.patch("/api/profile", &taken).await.is_throttled();

    // What takes no new name is not counted.
    let own = json!({ "username": "ada", "first_name": "Ada" });
    assert_eq!(ada.patch("/api/profile", &own).await.status, 200);
    assert_eq!(bob["username"], "bob");
}

#[tokio::test]
async fn a_user_stages_so_many_addresses_an_hour() {
    let api = Api::with(&[("OtpPerHour", "2")]).await;
    let ada = api.signed_in().await;
    for i in 0..2 {
        let staged = json!({ "email": format!("new{i}@example.com") });
        assert_eq!(ada.patch("/api/profile", &staged).await.status, 200);
    }

    ada.patch("/api/profile", &json!({ "email": NEW })).await.is_throttled();
}

#[tokio::test]
async fn a_changed_username_leaves_the_old_one_free() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    assert_eq!(
        ada.patch("/api/profile", &json!({ "username": "Countess" })).await.body["username"],
        "Countess"
    );

    api.try_token("ada", PASSWORD).await.is(401, &no_active_account());
    assert_eq!(api.try_token("countess", PASSWORD).await.status, 200);
    let mut body = registration("ada");
    body["email"] = json!("another@example.com");
    assert_eq!(api.post("/api/register", &body).await.status, 201);
}

#[tokio::test]
async fn a_username_may_change_its_case() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    assert_eq!(ada.patch("/api/profile", &json!({ "username": "ADA" })).await.body["username"], "ADA");

    assert_eq!(api.try_token("ada", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_new_number_in_place_of_a_verified_one_waits() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    ada.patch("/api/profile", &json!({ "phone_number": "9881167671" })).await;
    api.set("Users", |key| key.starts_with("user#"), "is_phone_verified", &json!({ "BOOL": true })).await;
    let same = ada.patch("/api/profile", &json!({ "phone_number": "+91 98811 67671" })).await;
    assert_eq!(same.body["is_phone_verified"], true);
    let mut expected = same.body.clone();
    expected["pending_phone_number"] = json!("+919101234567");
    let staged = json!({ "phone_number": "9101234567" });

    ada.patch("/api/profile", &staged).await.is(200, &expected);

    let events = api.changes("profile changed");
    assert_eq!(events.as_array().unwrap().last().unwrap()[3], "pending_phone_number");
    // A list is an index, in which there is no place for a field of its own.
    let listed = api.staff().await.get("/api/users?search=ada").await.body;
    assert_eq!(listed["results"], json!([expected]));
    // Nobody has it yet.
    assert_eq!(api.item("Users", "phone#+919101234567").await, None);
    assert!(api.item("Users", "phone#+919881167671").await.is_some());

    // A PUT says again what was read; a PATCH with the present number gives the other one up.
    let read = json!({ "username": "ada", "email": "ada@example.com", "phone_number": "9881167671" });
    ada.put("/api/profile", &read).await.is(200, &expected);
    let present = json!({ "phone_number": "9881167671" });
    ada.patch("/api/profile", &present).await.is(200, &same.body);

    // None is none at once.
    assert_eq!(ada.patch("/api/profile", &staged).await.body, expected);
    let none = ada.patch("/api/profile", &json!({ "phone_number": null })).await;
    assert_eq!((&none.body["phone_number"], &none.body["is_phone_verified"]), (&Value::Null, &json!(false)));
    assert_eq!(none.body["pending_phone_number"], Value::Null);
    assert_eq!(api.item("Users", "phone#+919881167671").await, None);
}

#[tokio::test]
async fn a_number_that_was_never_verified_is_replaced_at_once() {
    for api in [Api::start().await, Api::seeds().await] {
        let ada = api.signed_in().await;
        for number in ["+919881167671", "+919101234567"] {
            let answer = ada.patch("/api/profile", &json!({ "phone_number": number })).await;
            assert_eq!(answer.body["phone_number"], number);
            assert_eq!(answer.body["pending_phone_number"], Value::Null);
        }
        assert_eq!(api.item("Users", "phone#+919881167671").await, None);
    }
}

#[tokio::test]
async fn a_new_address_is_staged_and_both_addresses_are_told() {
    let api = Api::start().await;
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    let mut expected = ada.profile().await;
    expected["pending_email"] = json!(NEW);

    ada.patch("/api/profile", &json!({ "email": NEW })).await.is(200, &expected);

    api.code_for(NEW).await;
    let notice = api.stack.message(OLD, 1).await.unwrap();
    assert_eq!(notice.subject, "Rollcall: your e-mail address is about to change");
    assert!(!notice.body.contains(NEW));
    assert!(!notice.body.contains(|c: char| c.is_ascii_digit()), "a notice has no code: {}", notice.body);

    api.verify_by(&ada, NEW).await;

    let notice = api.stack.message(OLD, 2).await.unwrap();
    assert_eq!(notice.subject, "Rollcall: your e-mail address was changed");
    assert!(!notice.body.contains(NEW));
}

/// Somebody who had a stolen token for a moment does not take the account over with a code that comes later.
#[tokio::test]
async fn an_address_that_a_user_staged_is_verified_with_their_token_alone() {
    let api = Api::start().await;
    let stolen = staged(&api).await;
    api.registered("bob").await;
    let bob = api.log_in("bob").await;
    let code = api.code_for(NEW).await;
    let verify =
        async |client: &Client| client.post("/api/otp/verify", &json!({ "email": NEW, "otp": code })).await;
    verify(&api).await.is(401, &json!({ "detail": "Authentication credentials were not provided." }));
    verify(&bob).await.is(400, &otp_invalid());
    let ada = api.log_in("ada").await;
    assert_eq!(ada.post("/api/logout/all", &json!({})).await.status, 200);
    assert_eq!(verify(&stolen).await.status, 401);
    assert_eq!(api.log_in("ada").await.profile().await["email"], OLD);

    // The code is not used up: its user can still enter it.
    let ada = api.log_in("ada").await;
    assert_eq!(verify(&ada).await.status, 200);
    assert_eq!(ada.profile().await["email"], NEW);
}

/// Release 0.1.0 did not note who staged an address: the code alone verifies it, as it did then.
#[tokio::test]
async fn an_address_that_was_staged_by_release_0_1_0_is_verified_by_its_code() {
    let api = Api::start().await;
    let ada = staged(&api).await;
    let key = format!("email#{NEW}");
    let mut claim = api.item("Users", &key).await.unwrap();
    assert!(claim.as_object_mut().unwrap().remove("by_user").is_some());
    api.put_item("Users", &claim).await;

    api.verify(NEW).await;

    assert_eq!(ada.profile().await["email"], NEW);
}

#[tokio::test]
async fn until_it_is_verified_the_old_address_stays_and_works() {
    let api = Api::start().await;
    staged(&api).await;

    assert_eq!(log_in_by(&api, OLD).await.status, 200);
    log_in_by(&api, NEW).await.is(401, &no_active_account());
    api.try_token(NEW, PASSWORD).await.is(401, &no_active_account());
}

#[tokio::test]
async fn once_it_is_verified_the_new_address_takes_the_old_ones_place_which_is_free() {
    let api = Api::start().await;
    let ada = staged(&api).await;

    api.verify_by(&ada, NEW).await;

    let profile = ada.profile().await;
    assert_eq!((&profile["email"], &profile["pending_email"]), (&json!(NEW), &Value::Null));
    assert_eq!(profile["is_email_verified"], true);
    assert_eq!(log_in_by(&api, NEW).await.status, 200);
    log_in_by(&api, OLD).await.is(401, &no_active_account());
    let mut body = registration("bob");
    body["email"] = json!(OLD);
    assert_eq!(api.post("/api/register", &body).await.status, 201);
}

#[tokio::test]
async fn a_staged_address_is_taken_while_its_code_lives() {
    let api = Api::start().await;
    staged(&api).await;

    let mut body = registration("bob");
    body["email"] = json!(NEW);

    api.post("/api/register", &body)
        .await
        .is(400, &complaint("email", "user with this email already exists."));
}

/// Lets the code and the reservation of an address pass.
async fn let_lapse(api: &Api, address: &str) {
    api.let_code_expire("verify_email", address).await;
    let claim = format!("email#{address}");
    api.set("Users", |key| key == claim, "reserved_until", &json!({ "N": "1000000000" })).await;
}

#[tokio::test]
async fn a_staged_address_that_lapsed_is_its_owners_to_register() {
    let api = Api::start().await;
    let ada = staged(&api).await;
    let_lapse(&api, NEW).await;

    let mut body = registration("bob");
    body["email"] = json!(NEW);
    assert_eq!(api.post("/api/register", &body).await.status, 201);

    let profile = ada.profile().await;
    assert_eq!((&profile["email"], &profile["pending_email"]), (&json!(OLD), &Value::Null));
    assert_eq!(profile["is_email_verified"], true);
    api.code_after(NEW, 1).await;
    api.verify(NEW).await;
    assert_eq!(log_in_by(&api, NEW).await.status, 200);
}

#[tokio::test]
async fn a_lapsed_address_of_another_account_can_be_staged() {
    let api = Api::start().await;
    api.registered("bob").await;
    let bob = api.log_in("bob").await;
    let ada = api.signed_in().await;
    let_lapse(&api, "bob@example.com").await;
    api.forget_limits().await;

    let answer = ada.patch("/api/profile", &json!({ "email": "bob@example.com" })).await;

    assert_eq!(
        (answer.status, &answer.body["pending_email"]),
        (200, &json!("bob@example.com")),
        "{}",
        answer.text
    );
    assert_eq!(bob.profile().await["email"], "");
}

#[tokio::test]
async fn going_back_to_the_present_address_gives_up_the_staged_one() {
    let api = Api::start().await;
    let ada = staged(&api).await;
    let code = api.code_for(NEW).await;

    assert_eq!(ada.patch("/api/profile", &json!({ "email": OLD })).await.body["pending_email"], Value::Null);

    assert_eq!(api.post("/api/otp/verify", &json!({ "email": NEW, "otp": code })).await.status, 400);
    assert_eq!(ada.profile().await["email"], OLD);
    assert_eq!(api.item("Users", &format!("email#{NEW}")).await, None);
}

#[tokio::test]
async fn a_record_that_is_put_back_keeps_the_staged_address_and_its_code() {
    let api = Api::start().await;
    let ada = staged(&api).await;
    let mut record = ada.profile().await;
    record["first_name"] = json!("Ada");

    ada.put("/api/profile", &record).await.is(200, &record);

    api.verify_by(&ada, NEW).await;
    assert_eq!(ada.profile().await["email"], NEW);
}

#[tokio::test]
async fn a_put_with_another_address_stages_it_in_place_of_the_last() {
    let api = Api::start().await;
    let ada = staged(&api).await;
    let mut record = ada.profile().await;
    record["email"] = json!("newer@example.com");

    let answer = ada.put("/api/profile", &record).await;

    assert_eq!(answer.body["pending_email"], "newer@example.com", "{}", answer.text);
    assert_eq!(api.item("Users", &format!("email#{NEW}")).await, None);
}

#[tokio::test]
async fn an_address_that_was_given_up_is_free_at_once() {
    let api = Api::start().await;
    let ada = staged(&api).await;
    assert_eq!(ada.patch("/api/profile", &json!({ "email": OLD })).await.status, 200);
    api.forget_limits().await;

    let stranger = api.post("/api/otp/resend", &json!({ "email": NEW })).await;
    assert_eq!(stranger.status, 200, "{}", stranger.text);

    let mut body = registration("bob");
    body["email"] = json!(NEW);
    let registered = api.post("/api/register", &body).await;
    assert_eq!(registered.status, 201, "{}", registered.text);
    api.code_after(NEW, 1).await;
    api.verify(NEW).await;
}

#[tokio::test]
async fn a_forgotten_password_is_not_sent_to_a_staged_address() {
    let api = Api::start().await;
    staged(&api).await;
    api.code_for(NEW).await;

    assert_eq!(api.post("/api/password/forgot", &json!({ "email": NEW })).await.status, 200);

    assert_eq!(api.mails_to(NEW).await, 1);
}

#[tokio::test]
async fn a_staged_address_gets_no_more_codes_than_the_limits_allow() {
    let api = Api::with(&[("OtpPerIpPerHour", "2")]).await;
    let ada = api.signed_in().await;
    assert_eq!(ada.patch("/api/profile", &json!({ "email": NEW })).await.status, 200);
    let before = api.records().await;

    ada.patch("/api/profile", &json!({ "email": "newer@example.com" })).await.is_throttled();

    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn parallel_changes_of_different_fields_all_survive() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let changes = [
        json!({ "first_name": "Ada" }),
        json!({ "last_name": "Lovelace" }),
        json!({ "address": "London" }),
        json!({ "date_of_birth": "1815-12-10" }),
        json!({ "phone_number": "9881167671" }),
        json!({ "username": "countess" }),
    ];

    for answer in join_all(changes.iter().map(|change| ada.patch("/api/profile", change))).await {
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    let profile = ada.profile().await;
    let mut expected = profile.clone();
    for change in &changes {
        expected.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    }
    expected["phone_number"] = json!("+919881167671");
    assert_eq!(profile, expected);
}

#[tokio::test]
async fn of_parallel_changes_to_one_username_one_succeeds() {
    let api = Api::start().await;
    let mut users = Vec::new();
    for name in ["ada", "bob", "eve"] {
        api.registered(name).await;
        users.push(api.log_in(name).await);
    }

    let change = json!({ "username": "king" });
    let answers = join_all(users.iter().map(|user| user.patch("/api/profile", &change))).await;

    let (changed, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(changed.len(), 1);
    for answer in refused {
        answer.is(400, &complaint("username", "A user with that username already exists."));
    }
}

#[tokio::test]
async fn a_change_is_audited_by_the_names_of_its_fields() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    ada.patch("/api/profile", &json!({ "first_name": "Ada", "address": "London", "last_name": "" })).await;

    let changes = api.audited("profile changed");
    assert_eq!(changes.len(), 1);
    let id = json!(ada.id());
    assert_eq!((&changes[0]["user_id"], &changes[0]["actor_id"]), (&id, &id));
    assert_eq!(changes[0]["fields"], "first_name,address");
}
