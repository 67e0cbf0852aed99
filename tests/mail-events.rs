//! `mail-events`, fed by SES, by way of EventBridge.

use serde_json::{Value, json};

use crate::support::{Api, poll, registration};

/// Somebody registers with an address, and what SES reports of the mail is logged: the line.
async fn registered_with(address: &str) -> Value {
    let api = Api::start().await;
    let mut body = registration("ada");
    body["email"] = json!(address);
    assert_eq!(api.post("/api/register", &body).await.status, 201);
    api.message_to(address).await;

    let line = poll(async || {
        let mut lines = api.logged().into_iter();
        lines.find(|line| line["event"].as_str().is_some_and(|event| event.starts_with("mail_")))
    });
    let line = line.await;
    assert!(!line.to_string().contains("simulator"), "{line}");
    // SES has taken it.
    assert_eq!(api.logged().iter().filter(|line| line["event"] == "message_sent").count(), 1);
    line
}

#[tokio::test]
async fn a_bounce_is_logged() {
    let line = registered_with("bounce+ada@simulator.amazonses.com").await;

    assert_eq!((&line["event"], &line["level"]), (&json!("mail_bounced"), &json!("WARN")));
    assert_eq!((&line["to"], &line["reason"]), (&json!("b***@s***"), &json!("Permanent, General")));
    assert_eq!(line["status"], "5.1.1");
    assert!(line["message_id"].as_str().is_some_and(|id| !id.is_empty()), "{line}");
}

#[tokio::test]
async fn a_complaint_is_logged() {
    let line = registered_with("complaint@simulator.amazonses.com").await;

    assert_eq!((&line["event"], &line["reason"]), (&json!("mail_complaint"), &json!("abuse")));
    assert_eq!(line["to"], "c***@s***");
}

#[tokio::test]
async fn a_mail_that_ses_does_not_send_is_logged_and_shown() {
    let api = Api::start().await;
    let address = "suppressionlist@simulator.amazonses.com";
    let mut body = registration("ada");
    body["email"] = json!(address);
    assert_eq!(api.post("/api/register", &body).await.status, 201);

    let message = api.message_to(address).await;

    let problem = "Not sent: the address is on SES's suppression list.";
    assert_eq!(message.problem.as_deref(), Some(problem));
    let inbox = api.get(&format!("/_local/messages?to={address}")).await;
    assert_eq!(inbox.body[0]["problem"], problem);
    let lines = poll(async || {
        let lines = api.logged().into_iter().filter(|line| line["event"] == "mail_bounced");
        Some(lines.collect::<Vec<_>>()).filter(|lines| !lines.is_empty())
    });
    assert_eq!(lines.await[0]["reason"], "Permanent, Suppressed");
}

#[tokio::test]
async fn every_receiver_of_an_event_has_a_line_that_holds_no_address() {
    let api = Api::start().await;
    let mail = json!({ "messageId": "1", "destination": ["ada@example.com", "bob@example.com"] });
    let delayed = |address: &str| json!({ "emailAddress": address, "status": "4.2.2", "diagnosticCode": format!("452 {address} is full") });
    let recipients = ["ada@example.com", "bob@example.com"].map(delayed);
    let delay = json!({ "delayType": "MailboxFull", "delayedRecipients": recipients });
    for (name, told) in [("deliveryDelay", delay), ("reject", json!({ "reason": "Bad content" }))] {
        let detail = json!({ name: told, "mail": mail });
        api.stack.invoke("mail-events", json!({ "source": "aws.ses", "detail": detail })).await.unwrap();
    }

    let lines: Vec<_> = api.logged().into_iter().filter(|line| line["message_id"] == "1").collect();
    let seen = lines.iter().map(|line| ["event", "to", "reason"].map(|field| line[field].as_str().unwrap()));
    let expected = [
        ["mail_delayed", "a***@e***", "MailboxFull"],
        ["mail_delayed", "b***@e***", "MailboxFull"],
        ["mail_rejected", "a***@e***", "Bad content"],
        ["mail_rejected", "b***@e***", "Bad content"],
    ];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
    assert!(lines.iter().all(|line| !line.to_string().contains("ada@")), "{lines:?}");
}

#[tokio::test]
async fn an_address_that_takes_its_mail_has_no_such_line() {
    let api = Api::start().await;
    for address in ["ada@example.com", "success@simulator.amazonses.com"] {
        let mut body = registration(&address[..3]);
        body["email"] = json!(address);
        assert_eq!(api.post("/api/register", &body).await.status, 201);
        assert_eq!(api.message_to(address).await.problem, None);
    }
    let lines = api.logged();
    assert!(!lines.iter().any(|line| line["event"].as_str().is_some_and(|event| event.starts_with("mail_"))));
}
