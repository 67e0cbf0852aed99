//! Event source mappings: the tables' streams, handed to functions in batches.

mod batch;
pub(crate) mod filter;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet, time};

use crate::emulator::{
    dynamodb::{CallError, DynamoDb, stopped},
    file,
    journal::Journal,
    lambda::{InvokeError, Pool},
    logs::{Logs, lock},
    template::{REGION, StreamSource},
};
use batch::{Batch, Condition, Step, created, sequence_number};

/// How often an idle stream is read. What the functions write is noticed at once; this is for writes from elsewhere.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// How often a stream is asked for new shards.
const SHARD_INTERVAL: Duration = Duration::from_secs(5);
/// The wait after a call that failed.
const FAILURE_INTERVAL: Duration = Duration::from_secs(1);

/// How far every stream has been read, kept in a file so that a restart goes on from there.
#[derive(Debug)]
pub(crate) struct Positions {
    file: Option<PathBuf>,
    saved: Mutex<BTreeMap<String, String>>,
}

impl Positions {
    pub(crate) fn open(file: Option<PathBuf>) -> io::Result<Self> {
        let saved = file::load(file.as_deref())?;
        Ok(Self { file, saved: Mutex::new(saved) })
    }

    fn get(&self, key: &str) -> Option<String> {
        lock(&self.saved).get(key).cloned()
    }

    fn save(&self, key: &str, sequence_number: &str) -> io::Result<()> {
        let mut saved = lock(&self.saved);
        let before = saved.insert(key.to_owned(), sequence_number.to_owned());
        match &self.file {
            Some(file) if before.as_deref() != Some(sequence_number) => file::replace(file, &*saved),
            _ => Ok(()),
        }
    }
}

/// One mapping of a stream to a function.
#[derive(Debug)]
pub(crate) struct Mapping {
    pub(crate) database: DynamoDb,
    pub(crate) stream_arn: String,
    pub(crate) source: StreamSource,
    pub(crate) function: Arc<Pool>,
    pub(crate) positions: Arc<Positions>,
    pub(crate) undelivered: Arc<Journal<Value>>,
    pub(crate) logs: Arc<Logs>,
    /// Told after every invocation of any function.
    pub(crate) finished: watch::Receiver<()>,
    pub(crate) stop: watch::Receiver<bool>,
}

#[derive(Debug)]
struct Shard {
    id: String,
    parent: Option<String>,
}

/// Reads the stream until the stack stops: every shard by itself, a child after its parent.
pub(crate) async fn run(mapping: Arc<Mapping>) {
    let mut stop = std::pin::pin!(stopped(mapping.stop.clone()));
    let mut readers = JoinSet::new();
    let mut started = BTreeSet::new();
    let mut finished = BTreeSet::new();
    loop {
        let shards = mapping.shards().await.unwrap_or_else(|error| {
            mapping.complain(&error);
            Vec::new()
        });
        let listed: BTreeSet<&String> = shards.iter().map(|shard| &shard.id).collect();
        for shard in &shards {
            let waits = shard
                .parent
                .as_ref()
                .is_some_and(|parent| listed.contains(parent) && !finished.contains(parent));
            if !waits && started.insert(shard.id.clone()) {
                readers.spawn(read_shard(Arc::clone(&mapping), shard.id.clone()));
            }
        }
        tokio::select! {
            () = &mut stop => break,
            Some(done) = readers.join_next() => finished.extend(done.ok()),
            () = time::sleep(SHARD_INTERVAL) => {}
        }
    }
    // A batch that was being delivered when the stop came has its position saved, or it would be delivered twice.
    while readers.join_next().await.is_some() {}
}

/// Reads a shard to its end, which an open one reaches only when the stack stops.
async fn read_shard(mapping: Arc<Mapping>, shard: String) -> String {
    let mut finished = mapping.finished.clone();
    let mut iterator = None;
    while !*mapping.stop.borrow() {
        finished.borrow_and_update();
        match mapping.read(&shard, iterator.take()).await {
            Ok(Page { next: None, .. }) => break,
            Ok(Page { next, found }) => {
                iterator = next;
                if !found {
                    tokio::select! {
                        _ = finished.changed() => {}
                        () = mapping.sleep(POLL_INTERVAL) => {}
                    }
                }
            }
            Err(error) => {
                mapping.complain(&error);
                mapping.sleep(FAILURE_INTERVAL).await;
            }
        }
    }
    shard
}

