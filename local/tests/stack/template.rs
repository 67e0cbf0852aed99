//! What a template may ask of the database and the streams.

use std::path::Path;

use local::{Data, Options, Stack};
use serde_json::{Value, json};

use crate::{dynamodb, options};

pub(crate) const TEMPLATE: &str = r#"
Parameters:
  Projected: { Type: CommaDelimitedList, Default: "name, search" }
Resources:
  Staff:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - { AttributeName: pk, AttributeType: S }
        - { AttributeName: owner, AttributeType: S }
        - { AttributeName: listed, AttributeType: S }
        - { AttributeName: created_at, AttributeType: S }
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
      StreamSpecification: { StreamViewType: NEW_IMAGE }
      GlobalSecondaryIndexes:
        - IndexName: by-owner
          KeySchema: [{ AttributeName: owner, KeyType: HASH }, { AttributeName: created_at, KeyType: RANGE }]
          Projection: { ProjectionType: ALL }
        - IndexName: everybody
          KeySchema: [{ AttributeName: listed, KeyType: HASH }, { AttributeName: created_at, KeyType: RANGE }]
          Projection: { ProjectionType: INCLUDE, NonKeyAttributes: !Ref Projected }
  Probe:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/probe/
      Events:
        Named:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Staff.StreamArn
            StartingPosition: TRIM_HORIZON
            FilterCriteria: { Filters: [{ Pattern: '{"dynamodb":{"NewImage":{"kind":{"S":["person"]}}}}' }] }
            FunctionResponseTypes: [ReportBatchItemFailures]
  Deliver:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/deliver/
      Events:
        Other:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Staff.StreamArn
            StartingPosition: TRIM_HORIZON
            FilterCriteria: { Filters: [{ Pattern: '{"dynamodb":{"NewImage":{"kind":{"S":[{"anything-but":["person"]}]}}}}' }] }
            FunctionResponseTypes: [ReportBatchItemFailures]
"#;

pub(crate) fn with_template(folder: &Path, template: &str) -> Options {
    let options = Options { data: Data::Folder(folder.join(".local")), ..options(folder) };
    std::fs::write(&options.template, template).unwrap();
    options
}

pub(crate) async fn put(stack: &Stack, id: &str, kind: &str, created_at: &str) {
    let item = json!({
        "pk": { "S": id },
        "kind": { "S": kind },
        "to": { "S": "ada@example.com" },
        "owner": { "S": "ada" },
        "listed": { "S": "0" },
        "created_at": { "S": created_at },
        "search": { "M": { "name": { "S": format!("the {id}") } } },
    });
    dynamodb(stack, "PutItem", &json!({ "TableName": "rollcall-Staff", "Item": item })).await;
}

/// The ids that a query of an index finds, newest first, among those with this in their `search.name`.
pub(crate) async fn search(
    stack: &Stack,
    index: &str,
    key: &str,
    value: &str,
    text: &str,
) -> (Vec<String>, Value) {
    let request = json!({
        "TableName": "rollcall-Staff",
        "IndexName": index,
        "KeyConditionExpression": "#key = :value",
        "FilterExpression": "contains(#search.#name, :text)",
        "ExpressionAttributeNames": { "#key": key, "#search": "search", "#name": "name" },
        "ExpressionAttributeValues": { ":value": { "S": value }, ":text": { "S": text } },
        "ScanIndexForward": false,
        "ReturnConsumedCapacity": "INDEXES",
    });
    let answer = dynamodb(stack, "Query", &request).await;
    let ids =
        answer["Items"].as_array().unwrap().iter().map(|item| item["pk"]["S"].as_str().unwrap().to_owned());
    (ids.collect(), answer["ConsumedCapacity"]["GlobalSecondaryIndexes"][index]["CapacityUnits"].clone())
}

#[tokio::test]
async fn a_table_has_the_indexes_of_the_template() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(with_template(folder.path(), TEMPLATE)).await.unwrap();
    for (id, created_at) in [("anna", "2026-01-01"), ("hanna", "2026-01-02"), ("bob", "2026-01-03")] {
        put(&stack, id, "person", created_at).await;
    }

    let expected = (vec!["hanna".to_owned(), "anna".to_owned()], json!(0.5));
    assert_eq!(search(&stack, "by-owner", "owner", "ada", "anna").await, expected);
    assert_eq!(search(&stack, "everybody", "listed", "0", "anna").await, expected);

    let update = json!({
        "TableName": "rollcall-Staff",
        "Key": { "pk": { "S": "bob" } },
        "UpdateExpression": "SET #search.#name = :name, created_before = created_at REMOVE listed",
        "ExpressionAttributeNames": { "#search": "search", "#name": "name" },
        "ExpressionAttributeValues": { ":name": { "S": "joanna" } },
        "ReturnValues": "ALL_NEW",
    });
    let updated = dynamodb(&stack, "UpdateItem", &update).await;
    assert_eq!(updated["Attributes"]["created_before"]["S"], "2026-01-03");
    assert_eq!(search(&stack, "by-owner", "owner", "ada", "anna").await.0, ["bob", "hanna", "anna"]);
    assert_eq!(search(&stack, "everybody", "listed", "0", "anna").await.0, ["hanna", "anna"]);
}

#[tokio::test]
async fn two_functions_on_one_stream_get_what_each_of_them_wants() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(with_template(folder.path(), TEMPLATE)).await.unwrap();

    for (id, kind) in [("ada", "person"), ("desk", "thing"), ("bob", "person"), ("lamp", "thing")] {
        put(&stack, id, kind, "2026-01-01").await;
    }

    stack.message("ada@example.com", 3).await.unwrap();
    let messages = stack.messages("ada@example.com");
    let of = |function: &str| -> Vec<&str> {
        let own = messages.iter().filter(|message| message.subject == function);
        own.map(|message| message.body.as_str()).collect()
    };
    assert_eq!((of("probe"), of("deliver")), (vec!["ada", "bob"], vec!["desk", "lamp"]));
}

#[tokio::test]
async fn projected_attributes_are_a_set() {
    let folder = tempfile::tempdir().unwrap();
    Stack::start(with_template(folder.path(), TEMPLATE)).await.unwrap().stop().await;
    let reordered = with_template(folder.path(), &TEMPLATE.replace("name, search", "search, name"));

    assert_eq!(Stack::start(reordered).await.unwrap().upgraded(), None);
}
