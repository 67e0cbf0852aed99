//! `POST /api/users/{id}/password/forgot`.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::super::{NOBODY, forbidden, is_refused, no_user, not_authenticated, path, path_to, signed_in};
use crate::support::{Answer, Api, Client, PASSWORD, User, complaint, otp_invalid, unlimited};

const EMAIL: &str = "ada@example.com";
const PHONE: &str = "+919881167671";
const NEXT: &str = "another long phrase";

fn by_mail() -> Value {
    json!({ "message": "A code to set a new password has been sent by e-mail." })
}

fn by_text() -> Value {
    json!({ "message": "A code to set a new password has been sent by SMS." })
}

fn unverified() -> Value {
    json!({ "detail": "The user has neither a verified e-mail address nor a verified phone number." })
}

async fn send(client: &Client, path: &str) -> Answer {
    client.post(&format!("{path}/password/forgot"), &json!({})).await
}

/// Sets a new password with a code.
async fn confirm(client: &Client, (field, to): (&str, &str), otp: &str) -> Answer {
    let body = json!({ field: to, "otp": otp, "new_password": NEXT, "confirm_password": NEXT });
    client.post("/api/password/forgot/confirm", &body).await
}

/// `ada`, who has verified her address, signed in.
async fn with_address(api: &Api) -> User {
    api.verified("ada").await;
    api.log_in("ada").await
}

/// `ada`, who has verified her number and not her address, signed in.
async fn with_number(api: &Api, admin: &User) -> User {
    let ada = api.signed_in().await;
    let number = json!({ "phone_number": PHONE, "is_phone_verified": true });
    assert_eq!(admin.patch(&path(&ada), &number).await.status, 200);
    ada
}

#[tokio::test]
async fn the_user_gets_a_code_and_sets_a_new_password() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = with_address(&api).await;
    let mails = api.mails_to(EMAIL).await;

    let answer = send(&admin, &path(&ada)).await;

    answer.is(200, &by_mail());
    let code = api.code_after(EMAIL, mails).await;
    assert!(!answer.text.contains(&code));
    ada.is_signed_in().await;
    // She is elsewhere than staff are.
    let elsewhere = api.at([127, 0, 0, 2]);
    assert_eq!(confirm(&elsewhere, ("email", EMAIL), &code).await.status, 200);
    ada.is_signed_out().await;
    api.log_in_with("ada", NEXT).await.is_signed_in().await;
    confirm(&elsewhere, ("email", EMAIL), &code).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn a_user_with_a_verified_number_alone_gets_a_text_message() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = with_number(&api, &admin).await;
    let mails = api.mails_to(EMAIL).await;

    send(&admin, &path(&ada)).await.is(200, &by_text());

    let code = api.code_for(PHONE).await;
    assert_eq!(code.len(), 6);
    assert_eq!(api.mails_to(EMAIL).await, mails);
    assert_eq!(confirm(&api, ("phone_number", PHONE), &code).await.status, 200);
    api.log_in_with("ada", NEXT).await.is_signed_in().await;
}

#[tokio::test]
async fn nothing_is_sent_to_what_is_not_verified() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    assert_eq!(ada.patch("/api/profile", &json!({ "phone_number": PHONE })).await.status, 200);

    is_refused(&api, send(&admin, &path(&ada)), 400, &unverified()).await;
}

#[tokio::test]
async fn nothing_is_sent_to_an_inactive_user() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = with_address(&api).await;
    assert_eq!(admin.patch(&path(&ada), &json!({ "is_active": false })).await.status, 200);

    let inactive = json!({ "detail": "The user is inactive." });
    is_refused(&api, send(&admin, &path(&ada)), 400, &inactive).await;
}

#[tokio::test]
async fn text_messages_go_to_allowed_regions_and_count_for_the_stack() {
    let unreachable = complaint("phone_number", "Messages to this phone number are not supported.");
    let api = Api::with(&[("SmsAllowedRegions", "US")]).await;
    let admin = api.staff().await;
    let ada = with_number(&api, &admin).await;
    is_refused(&api, send(&admin, &path(&ada)), 400, &unreachable).await;

    let api = Api::with(&[("SmsPerDay", "1"), ("OtpCooldownSeconds", "0")]).await;
    let admin = api.staff().await;
    let ada = with_number(&api, &admin).await;
    send(&admin, &path(&ada)).await.is(200, &by_text());
    send(&admin, &path(&ada)).await.is_throttled();
    assert_eq!(api.texts_to(PHONE).await, 1);
}

#[tokio::test]
async fn a_text_that_is_not_sent_does_not_count_for_the_stack() {
    let api = Api::with(&[("SmsPerDay", "2")]).await;
    let admin = api.staff().await;
    let ada = with_number(&api, &admin).await;
    send(&admin, &path(&ada)).await.is(200, &by_text());
    for _ in 0..3 {
        // The number rests.
        send(&admin, &path(&ada)).await.is_throttled();
    }
    assert_eq!(api.post("/otp/generate", &json!({ "phone_number": "+919881167672" })).await.status, 200);
}

