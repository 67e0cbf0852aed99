//! What a release promises to the stacks that run the previous one. `tests/releases/` holds what is needed of each release;
//! docs/upgrading.md describes how to add one.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use local::upgrade_problems;
use regex::Regex;
use serde_json::{Value, json};

use crate::{
    deployment, records,
    support::{Api, Deployment, User, root},
};

/// The folders of the releases, the oldest first.
fn releases() -> Vec<PathBuf> {
    let folders = fs::read_dir(root().join("tests/releases")).unwrap();
    let mut folders: Vec<PathBuf> = folders.map(|folder| folder.unwrap().path()).collect();
    folders.sort_by_key(|folder| {
        let name = folder.file_name().unwrap().to_string_lossy();
        let numbers: Result<Vec<u32>, _> = name.split('.').map(str::parse).collect();
        numbers
            .unwrap_or_else(|_| panic!("tests/releases has a folder for each release only, and not {name}"))
    });
    folders
}

/// What an operator has to set otherwise in the deployment of a release, because no default could be right. CHANGELOG.md says so,
/// under *Changed for operators*.
const TO_BE_SET: [(&str, &str); 3] =
    [("0.2.0", "Compatibility"), ("0.2.0", "CorsOrigin"), ("0.2.0", "HasCors")];

#[test]
fn every_template_deploys_over_that_of_the_previous_release() {
    let mut templates: Vec<PathBuf> =
        releases().iter().map(|release| release.join("template.yaml")).collect();
    templates.push(root().join("template.yaml"));
    let read =
        |path: &Path| fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));

    for [last, next] in templates.array_windows() {
        let release = next.parent().unwrap().file_name().unwrap().to_string_lossy();
        let to_be_set = |problem: &String| {
            TO_BE_SET
                .iter()
                .any(|(of, parameter)| *of == release && problem.starts_with(&format!("{parameter}:")))
        };
        let mut problems = upgrade_problems(&read(last), &read(next)).unwrap();
        problems.retain(|problem| !to_be_set(problem));
        assert!(
            problems.is_empty(),
            "{} cannot be deployed over {} (docs/upgrading.md):\n{}",
            next.display(),
            last.display(),
            problems.join("\n")
        );
    }
}

/// Kinds of records that 0.1.0 never asks for, or leaves out (notices).
const UNKNOWN_TO_0_1_0: [&str; 14] = [
    "guesses_from",
    "token_checks",
    "codes_of_claimants",
    "count",
    "logins_of",
    "logins_at",
    "notice_email_changed",
    "notice_phone_changed",
    "notice_phone_removed",
    "notice_password_changed",
    "notice_username_changed",
    "notice_staff_rights",
    "notice_user_deleted",
    "new_password",
];

/// Kinds of records that 0.1.0 writes and this release does not. It counts failed logins by user, not by identifier.
const WRITTEN_BY_0_1_0_ALONE: [&str; 1] = ["login"];

/// What the code of 0.1.0 requires of each kind of record, by table. Attributes that it does not know are no matter.
fn rules() -> Value {
    let file = root().join("tests/releases/0.1.0/reads.json");
    serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap()
}

/// The kind of an item: its key up to the first `#`.
fn kind_of(item: &Value) -> &str {
    item["pk"]["S"].as_str().unwrap().split('#').next().unwrap()
}

/// Asserts that 0.1.0 can read all items of a table.
fn are_readable<'a>(rules: &Value, table: &str, items: impl IntoIterator<Item = &'a Value>) {
    let mut problems = BTreeSet::new();
    for item in items.into_iter().filter(|item| !UNKNOWN_TO_0_1_0.contains(&kind_of(item))) {
        let kind = kind_of(item);
        match rules[table].get(kind) {
            Some(rule) => {
                problems
                    .extend(unreadable(rule, item).into_iter().map(|problem| format!("{kind}: {problem}")));
            }
            None => {
                problems.insert(format!("{kind}: 0.1.0 does not know this kind"));
            }
        }
    }
    let problems: Vec<String> = problems.into_iter().collect();
    assert!(problems.is_empty(), "0.1.0 cannot read this in the table {table}:\n{}", problems.join("\n"));
}

