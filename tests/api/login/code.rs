//! `POST /api/login/code`.

mod confirm;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Api, Client, User, complaint, unlimited};

/// The field of a body that says where a code goes, and where.
type To = (&'static str, &'static str);

const EMAIL: To = ("email", "ada@example.com");
const PHONE: To = ("phone_number", "+919881167671");

fn sent((field, _): To) -> Value {
    let what = if field == "email" { "address" } else { "number" };
    json!({ "message": format!("If an account has that {what}, a code to log in has been sent.") })
}

fn not_found() -> Value {
    json!({ "detail": "Not found." })
}

async fn ask(client: &Client, (field, to): To) -> Answer {
    client.post("/api/login/code", &json!({ field: to })).await
}

async fn confirm(client: &Client, (field, to): To, otp: &str) -> Answer {
    client.post("/api/login/code/confirm", &json!({ field: to, "otp": otp })).await
}

/// How many messages were sent there.
async fn messages(api: &Api, (field, to): To) -> usize {
    if field == "email" { api.mails_to(to).await } else { api.texts_to(to).await }
}

/// Asks for a code and gives it.
async fn code(api: &Api, to: To) -> String {
    let before = messages(api, to).await;
    ask(api, to).await.is(200, &sent(to));
    api.code_after(to.1, before).await
}

/// `ada`, who has verified her address and her number; her id.
async fn verified(api: &Api, admin: &User) -> String {
    let id = api.verified("ada").await["id"].as_str().unwrap().to_owned();
    change(admin, &id, json!({ "phone_number": PHONE.1, "is_phone_verified": true })).await;
    id
}

