//! Strangers cannot lock anybody out: neither by guessing at codes, nor by failing to log in, nor by asking for codes.

use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Answer, Api, Call, Client, Fault, PASSWORD, User, no_active_account, otp_invalid, registration,
    wrong_code,
};

const ADA: &str = "ada@example.com";
const NUMBER: &str = "+919881167671";
const NEXT: &str = "another long phrase";

async fn verify(client: &Client, otp: &str) -> Answer {
    client.post("/api/otp/verify", &json!({ "email": ADA, "otp": otp })).await
}

async fn forgot(client: &Client) -> Answer {
    client.post("/api/password/forgot", &json!({ "email": ADA })).await
}

async fn confirm(client: &Client, otp: &str) -> Answer {
    let body = json!({ "email": ADA, "otp": otp, "new_password": NEXT, "confirm_password": NEXT });
    client.post("/api/password/forgot/confirm", &body).await
}

/// The code that Ada gets for a new password.
async fn recovery_code(api: &Api, client: &Client) -> String {
    let mails = api.mails_to(ADA).await;
    assert_eq!(forgot(client).await.status, 200);
    api.code_after(ADA, mails).await
}

/// Lets the time between two codes pass, and nothing else.
async fn let_cool_down(api: &Api) {
    for (key, mut item) in api.items("Throttles").await {
        if key.starts_with("codes#") {
            item["cool_until"] = json!({ "M": {} });
            if item.get("sent").is_some() {
                item["sent"]["M"]["cool_until"] = json!({ "M": {} });
            }
            api.put_item("Throttles", &item).await;
        }
    }
}

#[tokio::test]
async fn guesses_at_no_code_cost_the_next_code_nothing() {
    let api = Api::start().await;
    for n in 0..12 {
        let stranger = api.at([127, 0, 0, 2 + n]);
        verify(&stranger, "000000").await.is(400, &otp_invalid());
    }
    api.registered("ada").await;
    let code = api.code_for(ADA).await;

    // Not even for somebody who types it at another network than the one that asked for it.
    assert_eq!(verify(&api.at([127, 0, 0, 99]), &code).await.status, 200);
}

#[tokio::test]
async fn guesses_of_strangers_do_not_burn_the_code_of_its_owner() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;
    for n in 0..12 {
        let answer = verify(&api.at([127, 0, 0, 2 + n]), &wrong_code(&code, n.into())).await;
        assert_eq!(answer.status, if n < 10 { 400 } else { 429 }, "{}", answer.text);
    }

    assert_eq!(verify(&api, &wrong_code(&code, 20)).await.status, 400);
    assert_eq!(verify(&api, &code).await.status, 200);
}

#[tokio::test]
async fn guesses_of_the_network_that_asked_do_not_burn_those_of_others() {
    let api = Api::start().await;
    api.registered("ada").await;
    let stranger = api.at([127, 0, 0, 2]);
    let code = recovery_code(&api, &stranger).await;
    for n in 0..12 {
        let status = confirm(&stranger, &wrong_code(&code, n)).await.status;
        assert_eq!(status, if n < 10 { 400 } else { 429 });
    }

    assert_eq!(confirm(&api, &code).await.status, 200);
}

#[tokio::test]
async fn a_network_whose_guesses_are_used_up_does_not_use_up_those_of_others() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;
    for n in 0..10 {
        verify(&api, &wrong_code(&code, n)).await.is(400, &otp_invalid());
    }

    for n in 0..9 {
        verify(&api.at([127, 0, 0, 2 + n]), &wrong_code(&code, n.into())).await.is(400, &otp_invalid());
    }
    assert_eq!(verify(&api.at([127, 0, 0, 99]), &code).await.status, 200);
}

#[tokio::test]
async fn of_forty_guesses_of_strangers_at_once_ten_are_looked_at() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;
    let strangers: Vec<Client> = (0..40).map(|n| api.at([127, 0, 0, 2 + n])).collect();

    let guesses = (0..40).zip(&strangers).map(|(n, stranger)| verify_owned(stranger, wrong_code(&code, n)));
    let answers = join_all(guesses).await;

    let looked_at = answers.iter().filter(|answer| answer.status == 400).count();
    assert!(looked_at <= 10, "{looked_at}");
    verify(&strangers[0], &code).await.is_throttled();
    assert_eq!(verify(&api, &code).await.status, 200);
}

