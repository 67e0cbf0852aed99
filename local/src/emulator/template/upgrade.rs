//! Whether a template can be deployed over the template of the previous release, in one deployment and without losing data.
//!
//! `CloudFormation` refuses some changes, and carries out others by replacing a resource: a new, empty table takes the place of
//! the old one. Templates are compared as they are written, with their expressions.

mod parameters;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{TemplateError, object, yaml};

/// The resources that hold data, or an address that others know, and their properties that cannot change without a replacement.
const STATEFUL: [(&str, &[&str]); 10] = [
    ("AWS::DynamoDB::Table", &["TableName", "KeySchema", "LocalSecondaryIndexes"]),
    ("AWS::SecretsManager::Secret", &["Name"]),
    ("AWS::SQS::Queue", &["QueueName", "FifoQueue"]),
    ("AWS::Logs::LogGroup", &["LogGroupName", "LogGroupClass"]),
    ("AWS::Serverless::Api", &["StageName"]),
    ("AWS::ApiGateway::DomainName", &["DomainName"]),
    ("AWS::ApiGateway::BasePathMapping", &["DomainName", "BasePath"]),
    ("AWS::Route53::RecordSet", &["HostedZoneId", "Name"]),
    ("AWS::SNS::Topic", &["TopicName", "FifoTopic"]),
    ("AWS::SNS::Subscription", &["TopicArn", "Protocol", "Endpoint"]),
];

/// Other resources of which there can be only one with the same values of these properties. The first is their name; without it
/// `CloudFormation` makes one up, and a resource may have another logical id.
const NAMED: [(&str, &[&str]); 8] = [
    ("AWS::CloudWatch::Alarm", &["AlarmName"]),
    ("AWS::CloudWatch::Dashboard", &["DashboardName"]),
    ("AWS::IAM::ManagedPolicy", &["ManagedPolicyName"]),
    ("AWS::IAM::Role", &["RoleName"]),
    ("AWS::Logs::MetricFilter", &["FilterName", "LogGroupName"]),
    ("AWS::Serverless::Function", &["FunctionName"]),
    ("AWS::WAFv2::WebACL", &["Name", "Scope"]),
    ("AWS::WAFv2::WebACLAssociation", &["ResourceArn"]),
];

/// Days for which point-in-time recovery goes back when a template does not say.
const RECOVERY_DAYS: f64 = 35.0;

/// Why the template `next` cannot be deployed over `last`, one sentence for each reason; empty when it can.
pub fn upgrade_problems(last: &str, next: &str) -> Result<Vec<String>, TemplateError> {
    let (last, next) = (yaml::parse(last)?, yaml::parse(next)?);
    let mut problems = parameters::problems(&last, &next);
    problems.extend(condition_problems(&last["Conditions"], &next["Conditions"]));
    for (id, before) in object(&last["Resources"]) {
        let after = &next["Resources"][id];
        let of_resource = resource_problems(before, after).into_iter().chain(source_problems(before, after));
        problems.extend(of_resource.map(|problem| format!("{id}: {problem}")));
    }
    problems.extend(renaming_problems(&last["Resources"], &next["Resources"]));
    let gone = object(&last["Outputs"]).filter(|(name, _)| next["Outputs"][*name].is_null());
    problems.extend(gone.map(|(name, _)| {
        format!(
            "{name}: the output is gone. Commands and other stacks read it; CloudFormation refuses it where a stack imports it."
        )
    }));
    Ok(problems)
}

fn condition_problems(last: &Value, next: &Value) -> Vec<String> {
    let changed = object(last).filter(|(name, before)| !next[*name].is_null() && next[*name] != **before);
    let problems = changed.map(|(name, _)| {
        format!(
            "{name}: the condition changed. Where it no longer holds, CloudFormation deletes what depends on it."
        )
    });
    problems.collect()
}

