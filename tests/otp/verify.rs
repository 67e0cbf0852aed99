//! `POST /otp/verify`.

use futures_util::{future::join_all, join};
use serde_json::{Value, json};

use super::{NUMBER, OTHER, generate, registered_with, sent};
use crate::support::{Answer, Api, PASSWORD, User, no_active_account, otp_invalid, wrong_code};

async fn verify(api: &Api, number: &str, otp: &str) -> Answer {
    api.post("/otp/verify", &json!({ "phone_number": number, "otp": otp })).await
}

fn verified() -> Value {
    json!({ "message": "Phone number verified successfully" })
}

fn nobody() -> Value {
    json!({ "detail": "Employee not found." })
}

/// The code that is sent to a number.
async fn code_to(api: &Api, number: &str) -> String {
    let before = api.stack.messages(number).len();
    generate(api, number).await.is(200, &sent());
    api.code_after(number, before).await
}

/// An employee of `owner` with a phone number.
async fn employee(owner: &User, number: &str) -> Value {
    let body = json!({ "first_name": "Grace", "last_name": "Hopper", "phone_number": number });
    let answer = owner.post("/api/employees", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body
}

fn path(employee: &Value) -> String {
    format!("/api/employees/{}", employee["id"].as_str().unwrap())
}

async fn read(owner: &User, employee: &Value) -> Value {
    let answer = owner.get(&path(employee)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body
}

#[tokio::test]
async fn a_right_code_proves_the_employee_with_the_number() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let before = employee(&ada, "98811 67671").await;
    let bystander = employee(&ada, OTHER).await;
    let code = code_to(&api, NUMBER).await;

    verify(&api, "098811-67671", &code).await.is(200, &verified());

    let answer = ada.get(&path(&before)).await;
    let mut expected = before.clone();
    expected["is_phone_verified"] = json!(true);
    expected["updated_at"] = answer.body["updated_at"].clone();
    answer.is(200, &expected);
    assert_eq!(answer.header("etag"), "\"2\"");
    assert!(answer.body["updated_at"].as_str() > before["updated_at"].as_str());
    assert_eq!(read(&ada, &bystander).await, bystander);
}

#[tokio::test]
async fn an_employee_who_is_proven_is_listed_as_proven() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let grace = employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;
    verify(&api, NUMBER, &code).await.is(200, &verified());

    let proven = ada.get("/api/employees?is_phone_verified=true").await;
    assert_eq!(proven.body["results"], json!([read(&ada, &grace).await]));
    let unproven = ada.get("/api/employees?is_phone_verified=false").await;
    assert_eq!(unproven.body["results"], json!([]));
}

