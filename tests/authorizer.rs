//! `authorizer`, a function that API Gateway invokes for other APIs.

use local::InvokeError;
use serde_json::{Value, json};

use crate::support::{
    Api, Fault, User,
    token::{self, Key},
};

const SIGNATURE: (&str, &str) = ("AuthorizerChecks", "signature");
const ARN: &str = "arn:aws:execute-api:us-east-1:000000000000:another/prod/GET/orders/1";

/// A request to an HTTP API.
fn simple(authorization: &str) -> Value {
    json!({
        "version": "2.0", "type": "REQUEST", "routeArn": ARN, "identitySource": [authorization],
        "headers": { "authorization": authorization }, "requestContext": { "http": { "method": "GET" } },
    })
}

/// A request to a REST API.
fn by_policy(authorization: &str) -> Value {
    json!({ "type": "REQUEST", "methodArn": ARN, "headers": { "Host": "x", "Authorization": authorization } })
}

async fn ask(api: &Api, event: Value) -> Value {
    api.stack.invoke("authorizer", event).await.unwrap()
}

/// What the authorizer says of a token, in either form: the context, or `None` for a refusal.
async fn asked_about(api: &Api, token: &str) -> Option<Value> {
    let authorization = format!("Bearer {token}");
    let answer = ask(api, simple(&authorization)).await;
    let policy = ask(api, by_policy(&authorization)).await;
    let effect = &policy["policyDocument"]["Statement"][0]["Effect"];
    if answer["isAuthorized"] == false {
        assert_eq!(answer, json!({ "isAuthorized": false }));
        assert_eq!((effect, &policy["context"]), (&json!("Deny"), &json!({})), "{policy}");
        return None;
    }
    assert_eq!(answer["isAuthorized"], true, "{answer}");
    assert_eq!((effect, &policy["context"]), (&json!("Allow"), &answer["context"]), "{policy}");
    Some(answer["context"].clone())
}

fn context(user: &User, staff: bool) -> Value {
    json!({ "user_id": user.id(), "staff": staff, "sid": user.sid() })
}

/// Both modes refuse what no request here would be answered with.
async fn refuses_what_is_no_access_token(api: &Api) {
    let ada = api.signed_in().await;
    let key = Key::believed(api).await;
    let changed = |name: &str, value: Value| {
        let mut claims = token::claims(&ada.access);
        claims[name] = value;
        key.sign(&claims)
    };
    assert!(asked_about(api, &changed("staff", json!(false))).await.is_some(), "the key is believed");
    for token in [
        String::new(),
        "garbage".into(),
        "a.b.c".into(),
        "x".repeat(10_000),
        format!("{} {}", ada.access, ada.access),
        ada.refresh.clone(),
        Key::named("a-key-of-the-tests-that-nobody-believes----").sign(&token::claims(&ada.access)),
        changed("exp", json!(1_000_000_000)),
        changed("iss", json!("another")),
        changed("aud", json!(["another"])),
        changed("token_type", json!("refresh")),
    ] {
        assert_eq!(asked_about(api, &token).await, None, "{token:.60}");
    }
    let mut two = by_policy(&format!("Bearer {}", ada.access));
    two["multiValueHeaders"] =
        json!({ "authorization": ["Bearer garbage", format!("Bearer {}", ada.access)] });
    assert_eq!(ask(api, two).await["policyDocument"]["Statement"][0]["Effect"], "Deny");
    // What is no request with one token is refused, whatever it is.
    for event in [
        json!({}),
        json!([]),
        json!(null),
        json!("2.0"),
        json!({ "version": "2.0" }),
        json!({ "version": "2.0", "headers": null }),
        json!({ "version": "2.0", "headers": { "authorization": 1 } }),
        json!({ "version": "2.0", "headers": { "authorization": ada.access } }),
        json!({ "version": "2.0", "headers": { "authorization": format!("Basic {}", ada.access) } }),
        json!({ "version": 2, "headers": [], "methodArn": 1 }),
        json!({ "methodArn": ARN, "headers": {} }),
        json!({ "methodArn": ARN, "headers": {
            "Authorization": format!("Bearer {}", ada.access), "authorization": format!("Bearer {}", ada.access),
        } }),
        // It is not known what would be allowed.
        json!({ "headers": { "authorization": format!("Bearer {}", ada.access) } }),
    ] {
        let answer = ask(api, event.clone()).await;
        let effect = &answer["policyDocument"]["Statement"][0]["Effect"];
        assert!(answer == json!({ "isAuthorized": false }) || effect == "Deny", "{event}: {answer}");
    }
}

#[tokio::test]
async fn a_live_session_is_asked_for() {
    let api = Api::start().await;
    refuses_what_is_no_access_token(&api).await;
    let (ada, boss) = (api.log_in("ada").await, api.staff().await);
    assert_eq!(asked_about(&api, &ada.access).await, Some(context(&ada, false)));
    assert_eq!(asked_about(&api, &boss.access).await, Some(context(&boss, true)));

    // Whether somebody is staff is what the database says.
    let path = format!("/api/users/{}", ada.id());
    assert_eq!(boss.patch(&path, &json!({ "is_staff": true })).await.status, 200);
    assert_eq!(asked_about(&api, &ada.access).await, Some(context(&ada, true)));

    let elsewhere = api.log_in("ada").await;
    api.post("/api/logout", &json!({ "refresh": elsewhere.refresh })).await;
    assert_eq!(asked_about(&api, &elsewhere.access).await, None, "the session has ended");
    assert_eq!(asked_about(&api, &ada.access).await, Some(context(&ada, true)));
    assert_eq!(boss.patch(&path, &json!({ "is_active": false })).await.status, 200);
    assert_eq!(asked_about(&api, &ada.access).await, None, "the user is inactive");
    assert_eq!(boss.delete(&path).await.status, 204);
    assert_eq!(asked_about(&api, &ada.access).await, None, "the user is deleted");
}

