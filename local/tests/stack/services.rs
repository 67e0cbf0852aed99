//! The stand-ins over HTTP, as the SDKs speak to them.

use local::Stack;
use reqwest::{Response, header::CONTENT_TYPE};
use serde_json::{Value, json};

use crate::{Local, body, client};

const NUMBER: &str = "+919876543210";

/// A call of SNS, with the form that its SDKs send.
async fn publish(stack: &Stack, number: &str, message: &str) -> (u16, String) {
    let form = [
        ("Action", "Publish"),
        ("Version", "2010-03-31"),
        ("PhoneNumber", number),
        ("Message", message),
        ("MessageAttributes.entry.1.Name", "AWS.SNS.SMS.SMSType"),
        ("MessageAttributes.entry.1.Value.DataType", "String"),
        ("MessageAttributes.entry.1.Value.StringValue", "Transactional"),
    ];
    let response = send_form(format!("{}/", stack.aws_url()), &form, None).await;
    (response.status().as_u16(), response.text().await.unwrap())
}

async fn send_form(url: String, form: &[(&str, &str)], login: Option<(&str, &str)>) -> Response {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = client().post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(body);
    if let Some((user, password)) = login {
        request = request.basic_auth(user, Some(password));
    }
    request.send().await.unwrap()
}

async fn secrets_manager(stack: &Stack, operation: &str, request: Value) -> Response {
    let call = client().post(stack.aws_url()).header("x-amz-target", format!("secretsmanager.{operation}"));
    call.header(CONTENT_TYPE, "application/x-amz-json-1.1").body(request.to_string()).send().await.unwrap()
}

/// What is in the secret `twilio`.
async fn twilio_account(stack: &Stack) -> Value {
    let request = json!({ "SecretId": "twilio", "VersionStage": "AWSCURRENT" });
    let secret = body(secrets_manager(stack, "GetSecretValue", request).await).await;
    serde_json::from_str(secret["SecretString"].as_str().unwrap()).unwrap()
}

/// A call of Twilio in the name of the account.
async fn text(stack: &Stack, account: &Value, number: &str, message: &str) -> Response {
    let [sid, token, from] = ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_PHONE_NUMBER"]
        .map(|name| account[name].as_str().unwrap());
    let url = format!("{}/2010-04-01/Accounts/{sid}/Messages.json", stack.aws_url());
    send_form(url, &[("To", number), ("From", from), ("Body", message)], Some((sid, token))).await
}

