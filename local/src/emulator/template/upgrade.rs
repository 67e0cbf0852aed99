//! Whether a template can be deployed over the template of the previous release, in one deployment and without losing data.
//!
//! `CloudFormation` refuses some changes, and carries out others by replacing a resource: a new, empty table takes the place of
//! the old one. Templates are compared as they are written, with their expressions.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{TemplateError, object, yaml};

/// The resources that hold data, or an address that others know, and their properties that cannot change without a replacement.
const STATEFUL: [(&str, &[&str]); 8] = [
    ("AWS::DynamoDB::Table", &["TableName", "KeySchema", "LocalSecondaryIndexes"]),
    ("AWS::SecretsManager::Secret", &["Name"]),
    ("AWS::SQS::Queue", &["QueueName", "FifoQueue"]),
    ("AWS::Logs::LogGroup", &["LogGroupName"]),
    ("AWS::Serverless::Api", &["StageName"]),
    ("AWS::ApiGateway::DomainName", &["DomainName"]),
    ("AWS::SNS::Topic", &["TopicName"]),
    ("AWS::SNS::Subscription", &["TopicArn", "Protocol", "Endpoint"]),
];

/// What keeps data when a resource or the stack goes.
const PROTECTIONS: [&str; 2] = ["DeletionProtectionEnabled", "PointInTimeRecoverySpecification"];

/// Why the template `next` cannot be deployed over `last`, one sentence for each reason; empty when it can.
pub fn upgrade_problems(last: &str, next: &str) -> Result<Vec<String>, TemplateError> {
    let (last, next) = (yaml::parse(last)?, yaml::parse(next)?);
    let mut problems = parameter_problems(&last["Parameters"], &next["Parameters"]);
    for (id, before) in object(&last["Resources"]) {
        let after = &next["Resources"][id];
        let of_resource = resource_problems(before, after).into_iter().chain(source_problems(before, after));
        problems.extend(of_resource.map(|problem| format!("{id}: {problem}")));
    }
    Ok(problems)
}

/// An operator deploys with the parameters of the last deployment.
fn parameter_problems(last: &Value, next: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, before) in object(last) {
        let after = &next[name];
        if after.is_null() {
            problems.push(format!(
                "{name}: the parameter is gone. CloudFormation refuses a deployment that still sets it."
            ));
            continue;
        }
        let allowed = |value| after["AllowedValues"].as_array().is_none_or(|values| values.contains(value));
        let dropped =
            before["AllowedValues"].as_array().into_iter().flatten().filter(|value| !allowed(value));
        problems.extend(dropped.map(|value| {
            format!(
                "{name}: the value {value} is no longer allowed. CloudFormation refuses stacks that have it."
            )
        }));
    }
    let added = object(next).filter(|(name, after)| last[*name].is_null() && after.get("Default").is_none());
    problems.extend(added.map(|(name, _)| {
        format!("{name}: a new parameter needs a Default. CloudFormation refuses a deployment that does not set it.")
    }));
    problems
}

fn resource_problems(before: &Value, after: &Value) -> Vec<String> {
    let kind = before["Type"].as_str().unwrap_or_default();
    let Some((_, fixed)) = STATEFUL.iter().find(|(stateful, _)| *stateful == kind) else { return Vec::new() };
    if after.is_null() {
        return vec![format!(
            "the {kind} is gone or has another logical id. CloudFormation deletes it, or leaves it behind outside of the stack."
        )];
    }
    if after["Type"] != before["Type"] {
        return vec![format!(
            "the type {kind} became {}. CloudFormation refuses to change a type.",
            after["Type"]
        )];
    }
    let mut problems = Vec::new();
    if after["Condition"] != before["Condition"] {
        problems.push(format!(
            "Condition changed from {} to {}. Where the new one does not hold, CloudFormation deletes the {kind}.",
            before["Condition"], after["Condition"]
        ));
    }
    for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
        if before[policy] == "Retain" && after[policy] != "Retain" {
            problems.push(format!("{policy} is no longer Retain: the data is no longer kept."));
        }
    }
    let (before, after) = (&before["Properties"], &after["Properties"]);
    for property in fixed.iter().filter(|property| before[**property] != after[**property]) {
        problems
            .push(format!("{property} changed. CloudFormation replaces the {kind} with a new, empty one."));
    }
    if before["GenerateSecretString"] != after["GenerateSecretString"] {
        problems.push(
            "GenerateSecretString changed. CloudFormation makes a new version of the secret.".to_owned(),
        );
    }
    for protection in PROTECTIONS {
        if !before[protection].is_null() && before[protection] != after[protection] {
            problems.push(format!("{protection} changed: the data is no longer protected as it was."));
        }
    }
    problems.extend(table_problems(before, after));
    problems
}

