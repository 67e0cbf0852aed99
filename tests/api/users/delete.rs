//! `DELETE /api/users/{id}`.

use futures_util::{future::join_all, join};
use serde_json::{Value, json};

use super::{
    NOBODY, has_changed, is_refused, last_staff_user, no_user, not_authenticated, path, path_to, shown,
    signed_in, staff_named,
};
use crate::support::{
    Answer, Api, Fault, PASSWORD, User, no_active_account, otp_invalid, registration, token_not_valid,
};

const EMAIL: &str = "ada@example.com";
const STAGED: &str = "new@example.com";
const PHONE: &str = "+919881167671";

/// The code in the newest text message to a number.
async fn code_by_sms(api: &Api, number: &str) -> String {
    let message = api.stack.message(number, 0).await.unwrap();
    let digits = message.body.chars().skip_while(|c| !c.is_ascii_digit());
    digits.take_while(char::is_ascii_digit).collect()
}

/// Ada, with a name of every kind.
async fn named(api: &Api) -> User {
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    let names = json!({ "phone_number": PHONE, "email": STAGED });
    assert_eq!(ada.patch("/api/profile", &names).await.status, 200);
    ada
}

#[track_caller]
fn is_deleted(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
}

/// Asserts that nothing of a user is left: neither they nor a name.
async fn is_gone(api: &Api, id: &str) {
    let left = api.items("Users").await;
    let left: Vec<_> = left.into_iter().filter(|(_, item)| item.to_string().contains(id)).collect();
    assert_eq!(left, []);
}

#[tokio::test]
async fn users_delete_themselves() {
    let api = Api::start().await;
    let ada = named(&api).await;

    is_deleted(&ada.delete(&path(&ada)).await);

    is_gone(&api, &ada.id()).await;
}

#[tokio::test]
async fn staff_delete_anybody() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = named(&api).await;

    is_deleted(&admin.delete(&path(&ada)).await);

    is_gone(&api, &ada.id()).await;
    admin.get(&path(&ada)).await.is(404, &no_user());
    admin.is_signed_in().await;
}

#[tokio::test]
async fn another_user_is_nobody() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let bob = signed_in(&api, "bob").await;
    let ada = api.signed_in().await;

    for id in [admin.id().as_str(), &bob.id()].into_iter().chain(NOBODY) {
        is_refused(&api, ada.delete(&path_to(id)), 404, &no_user()).await;
    }
}

#[tokio::test]
async fn who_is_not_signed_in_deletes_nobody() {
    let api = Api::start().await;
    let ada = api.signed_in().await;

    is_refused(&api, api.delete(&path(&ada)), 401, &not_authenticated()).await;
}

#[tokio::test]
async fn staff_find_nobody_under_an_unknown_id() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    is_deleted(&admin.delete(&path(&ada)).await);

    for id in [ada.id().as_str()].into_iter().chain(NOBODY) {
        is_refused(&api, admin.delete(&path_to(id)), 404, &no_user()).await;
    }
}

#[tokio::test]
async fn every_token_of_a_deleted_user_is_dead() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let phone = api.log_in("ada").await;

    is_deleted(&ada.delete(&path(&ada)).await);

    let not_found = json!({ "detail": "User not found", "code": "user_not_found" });
    let no_user =
        json!({ "detail": "No active account found for the given token.", "code": "no_active_account" });
    for session in [&ada, &phone] {
        session.get("/api/profile").await.is(401, &not_found);
        session.delete(&path(&ada)).await.is(401, &not_found);
        session.try_refresh().await.is(401, &no_user);
        for token in [&session.access, &session.refresh] {
            let verified = api.post("/api/token/verify", &json!({ "token": token })).await;
            verified.is(401, &token_not_valid("Token is blacklisted"));
        }
    }
    api.try_token("ada", PASSWORD).await.is(401, &no_active_account());
}

#[tokio::test]
async fn every_name_of_a_deleted_user_is_free() {
    let api = Api::start().await;
    let ada = named(&api).await;
    let eve = signed_in(&api, "eve").await;
    is_deleted(&ada.delete(&path(&ada)).await);
    api.forget_limits().await;

    let mut next = registration("ada");
    next["phone_number"] = json!(PHONE);
    let registered = api.post("/api/register", &next).await;
    assert_eq!(registered.status, 201, "{}", registered.text);
    let staged = eve.patch("/api/profile", &json!({ "email": STAGED })).await;
    assert_eq!((staged.status, &staged.body["pending_email"]), (200, &json!(STAGED)), "{}", staged.text);

    assert_ne!(registered.body["id"], json!(ada.id()));
    api.log_in("ada").await.is_signed_in().await;
}

