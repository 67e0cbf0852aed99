//! `POST /otp/verify`.

use futures_util::{future::join_all, join};
use serde_json::{Value, json};

use super::{NUMBER, OTHER, code_by, generate, registered_with, sent, verify};
use crate::support::{
    Answer, Api, PASSWORD, User, bearer_not_valid, no_active_account, otp_invalid, phone_otp_invalid,
    unlimited, unlimited_seeds, wrong_code,
};

fn verified() -> Value {
    json!({ "message": "Phone number verified successfully" })
}

fn nobody() -> Value {
    json!({ "detail": "Employee not found" })
}

/// The code that is sent to a number.
async fn code_to(api: &Api, number: &str) -> String {
    code_by(api, api, number).await
}

/// Tries to log in by number.
async fn log_in(api: &Api, number: &str) -> Answer {
    api.post("/auth/login", &json!({ "phone": number, "password": PASSWORD })).await
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
async fn a_user_proves_their_own_number_with_a_code_that_they_asked_for() {
    let api = Api::start().await;
    registered_with(&api, "ada", NUMBER).await;
    let ada = api.log_in("ada").await;
    assert_eq!(ada.profile().await["is_phone_verified"], false);
    let code = code_by(&api, &ada, NUMBER).await;

    verify(&ada, NUMBER, &code).await.is(200, &verified());

    assert_eq!(ada.profile().await["is_phone_verified"], true);
    assert_eq!(api.try_token("9881167671", PASSWORD).await.status, 200);
}

/// Somebody with a stolen token could verify a number of their own, and get in with it for good.
#[tokio::test]
async fn the_verified_address_of_a_user_is_told_of_a_number_that_is_verified() {
    let api = Api::start().await;
    api.verified("ada").await;
    let ada = api.log_in("ada").await;
    assert_eq!(ada.patch("/api/profile", &json!({ "phone_number": NUMBER })).await.status, 200);
    let mails = api.mails_to("ada@example.com").await;
    generate(&ada, NUMBER).await.is(200, &sent());
    let code = api.code_for(NUMBER).await;

    assert_eq!(verify(&ada, NUMBER, &code).await.status, 200);

    let notice = api.stack.message("ada@example.com", mails).await.unwrap();
    assert_eq!(notice.subject, "Rollcall: a phone number of your account was verified");
    assert!(!notice.body.contains(|c: char| c.is_ascii_digit()), "{}", notice.body);
}

/// A stranger registers with somebody's number; its owner enters a code that nobody signed in has asked for.
async fn the_owner_proves_nothing_for_a_stranger(api: Api) {
    registered_with(&api, "mallory", NUMBER).await;
    let mallory = api.log_in("mallory").await;
    let before = api.stack.messages(NUMBER).len();
    generate(&api, NUMBER).await.is(200, &sent());
    let text = api.stack.message(NUMBER, before).await.unwrap().body;
    let digits = text.chars().skip_while(|c| !c.is_ascii_digit());
    let code: String = digits.take_while(char::is_ascii_digit).collect();

    verify(&api, NUMBER, &code).await.is(404, &nobody());

    assert_eq!(mallory.profile().await["is_phone_verified"], false);
    log_in(&api, NUMBER).await.is(401, &no_active_account());
    api.try_token(NUMBER, PASSWORD).await.is(401, &no_active_account());
}

#[tokio::test]
async fn the_owner_of_a_number_does_not_prove_the_account_of_a_stranger_who_registered_with_it() {
    the_owner_proves_nothing_for_a_stranger(Api::start().await).await;
}

#[tokio::test]
async fn under_the_seeds_policy_they_do_not_either() {
    the_owner_proves_nothing_for_a_stranger(Api::seeds().await).await;
}

#[tokio::test]
async fn a_code_that_a_stranger_asked_for_proves_nothing_when_the_owner_enters_it() {
    let api = Api::start().await;
    registered_with(&api, "mallory", NUMBER).await;
    let mallory = api.log_in("mallory").await;
    let employer = api.signed_in().await;
    // The newest message is not the one that the owner asked for.
    let code = code_by(&api, &mallory, NUMBER).await;

    verify(&employer, NUMBER, &code).await.is(400, &phone_otp_invalid());

    assert_eq!(mallory.profile().await["is_phone_verified"], false);
    log_in(&api, NUMBER).await.is(401, &no_active_account());
}

#[tokio::test]
async fn strangers_do_not_keep_a_user_from_verifying_their_number() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    registered_with(&api, "ada", NUMBER).await;
    let ada = api.log_in("ada").await;
    let stranger = api.at([127, 0, 0, 2]);
    let ask = async || stranger.post("/otp/generate", &json!({ "phone_number": NUMBER })).await;
    for _ in 0..4 {
        ask().await.is(200, &sent());
    }
    let texts = api.texts_to(NUMBER).await;
    generate(&ada, NUMBER).await.is(200, &sent());
    let code = api.code_after(NUMBER, texts).await;
    // The next one does not take the place of Ada's.
    ask().await.is(200, &sent());
    ask().await.is_throttled();

    verify(&ada, NUMBER, &code).await.is(200, &verified());

    assert_eq!(ada.profile().await["is_phone_verified"], true);
    // What Ada asks for has a limit of its own.
    for _ in 0..4 {
        generate(&ada, NUMBER).await.is(200, &sent());
    }
    generate(&ada, NUMBER).await.is_throttled();
}

