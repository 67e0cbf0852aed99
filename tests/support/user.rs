//! A user with a session.

use std::ops::Deref;

use serde_json::{Value, json};

use super::{Answer, Client, id_text, stored_id, token};

/// The password of every user here, unless a test says otherwise.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// The body that registers somebody as `name`.
pub(crate) fn registration(name: &str) -> Value {
    json!({ "username": name, "email": format!("{name}@example.com"), "password": PASSWORD })
}

impl Client {
    /// A new session of a user.
    pub(crate) async fn log_in(&self, name: &str) -> User {
        self.log_in_with(name, PASSWORD).await
    }

    pub(crate) async fn log_in_with(&self, name: &str, password: &str) -> User {
        let answer = self.try_token(name, password).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        User::new(self, &answer.body)
    }

    pub(crate) async fn try_token(&self, name: &str, password: &str) -> Answer {
        self.post("/api/token", &json!({ "username": name, "password": password })).await
    }
}

/// A session of a user: a client with its bearer token.
pub(crate) struct User {
    client: Client,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Deref for User {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl User {
    /// From the tokens of a login.
    pub(crate) fn new(client: &Client, tokens: &Value) -> Self {
        let token = |name: &str| tokens[name].as_str().unwrap().to_owned();
        let (access, refresh) = (token("access"), token("refresh"));
        Self { client: client.bearer(&access), access, refresh }
    }

    /// The same tokens, shown to a stack that was started again.
    pub(crate) fn at_home_of(&self, client: &Client) -> Self {
        let (access, refresh) = (self.access.clone(), self.refresh.clone());
        Self { client: client.bearer(&access), access, refresh }
    }

    /// The user's id.
    pub(crate) fn id(&self) -> String {
        self.claim("user_id")
    }

    /// The text that stands for it in keys and attributes.
    pub(crate) fn stored_id(&self) -> String {
        stored_id(&Value::from(self.id()))
    }

    /// The session's id.
    pub(crate) fn sid(&self) -> String {
        self.claim("sid")
    }

    fn claim(&self, name: &str) -> String {
        id_text(&token::claims(&self.access)[name])
    }

    /// What the API says of the user.
    pub(crate) async fn profile(&self) -> Value {
        let answer = self.get("/api/profile").await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body
    }

    /// Uses up the refresh token.
    pub(crate) async fn refreshed(&self) -> Self {
        let answer = self.try_refresh().await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        Self::new(self, &answer.body)
    }

    pub(crate) async fn try_refresh(&self) -> Answer {
        self.post("/api/token/refresh", &json!({ "refresh": self.refresh })).await
    }

    /// Asserts that both tokens are alive.
    pub(crate) async fn is_signed_in(&self) {
        for token in [&self.access, &self.refresh] {
            self.post("/api/token/verify", &json!({ "token": token })).await.is(200, &json!({}));
        }
        assert_eq!(self.get("/api/profile").await.status, 200);
    }

    /// Asserts that both tokens are dead, wherever they are shown.
    pub(crate) async fn is_signed_out(&self) {
        let blacklisted = super::token_not_valid("Token is blacklisted");
        for token in [&self.access, &self.refresh] {
            self.post("/api/token/verify", &json!({ "token": token })).await.is(401, &blacklisted);
        }
        self.try_refresh().await.is(401, &blacklisted);
        self.get("/api/profile").await.is(401, &super::bearer_not_valid("Token is blacklisted"));
    }
}