/// `CloudFormation` creates what is new before it deletes what is gone, so both would have one name for a while.
fn renaming_problems(last: &Value, next: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for (id, before) in object(last).filter(|(id, _)| next[*id].is_null()) {
        let Some((kind, names)) = NAMED.iter().find(|(kind, _)| before["Type"] == **kind) else { continue };
        let (before, is_new) = (&before["Properties"], |id: &str| last[id].is_null());
        let has_its_name =
            |after: &Value| names.iter().all(|name| before[*name] == after["Properties"][*name]);
        let renamed = object(next).find(|(other, after)| {
            is_new(other) && after["Type"] == **kind && !before[names[0]].is_null() && has_its_name(after)
        });
        problems.extend(renamed.map(|(other, _)| {
            format!(
                "{id}: the {kind} has the logical id {other} now, and the same name. CloudFormation creates the new one first, when the name is taken, and then deletes the old one."
            )
        }));
    }
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
    if !after["Condition"].is_null() && after["Condition"] != before["Condition"] {
        problems.push(format!(
            "Condition is {} now. Where it does not hold, CloudFormation deletes the {kind}.",
            after["Condition"]
        ));
    }
    // `RetainExceptOnCreate` deletes only what a failed creation leaves. A replacement cannot have it.
    for (policy, keeping) in [
        ("DeletionPolicy", ["Retain", "RetainExceptOnCreate"].as_slice()),
        ("UpdateReplacePolicy", &["Retain"]),
    ] {
        let keeps = |resource: &Value| keeping.iter().any(|kept| resource[policy] == *kept);
        if keeps(before) && !keeps(after) {
            problems.push(format!("{policy} is no longer Retain: the data is no longer kept."));
        }
    }
    let (before, after) = (&before["Properties"], &after["Properties"]);
    for property in fixed.iter().filter(|property| before[**property] != after[**property]) {
        problems.push(format!(
            "{property} changed. CloudFormation refuses that, or replaces the {kind} with a new, empty one."
        ));
    }
    if before["GenerateSecretString"] != after["GenerateSecretString"] {
        problems.push(
            "GenerateSecretString changed. CloudFormation makes a new version of the secret.".to_owned(),
        );
    }
    problems.extend(table_problems(before, after));
    problems
}

/// The part of a table that DynamoDB cannot change, or not at once. A resource of another type has none of these properties.
fn table_problems(before: &Value, after: &Value) -> Vec<String> {
    let mut problems = protection_problems(before, after);
    let (types_before, types_after) = (attribute_types(before), attribute_types(after));
    for (name, kind) in types_before {
        if types_after.get(name).is_some_and(|new| *new != kind) {
            problems
                .push(format!("the attribute {name} changed its type. CloudFormation replaces the table."));
        }
    }
    let view = |table: &Value| table["StreamSpecification"]["StreamViewType"].clone();
    if !view(before).is_null() && view(after).is_null() {
        problems.push("StreamSpecification is gone. Unread records of the stream are lost.".to_owned());
    } else if !view(before).is_null() && view(before) != view(after) {
        problems.push(
            "StreamViewType changed. DynamoDB makes a new stream, and unread records of the old one are lost.".to_owned(),
        );
    }
    let (expiry_before, expiry_after) = (expiry(before), expiry(after));
    if !expiry_before.is_null() && expiry_after.is_null() {
        problems.push("TimeToLiveSpecification is gone or off. DynamoDB keeps expired records.".to_owned());
    } else if !expiry_before.is_null() && expiry_before != expiry_after {
        problems.push(
            "the attribute of TimeToLiveSpecification changed. DynamoDB takes another attribute only after the first was switched off."
                .to_owned(),
        );
    }
    problems.extend(index_problems(&indexes(before), &indexes(after)));
    problems
}