#[tokio::test]
async fn users_get_no_code_of_their_own_for_a_number_that_another_user_has_verified() {
    let api = Api::with(&[("OtpCooldownSeconds", "0"), ("OtpPerHour", "2")]).await;
    let mut losers = Vec::new();
    for name in ["eve", "mallory"] {
        registered_with(&api, name, NUMBER).await;
        losers.push(api.log_in(name).await);
    }
    registered_with(&api, "ada", NUMBER).await;
    let ada = api.log_in("ada").await;
    let code = code_by(&api, &ada, NUMBER).await;
    verify(&ada, NUMBER, &code).await.is(200, &verified());

    // What they ask for is limited as for anyone.
    for loser in &losers {
        generate(loser, NUMBER).await.is(200, &sent());
    }
    for loser in &losers {
        generate(loser, NUMBER).await.is_throttled();
    }
}

#[tokio::test]
async fn users_who_claim_one_number_share_the_guesses_and_the_codes_of_its_day() {
    let limits = [("OtpCooldownSeconds", "0"), ("OtpPerDay", "1"), ("OtpPerIpPerHour", "100")];
    let api = Api::with(&limits).await;
    let (mut answers, mut guesses) = (Vec::new(), 0);
    for n in 0..7_u8 {
        let name = format!("user{n}");
        registered_with(&api, &name, NUMBER).await;
        let user = api.log_in(&name).await;
        let answer = generate(&user, NUMBER).await;
        answers.push(answer.status);
        for guess in 0..3 {
            let otp = wrong_code("123456", guess);
            guesses += u32::from(verify(&user, NUMBER, &otp).await.status == 400);
        }
    }

    // Five times as many codes as one user may ask for, and from one network as many guesses as at any address.
    assert_eq!(answers, [200, 200, 200, 200, 200, 429, 429]);
    assert_eq!(guesses, 10);
}

#[tokio::test]
async fn a_code_of_the_previous_release_proves_no_user_who_did_not_ask_for_it() {
    let api = Api::start().await;
    registered_with(&api, "mallory", NUMBER).await;
    let mallory = api.log_in("mallory").await;
    let code = code_to(&api, NUMBER).await;
    // It named the user who had claimed the number.
    let record = format!("verify_phone#{NUMBER}");
    api.set("Otps", |key| key == record, "user_id", &json!({ "S": mallory.id() })).await;

    verify(&mallory, NUMBER, &code).await.is(404, &nobody());

    assert_eq!(mallory.profile().await["is_phone_verified"], false);
}

#[tokio::test]
async fn a_users_code_is_kept_when_their_token_is_invalid() {
    let api = Api::start().await;
    registered_with(&api, "ada", NUMBER).await;
    let ada = api.log_in("ada").await;
    let code = code_by(&api, &ada, NUMBER).await;

    let refused = verify(&api.bearer("no.valid.token"), NUMBER, &code).await;
    refused.is(401, &bearer_not_valid("Token is invalid"));

    verify(&ada, NUMBER, &code).await.is(200, &verified());
    assert_eq!(ada.profile().await["is_phone_verified"], true);
}