/// What reading a page came to.
struct Page {
    next: Option<String>,
    found: bool,
}

impl Mapping {
    async fn shards(&self) -> Result<Vec<Shard>, CallError> {
        let mut shards = Vec::new();
        let mut request = json!({ "StreamArn": self.stream_arn });
        loop {
            let answer = self.database.call("DynamoDBStreams_20120810.DescribeStream", &request).await?;
            let description = &answer["StreamDescription"];
            for shard in description["Shards"].as_array().into_iter().flatten() {
                let parent = shard["ParentShardId"].as_str().map(str::to_owned);
                shards.extend(shard["ShardId"].as_str().map(|id| Shard { id: id.to_owned(), parent }));
            }
            match description.get("LastEvaluatedShardId").filter(|last| last.is_string()) {
                Some(last) => request["ExclusiveStartShardId"] = last.clone(),
                None => return Ok(shards),
            }
        }
    }

    /// Reads and handles the next records. Without an iterator, or with one that has expired, it starts from the position.
    async fn read(&self, shard: &str, iterator: Option<String>) -> Result<Page, CallError> {
        let iterator = match iterator {
            Some(iterator) => iterator,
            None => self.iterator(shard).await?,
        };
        let request = json!({ "ShardIterator": iterator, "Limit": self.source.batch_size.min(1000) });
        let mut answer = self.database.call("DynamoDBStreams_20120810.GetRecords", &request).await?;
        let Value::Array(records) = answer["Records"].take() else {
            return Ok(Page { next: None, found: false });
        };
        let found = !records.is_empty();
        if found {
            self.handle(shard, records.into_iter().map(|record| self.as_event(record)).collect()).await;
        }
        Ok(Page { next: answer["NextShardIterator"].as_str().map(str::to_owned), found })
    }

    async fn iterator(&self, shard: &str) -> Result<String, CallError> {
        let mut request = json!({ "StreamArn": self.stream_arn, "ShardId": shard });
        if let Some(position) = self.positions.get(&self.key(shard)) {
            request["ShardIteratorType"] = json!("AFTER_SEQUENCE_NUMBER");
            request["SequenceNumber"] = json!(position);
        } else {
            request["ShardIteratorType"] =
                json!(if self.source.from_now { "LATEST" } else { "TRIM_HORIZON" });
        }
        let answer = self.database.call("DynamoDBStreams_20120810.GetShardIterator", &request).await;
        let answer = match answer {
            // The position has been trimmed away: what is left begins at the horizon.
            Err(CallError::Refused { kind, .. }) if kind == "TrimmedDataAccessException" => {
                let request = json!({ "StreamArn": self.stream_arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
                self.database.call("DynamoDBStreams_20120810.GetShardIterator", &request).await?
            }
            answer => answer?,
        };
        let iterator = answer["ShardIterator"].as_str().map(str::to_owned);
        iterator.ok_or_else(|| CallError::Unreachable("no shard iterator".to_owned()))
    }

    fn key(&self, shard: &str) -> String {
        format!("{} {shard} {}", self.stream_arn, self.function.function.id)
    }

    fn as_event(&self, mut record: Value) -> Value {
        record["awsRegion"] = json!(REGION);
        record["eventSourceARN"] = json!(self.event_source_arn());
        record
    }

    /// The stream's name as AWS would write it: the embedded database calls its region by its own name.
    fn event_source_arn(&self) -> String {
        let mut parts: Vec<&str> = self.stream_arn.splitn(5, ':').collect();
        if let Some(region) = parts.get_mut(3) {
            *region = REGION;
        }
        parts.join(":")
    }

    /// Hands the records that are wanted to the function until each has been dealt with.
    async fn handle(&self, shard: &str, records: Vec<Value>) {
        let wanted =
            records.iter().filter(|record| filter::wanted(&self.source.filters, record)).cloned().collect();
        let mut batch = Batch::new(&self.source, wanted);
        loop {
            #[expect(
                clippy::cast_precision_loss,
                reason = "milliseconds since the epoch fit a double for ages yet"
            )]
            let now = Timestamp::now().as_millisecond() as f64 / 1000.0;
            match batch.next(now) {
                Step::Done => break,
                Step::GiveUp { records, condition, attempts } => {
                    self.give_up(shard, &records, condition, attempts);
                }
                Step::Invoke { records: pending, after } => {
                    self.save_before(shard, &records, &pending);
                    self.sleep(after).await;
                    let answer = self.function.invoke_with(&json!({ "Records": pending })).await;
                    if matches!(answer, Err(InvokeError::Stopping)) {
                        // The next run starts with this batch.
                        return;
                    }
                    if matches!(answer, Err(InvokeError::Throttled)) {
                        // Lambda counts only what the function has answered: a throttled batch waits until its records expire.
                        self.sleep(FAILURE_INTERVAL).await;
                        continue;
                    }
                    if let Err(error) = &answer {
                        self.logs.notice(&format!(
                            "{}: {error}; the batch will be tried again",
                            self.function.function.binary
                        ));
                    }
                    batch.answered(&answer);
                }
            }
        }
        if let Some(last) = records.last() {
            self.save(shard, last);
        }
    }

