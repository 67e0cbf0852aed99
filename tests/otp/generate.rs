//! `POST /otp/generate`.

use futures_util::future::join_all;
use serde_json::json;

use super::{NUMBER, OTHER, generate, registered_with, sent};
use crate::support::{Answer, Api, complaint};

/// Numbers of which no two are the same.
fn numbers(how_many: usize) -> Vec<String> {
    (0..how_many).map(|n| format!("+9198811676{n:02}")).collect()
}

/// How many of these were granted; all others are throttled.
fn granted(answers: &[Answer]) -> usize {
    let (granted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    for answer in refused {
        answer.is_throttled();
    }
    for answer in &granted {
        answer.is(200, &sent());
    }
    granted.len()
}

/// Asserts that a number is refused with these words, and that nothing is written and nothing sent.
async fn is_refused(api: &Api, number: &str, words: &str) {
    let before = api.records().await;
    generate(api, number).await.is(400, &complaint("phone_number", words));
    assert_eq!(api.records().await, before, "{number}");
    assert_eq!(api.stack.messages(number), []);
}

#[tokio::test]
async fn a_code_of_six_digits_is_sent_once() {
    let api = Api::start().await;

    generate(&api, NUMBER).await.is(200, &sent());

    assert_eq!(api.message_to(NUMBER).await.channel, "sms");
    assert_eq!(api.code_for(NUMBER).await.len(), 6);
    assert_eq!(api.texts_to(NUMBER).await, 1);
}

#[tokio::test]
async fn the_seeds_policy_sends_four_digits() {
    let api = Api::seeds().await;

    generate(&api, NUMBER).await.is(200, &sent());

    let text = api.message_to(NUMBER).await.body;
    let code: String = text.chars().filter(char::is_ascii_digit).take(4).collect();
    assert!(text.starts_with(&format!("{code} is your Rollcall code.")), "{text}");
}

#[tokio::test]
async fn a_code_goes_out_whether_or_not_anybody_has_the_number() {
    let api = Api::start().await;
    registered_with(&api, "ada", NUMBER).await;

    for number in [NUMBER, OTHER] {
        generate(&api, number).await.is(200, &sent());
        assert_eq!(api.texts_to(number).await, 1, "{number}");
    }
}

#[tokio::test]
async fn asking_for_a_code_costs_the_same_calls_whether_or_not_anybody_has_the_number() {
    let api = Api::behind_a_proxy(&[]).await;
    registered_with(&api, "ada", NUMBER).await;
    // The first request of all opens the windows of the limits.
    generate(&api, "+919881167673").await.is(200, &sent());

    let mut seen = Vec::new();
    for number in [NUMBER, OTHER] {
        let (answer, calls) = api.proxy.watch(generate(&api, number)).await;
        answer.is(200, &sent());
        seen.push(calls.costs());
    }

    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn no_code_is_stored() {
    let api = Api::start().await;
    generate(&api, NUMBER).await.is(200, &sent());
    let code = api.code_for(NUMBER).await;

    let records = json!(api.records().await).to_string();

    assert!(!records.contains(&format!("\"{code}\"")), "{records}");
}

#[tokio::test]
async fn a_number_is_required_in_the_words_of_the_django_system() {
    let api = Api::start().await;
    for (body, words) in [
        (json!({}), "Phone number is required"),
        (json!({ "phone_number": "" }), "Phone number is required"),
        (json!({ "phone_number": "  " }), "Phone number is required"),
        (json!({ "phone_number": null }), "Phone number is required"),
        (json!({ "phone_number": true }), "Not a valid string."),
        (json!({ "phone_number": "abc" }), "Enter a valid phone number."),
        (json!({ "phone_number": "123" }), "Enter a valid phone number."),
    ] {
        api.post("/otp/generate", &body).await.is(400, &complaint("phone_number", words));
    }

    assert_eq!(api.records().await.len(), 0);
    assert_eq!(api.texts_to(NUMBER).await, 0);
}

#[tokio::test]
async fn every_spelling_of_a_number_is_one_number() {
    let api = Api::start().await;
    generate(&api, "9881167671").await.is(200, &sent());

    for spelling in [
        "+91 98811 67671",
        "+91-9881167671",
        "(098811) 67671",
        "00919881167671",
        "tel:+919881167671",
        " 9881167671 ",
    ] {
        generate(&api, spelling).await.is_throttled();
    }
    let as_number = api.post("/otp/generate", &json!({ "phone_number": 9_881_167_671_u64 })).await;
    as_number.is_throttled();

    assert_eq!(api.texts_to(NUMBER).await, 1);
}

#[tokio::test]
async fn a_number_rests_before_its_next_code() {
    let api = Api::start().await;
    generate(&api, NUMBER).await.is(200, &sent());
    let before = api.records().await;

    assert!(generate(&api, NUMBER).await.is_throttled() <= 60);

    assert_eq!(api.records().await, before);
    assert_eq!(api.texts_to(NUMBER).await, 1);
    api.forget_limits().await;
    generate(&api, NUMBER).await.is(200, &sent());
}

#[tokio::test]
async fn of_parallel_requests_for_one_number_one_is_granted() {
    let api = Api::start().await;

    let answers = join_all((0..10).map(|_| generate(&api, NUMBER))).await;

    assert_eq!(granted(&answers), 1);
    assert_eq!(api.texts_to(NUMBER).await, 1);
}

#[tokio::test]
async fn a_number_gets_five_codes_an_hour() {
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    for _ in 0..5 {
        generate(&api, NUMBER).await.is(200, &sent());
    }

    assert!(generate(&api, NUMBER).await.is_throttled() > 60);

    assert_eq!(api.texts_to(NUMBER).await, 5);
}

#[tokio::test]
async fn a_number_gets_ten_codes_a_day() {
    let api = Api::with(&[("OtpCooldownSeconds", "0"), ("OtpPerHour", "100")]).await;
    for _ in 0..10 {
        generate(&api, NUMBER).await.is(200, &sent());
    }

    assert!(generate(&api, NUMBER).await.is_throttled() > 3600);
}

#[tokio::test]
async fn the_hourly_codes_of_a_number_are_for_all_purposes_together() {
    let api = Api::with(&[("OtpPerHour", "2")]).await;
    generate(&api, NUMBER).await.is(200, &sent());
    // The cool-down holds for each purpose by itself.
    let sign_up = api.post("/auth/check-phone", &json!({ "phone": NUMBER })).await;
    assert_eq!(sign_up.status, 200, "{}", sign_up.text);

    assert!(generate(&api, NUMBER).await.is_throttled() > 60);
}

#[tokio::test]
async fn twenty_codes_an_hour_are_asked_for_from_one_ip_address() {
    let api = Api::start().await;
    let numbers = numbers(21);
    for number in &numbers[..20] {
        generate(&api, number).await.is(200, &sent());
    }
    let before = api.records().await;

    assert!(generate(&api, &numbers[20]).await.is_throttled() <= 3600);
    generate(&api.header("X-Forwarded-For", "203.0.113.9"), &numbers[20]).await.is_throttled();
    // The limit is told before what is wrong with a body.
    api.post_text("/otp/generate", "application/json", "{").await.is_throttled();

    assert_eq!(api.records().await, before);
    generate(&api.at([127, 0, 0, 2]), &numbers[20]).await.is(200, &sent());
}

#[tokio::test]
async fn parallel_requests_do_not_exceed_what_the_stack_sends_in_a_day() {
    let api = Api::with(&[("SmsPerDay", "3")]).await;
    let numbers = numbers(10);

    let answers = join_all(numbers.iter().map(|number| generate(&api, number))).await;

    assert_eq!(granted(&answers), 3);
    let mut texts = 0;
    for number in &numbers {
        texts += api.texts_to(number).await;
    }
    assert_eq!(texts, 3);
    let throttled = generate(&api.at([127, 0, 0, 2]), OTHER).await.is_throttled();
    assert!(throttled > 3600 && throttled <= 86_400, "{throttled}");
}

#[tokio::test]
async fn the_log_says_when_the_stacks_day_is_used_up() {
    let api = Api::with(&[("SmsPerDay", "1")]).await;
    let used_up = || api.logged().into_iter().filter(|line| line["event"] == "sms_budget_used_up").count();
    generate(&api, NUMBER).await.is(200, &sent());
    assert_eq!(used_up(), 0);

    generate(&api, OTHER).await.is_throttled();

    assert_eq!(used_up(), 1);
}

#[tokio::test]
async fn what_is_not_sent_does_not_use_up_the_stacks_day() {
    let api = Api::with(&[("SmsPerDay", "2"), ("SmsAllowedRegions", "IN")]).await;
    generate(&api, NUMBER).await.is(200, &sent());

    for _ in 0..2 {
        generate(&api, NUMBER).await.is_throttled();
        assert_eq!(generate(&api, "abc").await.status, 400);
        assert_eq!(generate(&api, "+1 650 253 0000").await.status, 400);
        assert_eq!(api.post_text("/otp/generate", "application/json", "{").await.status, 400);
    }

    generate(&api, OTHER).await.is(200, &sent());
    generate(&api, "+919881167673").await.is_throttled();
}

#[tokio::test]
async fn the_stacks_day_is_one_for_all_purposes() {
    let api = Api::with(&[("SmsPerDay", "2")]).await;
    generate(&api, NUMBER).await.is(200, &sent());
    assert_eq!(api.post("/auth/check-phone", &json!({ "phone": OTHER })).await.status, 200);

    generate(&api, "+919881167673").await.is_throttled();
    api.post("/auth/check-phone", &json!({ "phone": "+919881167673" })).await.is_throttled();
}

#[tokio::test]
async fn a_request_that_the_stacks_day_refuses_costs_neither_its_number_nor_its_ip_address() {
    let api = Api::with(&[("SmsPerDay", "1"), ("OtpPerIpPerHour", "2")]).await;
    generate(&api, NUMBER).await.is(200, &sent());
    for _ in 0..3 {
        generate(&api, OTHER).await.is_throttled();
    }

    // The stack's next day.
    let day = |key: &str| key.starts_with("sms#");
    api.set("Throttles", day, "expires", &json!({ "N": "1000000000" })).await;

    generate(&api, OTHER).await.is(200, &sent());
}

#[tokio::test]
async fn a_stack_may_send_nothing_at_all() {
    let api = Api::with(&[("SmsPerDay", "0")]).await;

    generate(&api, NUMBER).await.is_throttled();

    assert_eq!(api.records().await.len(), 0);
    assert_eq!(api.texts_to(NUMBER).await, 0);
}

#[tokio::test]
async fn messages_go_to_the_regions_that_are_allowed() {
    let api = Api::with(&[("SmsAllowedRegions", "IN, US")]).await;
    generate(&api, NUMBER).await.is(200, &sent());
    generate(&api, "+16502530000").await.is(200, &sent());

    // Jamaica has the country code of the United States.
    for number in ["+18769220000", "+442079460000"] {
        is_refused(&api, number, "Messages to this phone number are not supported.").await;
    }
}

#[tokio::test]
async fn messages_go_to_the_region_of_plain_numbers_unless_others_are_named() {
    let api = Api::with(&[("SmsAllowedRegions", "auto"), ("DefaultPhoneRegion", "US")]).await;
    generate(&api, "+16502530000").await.is(200, &sent());

    is_refused(&api, NUMBER, "Messages to this phone number are not supported.").await;
}

#[tokio::test]
async fn no_message_goes_to_a_premium_number() {
    let api = Api::start().await;

    for number in ["+19002530000", "+449090123456"] {
        is_refused(&api, number, "Messages to this phone number are not supported.").await;
    }
}