async fn verify_owned(client: &Client, otp: String) -> Answer {
    verify(client, &otp).await
}

#[tokio::test]
async fn one_network_does_not_guess_at_the_codes_of_many_addresses() {
    let api = Api::with(&[("LoginFailuresPerIp", "6")]).await;
    let stranger = api.at([127, 0, 0, 2]);
    for n in 0..6 {
        let body = json!({ "email": format!("user{n}@example.com"), "otp": "123456" });
        stranger.post("/api/otp/verify", &body).await.is(400, &otp_invalid());
    }

    let email = json!({ "email": ADA, "otp": "123456" });
    stranger.post("/api/otp/verify", &email).await.is_throttled();
    let phone = json!({ "phone_number": NUMBER, "otp": "123456" });
    stranger.post("/otp/verify", &phone).await.is_throttled();
    let phone = json!({ "phone": NUMBER, "code": "123456" });
    stranger.post("/auth/verify", &phone).await.is_throttled();
    confirm(&stranger, "123456").await.is_throttled();
    // Other networks, and passwords, are counted apart.
    api.post("/api/otp/verify", &email).await.is(400, &otp_invalid());
    stranger.try_token("ada", PASSWORD).await.is(401, &no_active_account());
}

#[tokio::test]
async fn a_used_code_that_is_repeated_is_no_guess() {
    let api = Api::start().await;
    api.verified("ada").await;
    let used = recovery_code(&api, &api).await;
    assert_eq!(confirm(&api, &used).await.status, 200);
    for _ in 0..12 {
        confirm(&api, &used).await.is(400, &otp_invalid());
    }

    let_cool_down(&api).await;
    let code = recovery_code(&api, &api).await;
    assert_eq!(confirm(&api, &code).await.status, 200);
}

#[tokio::test]
async fn staff_unlock_the_codes_of_a_user() {
    let api = Api::with(&[("OtpWrongPerDay", "2"), ("OtpPerHour", "2")]).await;
    let admin = api.staff().await;
    let ada = api.registered("ada").await;
    let code = api.code_for(ADA).await;
    for n in 0..2 {
        verify(&api, &wrong_code(&code, n)).await.is(400, &otp_invalid());
    }
    verify(&api, &code).await.is_throttled();
    assert_eq!(forgot(&api).await.status, 200);
    let_cool_down(&api).await;
    forgot(&api).await.is_throttled();

    let unlock = format!("/api/users/{}/unlock", ada["id"].as_str().unwrap());
    assert_eq!(admin.post(&unlock, &json!({})).await.status, 200);

    assert_eq!(verify(&api, &code).await.status, 200);
    assert_eq!(forgot(&api).await.status, 200);
}

#[tokio::test]
async fn staff_unlock_the_codes_for_the_number_of_a_user_and_for_one_that_another_has_claimed_since() {
    let api = Api::with(&[("OtpPerHour", "1"), ("OtpCooldownSeconds", "0")]).await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let claim = json!({ "phone_number": NUMBER });
    assert_eq!(ada.patch("/api/profile", &claim).await.status, 200);
    let unlock = format!("/api/users/{}/unlock", ada.id());
    for _ in 0..2 {
        assert_eq!(ada.post("/otp/generate", &claim).await.status, 200);
        ada.post("/otp/generate", &claim).await.is_throttled();
        assert_eq!(admin.post(&unlock, &json!({})).await.status, 200);
        // The second time, the number is in Ada's profile no more.
        assert_eq!(admin.patch("/api/profile", &claim).await.status, 200);
    }
    assert_eq!(ada.post("/otp/generate", &claim).await.status, 200);
}