#[tokio::test]
async fn or_only_a_signature_which_knows_of_no_logout() {
    let api = Api::with(&[SIGNATURE]).await;
    refuses_what_is_no_access_token(&api).await;
    let (ada, boss) = (api.log_in("ada").await, api.staff().await);
    assert_eq!(asked_about(&api, &boss.access).await, Some(context(&boss, true)));

    api.post("/api/logout", &json!({ "refresh": ada.refresh })).await;
    ada.is_signed_out().await;
    let path = format!("/api/users/{}", ada.id());
    assert_eq!(boss.patch(&path, &json!({ "is_active": false })).await.status, 200);

    assert_eq!(asked_about(&api, &ada.access).await, Some(context(&ada, false)));
}

#[tokio::test]
async fn a_policy_is_about_the_whole_stage_and_an_authorizer_of_type_token_gets_one_too() {
    let api = Api::with_integers(&[("AuthHeaderTypes", "Bearer,JWT")]).await;
    let ada = api.signed_in().await;

    let answer = ask(&api, by_policy(&format!("JWT {}", ada.access))).await;

    let stage = "arn:aws:execute-api:us-east-1:000000000000:another/prod/*";
    let expected = json!({
        "principalId": "1",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": "Allow", "Resource": stage }],
        },
        "context": { "user_id": "1", "staff": false, "sid": ada.sid() },
    });
    assert_eq!(answer, expected);
    let event = |token: &str| json!({ "type": "TOKEN", "methodArn": ARN, "authorizationToken": token });
    assert_eq!(ask(&api, event(&format!("Bearer {}", ada.access))).await, expected);
    let denied = ask(&api, event("Bearer x")).await;
    assert_eq!(denied["principalId"], "anyone");
    assert_eq!(denied["policyDocument"]["Statement"][0]["Effect"], "Deny");
    assert_eq!(denied["policyDocument"]["Statement"][0]["Resource"], stage);
}

/// API Gateway makes a 500 of a failed invocation, and lets nothing through.
#[tokio::test]
async fn without_the_database_it_fails_and_allows_nothing() {
    let api = Api::behind_a_proxy(&[]).await;
    let ada = api.signed_in().await;
    let authorization = format!("Bearer {}", ada.access);

    // An instance that does not know the key, and one that does.
    for _ in 0..2 {
        for fault in [Fault::ServerError, Fault::RequestLost, Fault::Throttled, Fault::Stalled] {
            api.proxy.fail(fault, |_| true);
            for event in [simple(&authorization), by_policy(&authorization)] {
                let Err(InvokeError::Failed(error)) = api.stack.invoke("authorizer", event).await else {
                    unreachable!("answered in spite of {fault:?}");
                };
                assert_eq!(
                    (&error["errorType"], &error["errorMessage"]),
                    (&json!("Unavailable"), &json!("A server error occurred.")),
                    "{fault:?}"
                );
            }
            // What is no token needs no database.
            assert_eq!(ask(&api, simple("Bearer x")).await, json!({ "isAuthorized": false }));
            api.proxy.heal().await;
        }
        assert_eq!(ask(&api, simple(&authorization)).await["isAuthorized"], true);
    }
    // One that fails for a moment makes no difference.
    for fault in Fault::ALL {
        api.proxy.fail_first(fault, |_| true);
        assert_eq!(ask(&api, simple(&authorization)).await["isAuthorized"], true, "{fault:?}");
        api.proxy.heal().await;
    }
}

#[tokio::test]
async fn a_signature_needs_the_database_for_its_key_alone() {
    let api = Api::behind_a_proxy(&[SIGNATURE]).await;
    let ada = api.signed_in().await;
    let event = simple(&format!("Bearer {}", ada.access));

    let (answer, calls) = api.proxy.watch(ask(&api, event.clone())).await;
    assert_eq!((answer["isAuthorized"].as_bool(), calls.len()), (Some(true), 1), "{calls}");
    let (_, calls) = api.proxy.watch(ask(&api, event.clone())).await;
    assert_eq!(calls.len(), 0, "{calls}");

    api.proxy.fail(Fault::ServerError, |_| true);
    assert_eq!(ask(&api, event).await["isAuthorized"], true);
    api.proxy.heal().await;
}

#[tokio::test]
async fn each_answer_leaves_a_line_without_the_token() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    asked_about(&api, &ada.access).await;
    asked_about(&api, &ada.refresh).await;

    let lines: Vec<Value> =
        api.logged().into_iter().filter(|line| line["event"] == "authorizer_answered").collect();

    assert_eq!(lines.len(), 4);
    assert_eq!((&lines[0]["user_id"], &lines[0]["refusal"]), (&json!(ada.id()), &Value::Null));
    assert_eq!((&lines[2]["user_id"], &lines[2]["refusal"]), (&Value::Null, &json!("Token has wrong type")));
    for line in lines {
        assert!(line["duration_ms"].is_number(), "{line}");
        assert!(!line.to_string().contains("eyJ"), "{line}");
    }
}