/// The part of a table that DynamoDB cannot change, or not at once. A resource of another type has none of these properties.
fn table_problems(before: &Value, after: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let (types_before, types_after) = (attribute_types(before), attribute_types(after));
    for (name, kind) in types_before {
        if types_after.get(name).is_some_and(|new| *new != kind) {
            problems
                .push(format!("the attribute {name} changed its type. CloudFormation replaces the table."));
        }
    }
    let view = |table: &Value| table["StreamSpecification"]["StreamViewType"].clone();
    if !view(before).is_null() && view(before) != view(after) {
        problems.push(
            "StreamViewType changed. DynamoDB makes a new stream, and unread records of the old one are lost.".to_owned(),
        );
    }
    let expiry = |table: &Value| table["TimeToLiveSpecification"]["AttributeName"].clone();
    if !expiry(before).is_null() && expiry(before) != expiry(after) {
        problems.push(
            "the attribute of TimeToLiveSpecification changed. DynamoDB takes another attribute only after the first was switched off."
                .to_owned(),
        );
    }
    problems.extend(index_problems(&indexes(before), &indexes(after)));
    problems
}

fn index_problems(before: &BTreeMap<&str, &Value>, after: &BTreeMap<&str, &Value>) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, old) in before {
        let Some(new) = after.get(name) else { continue };
        if old["KeySchema"] != new["KeySchema"] {
            problems.push(format!("the key schema of the index {name} changed. {INDEX_IS_FIXED}"));
        }
        if projection(old) != projection(new) {
            problems.push(format!("the projection of the index {name} changed. {INDEX_IS_FIXED}"));
        }
    }
    let created = after.keys().filter(|name| !before.contains_key(*name)).copied();
    let deleted = before.keys().filter(|name| !after.contains_key(*name)).copied();
    let changed: Vec<&str> = created.chain(deleted).collect();
    if changed.len() > 1 {
        problems.push(format!(
            "the indexes {} are created or deleted together. CloudFormation creates or deletes one index of a table in a deployment.",
            changed.join(", ")
        ));
    }
    problems
}

const INDEX_IS_FIXED: &str =
    "DynamoDB cannot change it: create an index with another name, and delete this one in a later release.";

fn indexes(table: &Value) -> BTreeMap<&str, &Value> {
    let indexes = table["GlobalSecondaryIndexes"].as_array().into_iter().flatten();
    indexes.filter_map(|index| Some((index["IndexName"].as_str()?, index))).collect()
}

/// Its type and its attributes, whose order has no meaning.
fn projection(index: &Value) -> (&Value, BTreeSet<&str>) {
    let projection = &index["Projection"];
    let attributes = projection["NonKeyAttributes"].as_array().into_iter().flatten();
    (&projection["ProjectionType"], attributes.filter_map(Value::as_str).collect())
}

fn attribute_types(table: &Value) -> BTreeMap<&str, &Value> {
    let attributes = table["AttributeDefinitions"].as_array().into_iter().flatten();
    let typed = attributes
        .filter_map(|attribute| Some((attribute["AttributeName"].as_str()?, &attribute["AttributeType"])));
    typed.collect()
}