#[tokio::test]
async fn an_invalid_token_is_refused_and_costs_the_code_nothing() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;

    for _ in 0..4 {
        let refused = verify(&api.bearer("no.valid.token"), NUMBER, &wrong_code(&code, 0)).await;
        refused.is(401, &bearer_not_valid("Token is invalid"));
    }

    verify(&api, NUMBER, &code).await.is(200, &verified());
}

/// Eve claims the number of Ada, who had claimed it before. Gives Eve's session.
async fn claimed_by_eve(api: &Api) -> User {
    api.registered("eve").await;
    let eve = api.log_in("eve").await;
    let claimed = eve.patch("/api/profile", &json!({ "phone_number": NUMBER })).await;
    assert_eq!((claimed.status, &claimed.body["phone_number"]), (200, &json!(NUMBER)), "{}", claimed.text);
    eve
}

#[tokio::test]
async fn a_claim_by_another_user_does_not_keep_the_owner_from_proving_their_number() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    registered_with(&api, "ada", NUMBER).await;
    let ada = api.log_in("ada").await;
    // Between the claim and the code, and between the code and the proof.
    let eve = claimed_by_eve(&api).await;
    assert_eq!(ada.profile().await["phone_number"], Value::Null);
    let code = code_by(&api, &ada, NUMBER).await;
    let changed = eve.patch("/api/profile", &json!({ "phone_number": null })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);
    let changed = eve.patch("/api/profile", &json!({ "phone_number": NUMBER })).await;
    assert_eq!(changed.status, 200, "{}", changed.text);

    verify(&ada, NUMBER, &code).await.is(200, &verified());

    let profile = ada.profile().await;
    assert_eq!((&profile["phone_number"], &profile["is_phone_verified"]), (&json!(NUMBER), &json!(true)));
    let lost = eve.profile().await;
    assert_eq!((&lost["phone_number"], &lost["is_phone_verified"]), (&Value::Null, &json!(false)));
    assert_eq!(User::new(&api, &log_in(&api, NUMBER).await.body).id(), ada.id());
    let (ada, eve) = (ada.id(), eve.id());
    let lost = json!([[eve, ada, null, "phone_number"], [ada, eve, null, "phone_number"]]);
    assert_eq!(api.changes("name lost"), lost);
    assert_eq!(api.changes("verified"), json!([[ada, ada, null, "phone_number,is_phone_verified"]]));
}

#[tokio::test]
async fn a_proof_takes_nothing_from_who_has_proven_the_number_before() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    registered_with(&api, "ada", NUMBER).await;
    let ada = api.log_in("ada").await;
    let adas = code_by(&api, &ada, NUMBER).await;
    let eve = claimed_by_eve(&api).await;
    let eves = code_by(&api, &eve, NUMBER).await;
    verify(&eve, NUMBER, &eves).await.is(200, &verified());

    verify(&ada, NUMBER, &adas).await.is(404, &nobody());

    assert_eq!(eve.profile().await["is_phone_verified"], true);
    assert_eq!(ada.profile().await["phone_number"], Value::Null);
    generate(&ada, NUMBER).await.is(200, &sent());
}

#[tokio::test]
async fn an_employers_code_gives_the_employer_no_number() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let grace = employee(&ada, NUMBER).await;
    let code = code_by(&api, &ada, NUMBER).await;

    verify(&ada, NUMBER, &code).await.is(200, &verified());

    assert_eq!(read(&ada, &grace).await["is_phone_verified"], true);
    assert_eq!(ada.profile().await["phone_number"], Value::Null);
}

#[tokio::test]
async fn a_right_code_proves_a_user_and_an_employee_at_once() {
    let api = Api::start().await;
    registered_with(&api, "ada", NUMBER).await;
    let ada = api.log_in("ada").await;
    let grace = employee(&ada, NUMBER).await;
    let code = code_by(&api, &ada, NUMBER).await;

    verify(&ada, NUMBER, &code).await.is(200, &verified());

    assert_eq!(read(&ada, &grace).await["is_phone_verified"], true);
    assert_eq!(ada.profile().await["is_phone_verified"], true);
}

#[tokio::test]
async fn a_right_code_for_a_number_that_nobody_has_is_used_up() {
    let api = Api::start().await;
    let code = code_to(&api, NUMBER).await;

    verify(&api, NUMBER, &code).await.is(404, &nobody());

    assert_eq!(api.records().await.len(), 0);
    verify(&api, NUMBER, &code).await.is(400, &phone_otp_invalid());
}

