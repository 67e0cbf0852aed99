//! The kind of ids in the data of a stack. It is fixed by the first record: no parameter changes it.

use serde_json::json;

use super::StartError;
use crate::emulator::{
    dynamodb::{CallError, DynamoDb},
    template::Function,
};

/// Refuses data whose ids are of another kind than the parameter `Ids` asks for. Where it is `auto`, the kind that the data has stays,
/// and this gives it. `place` is where the data is.
pub(super) async fn check(
    database: &DynamoDb,
    functions: &[Function],
    place: &str,
) -> Result<Option<&'static str>, StartError> {
    let function = functions.first();
    let setting =
        |name: &str| function.and_then(|function| function.environment.get(name)).map(String::as_str);
    // A template of an earlier release has no such setting.
    let (Some(table), Some(ids)) = (setting("USERS_TABLE"), setting("IDS")) else { return Ok(None) };
    let wants_integers = ids == "integer" || (ids == "auto" && setting("COMPATIBILITY") == Some("django"));
    let get = json!({ "TableName": table, "Key": { "pk": { "S": "ids" } }, "ConsistentRead": true });
    let found = match database.call("DynamoDB_20120810.GetItem", &get).await {
        Err(CallError::Refused { kind, .. }) if kind == "ResourceNotFoundException" => return Ok(None),
        found => found?,
    };
    let (kept, wanted) = match (wants_integers, found["Item"]["kind"]["S"] == "integer") {
        (false, true) => ("integer", "uuid"),
        (true, false) if has_users(database, table).await? => ("uuid", "integer"),
        _ => return Ok(None),
    };
    if ids == "auto" { Ok(Some(kept)) } else { Err(StartError::OtherIds(place.to_owned(), kept, wanted)) }
}

/// Whether there is any record beside those that count.
async fn has_users(database: &DynamoDb, table: &str) -> Result<bool, CallError> {
    let scan = json!({ "TableName": table, "Limit": 3, "ConsistentRead": true });
    let found = database.call("DynamoDB_20120810.Scan", &scan).await?;
    let mut keys =
        found["Items"].as_array().into_iter().flatten().filter_map(|item| item["pk"]["S"].as_str());
    Ok(keys.any(|key| !["ids", "staff"].contains(&key)))
}
