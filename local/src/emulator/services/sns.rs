//! SNS, as far as it sends SMS: <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html>

use std::collections::BTreeMap;

use axum::{
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};

use super::{SMS_LIMIT, Services, is_phone_number};
use crate::emulator::inbox::Message;

const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// A call of the query protocol: a form that names its action, answered in XML.
pub(super) fn call(services: &Services, form: &BTreeMap<String, String>) -> Response {
    let action = form.get("Action").map_or("", String::as_str);
    if action != "Publish" {
        let message = format!("The local stack does not offer the operation {action}.");
        return refusal(StatusCode::BAD_REQUEST, "InvalidAction", &message);
    }
    services.sms.count_attempt();
    if services.sms.is_refused() {
        return refusal(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "SNS is out of order.");
    }
    let number = form.get("PhoneNumber").map_or("", String::as_str);
    let text = form.get("Message").map_or("", String::as_str);
    if let Some(complaint) = complaint(number, text) {
        return refusal(
            StatusCode::BAD_REQUEST,
            "InvalidParameter",
            &format!("Invalid parameter: {complaint}"),
        );
    }
    let id = uuid::Uuid::new_v4().to_string();
    let mut message = Message::new(&id, "sms", number, "", text, None);
    let carriers = services.sms.carriers.as_ref();
    message.problem = carriers.and_then(|carriers| carriers.complaint(number, text, &attributes(form)));
    services.inbox.receive(message);
    let result = format!("<PublishResult><MessageId>{id}</MessageId></PublishResult>");
    answer(
        StatusCode::OK,
        &format!(
            r#"<PublishResponse xmlns="{NAMESPACE}">{result}<ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></PublishResponse>"#,
            uuid::Uuid::new_v4()
        ),
    )
}

/// The attributes of a message, which a form numbers from 1 on: each has a name and a value.
fn attributes(form: &BTreeMap<String, String>) -> BTreeMap<&str, &str> {
    let entry = |number: usize| {
        let part = |part: &str| form.get(&format!("MessageAttributes.entry.{number}.{part}"));
        Some((part("Name")?.as_str(), part("Value.StringValue")?.as_str()))
    };
    (1..).map_while(entry).collect()
}

fn complaint(number: &str, text: &str) -> Option<String> {
    if text.is_empty() {
        Some("Empty message".to_owned())
    } else if number.is_empty() {
        Some("PhoneNumber Reason: no value for required parameter".to_owned())
    } else if !is_phone_number(number) {
        Some(format!("PhoneNumber Reason: {number} is not valid to publish to"))
    } else if text.chars().count() > SMS_LIMIT {
        Some("Message too long".to_owned())
    } else {
        None
    }
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let fault = if status.is_server_error() { "Receiver" } else { "Sender" };
    let error = format!(
        "<Error><Type>{fault}</Type><Code>{code}</Code><Message>{}</Message></Error>",
        escaped(message)
    );
    let id = uuid::Uuid::new_v4();
    answer(
        status,
        &format!(r#"<ErrorResponse xmlns="{NAMESPACE}">{error}<RequestId>{id}</RequestId></ErrorResponse>"#),
    )
}

fn answer(status: StatusCode, xml: &str) -> Response {
    (status, [(CONTENT_TYPE, "text/xml")], xml.to_owned()).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_e_164_and_a_text_of_1600_characters_are_taken() {
        assert_eq!(complaint("+919876543210", &"ß".repeat(1600)), None);
    }

    #[test]
    fn what_sns_would_not_send_is_refused_in_its_words() {
        for (number, text, expected) in [
            ("+919876543210", "", "Empty message"),
            ("", "1234", "PhoneNumber Reason: no value for required parameter"),
            ("9876543210", "1234", "PhoneNumber Reason: 9876543210 is not valid to publish to"),
            ("+0919876543210", "1234", "PhoneNumber Reason: +0919876543210 is not valid to publish to"),
            ("+91 98765 43210", "1234", "PhoneNumber Reason: +91 98765 43210 is not valid to publish to"),
            ("+919876543210", &"x".repeat(1601), "Message too long"),
        ] {
            assert_eq!(complaint(number, text).as_deref(), Some(expected), "{number}");
        }
    }

    #[test]
    fn xml_holds_what_a_client_sent_as_text() {
        assert_eq!(escaped("<a> & b"), "&lt;a&gt; &amp; b");
    }
}
