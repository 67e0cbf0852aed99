//! The inbox: every message that was sent, and what was asked of each endpoint, as JSON and as a page. It exists only here.

use std::{convert::Infallible, io, path::Path, sync::Arc};

use axum::{
    Json, Router,
    extract::{Query, State},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY},
    },
    response::{Html, IntoResponse, Sse, sse::Event},
    routing::{any, get},
};
use futures_util::{Stream, StreamExt, stream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::emulator::{dynamodb::stopped, journal::Journal, requests::Requests};

/// The page may load nothing, and a message's HTML inherits that.
const POLICY: &str =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'";

/// A message as its receiver would see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The provider's id for it.
    pub id: String,
    /// `email` or `sms`.
    pub channel: String,
    /// The address it went to.
    pub to: String,
    /// Empty where the channel has none.
    pub subject: String,
    /// The text.
    pub body: String,
    /// The same as HTML, when the sender gave it.
    pub html: Option<String>,
    /// RFC 3339, UTC.
    pub sent_at: String,
    /// Why its receiver did not get it, or did not want it; absent when all went well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Every message, and a signal whenever there is one more.
#[derive(Debug)]
pub(crate) struct Inbox {
    messages: Journal<Message>,
    received: watch::Sender<()>,
}

impl Inbox {
    pub(crate) fn open(file: Option<&Path>) -> io::Result<Self> {
        Ok(Self { messages: Journal::open(file)?, received: watch::Sender::new(()) })
    }

    pub(crate) fn receive(&self, message: Message) {
        self.messages.push(message);
        self.received.send_replace(());
    }

    /// The messages to an address, or to all, oldest first.
    pub(crate) fn messages(&self, to: Option<&str>) -> Vec<Message> {
        let is_wanted =
            |message: &Message| to.is_none_or(|to| message.to.to_lowercase() == to.trim().to_lowercase());
        self.messages.items().into_iter().filter(is_wanted).collect()
    }

    /// The message to an address that comes after the first `after`; waits for it.
    pub(crate) async fn next(&self, to: &str, after: usize) -> Message {
        let mut received = self.received.subscribe();
        loop {
            if let Some(message) = self.messages(Some(to)).into_iter().nth(after) {
                return message;
            }
            // The sender lives as long as `self` does.
            let _ = received.changed().await;
        }
    }
}

impl Message {
    /// A message sent now.
    pub(crate) fn new(
        id: &str,
        channel: &str,
        to: &str,
        subject: &str,
        body: &str,
        html: Option<&str>,
    ) -> Self {
        Self {
            id: id.to_owned(),
            channel: channel.to_owned(),
            to: to.to_owned(),
            subject: subject.to_owned(),
            body: body.to_owned(),
            html: html.map(str::to_owned),
            sent_at: format!("{:.3}", Timestamp::now()),
            problem: None,
        }
    }
}

/// The routes under `/_local`: all of them, so that none is the emulated API's.
pub(crate) fn router(inbox: Arc<Inbox>, requests: Arc<Requests>, stop: watch::Receiver<bool>) -> Router {
    Router::new()
        .route("/_local", get(page))
        .route("/_local/", get(page))
        .route("/_local/messages", get(messages))
        .route("/_local/endpoints", get(endpoints))
        .route("/_local/changes", get(changes))
        .route("/_local/{*path}", any(StatusCode::NOT_FOUND))
        .with_state((inbox, requests, stop))
}

type Shared = State<(Arc<Inbox>, Arc<Requests>, watch::Receiver<bool>)>;

#[derive(Deserialize)]
struct Filter {
    to: Option<String>,
}

/// Newest first. A plus sign in an address is often typed as it is, where a query means a space by it.
async fn messages(State((inbox, _, _)): Shared, Query(filter): Query<Filter>) -> impl IntoResponse {
    let to = filter.to.filter(|to| !to.is_empty()).map(|to| to.trim_end().replace(' ', "+"));
    let mut messages = inbox.messages(to.as_deref());
    messages.reverse();
    ([(CACHE_CONTROL, "no-store")], Json(messages))
}

async fn page() -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, POLICY), (CACHE_CONTROL, "no-store")], Html(include_str!("inbox/page.html")))
}

/// What was asked of each endpoint, and how long it took.
async fn endpoints(State((_, requests, _)): Shared) -> impl IntoResponse {
    ([(CACHE_CONTROL, "no-store")], Json(requests.endpoints()))
}

/// An event whenever there is a new message (`received`), or a request was answered (`asked`).
async fn changes(
    State((inbox, requests, stop)): Shared,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let received = each_change(inbox.received.subscribe(), "received");
    let asked = each_change(requests.subscribe(), "asked");
    Sse::new(stream::select(received, asked).take_until(Box::pin(stopped(stop))))
}

fn each_change(
    changes: watch::Receiver<()>,
    name: &'static str,
) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(Box::pin(changes), move |mut changes| async move {
        changes.changed().await.ok()?;
        Some((Ok(Event::default().event(name).data("changed")), changes))
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_next_message_to_an_address_is_waited_for() {
        let inbox = Arc::new(Inbox::open(None).unwrap());
        let send = |to: &str, body: &str| inbox.receive(Message::new("id", "email", to, "", body, None));
        send("ada@example.com", "first");
        send("bob@example.com", "other");
        let waiting = tokio::spawn({
            let inbox = Arc::clone(&inbox);
            async move { inbox.next("ada@example.com", 1).await }
        });
        tokio::task::yield_now().await;

        send("bob@example.com", "another");
        send("Ada@Example.com", "second");

        assert_eq!(waiting.await.unwrap().body, "second");
        assert_eq!(inbox.messages(Some(" ADA@example.com")).len(), 2);
    }
}
