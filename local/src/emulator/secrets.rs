//! Secrets: made up at the first start, kept with their versions and stages.

use std::{collections::BTreeMap, io, path::PathBuf, sync::Mutex};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::emulator::{file, logs::lock, template};

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";
/// What `ExcludePunctuation` leaves out.
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

/// Every secret, by ARN.
#[derive(Debug)]
pub(crate) struct Secrets {
    file: Option<PathBuf>,
    secrets: Mutex<BTreeMap<String, Secret>>,
}

/// Neither shown nor logged: there is no `Debug` of a value.
#[derive(Serialize, Deserialize)]
struct Secret {
    name: String,
    versions: Vec<Version>,
}

/// A version of a secret.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) value: String,
    pub(crate) stages: Vec<String>,
    /// In seconds since the epoch.
    pub(crate) created: f64,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Why Secrets Manager refuses: the exception's name and message.
pub(crate) type Refusal = (&'static str, String);

impl Secrets {
    /// Reads the file, and makes up what the template declares and the file lacks.
    pub(crate) fn open(file: Option<PathBuf>, declared: &[template::Secret]) -> io::Result<Self> {
        let mut secrets: BTreeMap<String, Secret> = file::load(file.as_deref())?;
        for secret in declared {
            if !secrets.contains_key(&secret.arn) {
                let value = secret.value.clone().map_or_else(|| generated(&secret.generate), Ok)?;
                let version = version(uuid::Uuid::new_v4().to_string(), value, vec![CURRENT.to_owned()]);
                secrets.insert(
                    secret.arn.clone(),
                    Secret { name: secret.name.clone(), versions: vec![version] },
                );
            }
        }
        let opened = Self { file, secrets: Mutex::new(secrets) };
        opened.write(&lock(&opened.secrets))?;
        Ok(opened)
    }

    /// `GetSecretValue`: the ARN, the name and the version with this id and this stage (`AWSCURRENT` when neither is asked for).
    pub(crate) fn get(
        &self,
        id: &str,
        version: Option<&str>,
        stage: Option<&str>,
    ) -> Result<(String, String, Version), Refusal> {
        let secrets = lock(&self.secrets);
        let (arn, secret) = find(&secrets, id)?;
        let stage = stage.or_else(|| version.is_none().then_some(CURRENT));
        let found = secret.versions.iter().find(|candidate| {
            version.is_none_or(|id| candidate.id == id)
                && stage.is_none_or(|stage| candidate.stages.iter().any(|held| held == stage))
        });
        let found = found.ok_or_else(|| {
            let wanted = stage.map_or_else(
                || format!("VersionId: {}", version.unwrap_or_default()),
                |stage| format!("staging label: {stage}"),
            );
            not_found(&format!("Secrets Manager can't find the specified secret value for {wanted}"))
        })?;
        Ok((arn.clone(), secret.name.clone(), found.clone()))
    }

    /// `PutSecretValue`: a new version, to which the stages move; what was current is then previous.
    pub(crate) fn put(
        &self,
        id: &str,
        value: &str,
        token: Option<&str>,
        stages: Option<Vec<String>>,
    ) -> Result<(String, String, Version), Refusal> {
        let mut secrets = lock(&self.secrets);
        let arn = find(&secrets, id)?.0.clone();
        let Some(secret) = secrets.get_mut(&arn) else {
            return Err(not_found("Secrets Manager can't find the specified secret."));
        };
        let version = secret.put(value, token, &stages.unwrap_or_else(|| vec![CURRENT.to_owned()]))?;
        let name = secret.name.clone();
        self.write(&secrets).map_err(|error| ("InternalServiceError", error.to_string()))?;
        Ok((arn, name, version))
    }

    fn write(&self, secrets: &BTreeMap<String, Secret>) -> io::Result<()> {
        self.file.as_deref().map_or(Ok(()), |file| file::replace(file, secrets))
    }
}

impl Secret {
    fn put(&mut self, value: &str, token: Option<&str>, stages: &[String]) -> Result<Version, Refusal> {
        let id = token.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
        if let Some(known) = self.versions.iter().find(|version| version.id == id) {
            // The same call again is a retry.
            return if known.value == value {
                Ok(known.clone())
            } else {
                let message = "You can't use ClientRequestToken for a different value of the secret.";
                Err(("ResourceExistsException", message.to_owned()))
            };
        }
        if stages.iter().any(|stage| stage == CURRENT) {
            let current =
                self.versions.iter().position(|version| version.stages.iter().any(|stage| stage == CURRENT));
            self.take_stage(PREVIOUS);
            if let Some(current) = current {
                self.versions[current].stages.push(PREVIOUS.to_owned());
            }
        }
        for stage in stages {
            self.take_stage(stage);
        }
        let added = version(id, value.to_owned(), stages.to_vec());
        self.versions.push(added.clone());
        // A version without a stage is deprecated, and AWS deletes it in time.
        self.versions.retain(|version| !version.stages.is_empty());
        Ok(added)
    }

    fn take_stage(&mut self, stage: &str) {
        for version in &mut self.versions {
            version.stages.retain(|held| held != stage);
        }
    }
}

fn version(id: String, value: String, stages: Vec<String>) -> Version {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since the epoch fit a double for ages yet")]
    let created = Timestamp::now().as_millisecond() as f64 / 1000.0;
    Version { id, value, stages, created }
}

fn find<'a>(secrets: &'a BTreeMap<String, Secret>, id: &str) -> Result<(&'a String, &'a Secret), Refusal> {
    let found = secrets.iter().find(|(arn, secret)| *arn == id || secret.name == id);
    found.ok_or_else(|| not_found("Secrets Manager can't find the specified secret."))
}