/// What staff change of a user.
async fn change(admin: &User, id: &str, body: Value) {
    let answer = admin.patch(&format!("/api/users/{id}"), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn a_code_goes_to_a_verified_address_and_to_a_verified_number() {
    let api = Api::start().await;
    let admin = api.staff().await;
    verified(&api, &admin).await;
    let mails = api.mails_to(EMAIL.1).await;

    api.post("/api/login/code", &json!({ "email": "Ada@Example.com" })).await.is(200, &sent(EMAIL));
    ask(&api, ("phone_number", "9881167671")).await.is(200, &sent(PHONE));

    let mail = api.stack.message(EMAIL.1, mails).await.unwrap();
    assert_eq!(mail.subject, "Rollcall: your code to log in");
    assert!(mail.body.starts_with("Your code to log in is "), "{}", mail.body);
    let text = api.message_to(PHONE.1).await;
    assert!(text.body.contains(" is your Rollcall code to log in."), "{}", text.body);
}

#[tokio::test]
async fn it_is_off_by_default_and_then_as_if_it_were_not_there() {
    let api = Api::with(&[("LoginByCode", "off")]).await;
    api.verified("ada").await;
    let before = api.records().await;

    for to in [EMAIL, PHONE] {
        ask(&api, to).await.is(404, &not_found());
        confirm(&api, to, "123456").await.is(404, &not_found());
    }
    api.post("/api/login/code", &json!([])).await.is(404, &not_found());

    assert_eq!(api.records().await, before);
    let template = std::fs::read_to_string(crate::support::root().join("template.yaml")).unwrap();
    let parameter = template.split_once("\n  LoginByCode:\n").unwrap().1;
    assert_eq!(parameter.lines().find(|line| line.contains("Default:")), Some("    Default: \"off\""));
}

#[tokio::test]
async fn each_way_can_be_switched_on_alone() {
    let required = |field| complaint(field, "This field is required.");
    for (ways, on, off) in [("email", EMAIL, PHONE), ("phone", PHONE, EMAIL)] {
        let api = Api::with(&[("LoginByCode", ways)]).await;
        let admin = api.staff().await;
        verified(&api, &admin).await;

        ask(&api, off).await.is(400, &required(on.0));
        let body = json!({ off.0: off.1, "otp": "123456" });
        api.post("/api/login/code/confirm", &body).await.is(400, &required(on.0));

        let otp = code(&api, on).await;
        assert_eq!(confirm(&api, on, &otp).await.status, 200);
    }
}

#[tokio::test]
async fn users_who_may_not_log_in_by_code_hear_the_same_and_get_no_message() {
    let api = Api::with(&unlimited()).await;
    let admin = api.staff().await;
    let id = verified(&api, &admin).await;
    // Nobody has these, or has not verified them, or only staged them.
    let bob = api.registered("bob").await["id"].as_str().unwrap().to_owned();
    change(&admin, &bob, json!({ "phone_number": "+919881167672", "email": "staged@example.com" })).await;
    let strangers = [
        ("email", "nobody@example.com"),
        ("email", "bob@example.com"),
        ("email", "staged@example.com"),
        ("email", "admin@example.com"),
        ("phone_number", "+919881167672"),
        ("phone_number", "+919881167673"),
    ];
    let is_refused = async |to: To| {
        let before = messages(&api, to).await;
        ask(&api, to).await.is(200, &sent(to));
        assert_eq!(messages(&api, to).await, before, "{to:?}");
        let pk = format!("log_in#{}", to.1);
        let record = api.item("Otps", &pk).await.unwrap();
        assert_eq!((&record["channel"]["S"], record.get("user_id")), (&json!("none"), None), "{to:?}");
    };
    for to in strangers {
        is_refused(to).await;
    }
    for body in [json!({ "is_staff": true }), json!({ "is_staff": false, "is_active": false })] {
        change(&admin, &id, body).await;
        for to in [EMAIL, PHONE] {
            is_refused(to).await;
        }
    }
    change(&admin, &id, json!({ "is_active": true, "is_email_verified": false })).await;
    is_refused(EMAIL).await;
    code(&api, PHONE).await;
}

#[tokio::test]
async fn an_address_rests_before_the_next_code_whoever_has_it() {
    let api = Api::start().await;
    api.verified("ada").await;
    for to in [EMAIL, ("email", "nobody@example.com")] {
        ask(&api, to).await.is(200, &sent(to));
        assert!(ask(&api, to).await.is_throttled() <= 60);
        // The two kinds of code rest together.
        let forgot = api.post("/api/password/forgot", &json!({ "email": to.1 })).await;
        assert!(forgot.is_throttled() <= 60);
    }
}

#[tokio::test]
async fn of_parallel_requests_one_is_granted_and_one_message_goes_out() {
    let api = Api::start().await;
    let admin = api.staff().await;
    verified(&api, &admin).await;
    for to in [EMAIL, PHONE] {
        let before = messages(&api, to).await;

        let answers = join_all((0..10).map(|_| ask(&api, to))).await;

        let (granted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(granted.len(), 1);
        for answer in refused {
            answer.is_throttled();
        }
        assert_eq!(messages(&api, to).await, before + 1);
    }
}

#[tokio::test]
async fn an_ip_address_asks_for_so_many_codes_an_hour() {
    let api = Api::with(&[("OtpPerIpPerHour", "1")]).await;
    ask(&api, EMAIL).await.is(200, &sent(EMAIL));

    ask(&api, PHONE).await.is_throttled();
}

#[tokio::test]
async fn only_what_is_sent_counts_as_a_text_message_of_the_stack() {
    let api = Api::with(&[("SmsPerDay", "1"), ("OtpCooldownSeconds", "0")]).await;
    let admin = api.staff().await;
    verified(&api, &admin).await;
    for _ in 0..3 {
        let to = ("phone_number", "+919881167672");
        ask(&api, to).await.is(200, &sent(to));
    }

    ask(&api, PHONE).await.is(200, &sent(PHONE));

    ask(&api, PHONE).await.is_throttled();
    assert_eq!(api.texts_to(PHONE.1).await, 1);
}

#[tokio::test]
async fn an_address_or_a_number_is_required() {
    let api = Api::start().await;

    api.post("/api/login/code", &json!({})).await.is(400, &complaint("email", "This field is required."));
    ask(&api, ("email", "nobody")).await.is(400, &complaint("email", "Enter a valid email address."));
    let invalid = complaint("phone_number", "Enter a valid phone number.");
    ask(&api, ("phone_number", "nowhere")).await.is(400, &invalid);

    assert_eq!(api.records().await.len(), 0);
}

#[tokio::test]
async fn a_code_goes_to_the_address_as_its_user_wrote_it() {
    let api = Api::start().await;
    let admin = api.staff().await;
    verified(&api, &admin).await;
    let before = messages(&api, EMAIL).await;

    let to = ("email", "aDA@eXample.com");
    ask(&api, to).await.is(200, &sent(to));

    api.code_after(EMAIL.1, before).await;
    assert_eq!(api.stack.messages(EMAIL.1).pop().unwrap().to, EMAIL.1);
}