/// What keeps a table's data from being deleted or changed by mistake.
fn protection_problems(before: &Value, after: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    let recovery = |table: &Value| table["PointInTimeRecoverySpecification"].clone();
    let (recovery_before, recovery_after) = (recovery(before), recovery(after));
    for (protection, before, after) in [
        (
            "DeletionProtectionEnabled",
            &before["DeletionProtectionEnabled"],
            &after["DeletionProtectionEnabled"],
        ),
        (
            "PointInTimeRecoveryEnabled",
            &recovery_before["PointInTimeRecoveryEnabled"],
            &recovery_after["PointInTimeRecoveryEnabled"],
        ),
    ] {
        let is_kept = before.is_null() || before == false || after == true || before == after;
        if !is_kept {
            problems.push(format!("{protection} changed: the data is no longer protected as it was."));
        }
    }
    let days = |recovery: &Value| recovery["RecoveryPeriodInDays"].as_f64().unwrap_or(RECOVERY_DAYS);
    if !recovery_before.is_null() && days(&recovery_after) < days(&recovery_before) {
        problems.push(format!(
            "RecoveryPeriodInDays is {} now: the table can be restored from fewer days.",
            days(&recovery_after)
        ));
    }
    problems
}

/// The attribute by which records expire; null when they do not.
fn expiry(table: &Value) -> &Value {
    let expiry = &table["TimeToLiveSpecification"];
    if expiry["Enabled"] == false { &Value::Null } else { &expiry["AttributeName"] }
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
        ["Stream", "StartingPosition", "StartingPositionTimestamp"]
            .iter()
            .any(|property| before[*property] != after[*property])
    };
    let replaced = sources.filter(is_new).map(|(name, _)| {
        format!("the event source {name} is gone or replaced. A new one reads the stream from its StartingPosition again.")
    });
    replaced.collect()
}

#[cfg(test)]
mod tests {
    use super::upgrade_problems;

    const LAST: &str = r#"
Parameters:
  Policy: { Type: String, AllowedValues: [strict, seeds] }
  Sender: { Type: String, Default: a@b, AllowedPattern: ".+@.+", MinLength: 3, MaxLength: 64 }
  Seconds: { Type: Number, MinValue: 0, MaxValue: "300" }
Rules:
  Sent:
    RuleCondition: !Equals [!Ref Policy, strict]
    Assertions: [{ Assert: !Not [!Equals [!Ref Sender, ""]], AssertDescription: a }]
Conditions:
  HasDomain: !Not [!Equals [!Ref DomainName, ""]]
Resources:
  Users:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties:
      BillingMode: PAY_PER_REQUEST
      DeletionProtectionEnabled: !Ref Protection
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }
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
  Mapping: { Type: AWS::ApiGateway::BasePathMapping, Properties: { DomainName: !Ref Domain } }
  Record: { Type: AWS::Route53::RecordSet, Properties: { HostedZoneId: Z1, Name: a.example.com } }
  Topic: { Type: AWS::SNS::Topic }
  Dashboard: { Type: AWS::CloudWatch::Dashboard, Properties: { DashboardName: !Ref AWS::StackName } }
  Filter: { Type: AWS::Logs::MetricFilter, Properties: { LogGroupName: !Ref Logs } }
  Alarm: { Type: AWS::CloudWatch::Alarm }
  Deliver:
    Type: AWS::Serverless::Function
    Properties: { Events: { Mail: { Type: DynamoDB, Properties: { Stream: !GetAtt Users.StreamArn, BatchSize: 10 } } } }
Outputs:
  Url: { Value: !Ref Api }
