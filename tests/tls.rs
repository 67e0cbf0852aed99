//! TLS to the services of AWS, whose certificates come of five roots until AWS has another one.

use serde_json::json;

use crate::support::{Api, registration, tls::Authority};

#[tokio::test]
async fn a_certificate_of_a_root_that_the_system_knows_costs_one_connection() {
    let authority = Authority::new();
    let behind = Api::behind_tls(&authority, &authority.file()).await;
    let api = &behind.api;
    let ada = api.signed_in().await;
    let refused = || behind.dynamodb.refused();
    let (before, lines) = (refused(), api.logged().len());

    for _ in 0..2 {
        assert_eq!(ada.get("/api/profile").await.status, 200);
    }

    assert_eq!(refused(), before + 1);
    let logged = &api.logged()[lines..];
    let warnings = logged.iter().filter(|line| line["event"] == "call_failed");
    let causes: Vec<_> = warnings.map(|line| &line["cause"]).collect();
    assert_eq!(causes, ["the certificate of an endpoint is of none of Amazon's five roots"]);
    // Messages go out, too, and the secret was read.
    assert_eq!(api.mails_to("ada@example.com").await, 1);
    assert!(behind.services.trusted() > 0);
}

#[tokio::test]
async fn a_certificate_of_a_root_that_nobody_knows_is_refused() {
    let other = Authority::new();
    let behind = Api::behind_tls(&Authority::new(), &other.file()).await;

    let answer = behind.api.post("/api/register", &registration("ada")).await;

    answer.is(503, &json!({ "detail": "A server error occurred." }));
    assert!(behind.dynamodb.refused() > 0);
    assert_eq!((behind.dynamodb.trusted(), behind.services.trusted()), (0, 0));
}

#[tokio::test]
async fn endpoints_for_fips_are_used_when_they_are_asked_for() {
    let api = Api::with_fips_endpoints().await;

    api.get("/api/employees").await;
    api.get("/health").await;

    // The SDK knows no such endpoint at an address of one's own, and says so.
    let causes = api.logged().iter().map(|line| line["cause"].to_string()).collect::<String>();
    assert!(causes.contains("FIPS"), "{causes}");
}