/// A function that reads a stream by a new event source reads it from its start again: every message is sent a second time.
fn source_problems(before: &Value, after: &Value) -> Vec<String> {
    let sources = object(&before["Properties"]["Events"])
        .filter(|(_, event)| event["Properties"].get("Stream").is_some());
    let is_new = |(name, event): &(&String, &Value)| {
        let (before, after) = (&event["Properties"], &after["Properties"]["Events"][*name]["Properties"]);
        ["Stream", "StartingPosition"].iter().any(|property| before[*property] != after[*property])
    };
    let replaced = sources.filter(is_new).map(|(name, _)| {
        format!("the event source {name} is gone or replaced. A new one reads the stream from its StartingPosition again.")
    });
    replaced.collect()
}

#[cfg(test)]
mod tests {
    use super::upgrade_problems;

    const LAST: &str = r"
Parameters:
  Policy: { Type: String, AllowedValues: [strict, seeds] }
Resources:
  Users:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      DeletionProtectionEnabled: true
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }, { AttributeName: id, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
      TimeToLiveSpecification: { AttributeName: expires, Enabled: true }
      StreamSpecification: { StreamViewType: NEW_IMAGE }
      GlobalSecondaryIndexes:
        - IndexName: listed
          KeySchema: [{ AttributeName: id, KeyType: HASH }]
          Projection: { ProjectionType: INCLUDE, NonKeyAttributes: [a, b] }
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties: { Description: old, GenerateSecretString: { PasswordLength: 64 } }
  Queue: { Type: AWS::SQS::Queue }
  Logs: { Type: AWS::Logs::LogGroup }
  Api: { Type: AWS::Serverless::Api, Properties: { StageName: Prod } }
  Domain: { Type: AWS::ApiGateway::DomainName, Condition: HasDomain, Properties: { DomainName: !Ref DomainName } }
  Alarm: { Type: AWS::CloudWatch::Alarm }
  Deliver:
    Type: AWS::Serverless::Function
    Properties: { Events: { Mail: { Type: DynamoDB, Properties: { Stream: !GetAtt Users.StreamArn, BatchSize: 10 } } } }
";
    /// Another index beside the one of `LAST`.
    const ANOTHER: &str = r"
        - IndexName: another
          KeySchema: [{ AttributeName: id, KeyType: HASH }]
          Projection: { ProjectionType: ALL }";

    /// The problems of `LAST` with a text in it replaced.
    fn problems(old: &str, new: &str) -> Vec<String> {
        assert_eq!(LAST.matches(old).count(), 1, "{old}");
        upgrade_problems(LAST, &LAST.replace(old, new)).unwrap()
    }

    #[test]
    fn what_cloudformation_refuses_or_replaces_is_named() {
        let replaces = [
            (
                "  Users:\n",
                "  People:\n",
                "Users: the AWS::DynamoDB::Table is gone or has another logical id.",
            ),
            ("Queue: {", "Mails: {", "Queue: the AWS::SQS::Queue is gone or has another logical id."),
            ("Logs: {", "Lines: {", "Logs: the AWS::Logs::LogGroup is gone or has another logical id."),
            ("Api: {", "Gateway: {", "Api: the AWS::Serverless::Api is gone or has another logical id."),
            ("Secret:", "Key:", "Secret: the AWS::SecretsManager::Secret is gone or has another logical id."),
            (
                "AWS::SQS::Queue",
                "AWS::SNS::Topic",
                "Queue: the type AWS::SQS::Queue became \"AWS::SNS::Topic\".",
            ),
            (
                "Condition: HasDomain",
                "Condition: HasZone",
                "Domain: Condition changed from \"HasDomain\" to \"HasZone\".",
            ),
            ("    DeletionPolicy: Retain\n", "", "Users: DeletionPolicy is no longer Retain"),
            (
                "UpdateReplacePolicy: Retain",
                "UpdateReplacePolicy: Delete",
                "Users: UpdateReplacePolicy is no longer Retain",
            ),
            (
                "DeletionProtectionEnabled: true",
                "DeletionProtectionEnabled: false",
                "Users: DeletionProtectionEnabled changed",
            ),
            ("BillingMode", "TableName: users\n      BillingMode", "Users: TableName changed."),
            (
                "KeySchema: [{ AttributeName: pk, KeyType: HASH }]",
                "KeySchema: [{ AttributeName: id, KeyType: HASH }]",
                "Users: KeySchema changed.",
            ),
            (
                "BillingMode",
                "LocalSecondaryIndexes: [{ IndexName: local }]\n      BillingMode",
                "Users: LocalSecondaryIndexes changed.",
            ),
            ("id, AttributeType: S", "id, AttributeType: N", "Users: the attribute id changed its type."),
            ("NEW_IMAGE", "NEW_AND_OLD_IMAGES", "Users: StreamViewType changed."),
            (
                "StreamSpecification: { StreamViewType: NEW_IMAGE }",
                "Tags: []",
                "Users: StreamViewType changed.",
            ),
            (
                "AttributeName: expires",
                "AttributeName: until",
                "Users: the attribute of TimeToLiveSpecification changed.",
            ),
            (
                "KeySchema: [{ AttributeName: id, KeyType: HASH }]",
                "KeySchema: [{ AttributeName: pk, KeyType: HASH }]",
                "Users: the key schema of the index listed changed.",
            ),
            (
                "NonKeyAttributes: [a, b]",
                "NonKeyAttributes: [a, b, c]",
                "Users: the projection of the index listed changed.",
            ),
            (
                "{ ProjectionType: INCLUDE, NonKeyAttributes: [a, b] }",
                "{ ProjectionType: ALL }",
                "Users: the projection of the index listed changed.",
            ),
            (
                "IndexName: listed",
                "IndexName: renamed",
                "Users: the indexes renamed, listed are created or deleted together.",
            ),
            ("PasswordLength: 64", "PasswordLength: 32", "Secret: GenerateSecretString changed."),
            ("StageName: Prod", "StageName: v2", "Api: StageName changed."),
            ("DomainName: !Ref DomainName", "DomainName: !Ref Other", "Domain: DomainName changed."),
            ("Deliver:", "Send:", "Deliver: the event source Mail is gone or replaced."),
            ("Mail:", "Mails:", "Deliver: the event source Mail is gone or replaced."),
            ("Users.StreamArn", "Others.StreamArn", "Deliver: the event source Mail is gone or replaced."),
            ("  Policy: {", "  Rules: { Default: a }\n  Other: {", "Policy: the parameter is gone."),
            (
                "  Policy: {",
                "  Other: { Type: String }\n  Policy: {",
                "Other: a new parameter needs a Default.",
            ),
            ("strict, seeds", "strict, relaxed", "Policy: the value \"seeds\" is no longer allowed."),
        ];
        for (old, new, expected) in replaces {
            let found = problems(old, new);
            assert!(found.iter().any(|problem| problem.starts_with(expected)), "{old} -> {new}: {found:?}");
        }
    }

    #[test]
    fn one_index_of_a_table_is_created_or_deleted_at_a_time() {
        let with = |indexes: &str| LAST.replace("[a, b] }", &format!("[a, b] }}{indexes}"));
        let two = with(ANOTHER);
        let three = with(&(ANOTHER.to_owned() + &ANOTHER.replace("another", "third")));

        assert!(upgrade_problems(LAST, &two).unwrap().is_empty());
        assert!(upgrade_problems(&two, LAST).unwrap().is_empty());
        for (last, next) in [(LAST, three.as_str()), (three.as_str(), LAST)] {
            let problems = upgrade_problems(last, next).unwrap();
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(
                problems[0].starts_with("Users: the indexes another, third are created or deleted together.")
            );
        }
    }

    #[test]
    fn what_changes_in_place_is_no_problem() {
        for (old, new) in [
            ("", ""),
            ("[a, b]", "[b, a]"),
            ("Description: old", "Description: new"),
            ("  Alarm: { Type: AWS::CloudWatch::Alarm }\n", ""),
            ("BatchSize: 10", "BatchSize: 5"),
            ("strict, seeds", "strict, seeds, relaxed"),
            ("Parameters:", "Parameters:\n  Other: { Type: String, Default: a }"),
            ("Queue: {", "Other: { Type: AWS::SQS::Queue }\n  Queue: {"),
        ] {
            let changed = LAST.replacen(old, new, 1);
            assert_eq!(upgrade_problems(LAST, &changed).unwrap(), Vec::<String>::new(), "{old} -> {new}");
        }
    }
}