#[tokio::test]
async fn strangers_do_not_use_up_what_staff_may_send() {
    let api = Api::with(&[("OtpCooldownSeconds", "0"), ("OtpPerHour", "3")]).await;
    let admin = api.staff().await;
    // One code was sent to verify her address, and two more are asked for in vain.
    let ada = with_address(&api).await;
    for _ in 0..2 {
        assert_eq!(api.post("/api/otp/resend", &json!({ "email": EMAIL })).await.status, 200);
    }
    api.post("/api/password/forgot", &json!({ "email": EMAIL })).await.is_throttled();

    for _ in 0..2 {
        send(&admin, &path(&ada)).await.is(200, &by_mail());
    }

    // Three were really sent.
    send(&admin, &path(&ada)).await.is_throttled();
    assert_eq!(admin.post(&format!("{}/unlock", path(&ada)), &json!({})).await.status, 200);
    send(&admin, &path(&ada)).await.is(200, &by_mail());
}

#[tokio::test]
async fn of_ten_requests_at_once_one_sends_a_code() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = with_address(&api).await;
    let mails = api.mails_to(EMAIL).await;
    let path = path(&ada);

    let answers = join_all((0..10).map(|_| send(&admin, &path))).await;

    let (sent, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(sent.len(), 1);
    for answer in refused {
        answer.is_throttled();
    }
    assert_eq!(api.mails_to(EMAIL).await, mails + 1);
}

#[tokio::test]
async fn the_code_dies_with_the_password() {
    let api = Api::with(&unlimited()).await;
    let admin = api.staff().await;
    let ada = with_address(&api).await;
    let mails = api.mails_to(EMAIL).await;
    send(&admin, &path(&ada)).await.is(200, &by_mail());
    let code = api.code_after(EMAIL, mails).await;

    let change = json!({ "old_password": PASSWORD, "new_password": NEXT, "confirm_password": NEXT });
    assert_eq!(ada.post("/api/password/reset", &change).await.status, 200);

    confirm(&api, ("email", EMAIL), &code).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn who_is_not_staff_sends_nothing() {
    let api = Api::start().await;
    let bob = signed_in(&api, "bob").await;
    let ada = with_address(&api).await;

    for id in [ada.id().as_str(), &bob.id()].into_iter().chain(NOBODY) {
        is_refused(&api, send(&ada, &path_to(id)), 403, &forbidden()).await;
    }
    is_refused(&api, send(&api, &path(&ada)), 401, &not_authenticated()).await;
}

#[tokio::test]
async fn nobody_gets_no_code() {
    let api = Api::start().await;
    let admin = api.staff().await;

    for id in NOBODY {
        is_refused(&api, send(&admin, &path_to(id)), 404, &no_user()).await;
    }
}

#[tokio::test]
async fn it_is_audited_with_who_did_it_to_whom() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = with_address(&api).await;

    send(&admin, &path(&ada)).await.is(200, &by_mail());

    let [event] = api.audited("recovery sent").try_into().unwrap();
    assert_eq!((&event["actor_id"], &event["user_id"]), (&json!(admin.id()), &json!(ada.id())));
    assert_eq!((&event["event"], &event["ip"]), (&json!("recovery_sent"), &json!("127.0.0.1")));
}

/// Strangers can use up what they may guess at the codes of an address. Where the user is known, and once staff have
/// sent a code, that keeps nobody out.
#[tokio::test]
async fn guesses_of_strangers_do_not_keep_its_user_from_the_code() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    let admin = api.at([127, 0, 0, 3]);
    let admin = User::new(&admin, &staff_tokens(&api, &admin).await);
    let ada = with_address(&api).await;
    let mails = api.mails_to(EMAIL).await;
    let stranger = api.at([127, 0, 0, 9]);
    stranger.post("/api/password/forgot", &json!({ "email": EMAIL })).await;
    let guess = async |n: u8| confirm(&api.at([127, 0, 1, 2 + n]), ("email", EMAIL), "000000").await.status;
    for n in 0..10 {
        assert_eq!(guess(n).await, 400);
    }
    assert_eq!(guess(10).await, 429);

    send(&admin, &path(&ada)).await.is(200, &by_mail());

    let code = api.code_after(EMAIL, mails + 1).await;
    for n in 0..10 {
        assert_eq!(guess(n).await, 400);
    }
    assert_eq!(confirm(&api.at([127, 0, 0, 10]), ("email", EMAIL), &code).await.status, 429);
    assert_eq!(confirm(&api, ("email", EMAIL), &code).await.status, 200);
}

/// The tokens of a staff user, logged in at a network of their own.
async fn staff_tokens(api: &Api, at: &Client) -> Value {
    let admin = json!({ "username": "admin", "email": "admin@example.com", "password": PASSWORD });
    api.stack.invoke("create-superuser", admin).await.unwrap();
    at.try_token("admin", PASSWORD).await.body
}