#[tokio::test]
async fn a_right_code_proves_the_user_with_the_number() {
    let api = Api::start().await;
    registered_with(&api, "ada", NUMBER).await;
    let ada = api.log_in("ada").await;
    assert_eq!(ada.profile().await["is_phone_verified"], false);
    let code = code_to(&api, NUMBER).await;

    verify(&api, NUMBER, &code).await.is(200, &verified());

    assert_eq!(ada.profile().await["is_phone_verified"], true);
    assert_eq!(api.try_token("9881167671", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_right_code_proves_a_user_and_an_employee_at_once() {
    let api = Api::start().await;
    registered_with(&api, "ada", NUMBER).await;
    let ada = api.log_in("ada").await;
    let grace = employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;

    verify(&api, NUMBER, &code).await.is(200, &verified());

    assert_eq!(read(&ada, &grace).await["is_phone_verified"], true);
    assert_eq!(ada.profile().await["is_phone_verified"], true);
}

#[tokio::test]
async fn a_right_code_for_a_number_that_nobody_has_is_used_up() {
    let api = Api::start().await;
    let code = code_to(&api, NUMBER).await;

    verify(&api, NUMBER, &code).await.is(404, &nobody());

    assert_eq!(api.records().await.len(), 0);
    verify(&api, NUMBER, &code).await.is(400, &otp_invalid());
}

#[tokio::test]
async fn a_code_works_once() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;
    verify(&api, NUMBER, &code).await.is(200, &verified());
    let before = api.records().await;

    verify(&api, NUMBER, &code).await.is(400, &otp_invalid());

    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn a_right_code_used_at_once_by_ten_works_once() {
    let api = Api::start().await;
    registered_with(&api, "ada", NUMBER).await;
    employee(&api.log_in("ada").await, NUMBER).await;
    let code = code_to(&api, NUMBER).await;

    let answers = join_all((0..10).map(|_| verify(&api, NUMBER, &code))).await;

    let (right, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(right.len(), 1);
    for answer in refused {
        answer.is(400, &otp_invalid());
    }
}

#[tokio::test]
async fn after_two_wrong_guesses_the_right_one_still_works() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let grace = employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;
    for guess in [&wrong_code(&code, 0), "abc"] {
        verify(&api, NUMBER, guess).await.is(400, &otp_invalid());
        assert_eq!(read(&ada, &grace).await, grace);
    }

    verify(&api, NUMBER, &code).await.is(200, &verified());
}

#[tokio::test]
async fn after_three_wrong_guesses_even_the_right_one_is_refused() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let grace = employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;
    for n in 0..3 {
        verify(&api, NUMBER, &wrong_code(&code, n)).await.is(400, &otp_invalid());
    }

    verify(&api, NUMBER, &code).await.is(400, &otp_invalid());

    assert_eq!(read(&ada, &grace).await, grace);
}

#[tokio::test]
async fn a_number_is_guessed_at_ten_times_a_day_however_many_codes_there_are() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    let ada = api.signed_in().await;
    let grace = employee(&ada, NUMBER).await;
    for guesses in [3, 3, 3, 1] {
        let code = code_to(&api, NUMBER).await;
        for n in 0..guesses {
            verify(&api, NUMBER, &wrong_code(&code, n)).await.is(400, &otp_invalid());
        }
    }

    let code = code_to(&api, NUMBER).await;
    verify(&api, NUMBER, &code).await.is_throttled();

    assert_eq!(read(&ada, &grace).await, grace);
}

#[tokio::test]
async fn a_right_guess_is_not_counted_as_a_wrong_one() {
    let api = Api::with(&[("OtpCooldownSeconds", "0"), ("OtpWrongPerDay", "1")]).await;
    let ada = api.signed_in().await;
    employee(&ada, NUMBER).await;
    for _ in 0..3 {
        let code = code_to(&api, NUMBER).await;
        verify(&api, NUMBER, &code).await.is(200, &verified());
    }

    // Nor is one for a number that nobody has.
    for _ in 0..2 {
        let code = code_to(&api, OTHER).await;
        verify(&api, OTHER, &code).await.is(404, &nobody());
    }
}

#[tokio::test]
async fn an_expired_code_is_refused_though_its_record_is_still_there() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let grace = employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;
    api.let_code_expire("verify_phone", NUMBER).await;

    verify(&api, NUMBER, &code).await.is(400, &otp_invalid());

    assert_eq!(read(&ada, &grace).await, grace);
}

#[tokio::test]
async fn a_new_code_takes_the_place_of_the_old() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    employee(&api.signed_in().await, NUMBER).await;
    let old = code_to(&api, NUMBER).await;
    let new = code_to(&api, NUMBER).await;

    if old != new {
        verify(&api, NUMBER, &old).await.is(400, &otp_invalid());
    }
    verify(&api, NUMBER, &new).await.is(200, &verified());
}

#[tokio::test]
async fn a_code_proves_no_other_number() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let grace = employee(&ada, OTHER).await;
    let (code, others) = (code_to(&api, NUMBER).await, code_to(&api, OTHER).await);

    if code != others {
        verify(&api, OTHER, &code).await.is(400, &otp_invalid());
        assert_eq!(read(&ada, &grace).await, grace);
    }
}

#[tokio::test]
async fn a_code_to_sign_up_proves_no_employee() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let grace = employee(&ada, NUMBER).await;
    assert_eq!(api.post("/auth/check-phone", &json!({ "phone": NUMBER })).await.status, 200);
    let foreign = api.code_for(NUMBER).await;
    verify(&api, NUMBER, &foreign).await.is(400, &otp_invalid());

    let own = code_to(&api, NUMBER).await;
    if own != foreign {
        verify(&api, NUMBER, &foreign).await.is(400, &otp_invalid());
    }

    assert_eq!(read(&ada, &grace).await, grace);
}

