//! `GET /api/sessions`.

use serde_json::json;

use crate::support::Api;

#[tokio::test]
async fn a_user_sees_their_live_sessions_newest_first() {
    let api = Api::start().await;
    api.registered("bob").await;
    api.log_in("bob").await;
    let ended = api.signed_in().await;
    ended.post("/api/logout", &json!({ "refresh": ended.refresh })).await;
    let laptop = api.log_in("ada").await;
    let phone = api.at([127, 0, 0, 2]).header("User-Agent", "Phone/1.0");
    let phone =
        phone.post("/api/token", &json!({ "username": "ada", "password": crate::support::PASSWORD })).await;
    let phone = crate::support::User::new(&api, &phone.body);

    let answer = laptop.get("/api/sessions").await;

    let seen = &answer.body;
    let session = |id: String, ip: &str, user_agent: &str, n: usize, current: bool| {
        json!({
            "id": id, "created_at": seen[n]["created_at"], "last_used_at": seen[n]["last_used_at"], "ip": ip,
            "user_agent": user_agent, "current": current,
        })
    };
    answer.is(
        200,
        &json!([
            session(phone.sid(), "127.0.0.2", "Phone/1.0", 0, false),
            session(laptop.sid(), "127.0.0.1", "", 1, true),
        ]),
    );
    assert!(seen[0]["created_at"].as_str() > seen[1]["created_at"].as_str());
}

#[tokio::test]
async fn a_refresh_is_a_use_of_the_session_and_is_seen_when_its_grace_is_over() {
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let before = ada.get("/api/sessions").await.body[0].clone();
    let elsewhere = ada.at([127, 0, 0, 2]).header("User-Agent", "Phone/2.0");
    let answer = elsewhere.post("/api/token/refresh", &json!({ "refresh": ada.refresh })).await;
    let ada = crate::support::User::new(&elsewhere, &answer.body);

    // Somebody with a stolen access token does not learn when the used refresh token is still answered.
    assert_eq!(ada.get("/api/sessions").await.body[0], before);

    api.set("Tokens", |key| key.contains("session#"), "rotated_at", &json!({ "N": "1000000000000" })).await;
    let after = ada.get("/api/sessions").await.body[0].clone();
    assert_eq!((&after["ip"], &after["user_agent"]), (&json!("127.0.0.2"), &json!("Phone/2.0")));
    assert_eq!((&after["id"], &after["created_at"]), (&before["id"], &before["created_at"]));
    assert!(after["last_used_at"].as_str() > before["last_used_at"].as_str());
}