/// During a deployment, and after a roll-back, functions of 0.1.0 read what this release has written.
#[tokio::test]
async fn records_of_this_release_are_readable_by_0_1_0() {
    let rules = rules();
    let stored = records::write::records().await;

    for (table, rules_of_table) in rules.as_object().unwrap() {
        let items = stored["tables"][table].as_array().unwrap();
        are_readable(&rules, table, items);

        let tried: BTreeSet<&str> = items.iter().map(kind_of).chain(WRITTEN_BY_0_1_0_ALONE).collect();
        let missing = rules_of_table.as_object().unwrap().keys().find(|kind| !tried.contains(kind.as_str()));
        assert_eq!(missing, None, "the journeys write no such record in the table {table}");
    }
}

/// The same holds for records of its own that this release has changed.
#[tokio::test]
async fn records_of_0_1_0_that_this_release_has_changed_are_readable_by_0_1_0() {
    let (api, stored) = records::stack_of("0.1.0").await;
    for name in ["ada", "carol", "dora"] {
        let user = User::new(&api, &stored["sessions"][name]).refreshed().await;
        assert_eq!(user.patch("/api/profile", &json!({ "address": "changed" })).await.status, 200, "{name}");
    }
    let verification = json!({ "email": "bob@example.com", "otp": stored["codes"]["bob"] });
    assert_eq!(api.post("/api/otp/verify", &verification).await.status, 200);
    let admin = api.log_in("admin").await;
    for (kind, field) in [("users", "first_name"), ("employees", "department")] {
        let listed = admin.get(&format!("/api/{kind}")).await.body["results"].clone();
        for record in listed.as_array().unwrap() {
            let path = format!("/api/{kind}/{}", record["id"].as_str().unwrap());
            assert_eq!(admin.patch(&path, &json!({ field: "Changed" })).await.status, 200, "{path}");
        }
    }

    for kind in ["users", "employees"] {
        let part = api.stack.invoke("reindex", json!({ "kind": kind, "position": null })).await.unwrap();
        assert_eq!((&part["failed"], &part["position"]), (&json!([]), &Value::Null), "{part}");
    }

    let rules = rules();
    for table in rules.as_object().unwrap().keys() {
        are_readable(&rules, table, api.all_items(table).await.values());
    }
}

/// What 0.1.0 cannot read of an item: an attribute that is missing or has another form.
fn unreadable(rules: &Value, item: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, rule) in rules.as_object().unwrap() {
        let (name, is_optional) = name.strip_suffix('?').map_or((name.as_str(), false), |name| (name, true));
        let value = &item[name];
        let is_absent = value.is_null() || value["NULL"] == true;
        if is_absent && !is_optional {
            problems.push(format!("{name} is missing"));
        } else if !is_absent && !fits(rule, value) {
            problems.push(format!("{name} is {value} and not {rule}"));
        }
    }
    problems
}

