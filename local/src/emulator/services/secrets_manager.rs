//! Secrets Manager: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/>

use serde_json::{Value, json};

use crate::emulator::secrets::{Refusal, Secrets, Version};

pub(super) fn get_secret_value(secrets: &Secrets, request: &Value) -> Result<Value, Refusal> {
    let (arn, name, version) =
        secrets.get(secret_id(request)?, request["VersionId"].as_str(), request["VersionStage"].as_str())?;
    let mut answer = described(&arn, &name, &version);
    answer["SecretString"] = json!(version.value);
    answer["CreatedDate"] = json!(version.created);
    Ok(answer)
}

pub(super) fn put_secret_value(secrets: &Secrets, request: &Value) -> Result<Value, Refusal> {
    let missing = || ("InvalidRequestException", "You must provide SecretString.".to_owned());
    let value = request["SecretString"].as_str().ok_or_else(missing)?;
    let stages = request["VersionStages"].as_array();
    let stages = stages.map(|stages| stages.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    let (arn, name, version) =
        secrets.put(secret_id(request)?, value, request["ClientRequestToken"].as_str(), stages)?;
    Ok(described(&arn, &name, &version))
}

fn secret_id(request: &Value) -> Result<&str, Refusal> {
    request["SecretId"]
        .as_str()
        .ok_or_else(|| ("InvalidParameterException", "SecretId is required.".to_owned()))
}

fn described(arn: &str, name: &str, version: &Version) -> Value {
    json!({ "ARN": arn, "Name": name, "VersionId": version.id, "VersionStages": version.stages })
}
