//! A client of the API, as its users write them: JSON out, JSON in, perhaps with a bearer token.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap},
};
use serde_json::Value;
use shared::compatibility::Compatibility;

use super::contract;

/// Whoever calls, from one IP address.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    authorization: Option<String>,
    headers: Vec<(String, String)>,
    /// What the API may answer.
    document: &'static Value,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    /// The body as it came.
    pub(crate) text: String,
    /// The same, read as JSON; `null` when there is none.
    pub(crate) body: Value,
    /// How long its client waited for it, before it was held against the contract.
    pub(crate) took: Duration,
}

impl Client {
    pub(crate) fn new(url: &str) -> Self {
        let document = &contract::DOCUMENT;
        Self { http: http(None), url: url.to_owned(), authorization: None, headers: Vec::new(), document }
    }

    /// The same client of an API that answers like this.
    pub(crate) fn expecting(self, answers: &Compatibility) -> Self {
        Self { document: contract::document(answers), ..self }
    }

    /// The same client at another IP address of this machine.
    pub(crate) fn at(&self, address: [u8; 4]) -> Self {
        Self { http: http(Some(address.into())), ..self.clone() }
    }

    /// The same client with a bearer token.
    pub(crate) fn bearer(&self, token: &str) -> Self {
        self.authorization(&format!("Bearer {token}"))
    }

    /// The same client with an `Authorization` header.
    pub(crate) fn authorization(&self, value: &str) -> Self {
        Self { authorization: Some(value.to_owned()), ..self.clone() }
    }

    /// The same client with one more header.
    pub(crate) fn header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None, String::new()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None, String::new()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some("application/json"), body.to_string()).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some("application/json"), body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some("application/json"), body.to_string()).await
    }

    /// A body of any content type.
    pub(crate) async fn post_text(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.send(Method::POST, path, Some(content_type), body).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        self.try_send(method, path, content_type, body).await.unwrap()
    }

    /// The same, for a server that may be gone.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: impl Into<Vec<u8>>,
    ) -> reqwest::Result<Answer> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url)).body(body.into());
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let began = Instant::now();
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let took = began.elapsed();
        let body = serde_json::from_str(&text).unwrap_or_default();
        let answer = Answer { status, headers, text, body, took };
        contract::check(self.document, &method, path, &answer);
        Ok(answer)
    }
}

fn http(address: Option<IpAddr>) -> reqwest::Client {
    reqwest::Client::builder().no_proxy().local_address(address).build().unwrap()
}

impl Answer {
    /// A header's value; empty when there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Asserts the status and the whole body.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, body: &Value) {
        assert_eq!((self.status, &self.body), (status, body), "{}", self.text);
    }

    /// Asserts that it is a throttled client's, with the same number of seconds in its header; gives the seconds.
    #[track_caller]
    pub(crate) fn is_throttled(&self) -> u64 {
        let seconds: u64 = self.header("retry-after").parse().unwrap_or_default();
        let unit = if seconds == 1 { "second" } else { "seconds" };
        let words = format!("Request was throttled. Expected available in {seconds} {unit}.");
        self.is(429, &serde_json::json!({ "detail": words }));
        assert!(seconds > 0);
        seconds
    }
}
