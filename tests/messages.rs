//! What messages say: the language, and an operator's own texts.

use std::fs;

use local::Template;
use serde_json::{Value, json};

use crate::support::{Api, root};

const NUMBER: &str = "+919881167671";

/// Asks for a code to [`NUMBER`], and gives the text of the message.
async fn text(api: &Api) -> String {
    let answer = api.post("/otp/generate", &json!({ "phone_number": NUMBER })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    api.message_to(NUMBER).await.body
}

fn template(parameters: &[(&str, &str)]) -> Result<Template, String> {
    let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Template::load(&root().join("template.yaml"), &parameters.collect()).map_err(|error| error.to_string())
}

#[test]
fn the_parameter_has_the_languages_that_have_texts() {
    let languages =
        |language| template(&[("MailFrom", "a@example.com"), ("DefaultLanguage", language)]).map(drop);
    for language in ::messages::LANGUAGES {
        assert_eq!(languages(language), Ok(()));
    }
    let refusal =
        format!("the parameter DefaultLanguage must be one of {}", ::messages::LANGUAGES.join(", "));
    assert_eq!(languages("xx"), Err(refusal));
}

#[tokio::test]
async fn messages_to_somebody_who_is_no_user_are_in_the_language_of_the_stack() {
    let api = Api::with(&[("DefaultLanguage", "de")]).await;

    let text = text(&api).await;

    assert!(text.contains(" ist Ihr Code für Rollcall. "), "{text}");
}

#[tokio::test]
async fn an_operator_replaces_a_text() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("en/sms")).unwrap();
    fs::write(folder.path().join("en/sms/verify_phone.txt"), "Acme: {code}\r\n").unwrap();
    let api = Api::with_env(&[("MESSAGES_FOLDER", folder.path().to_str().unwrap())], &[]).await;

    let text = text(&api).await;

    let code = text.strip_prefix("Acme: ").unwrap();
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
    api.registered("ada").await;
    let mail = api.message_to("ada@example.com").await;
    assert_eq!(mail.subject, "Rollcall: verify your e-mail address");
}

#[tokio::test]
async fn a_text_that_cannot_be_used_stops_no_message_and_is_logged() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("en/sms")).unwrap();
    fs::write(folder.path().join("en/sms/verify_phone.txt"), "Acme").unwrap();
    let absent = folder.path().join("absent");
    for (folder, path, cause) in [
        (folder.path(), "en/sms/verify_phone.txt".to_owned(), "{code} is missing"),
        (absent.as_path(), absent.display().to_string(), "No such file or directory (os error 2)"),
    ] {
        let api = Api::with_env(&[("MESSAGES_FOLDER", folder.to_str().unwrap())], &[]).await;

        let text = text(&api).await;

        assert!(text.contains(" is your Rollcall code. "), "{text}");
        let lines = api.logged();
        let line = lines.iter().find(|line| line["event"] == "message_text_invalid").unwrap();
        assert_eq!((&line["path"], &line["cause"]), (&json!(path), &json!(cause)));
        assert_eq!(line["level"], Value::from("ERROR"));
    }
}

#[test]
fn both_functions_that_send_have_the_layer() {
    let of_sender = |layer: &str, function: &str| {
        let parameters = [("MailFrom", "a@example.com"), ("MessagesLayerArn", layer)];
        let properties = template(&parameters).unwrap().resources[function]["Properties"].clone();
        let folder = properties["Environment"]["Variables"]["MESSAGES_FOLDER"].clone();
        (properties["Layers"].clone(), folder)
    };
    let layer = "arn:aws:lambda:eu-west-1:123456789012:layer:rollcall-messages:3";
    for function in ["Deliver", "DeliverSms"] {
        assert_eq!(of_sender(layer, function), (json!([layer]), json!("/opt/messages")));
        assert_eq!(of_sender("", function), (Value::Null, json!("")));
    }
}
