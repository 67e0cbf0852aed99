//! Messages: what cannot be sent now is sent later, whoever sends it and whatever fails.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::{Api, Fault, Proxied, TWILIO, poll, registration, unlimited};

/// Who sends messages, by the parameters that choose them.
const PROVIDERS: [(&str, &[(&str, &str)]); 3] =
    [("SES", &[]), ("SNS", &[("SmsProvider", "sns")]), ("Twilio", &TWILIO)];
/// So often each fault happens. Twilio is asked twice in a row when it is busy.
const TIMES: usize = 3;

/// A stack with one provider.
struct Sender {
    api: Proxied,
    provider: &'static str,
    addressees: usize,
}

impl Sender {
    async fn new((provider, parameters): (&'static str, &[(&str, &str)])) -> Self {
        let parameters: Vec<_> = unlimited().into_iter().chain(parameters.iter().copied()).collect();
        Self { api: Api::behind_a_proxy(&parameters).await, provider, addressees: 0 }
    }

    /// Has a message sent to somebody new.
    async fn ask(&mut self) -> String {
        self.addressees += 1;
        if self.provider == "SES" {
            let name = format!("user{}", self.addressees);
            let answer = self.api.post("/api/register", &registration(&name)).await;
            assert_eq!(answer.status, 201, "{}", answer.text);
            format!("{name}@example.com")
        } else {
            let number = format!("+9198811676{:02}", self.addressees);
            let answer = self.api.post("/otp/generate", &json!({ "phone_number": number })).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            number
        }
    }

    /// How many messages they get, at least one of which has to come.
    async fn received(&self, address: &str) -> usize {
        self.api.message_to(address).await;
        if self.provider == "SES" {
            self.api.mails_to(address).await
        } else {
            self.api.texts_to(address).await
        }
    }
}

#[tokio::test]
async fn a_message_arrives_when_its_provider_is_there_again() {
    let sent = PROVIDERS.map(|provider| async move {
        let mut sender = Sender::new(provider).await;
        for fault in Fault::ALL {
            // A stalled call takes its five seconds.
            let times = if fault == Fault::Stalled { 1 } else { TIMES };
            for _ in 0..times {
                sender.api.services.fail_next(fault, |call| call.operation.starts_with('/'));
            }
            let address = sender.ask().await;
            let services = &sender.api.services;
            // The beginning of an answer may have been enough: then none of the next is broken off.
            let left = if fault.is_done() { times - 1 } else { 0 };
            poll(|| async { (services.pending_faults() <= left).then_some(()) }).await;

            let received = sender.received(&address).await;
            services.heal().await;

            let most = if fault.is_done() { times + 1 } else { 1 };
            assert!((1..=most).contains(&received), "{} {fault:?}: {received}", sender.provider);
        }
        assert_eq!(sender.api.stack.undelivered(), [] as [serde_json::Value; 0]);
    });
    join_all(sent).await;
}

#[tokio::test]
async fn a_message_waits_for_the_secret_from_which_its_code_is_made() {
    let sent = PROVIDERS.map(|provider| async move {
        let mut sender = Sender::new(provider).await;
        for fault in Fault::ALL {
            sender.api.services.fail_next(fault, |call| call.operation == "GetSecretValue");
        }

        let address = sender.ask().await;

        assert_eq!(sender.received(&address).await, 1, "{}", sender.provider);
    });
    join_all(sent).await;
}

#[tokio::test]
async fn a_message_arrives_when_connections_are_taken_again() {
    let sent = PROVIDERS.map(|provider| async move {
        let mut sender = Sender::new(provider).await;
        // It is the provider that is out of reach: what its codes are made of is at hand.
        let first = sender.ask().await;
        assert_eq!(sender.received(&first).await, 1, "{}", sender.provider);
        sender.api.services.refuse().await;
        let address = sender.ask().await;
        sender.api.has_failed_to_send(1).await;

        sender.api.services.heal().await;

        assert_eq!(sender.received(&address).await, 1, "{}", sender.provider);
    });
    join_all(sent).await;
}
