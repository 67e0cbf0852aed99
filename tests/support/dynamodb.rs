//! A look behind the API: the tables, read and changed as an operator could.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::Api;

impl Api {
    /// Calls DynamoDB.
    pub(crate) async fn dynamodb(&self, operation: &str, request: &Value) -> Value {
        let authorization = "AWS4-HMAC-SHA256 Credential=local/20200101/us-east-1/dynamodb/aws4_request, \
                             SignedHeaders=host, Signature=0";
        let request = self
            .database
            .post(self.stack.dynamodb_url())
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("x-amz-date", "20200101T000000Z")
            .header("content-type", "application/x-amz-json-1.0")
            .header("authorization", authorization)
            .body(request.to_string());
        let answer = request.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Every item of a table, by its key. Counters of records are apart: [`Self::counters`].
    pub(crate) async fn items(&self, table: &str) -> BTreeMap<String, Value> {
        let mut items = self.all_items(table).await;
        items.retain(|key, _| !key.starts_with("count#"));
        items
    }

    /// How many records were counted of each list in a table. A counter has several parts.
    pub(crate) async fn counters(&self, table: &str) -> BTreeMap<String, i64> {
        let mut counters = BTreeMap::new();
        for (key, item) in self.all_items(table).await {
            let Some(key) = key.strip_prefix("count#") else { continue };
            let (list, _) = key.rsplit_once('#').unwrap();
            let records: i64 = item["records"]["N"].as_str().unwrap().parse().unwrap();
            *counters.entry(list.to_owned()).or_default() += records;
        }
        // One part of a counter may be less than nothing: imported records are counted together, and subtracted where their ids say.
        for (list, records) in &counters {
            assert!(*records >= 0, "{list}: {records}");
        }
        counters
    }

    /// Every item of a table, counters included.
    pub(crate) async fn all_items(&self, table: &str) -> BTreeMap<String, Value> {
        let mut request = json!({ "TableName": name(table), "ConsistentRead": true });
        let mut found = BTreeMap::new();
        loop {
            let scanned = self.dynamodb("Scan", &request).await;
            let items = scanned["Items"].as_array().unwrap();
            found.extend(items.iter().map(|item| (key_of(item), item.clone())));
            let Some(last) = scanned.get("LastEvaluatedKey") else { return found };
            request["ExclusiveStartKey"] = last.clone();
        }
    }

    /// Users, employees, codes and sessions: what a refused request leaves as it was.
    pub(crate) async fn records(&self) -> BTreeMap<String, Value> {
        let mut records = self.sessions().await;
        for table in ["Users", "Employees", "Otps"] {
            records.extend(self.items(table).await);
        }
        records
    }

    /// Every session.
    pub(crate) async fn sessions(&self) -> BTreeMap<String, Value> {
        let mut sessions = self.items("Tokens").await;
        sessions.retain(|key, _| key.contains("session#"));
        sessions
    }

    /// An item by its partition key.
    pub(crate) async fn item(&self, table: &str, pk: &str) -> Option<Value> {
        self.items(table).await.into_iter().find(|(key, _)| key == pk).map(|(_, item)| item)
    }

    pub(crate) async fn put_item(&self, table: &str, item: &Value) {
        self.dynamodb("PutItem", &json!({ "TableName": name(table), "Item": item })).await;
    }

    /// Puts any number of items, a few batches at once.
    pub(crate) async fn put_items(&self, table: &str, items: impl IntoIterator<Item = Value>) {
        let puts = items.into_iter().map(|item| json!({ "PutRequest": { "Item": item } }));
        let batches =
            stream::iter(puts).chunks(25).map(|batch| json!({ "RequestItems": { name(table): batch } }));
        let written =
            batches.map(async |batch| self.dynamodb("BatchWriteItem", &batch).await).buffer_unordered(4);
        written
            .for_each(async |answer| assert_eq!(answer["UnprocessedItems"], json!({}), "not all was written"))
            .await;
    }

    /// Sets an attribute of the items for which `which` holds.
    pub(crate) async fn set(
        &self,
        table: &str,
        which: impl Fn(&str) -> bool,
        attribute: &str,
        value: &Value,
    ) {
        let mut changed = 0;
        for (key, mut item) in self.items(table).await {
            if which(&key) {
                item[attribute] = value.clone();
                self.put_item(table, &item).await;
                changed += 1;
            }
        }
        assert!(changed > 0, "there was nothing to change");
    }

    /// Deletes the items for which `which` holds.
    pub(crate) async fn delete_items(&self, table: &str, which: impl Fn(&str) -> bool) {
        for (key, item) in self.items(table).await {
            if which(&key) {
                let mut key = json!({ "pk": item["pk"] });
                if let Some(sort_key) = item.get("sk") {
                    key["sk"] = sort_key.clone();
                }
                self.dynamodb("DeleteItem", &json!({ "TableName": name(table), "Key": key })).await;
            }
        }
    }

    /// Says how many records of a list were counted.
    pub(crate) async fn set_count(&self, table: &str, list: &str, number: usize) {
        let shards = (0..4).map(|shard| {
            let records = if shard == 0 { number } else { 0 };
            json!({ "pk": { "S": format!("count#{list}#{shard}") }, "records": { "N": records.to_string() } })
        });
        self.put_items(table, shards).await;
    }

    /// How many records of a list were counted.
    pub(crate) async fn count(&self, table: &str, list: &str) -> i64 {
        self.counters(table).await.get(list).copied().unwrap_or(0)
    }

    /// Lets every limit's time pass.
    pub(crate) async fn forget_limits(&self) {
        self.delete_items("Throttles", |_| true).await;
    }

    /// Lets a code's time pass, and its address's reservation with it.
    pub(crate) async fn let_code_expire(&self, purpose: &str, address: &str) {
        let long_ago = json!({ "N": "1000000000" });
        self.set("Otps", |key| key == format!("{purpose}#{address}"), "expires", &long_ago).await;
    }
}

fn name(table: &str) -> String {
    format!("rollcall-{table}")
}

fn key_of(item: &Value) -> String {
    let part = |name: &str| item[name]["S"].as_str();
    [part("pk"), part("sk")].into_iter().flatten().collect::<Vec<_>>().join(" ")
}