"#;
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

    /// Each of these replacements in `LAST` is reported, with a text that begins so.
    fn assert_named(replacements: &[(&str, &str, &str)]) {
        for (old, new, expected) in replacements {
            let found = problems(old, new);
            assert!(found.iter().any(|problem| problem.starts_with(expected)), "{old} -> {new}: {found:?}");
        }
    }

    #[test]
    fn changes_of_tables_that_lose_data_or_are_refused_are_named() {
        assert_named(&[
            (
                "  Users:\n",
                "  People:\n",
                "Users: the AWS::DynamoDB::Table is gone or has another logical id.",
            ),
            ("    DeletionPolicy: Retain\n", "", "Users: DeletionPolicy is no longer Retain"),
            (
                "UpdateReplacePolicy: Retain",
                "UpdateReplacePolicy: Delete",
                "Users: UpdateReplacePolicy is no longer Retain",
            ),
            (
                "UpdateReplacePolicy: Retain",
                "UpdateReplacePolicy: RetainExceptOnCreate",
                "Users: UpdateReplacePolicy is no longer Retain",
            ),
            (
                "DeletionProtectionEnabled: !Ref Protection",
                "DeletionProtectionEnabled: false",
                "Users: DeletionProtectionEnabled changed",
            ),
            (
                "PointInTimeRecoveryEnabled: true",
                "PointInTimeRecoveryEnabled: false",
                "Users: PointInTimeRecoveryEnabled changed",
            ),
            (
                "PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }",
                "Tags: []",
                "Users: PointInTimeRecoveryEnabled changed",
            ),
            (
                "PointInTimeRecoveryEnabled: true",
                "PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 7",
                "Users: RecoveryPeriodInDays is 7 now",
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
                "Users: StreamSpecification is gone.",
            ),
            (
                "AttributeName: expires",
                "AttributeName: until",
                "Users: the attribute of TimeToLiveSpecification changed.",
            ),
            (
                "TimeToLiveSpecification: { AttributeName: expires, Enabled: true }",
                "Tags: []",
                "Users: TimeToLiveSpecification is gone or off.",
            ),
            (
                "expires, Enabled: true",
                "expires, Enabled: false",
                "Users: TimeToLiveSpecification is gone or off.",
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
        ]);
    }

    #[test]
    fn changes_of_other_resources_that_replace_them_or_are_refused_are_named() {
        assert_named(&[
            ("Queue: {", "Mails: {", "Queue: the AWS::SQS::Queue is gone or has another logical id."),
            ("Logs: {", "Lines: {", "Logs: the AWS::Logs::LogGroup is gone or has another logical id."),
            ("Api: {", "Gateway: {", "Api: the AWS::Serverless::Api is gone or has another logical id."),
            ("Secret:", "Key:", "Secret: the AWS::SecretsManager::Secret is gone or has another logical id."),
            (
                "AWS::SQS::Queue",
                "AWS::SNS::Topic",
                "Queue: the type AWS::SQS::Queue became \"AWS::SNS::Topic\".",
            ),
            ("Condition: HasDomain", "Condition: HasZone", "Domain: Condition is \"HasZone\" now."),
            ("Queue }", "Queue, Condition: HasDomain }", "Queue: Condition is \"HasDomain\" now."),
            ("PasswordLength: 64", "PasswordLength: 32", "Secret: GenerateSecretString changed."),
            ("StageName: Prod", "StageName: v2", "Api: StageName changed."),
            ("DomainName: !Ref DomainName", "DomainName: !Ref Other", "Domain: DomainName changed."),
            (
                "AWS::Logs::LogGroup",
                "AWS::Logs::LogGroup, Properties: { LogGroupClass: INFREQUENT_ACCESS }",
                "Logs: LogGroupClass changed.",
            ),
            (
                "AWS::SNS::Topic",
                "AWS::SNS::Topic, Properties: { FifoTopic: true }",
                "Topic: FifoTopic changed.",
            ),
            (
                "Record: {",
                "Name: {",
                "Record: the AWS::Route53::RecordSet is gone or has another logical id.",
            ),
            ("Name: a.example.com", "Name: b.example.com", "Record: Name changed."),
            (
                "Mapping: {",
                "Path: {",
                "Mapping: the AWS::ApiGateway::BasePathMapping is gone or has another logical id.",
            ),
            (
                "Dashboard: {",
                "Board: {",
                "Dashboard: the AWS::CloudWatch::Dashboard has the logical id Board now, and the same name.",
            ),
            ("Deliver:", "Send:", "Deliver: the event source Mail is gone or replaced."),
            ("Mail:", "Mails:", "Deliver: the event source Mail is gone or replaced."),
            ("Users.StreamArn", "Others.StreamArn", "Deliver: the event source Mail is gone or replaced."),
            (
                "BatchSize: 10",
                "StartingPositionTimestamp: 1",
                "Deliver: the event source Mail is gone or replaced.",
            ),
        ]);
    }

    #[test]
    fn what_no_longer_fits_an_operators_parameters_and_commands_is_named() {
        assert_named(&[
            ("[!Ref DomainName, \"\"]", "[!Ref Zone, \"\"]", "HasDomain: the condition changed."),
            ("  Url:", "  Uri:", "Url: the output is gone."),
            ("  Policy: {", "  Rules: { Default: a }\n  Other: {", "Policy: the parameter is gone."),
            (
                "  Policy: {",
                "  Other: { Type: String }\n  Policy: {",
                "Other: a new parameter needs a Default.",
            ),
            ("strict, seeds", "strict, relaxed", "Policy: the value \"seeds\" is no longer allowed."),
            ("MinLength: 3", "AllowedValues: [a@b]", "Sender: AllowedValues is new."),
            ("Default: a@b, ", "", "Sender: the Default is gone."),
            ("\".+@.+\"", "\".+@.+[.].+\"", "Sender: AllowedPattern changed."),
            ("MinLength: 3", "MinLength: 5", "Sender: MinLength is 5 now."),
            ("MaxLength: 64", "MaxLength: 63", "Sender: MaxLength is 63 now."),
            ("Type: Number", "Type: String", "Seconds: Type changed."),
            ("Type: Number", "Type: Number, MaxLength: 3", "Seconds: MaxLength is 3 now."),
            ("MinValue: 0", "MinValue: 1", "Seconds: MinValue is 1 now."),
            ("MaxValue: \"300\"", "MaxValue: 299", "Seconds: MaxValue is 299 now."),
            ("[!Ref Policy, strict]", "[!Ref Policy, seeds]", "Sent: the RuleCondition changed."),
            ("[!Ref Sender, \"\"]", "[!Ref Sender, a@b]", "Sent: the assertion"),
            ("Assertions: [", "Assertions: [{ Assert: !Equals [!Ref Seconds, 1] }, ", "Sent: the assertion"),
            (
                "Rules:",
                "Rules:\n  New: { Assertions: [{ Assert: !Equals [!Ref Seconds, 1] }] }",
                "New: the assertion",
            ),
        ]);
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
            ("AllowedValues: [strict, seeds]", "Default: strict"),
            ("MinLength: 3, MaxLength: 64", "MinLength: 2, MaxLength: 65"),
            ("MinLength: 3, MaxLength: 64", "Description: none"),
            ("Default: a@b, AllowedPattern: \".+@.+\"", "Default: b@c"),
            ("\".+@.+\"", "\".+@.+|none\""),
            ("MaxValue: \"300\"", "MaxValue: 300"),
            ("AssertDescription: a", "AssertDescription: b"),
            (
                "Assertions: [{ Assert: !Not [!Equals [!Ref Sender, \"\"]], AssertDescription: a }]",
                "Assertions: []",
            ),
            ("Rules:", "Rules:\n  New: { Assertions: [{ Assert: !Equals [!Ref Added, 1] }] }"),
            ("Conditions:", "Conditions:\n  HasZone: !Equals [!Ref Zone, Z1]"),
            ("Condition: HasDomain, ", ""),
            ("    DeletionPolicy: Retain\n", "    DeletionPolicy: RetainExceptOnCreate\n"),
            ("DeletionProtectionEnabled: !Ref Protection", "DeletionProtectionEnabled: true"),
            (
                "PointInTimeRecoveryEnabled: true",
                "PointInTimeRecoveryEnabled: true, RecoveryPeriodInDays: 35",
            ),
            ("  Filter: {", "  Count: {"),
            ("  Alarm: {", "  Bell: {"),
            ("  Url:", "  Other: { Value: a }\n  Url:"),
            ("Parameters:", "Parameters:\n  Other: { Type: String, Default: a }"),
            ("Queue: {", "Other: { Type: AWS::SQS::Queue }\n  Queue: {"),
        ] {
            assert!(LAST.contains(old), "{old}");
            let changed = LAST.replacen(old, new, 1);
            assert_eq!(upgrade_problems(LAST, &changed).unwrap(), Vec::<String>::new(), "{old} -> {new}");
        }
    }
}
