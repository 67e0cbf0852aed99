//! DynamoDB fails for a moment: whoever asked hears nothing of it, and nothing is done twice.

use crate::support::{Api, Fault, User, registration};

#[tokio::test]
async fn a_read_that_fails_is_tried_again() {
    let api = Api::behind_a_proxy(&[]).await;
    let ada = api.signed_in().await;
    let expected = ada.profile().await;
    for fault in [Fault::ServerError, Fault::RequestLost, Fault::AnswerLost] {
        api.proxy.fail_next(fault, |call| call.operation == "BatchGetItem");

        let (answer, calls) = api.proxy.watch(ada.get("/api/profile")).await;

        answer.is(200, &expected);
        assert_eq!(calls.of("BatchGetItem"), 2, "{fault:?}\n{calls}");
    }
}

#[tokio::test]
async fn a_registration_that_was_written_unheard_is_one_registration() {
    let api = Api::behind_a_proxy(&[]).await;
    api.proxy.fail_next(Fault::AnswerLost, |call| call.operation == "TransactWriteItems");

    let (answer, calls) = api.proxy.watch(api.post("/api/register", &registration("ada"))).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(calls.of("TransactWriteItems"), 2, "{calls}");
    let users = api.items("Users").await.into_keys().filter(|key| key.starts_with("user#"));
    assert_eq!(users.collect::<Vec<_>>(), [format!("user#{}", answer.body["id"].as_str().unwrap())]);
    assert_eq!(api.mails_to("ada@example.com").await, 1);
    api.log_in("ada").await.is_signed_in().await;
}

#[tokio::test]
async fn a_rotation_that_was_written_unheard_is_one_rotation() {
    let api = Api::behind_a_proxy(&[]).await;
    let ada = api.signed_in().await;
    api.proxy.fail_next(Fault::AnswerLost, |call| call.operation == "UpdateItem");

    let (answer, calls) = api.proxy.watch(ada.try_refresh()).await;

    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(calls.of("UpdateItem"), 2, "{calls}");
    let refreshed = User::new(&api, &answer.body);
    refreshed.is_signed_in().await;
    // The successor was not rotated out by the second try.
    refreshed.refreshed().await.is_signed_in().await;
}