async fn invoke(stack: &Stack, function: &str, event: &str) -> Response {
    let url = format!("{}/2015-03-31/functions/{function}/invocations", stack.aws_url());
    client()
        .post(url)
        .header("authorization", "AWS4-HMAC-SHA256")
        .body(event.to_owned())
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn an_sms_through_sns_is_in_the_inbox() {
    let local = Local::start().await;

    let (status, xml) = publish(&local.stack, NUMBER, "1234 & <more>").await;

    let message = local.stack.message(NUMBER, 0).await.unwrap();
    assert_eq!((status, message.channel.as_str()), (200, "sms"));
    assert_eq!((message.subject.as_str(), message.body.as_str()), ("", "1234 & <more>"));
    let listed =
        client().get(format!("{}/_local/messages?to={NUMBER}", local.stack.url())).send().await.unwrap();
    assert_eq!(body(listed).await, json!([message]));
    assert!(
        xml.starts_with(r#"<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/">"#)
            && xml.contains(&format!("<MessageId>{}</MessageId>", message.id)),
        "{xml}"
    );
}

#[tokio::test]
async fn sns_refuses_in_its_xml() {
    let local = Local::start().await;

    let (status, xml) = publish(&local.stack, "12<34", "1234").await;

    let expected = "<Error><Type>Sender</Type><Code>InvalidParameter</Code><Message>Invalid parameter: PhoneNumber Reason: 12&lt;34 is not valid to publish to</Message></Error>";
    assert_eq!(status, 400);
    assert!(xml.contains(expected), "{xml}");
    assert_eq!((local.stack.messages("12<34"), local.stack.sms_attempts()), (vec![], 1));
}

#[tokio::test]
async fn an_sms_through_twilio_is_in_the_inbox() {
    let local = Local::start().await;
    let account = twilio_account(&local.stack).await;

    let response = text(&local.stack, &account, NUMBER, "1234").await;

    assert_eq!(response.status(), 201);
    let answer = body(response).await;
    let message = local.stack.message(NUMBER, 0).await.unwrap();
    assert_eq!((message.channel.as_str(), message.subject.as_str()), ("sms", ""));
    assert_eq!((&answer["sid"], &answer["body"]), (&json!(message.id), &json!("1234")));
}

#[tokio::test]
async fn twilio_refuses_in_its_json() {
    let local = Local::start().await;
    let mut account = twilio_account(&local.stack).await;

    let invalid = text(&local.stack, &account, "12345", "1234").await;
    account["TWILIO_AUTH_TOKEN"] = json!("wrong");
    let stranger = text(&local.stack, &account, NUMBER, "1234").await;

    assert_eq!((invalid.status().as_u16(), stranger.status().as_u16()), (400, 401));
    let expected = json!({
        "code": 21211,
        "message": "Invalid 'To' Phone Number: 12345",
        "more_info": "https://www.twilio.com/docs/errors/21211",
        "status": 400,
    });
    assert_eq!(body(invalid).await, expected);
    assert_eq!(body(stranger).await["code"], 20003);
    assert_eq!((local.stack.messages(NUMBER), local.stack.sms_attempts()), (vec![], 2));
}

#[tokio::test]
async fn twilio_goes_by_the_secret_as_it_is_now() {
    let local = Local::start().await;
    let old = twilio_account(&local.stack).await;
    let previous = json!({ "SecretId": "twilio", "VersionStage": "AWSPREVIOUS" });
    let missing = secrets_manager(&local.stack, "GetSecretValue", previous).await;
    assert_eq!(missing.headers()["x-amzn-errortype"], "ResourceNotFoundException");

    let mut new = old.clone();
    new["TWILIO_AUTH_TOKEN"] = json!("rotated");
    let request = json!({ "SecretId": "twilio", "SecretString": new.to_string() });
    secrets_manager(&local.stack, "PutSecretValue", request).await;

    assert_eq!(text(&local.stack, &old, NUMBER, "1234").await.status(), 401);
    assert_eq!(text(&local.stack, &new, NUMBER, "1234").await.status(), 201);
}

#[tokio::test]
async fn sms_can_be_put_out_of_order_and_in_order_again() {
    let local = Local::start().await;
    let account = twilio_account(&local.stack).await;

    local.stack.refuse_sms(true);
    let (status, xml) = publish(&local.stack, NUMBER, "1234").await;
    assert_eq!((status, xml.contains("<Code>InternalError</Code>")), (500, true));
    assert_eq!(text(&local.stack, &account, NUMBER, "1234").await.status(), 503);
    assert_eq!(local.stack.messages(NUMBER), []);

    local.stack.refuse_sms(false);
    assert_eq!(publish(&local.stack, NUMBER, "1234").await.0, 200);
    assert_eq!(text(&local.stack, &account, NUMBER, "1234").await.status(), 201);
    assert_eq!((local.stack.messages(NUMBER).len(), local.stack.sms_attempts()), (2, 4));
}

#[tokio::test]
async fn twilio_answers_as_told_and_then_sends_again() {
    let local = Local::start().await;
    let account = twilio_account(&local.stack).await;

    local.stack.twilio_answers(vec![(429, 20429), (201, 0), (400, 21610)]);

    let mut answers = Vec::new();
    for text_body in ["first", "second", "third", "fourth"] {
        let response = text(&local.stack, &account, NUMBER, text_body).await;
        answers.push((response.status().as_u16(), body(response).await["code"].as_u64()));
    }
    assert_eq!(answers, [(429, Some(20429)), (201, None), (400, Some(21610)), (201, None)]);
    let sent: Vec<String> = local.stack.messages(NUMBER).into_iter().map(|message| message.body).collect();
    assert_eq!(sent, ["second", "fourth"]);
}

#[tokio::test]
async fn a_function_can_be_invoked_through_lambda_s_api() {
    let local = Local::start().await;
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:rollcall-Probe";

    for name in ["probe", "Probe", "rollcall-Probe", arn] {
        let response = invoke(&local.stack, name, r#"{"a":1}"#).await;

        assert_eq!(response.status(), 200, "{name}");
        assert!(!response.headers().contains_key("x-amz-function-error"));
        assert_eq!(body(response).await, json!({ "a": 1 }));
    }
    assert_eq!(body(invoke(&local.stack, "probe", "").await).await, json!({}));
}

#[tokio::test]
async fn a_function_that_fails_is_invoked_with_success_and_its_error() {
    let local = Local::start().await;
    for (act, expected) in [
        ("fail", json!({ "errorType": "Probe", "errorMessage": "as told" })),
        (
            "hang",
            json!({ "errorType": "Sandbox.Timedout", "errorMessage": "Error: Task timed out after 2.00 seconds" }),
        ),
        (
            "crash",
            json!({ "errorType": "Runtime.ExitError", "errorMessage": "Error: Runtime exited with error: exit status: 3" }),
        ),
    ] {
        let event = json!({ "pathParameters": { "act": act } }).to_string();
        let response = invoke(&local.stack, "probe", &event).await;

        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-amz-function-error"]),
            (200, &"Unhandled".parse().unwrap())
        );
        assert_eq!(body(response).await, expected, "{act}");
    }
}

#[tokio::test]
async fn what_lambda_cannot_invoke_is_refused() {
    let local = Local::start().await;
    let refused = |response: Response| {
        let kind = response.headers()["x-amzn-errortype"].to_str().unwrap().to_owned();
        (response.status().as_u16(), kind)
    };
    let url = format!("{}/2015-03-31/functions/probe/invocations", local.stack.aws_url());
    let unsigned = client().post(&url).body("{}").send().await.unwrap();
    let asynchronous =
        client().post(&url).header("authorization", "AWS4").header("x-amz-invocation-type", "Event");
    let asynchronous = asynchronous.body("{}").send().await.unwrap();

    let expected = |status: u16, kind: &str| (status, kind.to_owned());
    assert_eq!(
        refused(invoke(&local.stack, "nobody", "{}").await),
        expected(404, "ResourceNotFoundException")
    );
    assert_eq!(
        refused(invoke(&local.stack, "probe", "{").await),
        expected(400, "InvalidRequestContentException")
    );
    assert_eq!(refused(unsigned), expected(403, "MissingAuthenticationTokenException"));
    assert_eq!(refused(asynchronous), expected(400, "InvalidParameterValueException"));
    let large = format!("\"{}\"", "x".repeat(7 << 20));
    assert_eq!(
        refused(invoke(&local.stack, "probe", &large).await),
        expected(413, "RequestTooLargeException")
    );
}