    /// The database may be gone before the last call to it when the stack stops, which is nobody's concern.
    fn complain(&self, error: &CallError) {
        if !*self.stop.borrow() {
            self.logs.notice(&format!("the stream of {}: {error}", self.source.table));
        }
    }

    /// Sleeps, but not through the end of the stack.
    async fn sleep(&self, duration: Duration) {
        let _ = time::timeout(duration, stopped(self.stop.clone())).await;
    }

    /// What came before the first pending record will not be handed over again, even if the stack is killed now.
    fn save_before(&self, shard: &str, records: &[Value], pending: &[Value]) {
        let first = pending.first().map(sequence_number).unwrap_or_default();
        if let Some(dealt_with) = records.iter().take_while(|record| sequence_number(record) != first).last()
        {
            self.save(shard, dealt_with);
        }
    }

    fn save(&self, shard: &str, record: &Value) {
        if let Err(error) = self.positions.save(&self.key(shard), sequence_number(record)) {
            self.logs.notice(&format!("the stream's position cannot be saved: {error}"));
        }
    }

    fn give_up(&self, shard: &str, records: &[Value], condition: Condition, attempts: u64) {
        let name = &self.function.function.binary;
        self.logs.notice(&format!("WARNING {name}: {} records given up ({condition:?})", records.len()));
        if self.source.has_destination {
            self.undelivered.push(self.invocation_record(shard, records, condition, attempts));
        }
    }

    /// <https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html>
    fn invocation_record(
        &self,
        shard: &str,
        records: &[Value],
        condition: Condition,
        attempts: u64,
    ) -> Value {
        let (first, last) = (records.first(), records.last());
        let arrival = |record: Option<&Value>| {
            #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds are precise enough")]
            let milliseconds = record.map(|record| (created(record) * 1000.0) as i64);
            milliseconds
                .and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok())
                .map(|time| format!("{time:.3}"))
        };
        json!({
            "requestContext": {
                "requestId": uuid::Uuid::new_v4(),
                "functionArn": self.function.function.arn(),
                "condition": format!("{condition:?}"),
                "approximateInvokeCount": attempts,
            },
            "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled" },
            "version": "1.0",
            "timestamp": format!("{:.3}", Timestamp::now()),
            "DDBStreamBatchInfo": {
                "shardId": shard,
                "startSequenceNumber": first.map(sequence_number),
                "endSequenceNumber": last.map(sequence_number),
                "approximateArrivalOfFirstRecord": arrival(first),
                "approximateArrivalOfLastRecord": arrival(last),
                "batchSize": records.len(),
                "streamArn": self.event_source_arn(),
            },
        })
    }
}