#[tokio::test]
async fn a_code_works_once() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;
    verify(&api, NUMBER, &code).await.is(200, &verified());
    let before = api.records().await;

    verify(&api, NUMBER, &code).await.is(400, &phone_otp_invalid());

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
        answer.is(400, &phone_otp_invalid());
    }
}

#[tokio::test]
async fn after_two_wrong_guesses_the_right_one_still_works() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let grace = employee(&ada, NUMBER).await;
    let code = code_to(&api, NUMBER).await;
    for guess in [&wrong_code(&code, 0), "abc"] {
        verify(&api, NUMBER, guess).await.is(400, &phone_otp_invalid());
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
        verify(&api, NUMBER, &wrong_code(&code, n)).await.is(400, &phone_otp_invalid());
    }

    verify(&api, NUMBER, &code).await.is(400, &phone_otp_invalid());

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
            verify(&api, NUMBER, &wrong_code(&code, n)).await.is(400, &phone_otp_invalid());
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

    verify(&api, NUMBER, &code).await.is(400, &phone_otp_invalid());

    assert_eq!(read(&ada, &grace).await, grace);
}

#[tokio::test]
async fn a_new_code_takes_the_place_of_the_old() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    employee(&api.signed_in().await, NUMBER).await;
    let old = code_to(&api, NUMBER).await;
    let new = code_to(&api, NUMBER).await;

    if old != new {
        verify(&api, NUMBER, &old).await.is(400, &phone_otp_invalid());
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
        verify(&api, OTHER, &code).await.is(400, &phone_otp_invalid());
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
    verify(&api, NUMBER, &foreign).await.is(400, &phone_otp_invalid());

    let own = code_to(&api, NUMBER).await;
    if own != foreign {
        verify(&api, NUMBER, &foreign).await.is(400, &phone_otp_invalid());
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
        verify(&api, NUMBER, &by_mail).await.is(400, &phone_otp_invalid());
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
    let code = code_by(&api, &ada, NUMBER).await;
    assert_eq!(ada.patch("/api/profile", &json!({ "phone_number": OTHER })).await.status, 200);
    registered_with(&api, "eve", NUMBER).await;
    let eve = api.log_in("eve").await;
    // An employee shows that the code was right.
    let grace = employee(&ada, NUMBER).await;

    verify(&ada, NUMBER, &code).await.is(200, &verified());

    assert_eq!(read(&ada, &grace).await["is_phone_verified"], true);
    assert_eq!(ada.profile().await["is_phone_verified"], false);
    assert_eq!(eve.profile().await["is_phone_verified"], false);
}

const THIRD: &str = "+919101234569";

/// The code that a user asks for, of however many digits.
async fn short_code_by(api: &Api, user: &User, number: &str) -> String {
    let before = api.stack.messages(number).len();
    generate(user, number).await.is(200, &sent());
    let text = api.stack.message(number, before).await.expect("a message").body;
    text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect()
}

/// A user who has verified their number and asks for another one, signed in.
async fn with_a_waiting_number(api: &Api, name: &str, number: &str) -> User {
    registered_with(api, name, number).await;
    let user = api.log_in(name).await;
    let code = short_code_by(api, &user, number).await;
    verify(&user, number, &code).await.is(200, &verified());
    let staged = user.patch("/api/profile", &json!({ "phone_number": THIRD })).await;
    assert_eq!(staged.body["pending_phone_number"], THIRD, "{}", staged.text);
    user
}

/// The number that a user has, whether it is verified, and the one that waits.
async fn numbers(user: &User) -> Value {
    let profile = user.profile().await;
    json!([profile["phone_number"], profile["is_phone_verified"], profile["pending_phone_number"]])
}

#[tokio::test]
async fn of_two_who_wait_for_a_number_one_gets_it_and_the_other_keeps_theirs() {
    for parameters in [unlimited(), unlimited_seeds()] {
        let api = Api::with(&parameters).await;
        let admin = api.staff().await;
        let ada = with_a_waiting_number(&api, "ada", NUMBER).await;
        let eve = with_a_waiting_number(&api, "eve", OTHER).await;
        let (of_ada, of_eve) =
            (short_code_by(&api, &ada, THIRD).await, short_code_by(&api, &eve, THIRD).await);

        let answers = join!(verify(&ada, THIRD, &of_ada), verify(&eve, THIRD, &of_eve));

        let (winner, loser, old) = if answers.0.status == 200 {
            answers.1.is(404, &json!({ "detail": "Employee not found" }));
            (&ada, &eve, OTHER)
        } else {
            answers.1.is(200, &verified());
            (&eve, &ada, NUMBER)
        };
        assert_eq!(numbers(winner).await, json!([THIRD, true, null]));
        assert_eq!(numbers(loser).await, json!([old, true, THIRD]));
        let listed = admin.get(&format!("/api/users?search={}", &THIRD[1..])).await.body;
        assert_eq!(listed["results"], json!([winner.profile().await]));
        crate::model::users_agree(&api).await;
    }
}

#[tokio::test]
async fn a_waiting_number_is_taken_from_who_claims_it_unverified_where_such_a_claim_keeps_nothing() {
    for (parameters, is_taken) in [(unlimited(), true), (unlimited_seeds(), false)] {
        let api = Api::with(&parameters).await;
        api.staff().await;
        let ada = with_a_waiting_number(&api, "ada", NUMBER).await;
        registered_with(&api, "bob", THIRD).await;
        let bob = api.log_in("bob").await;
        let code = short_code_by(&api, &ada, THIRD).await;

        let answer = verify(&ada, THIRD, &code).await;

        assert_eq!(answer.status, if is_taken { 200 } else { 404 }, "{}", answer.text);
        let expected = if is_taken { json!([THIRD, true, null]) } else { json!([NUMBER, true, THIRD]) };
        assert_eq!(numbers(&ada).await, expected);
        assert_eq!(bob.profile().await["phone_number"].is_null(), is_taken);
        crate::model::users_agree(&api).await;
    }
}

#[tokio::test]
async fn a_code_that_a_stranger_enters_puts_no_waiting_number_in_place() {
    let api = Api::with(&unlimited()).await;
    let ada = with_a_waiting_number(&api, "ada", NUMBER).await;
    let grace = employee(&ada, THIRD).await;

    // Asked for without her token, and entered without it.
    let code = code_to(&api, THIRD).await;
    verify(&ada, THIRD, &code).await.is(200, &verified());

    assert_eq!(read(&ada, &grace).await["is_phone_verified"], true);
    assert_eq!(numbers(&ada).await, json!([NUMBER, true, THIRD]));
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
        verify(&api, number, "123456").await.is(400, &phone_otp_invalid());
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
    log_in(&api, NUMBER).await.is(401, &no_active_account());
}

#[tokio::test]
async fn a_user_who_asks_for_the_code_themselves_is_proven_beside_an_employee_of_somebody_else() {
    let api = Api::start().await;
    registered_with(&api, "grace", NUMBER).await;
    let grace = api.log_in("grace").await;
    let employer = api.signed_in().await;
    let record = employee(&employer, NUMBER).await;
    let code = code_by(&api, &grace, NUMBER).await;

    verify(&grace, NUMBER, &code).await.is(200, &verified());

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

    // A token that is invalid is refused, as Django REST Framework does: with an expired one, a user would get a code that does
    // not verify their number.
    let refused = generate(&api.bearer("no.valid.token"), OTHER).await;
    refused.is(401, &bearer_not_valid("Token is invalid"));
}

#[tokio::test]
async fn a_proof_is_audited_for_the_employee_and_the_user_and_names_who_is_signed_in() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    registered_with(&api, "grace", NUMBER).await;
    let grace = api.log_in("grace").await;
    let record = employee(&grace, NUMBER).await;
    let code = code_to(&api, NUMBER).await;
    verify(&api, NUMBER, &code).await.is(200, &verified());

    let mut events = json!([[null, null, record["id"], "is_phone_verified"]]);
    assert_eq!(api.changes("verified"), events);

    let code = code_by(&api, &grace, NUMBER).await;
    verify(&grace, NUMBER, &code).await.is(200, &verified());
    let events_of_grace = [
        json!([grace.id(), null, record["id"], "is_phone_verified"]),
        json!([grace.id(), grace.id(), null, "is_phone_verified"]),
    ];
    events.as_array_mut().unwrap().extend(events_of_grace);
    assert_eq!(api.changes("verified"), events);
}