#[tokio::test]
async fn a_deleted_users_code_proves_nothing() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let code = api.code_for(EMAIL).await;
    is_deleted(&ada.delete(&path(&ada)).await);

    let guess = json!({ "email": EMAIL, "otp": code });
    api.post("/api/otp/verify", &guess).await.is(400, &otp_invalid());

    is_gone(&api, &ada.id()).await;
}

#[tokio::test]
async fn a_deleted_users_code_is_worthless_for_the_next_user_of_the_address() {
    let api = Api::start().await;
    let ada = named(&api).await;
    assert_eq!(api.post("/api/password/forgot", &json!({ "email": EMAIL })).await.status, 200);
    // The second message is the notice of the staged address.
    let to_reset = api.code_after(EMAIL, 2).await;
    let to_verify = api.code_for(STAGED).await;
    is_deleted(&ada.delete(&path(&ada)).await);
    api.forget_limits().await;
    api.registered("ada").await;
    let mut bob = registration("bob");
    bob["email"] = json!(STAGED);
    assert_eq!(api.post("/api/register", &bob).await.status, 201);
    let (ada, bob) = (api.log_in("ada").await, api.log_in("bob").await);
    let of_bob = api.code_after(STAGED, 1).await;

    let another = "another long phrase";
    let reset =
        json!({ "email": EMAIL, "otp": to_reset, "new_password": another, "confirm_password": another });
    api.post("/api/password/forgot/confirm", &reset).await.is(400, &otp_invalid());
    if to_verify != of_bob {
        let guess = json!({ "email": STAGED, "otp": to_verify });
        api.post("/api/otp/verify", &guess).await.is(400, &otp_invalid());
    }

    for user in [&ada, &bob] {
        assert_eq!(user.profile().await["is_email_verified"], false);
        user.is_signed_in().await;
    }
    api.try_token("ada", another).await.is(401, &no_active_account());
}

#[tokio::test]
async fn a_deleted_users_code_is_worthless_for_the_next_user_of_the_number() {
    let api = Api::start().await;
    let ada = named(&api).await;
    assert_eq!(api.post("/otp/generate", &json!({ "phone_number": PHONE })).await.status, 200);
    let code = code_by_sms(&api, PHONE).await;
    is_deleted(&ada.delete(&path(&ada)).await);
    let mut bob = registration("bob");
    bob["phone_number"] = json!(PHONE);
    assert_eq!(api.post("/api/register", &bob).await.status, 201);

    let proved = api.post("/otp/verify", &json!({ "phone_number": PHONE, "otp": code })).await;

    proved.is(404, &json!({ "detail": "Employee not found" }));
    assert_eq!(api.log_in("bob").await.profile().await["is_phone_verified"], false);
}

#[tokio::test]
async fn what_a_deleted_user_owns_stays_with_staff() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let grace = json!({ "first_name": "Grace", "last_name": "Hopper", "phone_number": PHONE });
    let employee = ada.post("/api/employees", &grace).await;
    assert_eq!(employee.status, 201, "{}", employee.text);

    is_deleted(&ada.delete(&path(&ada)).await);

    let id = employee.body["id"].as_str().unwrap();
    admin.get(&format!("/api/employees/{id}")).await.is(200, &employee.body);
}

#[tokio::test]
async fn the_last_active_staff_user_stays() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let eve = staff_named(&api, "eve").await;
    let switched_off = admin.patch(&path(&eve), &json!({ "is_active": false })).await;
    assert_eq!(switched_off.status, 200, "{}", switched_off.text);

    is_refused(&api, admin.delete(&path(&admin)), 400, &last_staff_user()).await;

    admin.is_signed_in().await;
}

#[tokio::test]
async fn staff_who_are_not_the_last_go_as_they_like() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let (bob, eve) = (staff_named(&api, "bob").await, staff_named(&api, "eve").await);

    is_deleted(&admin.delete(&path(&bob)).await);
    is_deleted(&admin.delete(&path(&admin)).await);

    is_refused(&api, eve.delete(&path(&eve)), 400, &last_staff_user()).await;
}

#[tokio::test]
async fn an_inactive_staff_user_is_none_of_the_active_ones() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let eve = staff_named(&api, "eve").await;
    admin.patch(&path(&eve), &json!({ "is_active": false })).await;

    is_deleted(&admin.delete(&path(&eve)).await);

    is_refused(&api, admin.delete(&path(&admin)), 400, &last_staff_user()).await;
}

