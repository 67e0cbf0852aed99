//! `deliver-sms`, fed by the stream of the codes.

use local::Template;
use serde_json::{Value, json};

use super::batch;
use crate::support::{Api, Client, TWILIO, root};

const NUMBER: &str = "+919881167671";
const OTHER: &str = "+919881167672";

/// Asks for a code to a number.
async fn ask(client: &Client, number: &str) {
    let answer = client.post("/otp/generate", &json!({ "phone_number": number })).await;
    answer.is(200, &json!({ "message": "OTP sent successfully" }));
}

/// A batch of the stream: codes to these numbers.
fn texts(numbers: &[&str]) -> Value {
    let keys: Vec<String> = numbers.iter().map(|number| format!("verify_phone#{number}")).collect();
    let sms = json!({ "channel": { "S": "sms" } });
    batch(&keys.iter().map(|key| (key.as_str(), sms.clone())).collect::<Vec<_>>())
}

/// Asserts that all of a batch is done with.
async fn is_done(api: &Api, numbers: &[&str]) {
    let answer = api.stack.invoke("deliver-sms", texts(numbers)).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
}

/// Asserts that a batch is to be brought again from its first record on.
async fn is_to_be_tried_again(api: &Api, numbers: &[&str]) {
    let answer = api.stack.invoke("deliver-sms", texts(numbers)).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "000" }] }));
}

/// How many messages each of the two numbers has got.
fn received(api: &Api) -> [usize; 2] {
    [NUMBER, OTHER].map(|number| api.stack.messages(number).len())
}

/// The one thing that was logged under this message.
fn logged_once(api: &Api, message: &str) -> Value {
    let mut lines = api.logged();
    lines.retain(|line| line["message"] == message);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.remove(0)
}

async fn secrets_manager(api: &Api, operation: &str, request: Value) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client
        .post(api.stack.aws_url())
        .header("x-amz-target", format!("secretsmanager.{operation}"))
        .header("content-type", "application/x-amz-json-1.1")
        .body(request.to_string());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// What is in Twilio's secret.
async fn account(api: &Api) -> Value {
    let secret = secrets_manager(api, "GetSecretValue", json!({ "SecretId": "twilio" })).await;
    serde_json::from_str(secret["SecretString"].as_str().unwrap()).unwrap()
}

async fn set_account(api: &Api, account: &Value) {
    let request = json!({ "SecretId": "twilio", "SecretString": account.to_string() });
    secrets_manager(api, "PutSecretValue", request).await;
}

#[tokio::test]
async fn a_text_is_one_segment_and_says_whose_code_it_is_and_how_long_it_lives() {
    for parameters in [&[][..], &TWILIO] {
        let api = Api::with(parameters).await;
        ask(&api, NUMBER).await;

        let code = api.code_for(NUMBER).await;

        let message = api.message_to(NUMBER).await;
        let expected = format!(
            "{code} is your Rollcall code. It can be used once and expires in 10 min. Do not share it."
        );
        assert_eq!((message.channel.as_str(), message.subject.as_str()), ("sms", ""));
        assert_eq!(message.body, expected);
        assert!(message.body.len() <= 160 && message.body.is_ascii());
        let guess = json!({ "phone_number": NUMBER, "otp": code });
        api.post("/otp/verify", &guess).await.is(404, &json!({ "detail": "Employee not found" }));
        assert_eq!(api.texts_to(NUMBER).await, 1);
    }
}

/// The registered form of the text of a purpose (docs/messages.md).
const REGISTERED: &str =
    "{#var#} is your Rollcall code. It can be used once and expires in {#var#} min. Do not share it.";
const TO_INDIA: [(&str, &str); 3] = [
    ("SmsSenderId", "ROLCAL"),
    ("SmsDltEntityId", "1101160000000000001"),
    ("SmsDltTemplateIds", "verify_phone.en=1107160000000000001"),
];

#[test]
fn every_text_can_have_the_id_of_its_registration() {
    for language in std::fs::read_dir(root().join("messages/texts")).unwrap() {
        let language = language.unwrap();
        for text in std::fs::read_dir(language.path().join("sms")).unwrap() {
            let purpose = text.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
            let id = format!("{purpose}.{}=1107160000000000001", language.file_name().to_str().unwrap());
            let parameters = [("SmsDltTemplateIds", id.as_str()), TO_INDIA[0], TO_INDIA[1]];
            let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let template = Template::load(&root().join("template.yaml"), &parameters.into());
            assert!(template.is_ok(), "{id}: {:?}", template.err());
        }
    }
}

/// What a carrier says of the text with a code that was asked for.
async fn dropped(api: &Api, number: &str) -> Option<String> {
    ask(api, number).await;
    api.message_to(number).await.problem
}