#[tokio::test]
async fn a_code_for_an_address_proves_no_number_and_the_other_way_round() {
    let api = Api::start().await;
    registered_with(&api, "ada", NUMBER).await;
    let ada = api.log_in("ada").await;
    let by_mail = api.code_for("ada@example.com").await;
    let by_text = code_to(&api, NUMBER).await;

    if by_mail != by_text {
        verify(&api, NUMBER, &by_mail).await.is(400, &otp_invalid());
        let body = json!({ "email": "ada@example.com", "otp": by_text });
        api.post("/api/otp/verify", &body).await.is(400, &otp_invalid());
        let profile = ada.profile().await;
        assert_eq!(
            (&profile["is_email_verified"], &profile["is_phone_verified"]),
            (&json!(false), &json!(false))
        );
    }
}

#[tokio::test]
async fn an_account_made_after_the_code_was_asked_for_is_not_proven_by_it() {
    let api = Api::start().await;
    let code = code_to(&api, NUMBER).await;
    registered_with(&api, "eve", NUMBER).await;
    let eve = api.log_in("eve").await;

    verify(&api, NUMBER, &code).await.is(404, &nobody());

    assert_eq!(eve.profile().await["is_phone_verified"], false);
    assert_eq!(api.try_token(NUMBER, PASSWORD).await.status, 401);
}

#[tokio::test]
async fn a_code_for_one_user_proves_no_other_who_has_the_number_since() {
    let api = Api::start().await;
    registered_with(&api, "ada", NUMBER).await;
    let ada = api.log_in("ada").await;
    let code = code_to(&api, NUMBER).await;
    assert_eq!(ada.patch("/api/profile", &json!({ "phone_number": OTHER })).await.status, 200);
    registered_with(&api, "eve", NUMBER).await;
    let eve = api.log_in("eve").await;
    // An employee shows that the code was right.
    let grace = employee(&ada, NUMBER).await;

    verify(&api, NUMBER, &code).await.is(200, &verified());

    assert_eq!(read(&ada, &grace).await["is_phone_verified"], true);
    assert_eq!(ada.profile().await["is_phone_verified"], false);
    assert_eq!(eve.profile().await["is_phone_verified"], false);
}

#[tokio::test]
async fn a_code_proves_the_employee_who_has_the_number_when_it_is_used() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let former = employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;
    assert_eq!(ada.patch(&path(&former), &json!({ "phone_number": OTHER })).await.status, 200);
    api.registered("bob").await;
    let bob = api.log_in("bob").await;
    let present = employee(&bob, NUMBER).await;

    verify(&api, NUMBER, &code).await.is(200, &verified());

    assert_eq!(read(&bob, &present).await["is_phone_verified"], true);
    assert_eq!(read(&ada, &former).await["is_phone_verified"], false);
}

#[tokio::test]
async fn a_number_that_is_given_up_while_it_is_proven_leaves_the_next_one_unproven() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let grace = employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;

    let (path, body) = (path(&grace), json!({ "phone_number": OTHER }));
    let (proof, change) = join!(verify(&api, NUMBER, &code), ada.patch(&path, &body));

    assert_eq!(change.status, 200, "{}", change.text);
    assert!([200, 404].contains(&proof.status), "{}", proof.text);
    let grace = read(&ada, &grace).await;
    assert_eq!((&grace["phone_number"], &grace["is_phone_verified"]), (&json!(OTHER), &json!(false)));
}

#[tokio::test]
async fn a_proof_and_a_change_of_another_field_both_survive() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let grace = employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;

    let (path, body) = (path(&grace), json!({ "job_title": "Rear admiral", "department": "Navy" }));
    let (proof, change) = join!(verify(&api, NUMBER, &code), ada.patch(&path, &body));

    assert_eq!(change.status, 200, "{}", change.text);
    proof.is(200, &verified());
    let after = read(&ada, &grace).await;
    let mut expected = grace;
    expected["job_title"] = json!("Rear admiral");
    expected["department"] = json!("Navy");
    expected["is_phone_verified"] = json!(true);
    expected["updated_at"] = after["updated_at"].clone();
    assert_eq!(after, expected);
    let listed = ada.get("/api/employees?department=Navy&is_phone_verified=true").await;
    assert_eq!(listed.body["results"], json!([after]));
}