#[tokio::test]
async fn a_code_of_release_0_1_0_allows_everybody_three_guesses_together() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;
    let mut record = api.item("Otps", &format!("verify_email#{ADA}")).await.unwrap();
    assert!(record.as_object_mut().unwrap().remove("network").is_some());
    // What release 0.1.0 needs is there.
    for name in [
        "purpose",
        "channel",
        "to",
        "user_id",
        "by_themselves",
        "nonce",
        "digits",
        "attempts_left",
        "expires",
    ] {
        assert!(record.get(name).is_some(), "{name}");
    }
    api.put_item("Otps", &record).await;

    for n in 0..2 {
        verify(&api.at([127, 0, 0, 2 + n]), &wrong_code(&code, n.into())).await.is(400, &otp_invalid());
    }
    assert_eq!(verify(&api.at([127, 0, 0, 9]), &code).await.status, 200);
}

#[tokio::test]
async fn a_wrong_guess_stays_counted_when_another_key_cannot_be_fetched() {
    let api = Api::behind_a_proxy(&[]).await;
    api.registered("ada").await;
    let code = api.code_for(ADA).await;
    api.services.fail(Fault::ServerError, Call::is_for_the_previous_version);
    for n in 0..3 {
        let answer = verify(&api, &wrong_code(&code, n)).await;
        assert_eq!(answer.status, 503, "{}", answer.text);
    }
    api.services.heal().await;

    verify(&api, &code).await.is(400, &otp_invalid());
}

/// Locks `identifier` from everywhere, as strangers at many networks would.
async fn lock(api: &Api, identifier: &str) {
    for n in 0..4 {
        let stranger = api.at([127, 0, 1, 2 + n]);
        stranger.try_token(identifier, "a wrong password").await.is(401, &no_active_account());
    }
    api.at([127, 0, 1, 99]).try_token(identifier, PASSWORD).await.is_throttled();
}

const FOUR_FROM_EVERYWHERE: [(&str, &str); 2] =
    [("LoginFailuresPerIdentifier", "4"), ("LoginFailuresPerIdentifierAndIp", "2")];

#[tokio::test]
async fn a_network_that_logged_in_before_counts_for_itself() {
    let api = Api::with(&FOUR_FROM_EVERYWHERE).await;
    api.signed_in().await;
    let (home, elsewhere) = (&*api, api.at([127, 0, 0, 2]));
    lock(&api, "ada").await;

    // Its own limit holds there, and nowhere else is anything known.
    home.try_token("ada", "a wrong password").await.is(401, &no_active_account());
    elsewhere.try_token("ada", PASSWORD).await.is_throttled();
    home.log_in("ada").await.is_signed_in().await;

    lock(&api, "ada").await;
    for _ in 0..2 {
        home.try_token("ada", "a wrong password").await.is(401, &no_active_account());
    }
    home.try_token("ada", PASSWORD).await.is_throttled();
}

#[tokio::test]
async fn a_network_is_known_after_sign_up_by_phone_and_at_every_door() {
    let api = Api::with(&FOUR_FROM_EVERYWHERE).await;
    assert_eq!(api.post("/auth/check-phone", &json!({ "phone": NUMBER })).await.status, 200);
    let body = json!({ "phone": NUMBER, "code": api.code_for(NUMBER).await });
    let token = api.post("/auth/verify", &body).await.body["registration_token"].clone();
    let body = json!({ "reg_token": token, "password": PASSWORD });
    assert_eq!(api.post("/auth/register", &body).await.status, 201);

    lock(&api, NUMBER).await;

    let body = json!({ "phone": NUMBER, "password": PASSWORD });
    api.at([127, 0, 0, 2]).post("/auth/login", &body).await.is_throttled();
    assert_eq!(api.post("/auth/login", &body).await.status, 200);
}

#[tokio::test]
async fn recovering_the_password_lets_its_owner_in_whatever_strangers_do() {
    let api = Api::with(&FOUR_FROM_EVERYWHERE).await;
    api.verified("ada").await;
    let hotel = api.at([127, 0, 0, 2]);
    // By one of her names, and so by both.
    lock(&api, "ada").await;
    for identifier in ["ada", ADA] {
        hotel.try_token(identifier, PASSWORD).await.is_throttled();
    }

    let code = recovery_code(&api, &hotel).await;
    assert_eq!(confirm(&hotel, &code).await.status, 200);

    for identifier in ["ada", ADA] {
        hotel.log_in_with(identifier, NEXT).await.is_signed_in().await;
        // And when they begin again.
        lock(&api, identifier).await;
        hotel.log_in_with(identifier, NEXT).await.is_signed_in().await;
    }
}