#[tokio::test]
async fn a_text_to_india_arrives_as_it_is_registered() {
    let registered = [("1107160000000000001", REGISTERED)];
    let api = Api::with_carriers(&registered, &TO_INDIA).await;

    assert_eq!(dropped(&api, NUMBER).await, None);
}

#[tokio::test]
async fn the_inbox_says_why_a_carrier_drops_a_text() {
    let nothing = Api::with_carriers(&[], &[]).await;
    let said = dropped(&nothing, NUMBER).await.unwrap();
    assert!(said.contains("(SmsSenderId, SmsDltEntityId, SmsDltTemplateIds)"), "{said}");

    let other = REGISTERED.replace("Do not share it", "Don't share it");
    let other = Api::with_carriers(&[("1107160000000000001", &other)], &TO_INDIA).await;
    let said = dropped(&other, NUMBER).await.unwrap();
    assert!(said.starts_with("The carrier dropped it: registered as 1107160000000000001 is: "), "{said}");
    let inbox = other.get("/_local/messages").await;
    assert_eq!(inbox.body[0]["problem"], said);
}

#[tokio::test]
async fn a_text_to_the_united_states_needs_a_number_of_the_sender() {
    let to_the_us = ("SmsAllowedRegions", "US");
    let number = "+12025550100";

    let without = Api::with_carriers(&[], &[to_the_us]).await;
    assert!(dropped(&without, number).await.unwrap().contains("SmsOriginationNumber"));

    let with = Api::with_carriers(&[], &[to_the_us, ("SmsOriginationNumber", "+12025550199")]).await;
    assert_eq!(dropped(&with, number).await, None);
}

#[tokio::test]
async fn a_text_that_is_not_registered_is_undeliverable() {
    let parameters = [("SmsDltTemplateIds", "log_in.en=1107160000000000002"), TO_INDIA[0], TO_INDIA[1]];
    let api = Api::with(&parameters).await;

    is_done(&api, &[NUMBER]).await;

    let line = logged_once(&api, "undeliverable");
    assert_eq!(line["reason"], "SmsDltTemplateIds lacks verify_phone.en");
    assert_eq!((received(&api), api.stack.sms_attempts()), ([0, 0], 0));
}

#[tokio::test]
async fn while_sns_is_down_messages_wait_in_order() {
    let api = Api::start().await;
    api.stack.refuse_sms(true);
    is_to_be_tried_again(&api, &["+919881167673", "+919881167674"]).await;
    for number in [NUMBER, OTHER] {
        ask(&api, number).await;
    }

    api.stack.refuse_sms(false);

    for number in [NUMBER, OTHER] {
        assert_eq!(api.texts_to(number).await, 1);
    }
    let inbox = api.get("/_local/messages").await;
    let to: Vec<&str> =
        inbox.body.as_array().unwrap().iter().map(|sent| sent["to"].as_str().unwrap()).collect();
    // Newest first; what was asked about last is behind the first two.
    let place = |number: &str| to.iter().position(|to| *to == number).unwrap();
    assert!(place(OTHER) < place(NUMBER), "{to:?}");
    assert_eq!(api.stack.undelivered(), [] as [Value; 0]);
}

#[tokio::test]
async fn mails_go_while_text_messages_cannot() {
    let api = Api::start().await;
    api.stack.refuse_sms(true);
    ask(&api, NUMBER).await;

    api.registered("ada").await;

    assert_eq!(api.mails_to("ada@example.com").await, 1);
    assert_eq!(api.stack.messages(NUMBER), []);
    api.stack.refuse_sms(false);
    assert_eq!(api.texts_to(NUMBER).await, 1);
}

#[tokio::test]
async fn text_messages_go_while_mails_cannot() {
    let api = Api::start().await;
    api.stack.refuse_mail(true);
    api.registered("ada").await;

    ask(&api, NUMBER).await;

    assert_eq!(api.texts_to(NUMBER).await, 1);
    assert_eq!(api.stack.messages("ada@example.com"), []);
    api.stack.refuse_mail(false);
    assert_eq!(api.mails_to("ada@example.com").await, 1);
}

#[tokio::test]
async fn a_number_that_sns_cannot_send_to_is_left_behind() {
    let api = Api::start().await;

    is_done(&api, &["+12345", NUMBER]).await;

    assert_eq!((api.stack.messages("+12345").len(), received(&api)), (0, [1, 0]));
    let line = logged_once(&api, "undeliverable");
    assert_eq!((&line["level"], &line["reason"]), (&json!("ERROR"), &json!("InvalidParameter")));
}