fn not_found(message: &str) -> Refusal {
    ("ResourceNotFoundException", message.to_owned())
}

/// What `GenerateSecretString` asks for.
fn generated(rules: &Value) -> io::Result<String> {
    let excluded = rules["ExcludeCharacters"].as_str().unwrap_or_default();
    let is_excluded = |rule: &str| rules[rule] == true;
    let characters: Vec<char> = (' '..='~')
        .filter(|c| match c {
            'a'..='z' => !is_excluded("ExcludeLowercase"),
            'A'..='Z' => !is_excluded("ExcludeUppercase"),
            '0'..='9' => !is_excluded("ExcludeNumbers"),
            ' ' => is_excluded("IncludeSpace"),
            c => PUNCTUATION.contains(*c) && !is_excluded("ExcludePunctuation"),
        })
        .filter(|c| !excluded.contains(*c))
        .collect();
    let length =
        rules["PasswordLength"].as_u64().and_then(|length| usize::try_from(length).ok()).unwrap_or(32);
    let password = random_text(&characters, length)?;
    let key = rules["GenerateStringKey"].as_str();
    let template =
        rules["SecretStringTemplate"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    match (key, template) {
        (Some(key), Some(Value::Object(mut object))) => {
            object.insert(key.to_owned(), Value::String(password));
            Ok(Value::Object(object).to_string())
        }
        _ => Ok(password),
    }
}

fn random_text(characters: &[char], length: usize) -> io::Result<String> {
    if characters.is_empty() {
        return Err(io::Error::other("GenerateSecretString excludes every character"));
    }
    // Bytes above a multiple of the alphabet's size would favour its beginning.
    let fair = 256 - 256 % characters.len();
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        let fair_bytes = bytes.iter().map(|byte| usize::from(*byte)).filter(|byte| *byte < fair);
        text.extend(fair_bytes.map(|byte| characters[byte % characters.len()]).take(length - text.len()));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use serde_json::json;

    use super::*;

    fn declared() -> [template::Secret; 1] {
        let generate = json!({ "PasswordLength": 64, "ExcludePunctuation": true });
        [template::Secret {
            name: "rollcall-Secret".to_owned(),
            arn: "arn:secret".to_owned(),
            value: None,
            generate,
        }]
    }

    #[test]
    fn a_secret_is_made_up_once_and_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets.json");

        let first =
            Secrets::open(Some(file.clone()), &declared()).unwrap().get("arn:secret", None, None).unwrap();
        let again = Secrets::open(Some(file.clone()), &declared())
            .unwrap()
            .get("rollcall-Secret", None, None)
            .unwrap();

        assert_eq!(first.2.value, again.2.value);
        assert!(first.2.value.len() == 64 && first.2.value.chars().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_new_version_makes_the_current_one_the_previous_one() {
        let secrets = Secrets::open(None, &declared()).unwrap();
        let value = |stage| secrets.get("arn:secret", None, Some(stage)).map(|(_, _, version)| version.value);
        let first = value(CURRENT).unwrap();
        assert_eq!(value(PREVIOUS).unwrap_err().0, "ResourceNotFoundException");

        secrets.put("arn:secret", "second", Some("token"), None).unwrap();
        secrets.put("arn:secret", "second", Some("token"), None).unwrap();
        assert_eq!((value(CURRENT).unwrap(), value(PREVIOUS).unwrap()), ("second".to_owned(), first));
        let other = secrets.put("arn:secret", "other", Some("token"), None);
        assert!(matches!(other, Err(("ResourceExistsException", _))));

        secrets.put("arn:secret", "third", None, None).unwrap();
        assert_eq!(
            (value(CURRENT).unwrap(), value(PREVIOUS).unwrap()),
            ("third".to_owned(), "second".to_owned())
        );
    }
}
