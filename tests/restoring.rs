//! Restored and retained tables: a parameter makes the functions use them, and the stack's own stay as they are.

use std::{collections::BTreeMap, path::Path};

use local::Template;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    rotation::{put_secret, rotate_to},
    support::{Api, PASSWORD, employee::employee, registration, root, token},
};

/// What docs/restoring.md has an operator set.
const RESTORED: [(&str, &str); 3] = [
    ("ExistingUsersTable", "rollcall-users-restored"),
    ("ExistingEmployeesTable", "rollcall-employees-restored"),
    ("ExistingTokensTable", "rollcall-tokens-restored"),
];
/// The secret of every local stack that is no stack's own.
const RETAINED_SECRET: &str = "legacy-jwt";

/// Does what `RestoreTableToPointInTime` does: another table with the keys, the indexes and the items that a table has now.
async fn restore(api: &Api, source: &str, target: &str) {
    let described =
        api.dynamodb("DescribeTable", &json!({ "TableName": format!("rollcall-{source}") })).await;
    let described = &described["Table"];
    let index = |index: &Value| json!({ "IndexName": index["IndexName"], "KeySchema": index["KeySchema"], "Projection": index["Projection"] });
    let mut create = json!({
        "TableName": target, "BillingMode": "PAY_PER_REQUEST", "KeySchema": described["KeySchema"],
        "AttributeDefinitions": described["AttributeDefinitions"],
    });
    if let Some(indexes) = described["GlobalSecondaryIndexes"].as_array() {
        create["GlobalSecondaryIndexes"] = indexes.iter().map(index).collect();
    }
    api.dynamodb("CreateTable", &create).await;
    for item in api.all_items(source).await.into_values() {
        api.dynamodb("PutItem", &json!({ "TableName": target, "Item": item })).await;
    }
}

/// A table without sessions, and with the public keys.
async fn make_tokens(api: &Api, name: &str) {
    let attribute = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
    let create = json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [attribute("pk"), attribute("sk")],
        "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" }],
    });
    api.dynamodb("CreateTable", &create).await;
    let expiry = json!({ "Enabled": true, "AttributeName": "expires" });
    api.dynamodb("UpdateTimeToLive", &json!({ "TableName": name, "TimeToLiveSpecification": expiry })).await;
    for item in api.all_items("Tokens").await.into_values().filter(|item| item["pk"]["S"] == "keys") {
        api.dynamodb("PutItem", &json!({ "TableName": name, "Item": item })).await;
    }
}

#[tokio::test]
async fn adopted_tables_have_the_users_and_employees_of_their_time_and_no_session() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::kept_in(folder.path(), &[]).await;
    let ada = api.signed_in().await;
    let address = "a long way ".repeat(20);
    assert_eq!(ada.patch("/api/profile", &json!({ "address": address })).await.status, 200);
    assert_eq!(ada.post("/api/employees", &employee("9198811676")).await.status, 201);
    for (source, (_, target)) in ["Users", "Employees"].into_iter().zip(RESTORED) {
        restore(&api, source, target).await;
    }
    make_tokens(&api, RESTORED[2].1).await;
    // What happens from here on is undone.
    assert_eq!(ada.patch("/api/profile", &json!({ "address": "lost" })).await.status, 200);
    assert_eq!(ada.post("/api/employees", &employee("9198811677")).await.status, 201);
    api.registered("bob").await;
    let lost = (api.all_items("Users").await, api.all_items("Employees").await);
    api.stack.stop().await;

    let api = Api::kept_in(folder.path(), &RESTORED).await;
    let old = ada.at_home_of(&api);
    assert_eq!(old.get("/api/profile").await.status, 401);
    assert_eq!(old.try_refresh().await.status, 401);
    assert_eq!(api.try_token("bob", PASSWORD).await.status, 401);
    let ada = api.log_in("ada").await;
    ada.is_signed_in().await;
    assert_eq!(ada.get("/api/profile").await.body["address"], address.trim());
    assert_eq!(ada.get("/api/employees").await.body["results"].as_array().unwrap().len(), 1);
    assert_eq!(api.post("/api/register", &registration("carol")).await.status, 201);
    assert_eq!((api.all_items("Users").await, api.all_items("Employees").await), lost);
    api.stack.stop().await;

    // Without the parameters, the stack's own tables are in use again.
    let api = Api::kept_in(folder.path(), &[]).await;
    let ada = api.log_in("ada").await;
    assert_eq!(ada.get("/api/profile").await.body["address"], "lost");
    api.log_in("bob").await;
    assert_eq!(api.try_token("carol", PASSWORD).await.status, 401);
}

#[tokio::test]
async fn tokens_stay_valid_with_the_secret_and_the_tokens_of_an_earlier_stack() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::kept_in(folder.path(), &[]).await;
    let text = "secret of the earlier stack".repeat(3);
    rotate_to(&api, &text).await;
    let ada = api.signed_in().await;
    for (source, (_, target)) in ["Users", "Employees", "Tokens"].into_iter().zip(RESTORED) {
        restore(&api, source, target).await;
    }
    // The new stack has a secret of its own, which nobody uses.
    rotate_to(&api, &"another secret".repeat(4)).await;
    put_secret(&api, RETAINED_SECRET, &text).await;
    api.stack.stop().await;

    let arn = format!("arn:aws:secretsmanager:us-east-1:000000000000:secret:{RETAINED_SECRET}");
    let api = Api::kept_in(folder.path(), &[&RESTORED[..], &[("ExistingSecretArn", &arn)]].concat()).await;
    let old = ada.at_home_of(&api);
    old.is_signed_in().await;
    let refreshed = old.refreshed().await;
    assert_eq!(token::header(&refreshed.access)["kid"], token::header(&ada.access)["kid"]);
}