#[tokio::test]
async fn each_reader_of_the_stream_takes_only_its_own() {
    let api = Api::start().await;
    ask(&api, NUMBER).await;
    api.registered("ada").await;

    assert_eq!((api.texts_to(NUMBER).await, api.mails_to("ada@example.com").await), (1, 1));
    // The fence of `texts_to` was the other one.
    assert_eq!(api.stack.sms_attempts(), 2);
    let undeliverable = |line: &Value| line["level"] == "WARN" || line["level"] == "ERROR";
    assert_eq!(api.logged().into_iter().find(undeliverable), None);
}

#[tokio::test]
async fn a_guess_that_was_counted_sends_nothing_again() {
    let api = Api::start().await;
    let mut event = texts(&[NUMBER]);
    let images = &mut event["Records"][0]["dynamodb"];
    images["OldImage"] = images["NewImage"].clone();

    assert_eq!(api.stack.invoke("deliver-sms", event).await.unwrap(), json!({ "batchItemFailures": [] }));

    assert_eq!(api.stack.sms_attempts(), 0);
}

#[tokio::test]
async fn a_code_that_expired_before_it_could_be_sent_is_in_the_queue() {
    let api = Api::with_codes_of_a_second().await;
    api.stack.refuse_sms(true);

    ask(&api, NUMBER).await;

    let given_up = api.given_up().await;
    api.stack.refuse_sms(false);
    assert_eq!(api.texts_to(NUMBER).await, 0);
    assert_eq!(api.stack.undelivered(), [given_up]);
}

#[tokio::test]
async fn a_code_that_has_expired_is_not_sent() {
    let api = Api::start().await;
    let mut event = texts(&[NUMBER]);
    event["Records"][0]["dynamodb"]["NewImage"]["expires"] = json!({ "N": "1000000000" });

    let answer = api.stack.invoke("deliver-sms", event).await.unwrap();

    assert_eq!(answer, json!({ "batchItemFailures": [{ "itemIdentifier": "000" }] }));
    assert_eq!(api.stack.sms_attempts(), 0);
}

#[tokio::test]
async fn twilio_is_asked_once_for_a_message_that_it_takes() {
    let api = Api::with(&TWILIO).await;

    is_done(&api, &[NUMBER, OTHER]).await;

    assert_eq!((received(&api), api.stack.sms_attempts()), ([1, 1], 2));
}

#[tokio::test]
async fn twilio_may_send_by_a_messaging_service() {
    let api = Api::with(&TWILIO).await;
    let mut account = account(&api).await;
    account["TWILIO_PHONE_NUMBER"] = json!(format!("MG{}", uuid::Uuid::new_v4().simple()));
    set_account(&api, &account).await;

    is_done(&api, &[NUMBER]).await;

    assert_eq!(received(&api), [1, 0]);
}

#[tokio::test]
async fn what_twilio_was_too_busy_for_is_tried_once_more_at_once() {
    for busy in [(503, 20503), (500, 20500), (429, 20429)] {
        let api = Api::with(&TWILIO).await;
        api.stack.twilio_answers(vec![busy, (201, 0)]);

        is_done(&api, &[NUMBER]).await;

        assert_eq!((received(&api), api.stack.sms_attempts()), ([1, 0], 2), "{busy:?}");
    }
}

#[tokio::test]
async fn what_twilio_was_too_busy_for_twice_is_brought_again_by_the_stream() {
    let api = Api::with(&TWILIO).await;
    api.stack.twilio_answers(vec![(503, 20503), (503, 20503)]);

    ask(&api, NUMBER).await;
    api.code_for(NUMBER).await;

    assert_eq!((received(&api), api.stack.sms_attempts()), ([1, 0], 3));
    let line = logged_once(&api, "a message was not sent and will be tried again");
    assert_eq!(line["level"], "WARN");
    let cause = line["cause"].as_str().unwrap();
    assert!(cause.starts_with("Twilio answered 503 Service Unavailable, error 20503"), "{cause}");
    assert_eq!(api.texts_to(NUMBER).await, 1);
    assert_eq!(api.stack.undelivered(), [] as [Value; 0]);
}

#[tokio::test]
async fn while_twilio_is_down_messages_wait_in_order() {
    let api = Api::with(&TWILIO).await;
    api.stack.refuse_sms(true);
    is_to_be_tried_again(&api, &["+919881167673", "+919881167674"]).await;
    assert_eq!(api.stack.sms_attempts(), 2);
    for number in [NUMBER, OTHER] {
        ask(&api, number).await;
    }

    api.stack.refuse_sms(false);

    for number in [NUMBER, OTHER] {
        assert_eq!(api.texts_to(number).await, 1);
    }
}

