//! What messages say: the language, and an operator's own texts.

use std::fs;

use local::Template;
use serde_json::{Value, json};

use crate::{
    deliver::batch,
    support::{Api, PASSWORD, complaint, root, unlimited},
};

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

/// Asks for a code for a new password by this field, and gives the subject and the text of the message. A notice may come first.
async fn recovery(api: &Api, field: &str, to: &str) -> (String, String) {
    let mut before = api.stack.messages(to).len();
    let answer = api.post("/api/password/forgot", &json!({ field: to })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    loop {
        let message = api.stack.message(to, before).await.unwrap();
        if message.body.contains(|c: char| c.is_ascii_digit()) {
            return (message.subject, message.body);
        }
        before += 1;
    }
}

#[tokio::test]
async fn messages_to_a_user_are_in_the_language_that_they_have_chosen() {
    let api = Api::with(&unlimited()).await;
    let email = "ada@example.com";
    let body = json!({ "username": "ada", "email": email, "password": PASSWORD, "phone_number": NUMBER, "language": "de" });

    let user = api.post("/api/register", &body).await;

    assert_eq!((user.status, &user.body["language"]), (201, &json!("de")), "{}", user.text);
    let mail = api.message_to(email).await;
    assert_eq!(mail.subject, "Rollcall: Bestätigen Sie Ihre E-Mail-Adresse");
    assert!(mail.body.contains(" Min. ab. ") && mail.html.unwrap().contains("lang=\"de\""), "{}", mail.body);
    api.verify(email).await;
    let ada = api.log_in("ada").await;
    // Of the number, verified with her token.
    let before = api.stack.messages(NUMBER).len();
    ada.post("/otp/generate", &json!({ "phone_number": NUMBER })).await;
    let text = api.stack.message(NUMBER, before).await.unwrap().body;
    assert!(text.contains(" ist Ihr Code für Rollcall. "), "{text}");
    let guess = json!({ "phone_number": NUMBER, "otp": api.code_after(NUMBER, before).await });
    assert_eq!(ada.post("/otp/verify", &guess).await.status, 200);
    // Anyone may ask for a code for a new password: the claims of address and number have the language.
    let (german, spanish) = ("Rollcall: Neues Passwort festlegen", "Rollcall: crea una nueva contraseña");
    assert_eq!(recovery(&api, "email", email).await.0, german);
    for (language, subject, words) in [
        ("es", spanish, " para crear una nueva contraseña en Rollcall. "),
        ("", "Rollcall: set a new password", " code to set a new password. "),
        ("de", german, " für ein neues Passwort bei Rollcall. "),
    ] {
        let changed = ada.patch("/api/profile", &json!({ "language": language })).await;
        assert_eq!((changed.status, &changed.body["language"]), (200, &json!(language)), "{}", changed.text);
        assert_eq!(recovery(&api, "email", email).await.0, subject);
        let text = recovery(&api, "phone_number", NUMBER).await.1;
        assert!(text.contains(words), "{text}");
    }
    // Together with another address, which waits for its code, and with another spelling of the present one.
    let next = json!({ "language": "es", "email": "ada@example.org" });
    assert_eq!(ada.patch("/api/profile", &next).await.status, 200);
    let code = api.message_to("ada@example.org").await;
    assert_eq!(code.subject, "Rollcall: verifica tu dirección de correo electrónico");
    assert_eq!(recovery(&api, "email", email).await.0, spanish);
    let respelled = json!({ "language": "de", "email": "Ada@example.com" });
    assert_eq!(ada.patch("/api/profile", &respelled).await.status, 200);
    assert_eq!(recovery(&api, "email", "Ada@example.com").await.0, german);
    ada.patch("/api/profile", &json!({ "language": "xx" }))
        .await
        .is(400, &complaint("language", "\"xx\" is not a valid choice."));
}

/// Records of 0.1.0 have no language, and a later release may have more of them.
#[tokio::test]
async fn a_record_without_a_known_language_is_sent_in_that_of_the_stack() {
    let api = Api::start().await;
    for (to, language, words) in [
        ("ada@example.com", json!({}), "Your verification code is"),
        ("bob@example.com", json!({ "language": { "S": "xx" } }), "Your verification code is"),
        ("eve@example.com", json!({ "language": { "S": "es" } }), "Tu código de verificación es"),
    ] {
        let event = batch(&[(&format!("verify_email#{to}"), language)]);

        assert_eq!(api.stack.invoke("deliver", event).await.unwrap(), json!({ "batchItemFailures": [] }));

        let mail = api.message_to(to).await.body;
        assert!(mail.starts_with(words), "{mail}");
    }
}