/// Whether a stored value has the form that a rule asks for.
fn fits(rule: &Value, value: &Value) -> bool {
    let Some(rule) = rule.as_str() else { return unreadable(rule, &value["M"]).is_empty() };
    let text = value["S"].as_str();
    let is_number = |value: &Value| value["N"].as_str().is_some_and(|number| number.parse::<u64>().is_ok());
    let matches = |pattern: &str| text.is_some_and(|text| Regex::new(pattern).unwrap().is_match(text));
    match rule {
        "text" => text.is_some(),
        "number" => is_number(value),
        "flag" => value["BOOL"].is_boolean(),
        "uuid" => text.is_some_and(|text| text.parse::<uuid::Uuid>().is_ok()),
        "date" => matches(r"^\d{4}-\d{2}-\d{2}$"),
        "time" => matches(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$"),
        rule => match rule.strip_prefix("numbers by ") {
            Some(keys) => value["M"].as_object().is_some_and(|entries| {
                entries
                    .iter()
                    .all(|(key, value)| keys.split('|').any(|known| known == key) && is_number(value))
            }),
            None => text.is_some_and(|text| rule.split('|').any(|known| known == text)),
        },
    }
}

#[test]
fn what_0_1_0_cannot_read_is_noticed() {
    let rules = json!({ "id": "uuid", "n": "number", "on?": "flag", "kind": "a|b", "of": { "x": "text" }, "by": "numbers by a|b" });
    let item = |change: fn(&mut Value)| {
        let mut item = json!({
            "id": { "S": "018bcfe5-6800-7000-8000-000000000001" }, "n": { "N": "1" }, "kind": { "S": "b" },
            "of": { "M": { "x": { "S": "" }, "y": { "N": "1" } } }, "by": { "M": { "a": { "N": "1" } } }, "new": { "S": "" },
        });
        change(&mut item);
        unreadable(&rules, &item)
    };
    assert_eq!(item(|_| ()), [] as [&str; 0]);
    assert_eq!(item(|item| item["on"] = json!({ "NULL": true })), [] as [&str; 0]);
    let broken: [fn(&mut Value); 8] = [
        |item| item["id"] = json!({ "S": "1" }),
        |item| item["n"] = json!({ "S": "1" }),
        |item| item["n"] = json!({ "N": "-1" }),
        |item| item["n"] = json!({ "NULL": true }),
        |item| item["on"] = json!({ "S": "true" }),
        |item| item["kind"] = json!({ "S": "c" }),
        |item| item["of"] = json!({ "M": {} }),
        |item| item["by"] = json!({ "M": { "c": { "N": "1" } } }),
    ];
    for change in broken {
        assert_eq!(item(change).len(), 1);
    }
}

/// Half of the functions are those of the previous release, as in the middle of a deployment. `.ci/mixed-versions` builds them.
#[tokio::test]
#[ignore = "it takes the previous release's binaries: .ci/mixed-versions"]
async fn half_of_the_functions_are_those_of_the_previous_release() {
    #[expect(clippy::disallowed_methods, reason = "the house rule is for functions")]
    let previous = PathBuf::from(std::env::var("PREVIOUS_BINARIES").unwrap());
    let present = Path::new(env!("CARGO_BIN_EXE_health")).parent().unwrap();
    let template = local::Template::load(
        &root().join("template.yaml"),
        &[("MailFrom".to_owned(), "a@example.com".to_owned())].into(),
    )
    .unwrap();
    let binaries: Vec<String> = template.functions.into_iter().map(|function| function.binary).collect();
    // A code by which a user verifies their own number is found by the release that sent it only (CHANGELOG.md): these two
    // functions change together here.
    let place = |binary: &str| if binary == "otp-verify" { "otp-generate" } else { binary }.to_owned();
    // One half and then the other.
    for half in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        let mut old = Vec::new();
        for binary in &binaries {
            let at = binaries.iter().position(|other| *other == place(binary)).unwrap();
            let is_old = at % 2 == half && previous.join(binary).exists();
            let source = if is_old { &previous } else { present };
            std::os::unix::fs::symlink(source.join(binary), folder.path().join(binary)).unwrap();
            old.extend(is_old.then_some(binary));
        }
        assert!(old.len() > binaries.len() / 3, "{old:?}");
        let limit = ("LOGIN_FAILURES_PER_IDENTIFIER_AND_IP", "5");
        // It is switched on in the deployment after the one that brings it (CHANGELOG.md): `deliver` of 0.1.0 leaves its codes out.
        let env = [limit, ("LOGIN_BY_CODE", "off")];
        let api = Api::of(folder.path(), &root().join("template.yaml"), &env).await;
        let api = Deployment::of(api).await;
        deployment::account(&api).await;
        deployment::addresses(&api).await;
        deployment::employees(&api).await;
        deployment::numbers(&api).await;
        deployment::staff(&api).await;
    }
}