#[tokio::test]
async fn who_has_unsubscribed_at_twilio_does_not_hold_up_the_next() {
    let api = Api::with(&TWILIO).await;
    api.stack.twilio_answers(vec![(400, 21610)]);

    is_done(&api, &[NUMBER, OTHER]).await;

    assert_eq!((received(&api), api.stack.sms_attempts()), ([0, 1], 2));
    let line = logged_once(&api, "undeliverable");
    let expected = "Twilio answered 400 Bad Request, error 21610: It was told to answer so.";
    assert_eq!((&line["level"], &line["reason"]), (&json!("ERROR"), &json!(expected)));
    assert_eq!((&line["to"], &line["purpose"]), (&json!("+91***71"), &json!("verify_phone")));
}

/// An instance that has sent a message, after which another account was put into the secret: what it knows is out of date.
async fn with_another_account(field: &str, value: &str) -> Api {
    let api = Api::with(&TWILIO).await;
    is_done(&api, &[OTHER]).await;
    let mut account = account(&api).await;
    account[field] = json!(value);
    set_account(&api, &account).await;
    api
}

#[tokio::test]
async fn credentials_that_twilio_refuses_are_read_anew_before_the_next_try() {
    let api = with_another_account("TWILIO_AUTH_TOKEN", "another token").await;

    is_to_be_tried_again(&api, &[NUMBER]).await;

    assert_eq!(received(&api), [0, 1]);
    let line = logged_once(&api, "a message was not sent and will be tried again");
    let expected = "Twilio answered 401 Unauthorized, error 20003: Authenticate (the account SID or auth token in the \
                    secret is wrong)";
    assert_eq!((&line["level"], &line["cause"]), (&json!("WARN"), &json!(expected)));
    is_done(&api, &[NUMBER]).await;
    assert_eq!((received(&api), api.stack.sms_attempts()), ([1, 1], 3));
}

#[tokio::test]
async fn a_sender_that_is_not_the_accounts_is_read_anew_before_the_next_try() {
    let api = with_another_account("TWILIO_PHONE_NUMBER", "+15005550009").await;

    is_to_be_tried_again(&api, &[NUMBER]).await;

    let line = logged_once(&api, "a message was not sent and will be tried again");
    let expected = "Twilio answered 400 Bad Request, error 21606: '+15***06' is not a Twilio phone number of your account. \
                    (TWILIO_PHONE_NUMBER is not a sender of this account)";
    assert_eq!(line["cause"], expected);
    is_done(&api, &[NUMBER]).await;
    assert_eq!((received(&api), api.stack.sms_attempts()), ([1, 1], 3));
}

#[tokio::test]
async fn a_secret_that_lacks_the_account_can_be_mended() {
    let api = Api::with(&TWILIO).await;
    let right = account(&api).await;
    set_account(&api, &json!({ "TWILIO_ACCOUNT_SID": "AC", "TWILIO_AUTH_TOKEN": "kept secret" })).await;

    is_to_be_tried_again(&api, &[NUMBER]).await;

    let line = logged_once(&api, "a message was not sent and will be tried again");
    let expected = "the secret of Twilio lacks TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN or TWILIO_PHONE_NUMBER";
    assert_eq!(line["cause"], expected);
    set_account(&api, &right).await;
    is_done(&api, &[NUMBER]).await;
    assert_eq!(received(&api), [1, 0]);
}

#[tokio::test]
async fn no_line_holds_an_auth_token_a_code_or_a_number() {
    let api = with_another_account("TWILIO_PHONE_NUMBER", "+15005550009").await;
    is_to_be_tried_again(&api, &[NUMBER]).await;
    let account = account(&api).await;
    // The first is undeliverable in the end; the second is not.
    api.stack.twilio_answers(vec![(503, 20503), (503, 20503), (400, 21608), (401, 20003)]);
    ask(&api, NUMBER).await;
    ask(&api, OTHER).await;
    let code = api.code_after(OTHER, 1).await;
    // The lines about it have been written when the next message goes out.
    assert_eq!(api.texts_to(OTHER).await, 2);

    let logged = api.stack.logs();

    assert!(logged.iter().any(|line| line.contains("21608")), "{logged:?}");
    assert!(logged.iter().any(|line| line.contains("21606")), "{logged:?}");
    let secrets = [
        account["TWILIO_AUTH_TOKEN"].as_str().unwrap(),
        account["TWILIO_ACCOUNT_SID"].as_str().unwrap(),
        "5005550006",
        "5005550009",
        "9881167671",
        "9881167672",
        &format!(" {code} "),
        &format!("\"{code}\""),
    ];
    for line in &logged {
        for secret in secrets {
            assert!(!line.contains(secret), "{secret}: {line}");
        }
    }
}
