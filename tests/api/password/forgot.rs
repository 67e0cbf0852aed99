//! `POST /api/password/forgot`.

mod confirm;
mod phone;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{Answer, Api, complaint};

const ADA: &str = "ada@example.com";

fn sent() -> Value {
    json!({ "message": "If an account has that address, a code to set a new password has been sent." })
}

async fn forgot(api: &Api, email: &str) -> Answer {
    api.post("/api/password/forgot", &json!({ "email": email })).await
}

#[tokio::test]
async fn a_code_is_sent_to_the_address_of_an_account() {
    let api = Api::start().await;
    api.verified("ada").await;

    forgot(&api, "ADA@example.com").await.is(200, &sent());

    let message = api.stack.message(ADA, 1).await.unwrap();
    assert_eq!(message.subject, "Rollcall: set a new password");
    let code = api.code_after(ADA, 1).await;
    assert!(
        message.body.starts_with(&format!("Your code to set a new password is {code}\n")),
        "{}",
        message.body
    );
}

/// In whichever letters a stranger asks for it.
#[tokio::test]
async fn a_code_goes_to_the_address_as_its_user_spells_it() {
    let api = Api::start().await;
    api.verified("ada").await;
    let ada = api.log_in("ada").await;

    for (spelling, mails) in [(ADA, 1), ("Ada@Example.com", 2)] {
        assert_eq!(ada.patch("/api/profile", &json!({ "email": spelling })).await.status, 200);
        api.forget_limits().await;
        forgot(&api, "aDA@eXample.com").await.is(200, &sent());
        assert_eq!(api.stack.message(ADA, mails).await.unwrap().to, spelling);
    }
}

/// Claims of earlier releases do not say how their users spell them.
#[tokio::test]
async fn a_code_to_an_address_of_an_earlier_release_goes_out_as_it_was_asked_for() {
    let api = Api::start().await;
    api.verified("ada").await;
    let mut claim = api.item("Users", "email#ada@example.com").await.unwrap();
    claim.as_object_mut().unwrap().remove("spelling").unwrap();
    api.put_item("Users", &claim).await;

    forgot(&api, "Ada@example.com").await.is(200, &sent());

    assert_eq!(api.stack.message(ADA, 1).await.unwrap().to, "Ada@example.com");
}

#[tokio::test]
async fn strangers_hear_the_same_and_get_no_mail() {
    let api = Api::start().await;

    forgot(&api, "nobody@example.com").await.is(200, &sent());

    assert_eq!(api.mails_to("nobody@example.com").await, 0);
}

#[tokio::test]
async fn an_address_rests_before_the_next_code_whoever_has_it() {
    let api = Api::start().await;
    api.verified("ada").await;
    for email in [ADA, "nobody@example.com"] {
        forgot(&api, email).await.is(200, &sent());
        assert!(forgot(&api, email).await.is_throttled() <= 60);
    }
    assert_eq!(api.mails_to(ADA).await, 2);
}

#[tokio::test]
async fn of_parallel_requests_one_is_granted_and_one_mail_goes_out() {
    let api = Api::start().await;
    api.verified("ada").await;

    let answers = join_all((0..10).map(|_| forgot(&api, ADA))).await;

    let (granted, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!(granted.len(), 1);
    for answer in refused {
        answer.is_throttled();
    }
    assert_eq!(api.mails_to(ADA).await, 2);
}

#[tokio::test]
async fn an_ip_address_asks_for_so_many_codes_an_hour() {
    let api = Api::with(&[("OtpPerIpPerHour", "1")]).await;
    forgot(&api, ADA).await.is(200, &sent());

    forgot(&api, "bob@example.com").await.is_throttled();
}

#[tokio::test]
async fn the_address_is_required() {
    let api = Api::start().await;

    api.post("/api/password/forgot", &json!({}))
        .await
        .is(400, &complaint("email", "This field is required."));
    forgot(&api, "nobody").await.is(400, &complaint("email", "Enter a valid email address."));

    assert_eq!(api.records().await.len(), 0);
}