/// Changes the failures in a row that are stored: the last one of each kind to `last`, in seconds since 1970, and each count by `more`.
async fn change_failures(api: &Api, last: u64, more: u64) {
    for (key, mut item) in api.items("Throttles").await {
        let Some(attributes) = item.as_object_mut().filter(|_| key.starts_with("logins_")) else { continue };
        for (name, value) in attributes {
            if name.ends_with("_at") {
                *value = json!({ "N": last.to_string() });
            } else if name == "everywhere" || name.starts_with("from_") {
                let count: u64 = value["N"].as_str().unwrap().parse().unwrap();
                *value = json!({ "N": (count + more).to_string() });
            }
        }
        api.put_item("Throttles", &item).await;
    }
}

const LONG_AGO: u64 = 1_000_000_000;

#[tokio::test]
async fn the_names_of_a_user_are_one_budget() {
    let api = Api::start().await;
    api.verified("ada").await;
    for identifier in ["ada", ADA, "Ada", "ADA@example.com", "ada"] {
        api.try_token(identifier, "a wrong password").await.is(401, &no_active_account());
    }

    for identifier in ["ada", ADA] {
        api.try_token(identifier, PASSWORD).await.is_throttled();
    }
    api.post("/api/login", &json!({ "email": ADA, "password": PASSWORD })).await.is_throttled();
}

#[tokio::test]
async fn a_wait_ends_and_the_next_one_is_longer() {
    let api = Api::start().await;
    api.registered("ada").await;
    for name in ["ada", "nobody"] {
        for _ in 0..5 {
            api.try_token(name, "a wrong password").await.is(401, &no_active_account());
        }
        api.try_token(name, PASSWORD).await.is_throttled();
    }

    // Whether there is such a user or not.
    change_failures(&api, LONG_AGO, 0).await;
    for name in ["ada", "nobody"] {
        api.try_token(name, "a wrong password").await.is(401, &no_active_account());
        assert!(api.try_token(name, PASSWORD).await.is_throttled() <= 60);
    }
    change_failures(&api, LONG_AGO, 0).await;
    api.log_in("ada").await;
    // Success begins the row again.
    for _ in 0..5 {
        api.try_token("ada", "a wrong password").await.is(401, &no_active_account());
    }
}

#[tokio::test]
async fn tries_that_may_be_in_flight_are_worth_another_one_at_once() {
    let api = Api::start().await;
    api.registered("ada").await;
    for _ in 0..5 {
        api.try_token("ada", "a wrong password").await.is(401, &no_active_account());
    }
    // The last of them has begun this very second, however slow this machine is.
    change_failures(&api, 9_000_000_000, 0).await;

    assert_eq!(api.try_token("ada", PASSWORD).await.is_throttled(), 1);
}

#[tokio::test]
async fn after_a_hundred_failures_in_a_row_only_a_proof_lets_the_owner_in() {
    let api = Api::start().await;
    api.verified("ada").await;
    api.log_in("ada").await;
    let (hotel, stranger) = (api.at([127, 0, 0, 2]), api.at([127, 0, 0, 3]));
    stranger.try_token("ada", "a wrong password").await.is(401, &no_active_account());
    change_failures(&api, LONG_AGO, 98).await;
    stranger.try_token("ada", "a wrong password").await.is(401, &no_active_account());
    let an_hour_ago = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - 3_600;
    change_failures(&api, an_hour_ago, 0).await;
    // The longest wait does not end this.
    for client in [&stranger, &hotel] {
        client.try_token("ada", PASSWORD).await.is_throttled();
    }

    // A network that is known has its own count.
    api.try_token("ada", "a wrong password").await.is(401, &no_active_account());
    let code = recovery_code(&api, &hotel).await;
    assert_eq!(confirm(&hotel, &code).await.status, 200);

    hotel.log_in_with("ada", NEXT).await.is_signed_in().await;
}