#[tokio::test]
async fn a_number_without_a_code_hears_the_same() {
    let api = Api::start().await;
    employee(&api.signed_in().await, NUMBER).await;
    let before = api.records().await;

    for number in [NUMBER, OTHER] {
        verify(&api, number, "123456").await.is(400, &otp_invalid());
    }

    assert_eq!(api.records().await, before);
}

#[tokio::test]
async fn both_fields_are_required() {
    let api = Api::start().await;
    let required = ["This field is required."];

    let answer = api.post("/otp/verify", &json!({})).await;
    answer.is(400, &json!({ "phone_number": required, "otp": required }));

    let answer = verify(&api, "abc", &"1".repeat(21)).await;
    let long = ["Ensure this field has no more than 20 characters."];
    answer.is(400, &json!({ "phone_number": ["Enter a valid phone number."], "otp": long }));
}

#[tokio::test]
async fn who_proves_a_number_to_their_employer_does_not_prove_a_strangers_account() {
    let api = Api::start().await;
    registered_with(&api, "mallory", NUMBER).await;
    let mallory = api.log_in("mallory").await;
    let employer = api.signed_in().await;
    let grace = employee(&employer, NUMBER).await;
    let code = code_to(&api, NUMBER).await;

    verify(&api, NUMBER, &code).await.is(200, &verified());

    assert_eq!(read(&employer, &grace).await["is_phone_verified"], true);
    assert_eq!(mallory.profile().await["is_phone_verified"], false);
    let login = api.post("/auth/login", &json!({ "phone": NUMBER, "password": PASSWORD })).await;
    login.is(401, &no_active_account());
}

#[tokio::test]
async fn a_user_who_asks_for_the_code_themselves_is_proven_beside_an_employee_of_somebody_else() {
    let api = Api::start().await;
    registered_with(&api, "grace", NUMBER).await;
    let grace = api.log_in("grace").await;
    let employer = api.signed_in().await;
    let record = employee(&employer, NUMBER).await;
    generate(&grace, NUMBER).await.is(200, &sent());
    let code = api.code_for(NUMBER).await;

    verify(&api, NUMBER, &code).await.is(200, &verified());

    assert_eq!(read(&employer, &record).await["is_phone_verified"], true);
    assert_eq!(grace.profile().await["is_phone_verified"], true);
}

#[tokio::test]
async fn the_token_of_another_user_or_none_proves_no_more_than_a_code_that_nobody_asked_for() {
    let api = Api::start().await;
    registered_with(&api, "mallory", NUMBER).await;
    let mallory = api.log_in("mallory").await;
    let employer = api.signed_in().await;
    employee(&employer, NUMBER).await;
    generate(&employer, NUMBER).await.is(200, &sent());
    let code = api.code_for(NUMBER).await;
    verify(&api, NUMBER, &code).await.is(200, &verified());
    assert_eq!(mallory.profile().await["is_phone_verified"], false);

    // A token that is no good is no obstacle: clients send what they have.
    generate(&api.bearer("no token"), OTHER).await.is(200, &sent());
}

#[tokio::test]
async fn a_proof_is_audited_for_the_employee_and_the_user_and_names_who_asked_for_it() {
    let api = Api::start().await;
    registered_with(&api, "grace", NUMBER).await;
    let grace = api.log_in("grace").await;
    let record = employee(&grace, NUMBER).await;
    let code = code_to(&api, NUMBER).await;
    verify(&api, NUMBER, &code).await.is(200, &verified());

    let mut events = json!([
        [null, null, record["id"], "is_phone_verified"],
        [null, grace.id(), null, "is_phone_verified"],
    ]);
    assert_eq!(api.changes("verified"), events);

    grace.patch("/api/profile", &json!({ "phone_number": OTHER })).await;
    generate(&grace, OTHER).await.is(200, &sent());
    verify(&api, OTHER, &api.code_for(OTHER).await).await.is(200, &verified());
    events.as_array_mut().unwrap().push(json!([grace.id(), grace.id(), null, "is_phone_verified"]));
    assert_eq!(api.changes("verified"), events);
}
