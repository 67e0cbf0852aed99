//! Twilio's messages: <https://www.twilio.com/docs/messaging/api/message-resource>

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::{Zoned, fmt::rfc2822, tz::TimeZone};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{SMS_LIMIT, Services, form, is_phone_number};
use crate::emulator::{
    inbox::Message,
    secrets::Secrets,
    template::{Secret, secret_arn},
};

/// The secret with the account, of which Secrets Manager always holds one.
const SECRET: &str = "twilio";
/// What GSM's 7-bit alphabet writes in one unit, and in two. Any other character makes all of them take two bytes.
const GSM_UNITS: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const GSM_PAIRS: &str = "^{}\\[~]|€";

/// The account that may send, under the names which the Django systems gave to its settings.
#[derive(Serialize, Deserialize)]
struct Account {
    #[serde(rename = "TWILIO_ACCOUNT_SID")]
    sid: String,
    #[serde(rename = "TWILIO_AUTH_TOKEN")]
    token: String,
    #[serde(rename = "TWILIO_PHONE_NUMBER")]
    number: String,
}

/// An error of Twilio's: its status, code and words.
#[derive(Debug, PartialEq, Eq)]
struct Refusal(u16, u32, String);

/// The secret, as if the template declared it.
pub(crate) fn secret() -> Secret {
    let hex = || uuid::Uuid::new_v4().simple();
    let account =
        Account { sid: format!("AC{}", hex()), token: hex().to_string(), number: "+15005550006".to_owned() };
    Secret {
        name: SECRET.to_owned(),
        arn: secret_arn(SECRET),
        value: Some(json!(account).to_string()),
        generate: Value::Null,
    }
}