#[tokio::test]
async fn of_parallel_guesses_at_all_names_and_from_many_networks_no_more_are_looked_at_than_from_one() {
    let api = Api::with(&[("LoginFailuresPerIdentifier", "7")]).await;
    api.verified("ada").await;
    let strangers: Vec<Client> = (0..15).map(|n| api.at([127, 0, 0, 2 + n])).collect();
    let guesses = strangers.iter().flat_map(|stranger| {
        ["ada", ADA].map(|name| async move { stranger.try_token(name, "a wrong password").await.status })
    });

    let answers = join_all(guesses).await;

    assert_eq!(answers.iter().filter(|status| **status == 401).count(), 7, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 429).count(), 23, "{answers:?}");
}

#[tokio::test]
async fn recovering_a_password_does_not_let_others_guess_on_at_a_number_that_one_merely_claims() {
    let api = Api::with(&FOUR_FROM_EVERYWHERE).await;
    let ada = api.signed_in().await;
    api.verify(ADA).await;
    assert_eq!(ada.patch("/api/profile", &json!({ "phone_number": NUMBER })).await.status, 200);
    lock(&api, NUMBER).await;

    let code = recovery_code(&api, &api).await;
    assert_eq!(confirm(&api, &code).await.status, 200);

    api.at([127, 0, 1, 99]).try_token(NUMBER, PASSWORD).await.is_throttled();
}

#[tokio::test]
async fn a_user_of_release_0_1_0_knows_a_network_after_the_next_login() {
    let api = Api::with(&FOUR_FROM_EVERYWHERE).await;
    let ada = api.signed_in().await;
    let key = format!("user#{}", ada.id());
    let mut record = api.item("Users", &key).await.unwrap();
    assert!(record.as_object_mut().unwrap().remove("known_networks").is_some());
    api.put_item("Users", &record).await;
    lock(&api, "ada").await;
    api.try_token("ada", PASSWORD).await.is_throttled();
    ada.is_signed_in().await;

    api.forget_limits().await;
    api.log_in("ada").await;
    lock(&api, "ada").await;

    api.log_in("ada").await.is_signed_in().await;
}

#[tokio::test]
async fn a_right_password_that_does_not_log_in_forgets_no_failures() {
    let api = Api::start().await;
    api.registered("ada").await;
    let log_in = async |password: &str| {
        api.post("/api/login", &json!({ "email": ADA, "password": password })).await.status
    };
    for _ in 0..4 {
        assert_eq!(log_in("a wrong password").await, 401);
    }

    // Ada's address is not verified: it may be somebody else's.
    assert_eq!(log_in(PASSWORD).await, 403);

    assert_eq!(log_in("a wrong password").await, 401);
    assert_eq!(log_in(PASSWORD).await, 429);
}

#[tokio::test]
async fn nobody_chooses_a_username_that_is_spelled_like_a_number() {
    let api = Api::start().await;
    for username in ["+1234", "+1", "+00000001", "+99999999999999999999", "+919881167671", "09881167671"] {
        let mut body = registration("ada");
        body["username"] = json!(username);
        let answer = api.post("/api/register", &body).await;
        assert_eq!(answer.status, 400, "{username}: {}", answer.text);
    }
    // A user of release 0.1.0 keeps theirs.
    let ada = api.signed_in().await;
    let mut claim = api.item("Users", "username#ada").await.unwrap();
    claim["pk"] = json!({ "S": "username#+1234" });
    api.put_item("Users", &claim).await;
    let key = format!("user#{}", ada.id());
    api.set("Users", |found| found == key, "username", &json!({ "S": "+1234" })).await;
    let mut body = registration("mallory");
    body["username"] = json!("+1234");
    assert_eq!(api.post("/api/register", &body).await.status, 400);

    assert_eq!(api.log_in("+1234").await.id(), ada.id());
}

