//! `DynamoDB`: embedded, or wherever `--dynamodb` points, with the tables of the template.

mod server;
mod tables;

use std::{collections::BTreeMap, path::Path, time::Duration};

use axum::http::StatusCode;
use dynoxide::Database;
use serde_json::{Value, json};
use tokio::{sync::watch, time};

use crate::emulator::{
    lambda::CREDENTIALS,
    port::Port,
    template::{REGION, Table},
};

/// The embedded database's file.
pub(crate) const FILE: &str = "dynamodb.sqlite";
/// How often items that have expired are removed. AWS takes up to days; functions compare expiry with the clock.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);
/// How long a call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The same for a call that changes a table: the embedded database answers when a new index holds every item.
const CHANGE_TIMEOUT: Duration = Duration::from_mins(30);
/// How long a new table may take to become active, in polls of [`POLL_INTERVAL`].
const ACTIVATION_POLLS: u32 = 600;
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A client that speaks `DynamoDB`'s JSON, as the SDKs do.
#[derive(Debug, Clone)]
pub(crate) struct DynamoDb {
    client: reqwest::Client,
    url: String,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nothing answered.
    #[error("{0}")]
    Unreachable(String),
    /// The database refused: its exception's name and message.
    #[error("{kind}: {message}")]
    Refused {
        /// Such as `ResourceInUseException`.
        kind: String,
        /// The explanation.
        message: String,
    },
    /// The table is there, but made from another template.
    #[error(
        "the table {0} does not match the template, and only data in a folder is upgraded: use another database, or delete the table if nothing else uses it"
    )]
    OtherShape(String),
}

/// Opens the database in `folder`, or in memory, and serves it on a free loopback port until `stop`.
///
/// It keeps a write-ahead log: a write that was answered is there after the process is killed.
pub(crate) async fn serve_embedded(
    folder: Option<&Path>,
    stop: watch::Receiver<bool>,
) -> Result<String, String> {
    let database = match folder {
        Some(folder) => Database::new(&folder.join(FILE).to_string_lossy()),
        None => Database::memory(),
    };
    let database = database.map_err(|error| error.to_string())?;
    let port = Port::open(0).await.map_err(|error| error.to_string())?;
    let url = port.url();
    tokio::spawn(sweep(database.clone(), stop.clone()));
    tokio::spawn(port.serve(server::router(database), stopped(stop)));
    Ok(url)
}

/// Ends when the stack stops, or is dropped.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn sweep(database: Database, stop: watch::Receiver<bool>) {
    let mut stop = std::pin::pin!(stopped(stop));
    loop {
        tokio::select! {
            () = &mut stop => return,
            () = time::sleep(SWEEP_INTERVAL) => {}
        }
        let database = database.clone();
        // A sweep that fails is made up for by the next.
        let _ = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
    }
}

impl DynamoDb {
    pub(crate) fn new(url: &str) -> Result<Self, CallError> {
        let client = reqwest::Client::builder().no_proxy().build();
        let client = client.map_err(|error| CallError::Unreachable(error.to_string()))?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned() })
    }

    /// Calls an operation, such as `DynamoDB_20120810.CreateTable`.
    pub(crate) async fn call(&self, target: &str, body: &Value) -> Result<Value, CallError> {
        self.call_within(CALL_TIMEOUT, target, body).await
    }

    async fn call_within(&self, timeout: Duration, target: &str, body: &Value) -> Result<Value, CallError> {
        // Nobody checks the signature, but DynamoDB Local keeps a database for each key and region.
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/20200101/{REGION}/dynamodb/aws4_request, SignedHeaders=host, Signature=local",
            CREDENTIALS.0
        );
        let request = self
            .client
            .post(format!("{}/", self.url))
            .timeout(timeout)
            .header("x-amz-target", target)
            .header("x-amz-date", "20200101T000000Z")
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", authorization)
            .body(body.to_string());
        let unreachable =
            |error: reqwest::Error| CallError::Unreachable(format!("no answer from {}: {error}", self.url));
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let text = response.text().await.map_err(unreachable)?;
        let answer: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.as_u16() == StatusCode::OK.as_u16() && answer.is_object() {
            Ok(answer)
        } else {
            Err(refused(&answer, status.as_u16()))
        }
    }

    /// Whether a database is there.
    pub(crate) async fn ping(&self) -> Result<(), CallError> {
        self.call("DynamoDB_20120810.ListTables", &json!({ "Limit": 1 })).await.map(drop)
    }

    /// The ARN of the stream of each table that has one, by the table's name.
    pub(crate) async fn streams(&self, tables: &[Table]) -> Result<BTreeMap<String, String>, CallError> {
        let mut streams = BTreeMap::new();
        for Table { name, .. } in tables {
            let description = self.describe(name).await?;
            let arn = description["LatestStreamArn"].as_str();
            if let Some(arn) = arn.filter(|_| description["StreamSpecification"]["StreamEnabled"] == true) {
                streams.insert(name.clone(), arn.to_owned());
            }
        }
        Ok(streams)
    }

    async fn describe(&self, table: &str) -> Result<Value, CallError> {
        let mut answer = self.call("DynamoDB_20120810.DescribeTable", &json!({ "TableName": table })).await?;
        Ok(answer["Table"].take())
    }

    /// Describes a table, as soon as it and its indexes can be used.
    async fn active(&self, table: &str) -> Result<Value, CallError> {
        for _ in 0..ACTIVATION_POLLS {
            let description = self.describe(table).await?;
            let mut indexes = description["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
            if description["TableStatus"] == "ACTIVE" && indexes.all(|index| index["IndexStatus"] == "ACTIVE")
            {
                return Ok(description);
            }
            time::sleep(POLL_INTERVAL).await;
        }
        Err(CallError::Unreachable(format!("the table {table} does not become active")))
    }
}

fn refused(answer: &Value, status: u16) -> CallError {
    let kind = answer["__type"].as_str().and_then(|kind| kind.rsplit('#').next()).unwrap_or("UnknownError");
    let message = answer["message"].as_str().or_else(|| answer["Message"].as_str());
    let message = message.map_or_else(|| format!("status {status}"), str::to_owned);
    CallError::Refused { kind: kind.to_owned(), message }
}
