//! `POST /auth/check-phone`.

use futures_util::future::join_all;
use serde_json::json;

use super::{NUMBER, OTHER, check, exists, newcomer, registered_with, signed_up};
use crate::support::{Api, complaint};

#[tokio::test]
async fn a_newcomer_is_sent_a_code() {
    let api = Api::start().await;

    check(&api, "98811 67671").await.is(200, &newcomer());

    assert_eq!(api.message_to(NUMBER).await.channel, "sms");
    assert_eq!(api.code_for(NUMBER).await.len(), 6);
    assert_eq!(api.texts_to(NUMBER).await, 1);
}

#[tokio::test]
async fn a_number_with_an_account_is_told_and_sent_nothing() {
    let api = Api::start().await;
    signed_up(&api, NUMBER).await;
    let before = api.records().await;

    for _ in 0..2 {
        check(&api, NUMBER).await.is(200, &exists());
    }

    assert_eq!(api.records().await, before);
    assert_eq!(api.texts_to(NUMBER).await, 1);
}

#[tokio::test]
async fn an_unproven_number_is_no_account() {
    let api = Api::start().await;
    let ada = registered_with(&api, "ada", NUMBER).await;
    // Nor is it one while a code for it lives.
    assert_eq!(ada.post("/otp/generate", &json!({ "phone_number": NUMBER })).await.status, 200);

    check(&api, NUMBER).await.is(200, &newcomer());
}

#[tokio::test]
async fn under_the_seeds_policy_an_unproven_number_is_reserved_for_good() {
    let api = Api::seeds().await;
    registered_with(&api, "ada", NUMBER).await;

    let claim = api.item("Users", &format!("phone#{NUMBER}")).await.unwrap();
    assert_eq!(claim.get("reserved_until"), None);
    check(&api, NUMBER).await.is(200, &exists());
}

#[tokio::test]
async fn an_employees_number_is_no_account() {
    let api = Api::start().await;
    let body = json!({ "first_name": "Grace", "last_name": "Hopper", "phone_number": NUMBER });
    assert_eq!(api.signed_in().await.post("/api/employees", &body).await.status, 201);

    check(&api, NUMBER).await.is(200, &newcomer());
}

#[tokio::test]
async fn a_number_is_required() {
    let api = Api::start().await;
    for (body, words) in [
        (json!({}), "This field is required."),
        (json!({ "phone": "" }), "This field may not be blank."),
        (json!({ "phone": null }), "This field may not be null."),
        (json!({ "phone": ["9881167671"] }), "Not a valid string."),
        (json!({ "phone": "abc" }), "Enter a valid phone number."),
    ] {
        api.post("/auth/check-phone", &body).await.is(400, &complaint("phone", words));
    }

    assert_eq!(api.records().await.len(), 0);
    assert_eq!(api.texts_to(NUMBER).await, 0);
}

#[tokio::test]
async fn no_message_goes_where_none_may() {
    let api = Api::with(&[("SmsAllowedRegions", "IN")]).await;

    for number in ["+16502530000", "+19002530000"] {
        let answer = check(&api, number).await;
        answer.is(400, &complaint("phone", "Messages to this phone number are not supported."));
        assert_eq!(api.texts_to(number).await, 0);
    }
    check(&api, NUMBER).await.is(200, &newcomer());
}

#[tokio::test]
async fn a_number_rests_before_its_next_code() {
    let api = Api::start().await;
    check(&api, NUMBER).await.is(200, &newcomer());
    let before = api.records().await;

    assert!(check(&api, "(098811) 67671").await.is_throttled() <= 60);

    assert_eq!(api.records().await, before);
    assert_eq!(api.texts_to(NUMBER).await, 1);
}

#[tokio::test]
async fn of_parallel_requests_for_one_number_one_is_granted() {
    let api = Api::start().await;

    let answers = join_all((0..10).map(|_| check(&api, NUMBER))).await;

    let (granted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(granted.len(), 1);
    for answer in refused {
        answer.is_throttled();
    }
    assert_eq!(api.texts_to(NUMBER).await, 1);
}

#[tokio::test]
async fn an_ip_address_asks_about_so_many_numbers_an_hour() {
    let api = Api::with(&[("OtpPerIpPerHour", "2")]).await;
    // The sign-up was the first. Who has an account is told so often, too.
    signed_up(&api, NUMBER).await;
    check(&api, NUMBER).await.is(200, &exists());

    assert!(check(&api, NUMBER).await.is_throttled() > 60);
    check(&api, OTHER).await.is_throttled();

    check(&api.at([127, 0, 0, 2]), OTHER).await.is(200, &newcomer());
}

#[tokio::test]
async fn a_number_with_an_account_does_not_use_up_the_stacks_day() {
    let api = Api::with(&[("SmsPerDay", "2")]).await;
    signed_up(&api, NUMBER).await;

    for _ in 0..3 {
        check(&api, NUMBER).await.is(200, &exists());
    }

    check(&api, OTHER).await.is(200, &newcomer());
    check(&api, "+919881167673").await.is_throttled();
}