/// Uses up what strangers may ask for at an address without an account.
async fn use_up(api: &Api, email: &str) {
    let stranger = api.at([127, 0, 0, 2]);
    for _ in 0..5 {
        let answer = stranger.post("/api/otp/resend", &json!({ "email": email })).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let_cool_down(api).await;
    }
    for path in ["/api/otp/resend", "/api/password/forgot"] {
        stranger.post(path, &json!({ "email": email })).await.is_throttled();
    }
}

#[tokio::test]
async fn decoys_do_not_stop_the_owner_of_an_address_from_registering() {
    let api = Api::start().await;
    use_up(&api, ADA).await;

    api.registered("ada").await;

    assert_eq!(api.mails_to(ADA).await, 1);
    let code = api.code_for(ADA).await;
    assert_eq!(verify(&api, &code).await.status, 200);
}

#[tokio::test]
async fn decoys_do_not_stop_a_user_from_changing_to_an_address() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let new = "new@example.com";
    use_up(&api, new).await;
    // One more, for which the address is not rested.
    api.forget_limits().await;
    assert_eq!(api.post("/api/otp/resend", &json!({ "email": new })).await.status, 200);

    let answer = ada.patch("/api/profile", &json!({ "email": new })).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    api.verify_by(&ada, new).await;
    assert_eq!(ada.profile().await["email"], new);
}

#[tokio::test]
async fn decoys_do_not_stop_anybody_from_signing_up_by_phone_with_an_address() {
    let api = Api::start().await;
    use_up(&api, ADA).await;
    assert_eq!(api.post("/auth/check-phone", &json!({ "phone": NUMBER })).await.status, 200);
    let body = json!({ "phone": NUMBER, "code": api.code_for(NUMBER).await });
    let token = api.post("/auth/verify", &body).await.body["registration_token"].clone();

    let body = json!({ "reg_token": token, "password": PASSWORD, "email": ADA });

    let answer = api.post("/auth/register", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(verify(&api, &api.code_for(ADA).await).await.status, 200);
}

#[tokio::test]
async fn what_is_really_sent_to_an_address_still_has_a_limit() {
    let api = Api::with(&[("OtpPerHour", "2")]).await;
    let ada = api.signed_in().await;
    for _ in 0..2 {
        assert_eq!(ada.patch("/api/profile", &json!({ "email": "new@example.com" })).await.status, 200);
        assert_eq!(ada.patch("/api/profile", &json!({ "email": ADA })).await.status, 200);
        let_cool_down(&api).await;
    }

    ada.patch("/api/profile", &json!({ "email": "new@example.com" })).await.is_throttled();
    assert_eq!(api.mails_to("new@example.com").await, 2);
}

async fn change_password(user: &User) -> Answer {
    let body = json!({ "old_password": PASSWORD, "new_password": NEXT, "confirm_password": NEXT });
    user.post("/api/password/reset", &body).await
}

#[tokio::test]
async fn a_code_for_a_new_password_dies_with_the_password() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let code = recovery_code(&api, &api.at([127, 0, 0, 2])).await;

    assert_eq!(change_password(&ada).await.status, 200);

    confirm(&api, &code).await.is(400, &otp_invalid());
    api.log_in_with("ada", NEXT).await.is_signed_in().await;
    // The next one is good.
    let_cool_down(&api).await;
    let code = recovery_code(&api, &api).await;
    assert_eq!(confirm(&api, &code).await.status, 200);
}

#[tokio::test]
async fn a_code_for_a_new_password_does_not_outlive_being_made_staff() {
    let api = Api::start().await;
    api.registered("ada").await;
    let code = recovery_code(&api, &api).await;
    let superuser = json!({ "username": "ada", "email": ADA, "password": NEXT });
    api.stack.invoke("create-superuser", superuser).await.unwrap();

    let mut body = registration("ada");
    body.as_object_mut().unwrap().extend([
        ("otp".to_owned(), Value::from(code)),
        ("new_password".to_owned(), PASSWORD.into()),
        ("confirm_password".to_owned(), PASSWORD.into()),
    ]);
    api.post("/api/password/forgot/confirm", &body).await.is(400, &otp_invalid());

    api.try_token("ada", PASSWORD).await.is(401, &no_active_account());
    api.log_in_with("ada", NEXT).await.is_signed_in().await;
}