/// `POST /2010-04-01/Accounts/{AccountSid}/Messages.json`
pub(super) async fn send_message(
    State(services): State<Arc<Services>>,
    Path(account_sid): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    services.sms.count_attempt();
    let sent = services.sms.twilio_refusal().map_or_else(
        || {
            let account = authenticated(&services.secrets, &account_sid, &headers)?;
            accepted(&account, &form(&body))
        },
        |(status, code)| Err(Refusal(status, code, "It was told to answer so.".to_owned())),
    );
    match sent {
        Ok((message, answer)) => {
            services.inbox.receive(message);
            (StatusCode::CREATED, Json(answer)).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// The account, when the request is in its name: `AccountSid:AuthToken`.
fn authenticated(secrets: &Secrets, sid: &str, headers: &HeaderMap) -> Result<Account, Refusal> {
    let shown = headers
        .get(AUTHORIZATION)
        .and_then(|header| header.to_str().ok()?.strip_prefix("Basic "))
        .and_then(|credentials| BASE64_STANDARD.decode(credentials).ok());
    let account = secrets.get(SECRET, None, None).ok();
    account
        .and_then(|(.., version)| serde_json::from_str::<Account>(&version.value).ok())
        .filter(|account| account.sid == sid)
        .filter(|account| shown == Some(format!("{sid}:{}", account.token).into_bytes()))
        .ok_or_else(|| Refusal(401, 20003, "Authenticate".to_owned()))
}

/// The message, and what Twilio says of it.
fn accepted(account: &Account, form: &BTreeMap<String, String>) -> Result<(Message, Value), Refusal> {
    let field = |name: &str| form.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let refusal = |code, message: String| Refusal(400, code, message);
    let to = field("To").ok_or_else(|| refusal(21604, "A 'To' phone number is required.".to_owned()))?;
    if !is_phone_number(to) {
        return Err(refusal(21211, format!("Invalid 'To' Phone Number: {to}")));
    }
    let (from, service) = (field("From"), field("MessagingServiceSid"));
    if from.or(service).is_none() {
        return Err(refusal(21603, "A 'From' phone number is required.".to_owned()));
    }
    if let Some(from) = from.filter(|from| *from != account.number) {
        let message = format!("'{from}' is not a Twilio phone number of your account.");
        return Err(refusal(21606, message));
    }
    let body = field("Body").ok_or_else(|| refusal(21602, "Message body is required.".to_owned()))?;
    if body.chars().count() > SMS_LIMIT {
        let message = format!("The concatenated message body exceeds the {SMS_LIMIT} character limit.");
        return Err(refusal(21617, message));
    }

    let id = format!("SM{}", uuid::Uuid::new_v4().simple());
    let resource = format!("/2010-04-01/Accounts/{}/Messages/{id}", account.sid);
    let now = rfc2822::to_string(&Zoned::now().with_time_zone(TimeZone::UTC)).ok();
    let answer = json!({
        "account_sid": account.sid,
        "api_version": "2010-04-01",
        "body": body,
        "date_created": now,
        "date_sent": null,
        "date_updated": now,
        "direction": "outbound-api",
        "error_code": null,
        "error_message": null,
        "from": from,
        "messaging_service_sid": service,
        "num_media": "0",
        "num_segments": segments(body).to_string(),
        "price": null,
        "price_unit": "USD",
        "sid": id,
        "status": "queued",
        "subresource_uris": { "media": format!("{resource}/Media.json") },
        "to": to,
        "uri": format!("{resource}.json"),
    });
    Ok((Message::new(&id, "sms", to, "", body, None), answer))
}

/// How many SMS a text takes: 160 units fit one, 153 each of several; outside GSM's alphabet 70 and 67.
fn segments(text: &str) -> usize {
    let units = |c: char| match c {
        c if GSM_UNITS.contains(c) => Some(1),
        c if GSM_PAIRS.contains(c) => Some(2),
        _ => None,
    };
    let (length, one, several) = match text.chars().map(units).sum::<Option<usize>>() {
        Some(length) => (length, 160, 153),
        None => (text.encode_utf16().count(), 70, 67),
    };
    if length <= one { 1 } else { length.div_ceil(several) }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self(status, code, message) = self;
        let more_info = format!("https://www.twilio.com/docs/errors/{code}");
        let body = json!({ "code": code, "message": message, "more_info": more_info, "status": status });
        (StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), Json(body))
            .into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        serde_json::from_str(&secret().value.unwrap()).unwrap()
    }

    fn sms() -> BTreeMap<String, String> {
        [("To", "+919876543210"), ("From", "+15005550006"), ("Body", "1234 is your code")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    fn is_hex(text: &str) -> bool {
        text.len() == 32 && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c))
    }

    #[test]
    fn the_secret_is_an_account_of_its_own() {
        let account = account();

        assert!(is_hex(account.sid.strip_prefix("AC").unwrap()));
        assert!(is_hex(&account.token));
        assert_ne!(account.token, self::account().token);
        let value: Value = serde_json::from_str(&secret().value.unwrap()).unwrap();
        assert_eq!(value["TWILIO_PHONE_NUMBER"], "+15005550006");
    }

    #[test]
    fn a_message_is_queued_and_sent() {
        let account = account();

        let (message, answer) = accepted(&account, &sms()).unwrap();

        assert!(is_hex(message.id.strip_prefix("SM").unwrap()));
        assert_eq!((message.channel.as_str(), message.to.as_str()), ("sms", "+919876543210"));
        assert_eq!((message.subject.as_str(), message.body.as_str()), ("", "1234 is your code"));
        assert_eq!(answer["sid"], message.id);
        assert_eq!((&answer["status"], &answer["num_segments"]), (&json!("queued"), &json!("1")));
        assert_eq!(answer["account_sid"], account.sid);
    }

    #[test]
    fn a_messaging_service_stands_for_a_sender() {
        let mut sms = sms();
        sms.remove("From");
        sms.insert("MessagingServiceSid".to_owned(), "MG1".to_owned());

        assert!(accepted(&account(), &sms).is_ok());
    }

    #[test]
    fn a_form_that_lacks_something_is_refused_with_twilio_s_code() {
        let too_long = "x".repeat(SMS_LIMIT + 1);
        for (field, value, code) in [
            ("To", "", 21604),
            ("To", "9876543210", 21211),
            ("To", "+91 98765", 21211),
            ("From", "", 21603),
            ("From", "+15005550001", 21606),
            ("Body", "", 21602),
            ("Body", &too_long, 21617),
        ] {
            let mut sms = sms();
            sms.insert(field.to_owned(), value.to_owned());

            let refusal = accepted(&account(), &sms).unwrap_err();

            assert_eq!((refusal.0, refusal.1), (400, code), "{field}={value}");
        }
    }

    #[test]
    fn only_the_account_in_the_secret_may_send() {
        let secrets = Secrets::open(None, &[secret()]).unwrap();
        let account: Account =
            serde_json::from_str(&secrets.get(SECRET, None, None).unwrap().2.value).unwrap();
        let (sid, token) = (&account.sid, &account.token);
        let allowed = |sid: &str, credentials: &str| {
            let header = format!("Basic {}", BASE64_STANDARD.encode(credentials));
            let headers = HeaderMap::from_iter([(AUTHORIZATION, header.parse().unwrap())]);
            authenticated(&secrets, sid, &headers).is_ok()
        };

        assert!(allowed(sid, &format!("{sid}:{token}")));
        assert!(!allowed(sid, &format!("{sid}:wrong")));
        assert!(!allowed(sid, &format!("AC0:{token}")));
        assert!(!allowed("AC0", &format!("{sid}:{token}")));
        assert!(authenticated(&secrets, sid, &HeaderMap::new()).is_err());
    }

    #[test]
    fn a_long_text_or_a_foreign_one_takes_more_segments() {
        for (text, expected) in [
            ("x".repeat(160), 1),
            ("x".repeat(161), 2),
            ("€".repeat(80), 1),
            ("€".repeat(81), 2),
            ("ह".repeat(70), 1),
            ("ह".repeat(71), 2),
        ] {
            assert_eq!(segments(&text), expected, "{text}");
        }
    }
}
