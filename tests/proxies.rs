//! Clients behind proxies (`TrustedProxies`): limits, sessions and the audit log have the client's address, and what a client writes
//! in `X-Forwarded-For` itself is never taken for it. The local gateway appends the address it sees, as API Gateway does.

use serde_json::{Value, json};

use crate::support::{Answer, Api, no_active_account};

/// A wrong password for Ada, in a request with this `X-Forwarded-For`.
async fn wrong_login(api: &Api, forwarded_for: &[&str]) -> Answer {
    let client = forwarded_for
        .iter()
        .fold(api.at([127, 0, 0, 1]), |client, line| client.header("X-Forwarded-For", line));
    client.try_token("ada", "wrong").await
}

#[tokio::test]
async fn limits_count_the_client_that_the_proxy_saw() {
    let api = Api::with(&[("TrustedProxies", "1"), ("LoginFailuresPerIdentifierAndIp", "1")]).await;

    wrong_login(&api, &["192.0.2.1"]).await.is(401, &no_active_account());
    wrong_login(&api, &["192.0.2.1"]).await.is_throttled();
    // What a client writes itself stays to the left of what the proxy appends, in whatever form.
    for spoofed in
        ["203.0.113.9, 192.0.2.1", "192.0.2.2,203.0.113.9 ,192.0.2.1", "unknown, 192.0.2.1", ", 192.0.2.1"]
    {
        wrong_login(&api, &[spoofed]).await.is_throttled();
    }
    wrong_login(&api, &["203.0.113.9", "192.0.2.1"]).await.is_throttled();
    wrong_login(&api, &["192.0.2.2"]).await.is(401, &no_active_account());

    // An IPv6 network is one client, here too.
    wrong_login(&api, &["2001:db8::1"]).await.is(401, &no_active_account());
    wrong_login(&api, &["2001:DB8:0:0:ffff::2"]).await.is_throttled();
    wrong_login(&api, &["2001:db8:0:1::1"]).await.is(401, &no_active_account());

    // Without an address where the proxy's would be, it is the one that called the gateway.
    wrong_login(&api, &[]).await.is(401, &no_active_account());
    for absent in ["", "unknown", "192.0.2.3, unknown", "192.0.2.3,"] {
        wrong_login(&api, &[absent]).await.is_throttled();
    }
}

#[tokio::test]
async fn behind_two_proxies_the_client_is_the_one_that_the_first_saw() {
    let api = Api::with(&[("TrustedProxies", "2"), ("LoginFailuresPerIdentifierAndIp", "1")]).await;

    wrong_login(&api, &["192.0.2.1, 198.51.100.7"]).await.is(401, &no_active_account());
    wrong_login(&api, &["203.0.113.9, 192.0.2.1, 198.51.100.8"]).await.is_throttled();
    wrong_login(&api, &["192.0.2.2, 198.51.100.7"]).await.is(401, &no_active_account());

    // Fewer entries than proxies: the request has come another way, and what it claims counts for nothing.
    wrong_login(&api, &["192.0.2.3"]).await.is(401, &no_active_account());
    wrong_login(&api, &["192.0.2.4"]).await.is_throttled();
}

#[tokio::test]
async fn sessions_and_audit_events_have_the_clients_address() {
    let api = Api::with(&[("TrustedProxies", "1")]).await;
    api.registered("ada").await;

    let ada = api.header("X-Forwarded-For", "203.0.113.9, 192.0.2.1").log_in("ada").await;

    assert_eq!(ada.get("/api/sessions").await.body[0]["ip"], "192.0.2.1");
    let logins: Vec<Value> = api.audited("logged in").into_iter().map(|event| event["ip"].clone()).collect();
    assert_eq!(logins, [json!("192.0.2.1")]);
}