#[tokio::test]
async fn of_ten_staff_users_who_delete_themselves_at_once_one_stays() {
    let api = Api::start().await;
    let mut staff = Vec::new();
    for n in 0..10 {
        staff.push(staff_named(&api, &format!("staff{n}")).await);
    }

    let answers = join_all(staff.iter().map(async |user| (user, user.delete(&path(user)).await))).await;

    let (deleted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|(_, answer)| answer.status == 204);
    assert_eq!(deleted.len(), 9);
    let [(last, answer)] = refused[..] else { unreachable!() };
    answer.is(400, &last_staff_user());
    let listed = last.get("/api/users").await;
    let one = json!({ "next": null, "previous": null, "results": [shown(last, &path(last)).await] });
    listed.is(200, &one);
}

#[tokio::test]
async fn two_staff_users_who_delete_each_other_at_once_are_one() {
    let api = Api::start().await;
    let (eve, bob) = (staff_named(&api, "eve").await, staff_named(&api, "bob").await);
    let (eves, bobs) = (path(&eve), path(&bob));

    let (by_eve, by_bob) = join!(eve.delete(&bobs), bob.delete(&eves));

    let (deleted, refused) = if by_eve.status == 204 { (by_eve, by_bob) } else { (by_bob, by_eve) };
    is_deleted(&deleted);
    // Whether the loser was there no more or the last one there depends on who was read when.
    let gone = json!({ "detail": "User not found", "code": "user_not_found" });
    let (status, body) = if refused.status == 401 { (401, gone) } else { (400, last_staff_user()) };
    refused.is(status, &body);
    let staff = api.items("Users").await.into_keys().filter(|key| key.starts_with("user#"));
    assert_eq!(staff.count(), 1);
}

#[tokio::test]
async fn a_user_is_deleted_once() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = named(&api).await;
    let path = path(&ada);

    let answers = join_all((0..5).map(|_| admin.delete(&path))).await;

    let (deleted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 204);
    assert_eq!(deleted.len(), 1);
    for answer in refused {
        answer.is(404, &no_user());
    }
    assert_eq!(api.audited("user deleted").len(), 1);
}

#[tokio::test]
async fn a_deletion_that_was_written_unheard_is_one_deletion() {
    let api = Api::behind_a_proxy(&[]).await;
    let admin = api.staff().await;
    let eve = staff_named(&api, "eve").await;
    api.proxy.fail_next(Fault::AnswerLost, |call| call.operation == "TransactWriteItems");

    is_deleted(&admin.delete(&path(&eve)).await);

    // She was counted out of the staff once.
    is_refused(&api, admin.delete(&path(&admin)), 400, &last_staff_user()).await;
}

#[tokio::test]
async fn a_user_who_is_changed_while_they_are_deleted_leaves_no_name_behind() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = named(&api).await;
    let path = path(&ada);
    let changes = [
        json!({ "username": "countess" }),
        json!({ "phone_number": "9101234567" }),
        json!({ "email": "newer@example.com" }),
        json!({ "first_name": "Ada" }),
    ];

    let patches = join_all(changes.iter().map(|change| admin.patch(&path, change)));
    let (answers, deletion) = join!(patches, admin.delete(&path));

    is_deleted(&deletion);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        answer.is(404, &no_user());
    }
    is_gone(&api, &ada.id()).await;
}

#[tokio::test]
async fn a_stale_entity_tag_deletes_nobody() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let stale = ada.get(&path(&ada)).await.header("etag").to_owned();
    let changed = ada.patch(&path(&ada), &json!({ "first_name": "Ada" })).await;
    let current = changed.header("etag").to_owned();

    for tag in [stale.as_str(), &format!("W/{current}"), "\"\""] {
        is_refused(&api, ada.header("If-Match", tag).delete(&path(&ada)), 412, &has_changed()).await;
    }

    is_deleted(&ada.header("If-Match", &current).delete(&path(&ada)).await);
}

#[tokio::test]
async fn it_is_audited_with_who_did_it_to_whom() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let bob = signed_in(&api, "bob").await;
    let ada = api.signed_in().await;

    is_deleted(&admin.delete(&path(&bob)).await);
    is_deleted(&ada.delete(&path(&ada)).await);

    let events = api.audited("user deleted");
    let events: Vec<_> = events.iter().map(|event| (&event["actor_id"], &event["user_id"])).collect();
    let [admin, bob, ada] = [admin.id(), bob.id(), ada.id()].map(Value::from);
    assert_eq!(events, [(&admin, &bob), (&ada, &ada)]);
}