/// With these parameters no function can reach the stack's own tables and secret, and all of them are there as without.
#[test]
fn functions_and_permissions_name_what_is_adopted_and_the_stack_keeps_what_it_has() {
    let template = |parameters: &[(&str, &str)]| {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Template::load(
            &root().join("template.yaml"),
            &parameters.chain([("CorsOrigins".to_owned(), "*".to_owned())]).collect(),
        )
        .unwrap()
    };
    let secret = "arn:aws:secretsmanager:us-east-1:000000000000:secret:retained";
    let (own, adopting) =
        (template(&[]), template(&[&RESTORED[..], &[("ExistingSecretArn", secret)]].concat()));

    let owned = ["Users", "Employees", "Tokens", "Secret"];
    for id in owned {
        assert_eq!(own.resources[id], adopting.resources[id], "{id}");
    }
    let mut reached: BTreeMap<&str, usize> = BTreeMap::new();
    for function in &adopting.functions {
        let all = format!("{:?} {:?}", function.environment, function.statements);
        for id in owned {
            let name = format!("rollcall-{id}");
            assert!(!all.contains(&name), "{} reaches {name}, which is not in use", function.id);
        }
        let names = RESTORED.iter().map(|(_, name)| *name).chain([secret]);
        for name in names {
            *reached.entry(name).or_default() += all.matches(name).count();
        }
    }
    assert!(reached.values().all(|times| *times > adopting.functions.len()), "{reached:?}");
}

/// The commands of docs/restoring.md under a heading, one text.
fn commands(heading: &str) -> String {
    let text = std::fs::read_to_string(root().join("docs/restoring.md")).unwrap();
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.lines().filter_map(|line| line.strip_prefix("    ")).flat_map(|line| [line, "\n"]).collect()
}

/// Runs commands as an operator of the stack would.
async fn run(api: &Api, folder: &Path, commands: &str) {
    let script = format!("output() {{ echo \"$STACK-${{1%Table}}\"; }}\n{commands}");
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", &script]).current_dir(folder).env("STACK", "rollcall");
    bash.env("AWS_ENDPOINT_URL_DYNAMODB", api.stack.dynamodb_url()).env("AWS_DEFAULT_REGION", "us-east-1");
    bash.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
    let output = bash.output().await.unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
#[ignore = "needs the AWS CLI and jq: .ci/api-tools"]
async fn the_commands_bring_one_user_back() {
    let api = Api::start().await;
    let folder = tempfile::tempdir().unwrap();
    let admin = api.staff().await;
    let user = api.verified("ada").await;
    // As large as a record can be.
    let mut stored = api.item("Users", &format!("user#{}", user["id"].as_str().unwrap())).await.unwrap();
    stored["address"] = json!({ "S": "x".repeat(390_000) });
    api.put_item("Users", &stored).await;
    restore(&api, "Users", RESTORED[0].1).await;
    let path = format!("/api/users/{}", user["id"].as_str().unwrap());
    assert_eq!(admin.delete(&path).await.status, 204);

    let commands = commands("One record")
        .replace("user#<id>", &format!("user#{}", user["id"].as_str().unwrap()))
        .replace("<username>", "ada")
        .replace("<address>", "ada@example.com");
    run(&api, folder.path(), &commands).await;

    let part = api.stack.invoke("reindex", json!({ "kind": "users", "position": null })).await.unwrap();
    assert_eq!(part["failed"], json!([]), "{part}");
    api.log_in("ada").await.is_signed_in().await;
    assert_eq!(api.counters("Users").await["users"], 2);
}

#[tokio::test]
#[ignore = "needs the AWS CLI and jq: .ci/api-tools"]
async fn the_commands_make_a_table_without_sessions() {
    let api = Api::start().await;
    api.signed_in().await;
    let folder = tempfile::tempdir().unwrap();
    let commands = commands("All users and employees, to an earlier time");
    let (_, commands) = commands.split_once("   aws dynamodb create-table").unwrap();

    run(&api, folder.path(), &format!("aws dynamodb create-table{commands}")).await;

    let table = &api.dynamodb("DescribeTable", &json!({ "TableName": RESTORED[2].1 })).await["Table"];
    let own = &api.dynamodb("DescribeTable", &json!({ "TableName": "rollcall-Tokens" })).await["Table"];
    assert_eq!(table["KeySchema"], own["KeySchema"]);
    let expiry = api.dynamodb("DescribeTimeToLive", &json!({ "TableName": RESTORED[2].1 })).await;
    assert_eq!(expiry["TimeToLiveDescription"]["AttributeName"], "expires");
    let kept = api.dynamodb("Scan", &json!({ "TableName": RESTORED[2].1 })).await;
    let mut keys = api.all_items("Tokens").await;
    keys.retain(|key, _| key.starts_with("keys "));
    assert_eq!(kept["Items"], keys.into_values().collect::<Value>());
}
