//! What public tools make of the OpenAPI document and the stack. `.ci/api-tools` installs them and runs these.

use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::support::{Api, PASSWORD, root, token, unlimited, unlimited_seeds};

/// So many staff users: one of them may well lose their name to a request.
const STAFF: usize = 20;

const ISSUER: &str = "https://api.example.com";
/// Tokens for the service that docs/tokens.md has as its example.
const FOR_SERVICES: [(&str, &str); 2] = [("TokenIssuer", ISSUER), ("TokenAudience", "orders")];

/// Runs a tool in a folder and gives what it said, which a failure shows.
async fn run(folder: &Path, tool: &str, arguments: &[&str], env: &[(&str, &str)]) -> String {
    let mut command = Command::new(tool);
    command.args(arguments).envs(env.iter().copied()).current_dir(folder).kill_on_drop(true);
    let output = command.output().await.expect(tool);
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{tool} {}\n{said}", arguments.join(" "));
    said
}

/// A folder with the document as the stack serves it.
async fn with_document(api: &Api) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("openapi.json"), api.get("/openapi.json").await.text).unwrap();
    folder
}

async fn make_staff(api: &Api, name: &str) {
    let superuser: Value = serde_json::json!({
        "username": name, "email": format!("{name}@example.com"), "password": PASSWORD,
    });
    api.stack.invoke("create-superuser", superuser).await.unwrap();
}

#[tokio::test]
#[ignore = "needs tools: .ci/api-tools"]
async fn the_document_is_valid() {
    let api = Api::start().await;
    let folder = with_document(&api).await;

    run(folder.path(), "openapi-spec-validator", &["openapi.json"], &[]).await;
    run(folder.path(), "redocly", &["lint", "--extends", "spec", "openapi.json"], &[]).await;
}

#[tokio::test]
#[ignore = "needs a browser: .ci/api-tools"]
async fn the_page_shows_the_operations_in_a_browser() {
    let api = Api::start().await;
    let folder = tempfile::tempdir().unwrap();
    let profile = format!("--user-data-dir={}", folder.path().display());
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--enable-logging=stderr",
        "--virtual-time-budget=20000",
        &profile,
        "--dump-dom",
        api.stack.url(),
    ];

    let said = run(folder.path(), "chromium", &arguments, &[]).await;

    assert!(said.contains("operations-Registration-api-register"), "{said}");
    assert!(said.contains("Authorize") && said.contains("Postman collection"), "{said}");
    assert!(!said.contains("Content Security Policy"), "{said}");
}

#[tokio::test]
#[ignore = "needs tools: .ci/api-tools"]
async fn a_generated_client_compiles() {
    let api = Api::start().await;
    let folder = with_document(&api).await;
    std::fs::copy(root().join("tests/tools/client.ts"), folder.path().join("client.ts")).unwrap();

    run(folder.path(), "openapi-typescript", &["openapi.json", "--output", "openapi.d.ts"], &[]).await;
    run(folder.path(), "tsc", &["--strict", "--noEmit", "--target", "es2022", "client.ts"], &[]).await;
}

#[tokio::test]
#[ignore = "needs tools: .ci/api-tools"]
async fn the_collection_runs_under_either_policy() {
    for policy in ["seeds", "strict"] {
        let parameters: Vec<_> = [("Policy", policy)].into_iter().chain(unlimited()).collect();
        let api = Api::with(&parameters).await;
        make_staff(&api, "admin").await;
        let collection = format!("{}/postman_collection.json", api.stack.url());

        let said = run_collection(&collection).await;

        assert!(!said.contains("[429 "), "no limit holds here\n{said}");
    }
}

#[tokio::test]
#[ignore = "needs tools: .ci/api-tools"]
async fn the_collection_runs_with_tokens_of_yesterday() {
    let api = Api::with(&unlimited_seeds()).await;
    make_staff(&api, "admin").await;
    let mut collection = api.get("/postman_collection.json").await.body;
    let expired = format!("e30.{}.e30", token::encoded(&serde_json::json!({ "exp": 1 })));
    for variable in collection["variable"].as_array_mut().unwrap() {
        if variable["key"].as_str().unwrap().ends_with("_token") {
            variable["value"] = expired.clone().into();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collection.json");
    std::fs::write(&file, collection.to_string()).unwrap();

    run_collection(file.to_str().unwrap()).await;
}

/// Runs a collection with the staff user `admin`; fails when a request does.
async fn run_collection(collection: &str) -> String {
    let (name, password) = ("staff_username=admin", format!("staff_password={PASSWORD}"));
    let arguments = ["run", collection, "--color", "off", "--env-var", name, "--env-var", &password];
    run(&root(), "newman", &arguments, &[]).await
}

/// A stack for clients of a Django system, and the tokens of `ada` on it.
async fn for_django_clients(parameters: &[(&str, &str)]) -> (Api, Value) {
    let parameters: Vec<_> =
        [("Compatibility", "django")].iter().chain(parameters).copied().chain(unlimited()).collect();
    let api = Api::with(&parameters).await;
    api.registered("ada").await;
    let tokens = api.try_token("ada", PASSWORD).await.body;
    (api, tokens)
}

/// Runs a client that was written for a Django system as `ada`.
async fn run_client(api: &Api, file: &str) {
    let (file, url) = (format!("tests/tools/{file}"), format!("{}/api", api.stack.url()));
    run(&root(), "node", &[&file], &[("API", &url), ("USERNAME", "ada"), ("PASSWORD", PASSWORD)]).await;
}

#[tokio::test]
#[ignore = "needs tools: .ci/api-tools"]
async fn react_admin_lists_reads_and_changes_records() {
    let (api, _) = for_django_clients(&[("ListFormat", "page")]).await;
    run_client(&api, "react-admin.cjs").await;
}

#[tokio::test]
#[ignore = "needs tools: .ci/api-tools"]
async fn clients_that_keep_their_first_refresh_token_stay_signed_in() {
    let (api, _) = for_django_clients(&[]).await;
    run_client(&api, "axios.cjs").await;
    assert_eq!(api.audited("session_killed_for_reuse"), [] as [Value; 0]);
}

#[tokio::test]
#[ignore = "needs tools: .ci/api-tools"]
async fn a_service_with_simplejwt_believes_the_tokens() {
    believes_the_tokens(&[], &[("ISSUER", "rollcall")]).await;
}

#[tokio::test]
#[ignore = "needs tools: .ci/api-tools"]
async fn a_service_with_simplejwt_believes_the_tokens_that_are_for_it() {
    believes_the_tokens(&FOR_SERVICES, &[("ISSUER", ISSUER), ("AUDIENCE", "orders")]).await;
}

async fn believes_the_tokens(parameters: &[(&str, &str)], settings: &[(&str, &str)]) {
    let parameters = [&[("AccessTokenClaims", "username,email,is_staff")], parameters].concat();
    let (api, tokens) = for_django_clients(&parameters).await;
    let (_, stranger) = for_django_clients(&parameters).await;
    let expected =
        serde_json::json!({ "id": "1", "username": "ada", "is_staff": false, "email": "ada@example.com" });
    let (expected, tokens, stranger) = (expected.to_string(), tokens.to_string(), stranger.to_string());
    let env =
        [("API", api.stack.url()), ("EXPECTED", &expected), ("TOKENS", &tokens), ("STRANGER", &stranger)];
    run(&root(), "python", &["tests/tools/simplejwt.py"], &[&env, settings].concat()).await;
}

/// An example of docs/tokens.md, for this stack: its issuer has another URL than it has itself.
fn example(api: &Api, language: &str) -> String {
    let document = std::fs::read_to_string(root().join("docs/tokens.md")).unwrap();
    // The last of a language: Django's are settings alone.
    let blocks = document.split("```").filter_map(|block| block.strip_prefix(&format!("{language}\n")));
    let example = blocks.last().unwrap();
    for url in ["${ISSUER}/.well-known", "{ISSUER}/.well-known"] {
        if example.contains(url) {
            return example.replace(url, &format!("{}/.well-known", api.stack.url()));
        }
    }
    panic!("no keys are read:\n{example}");
}

/// Both examples know the user of an access token, and take neither a refresh token nor one that is for another.
#[tokio::test]
#[ignore = "needs tools: .ci/api-tools"]
async fn the_examples_for_services_verify_tokens() {
    let api = Api::with(&FOR_SERVICES).await;
    let ada = api.signed_in().await;
    let other = Api::with(&FOR_SERVICES[..1]).await;
    let (id, strange) = (ada.id(), other.signed_in().await);
    let env =
        [("USER", &*id), ("ACCESS", &*ada.access), ("REFRESH", &*ada.refresh), ("STRANGE", &*strange.access)];
    let folder = tempfile::tempdir().unwrap();

    let python = [
        example(&api, "python"),
        "import os\nassert user_of(os.environ['ACCESS']) == os.environ['USER']".to_owned(),
        "for name in ['REFRESH', 'STRANGE']:\n    try:\n        user_of(os.environ[name])".to_owned(),
        "    except jwt.PyJWTError:\n        continue\n    raise AssertionError(name)".to_owned(),
    ];
    run(folder.path(), "python", &["-c", &python.join("\n")], &env).await;

    let modules = shared::config::text("NODE_PATH").unwrap();
    std::os::unix::fs::symlink(modules, folder.path().join("node_modules")).unwrap();
    let javascript = [
        example(&api, "js"),
        "import assert from 'node:assert/strict';".to_owned(),
        "assert.equal(await userOf(process.env.ACCESS), process.env.USER);".to_owned(),
        "for (const name of ['REFRESH', 'STRANGE']) await assert.rejects(userOf(process.env[name]));"
            .to_owned(),
    ];
    std::fs::write(folder.path().join("service.mjs"), javascript.join("\n")).unwrap();
    run(folder.path(), "node", &["service.mjs"], &env).await;
}

#[tokio::test]
#[ignore = "needs tools: .ci/api-tools"]
async fn no_answer_to_a_fuzzer_is_outside_the_document() {
    let api = Api::with(&unlimited_seeds()).await;
    for number in 0..STAFF {
        make_staff(&api, &format!("staff-{number}")).await;
    }
    let folder = tempfile::tempdir().unwrap();
    for file in ["schemathesis.toml", "schemathesis_staff.py"] {
        std::fs::copy(root().join("tests/tools").join(file), folder.path().join(file)).unwrap();
    }
    let url = format!("{}/openapi.json", api.stack.url());

    let env = [("ROLLCALL_STAFF", &*STAFF.to_string()), ("ROLLCALL_PASSWORD", PASSWORD)];
    let said = run(folder.path(), "schemathesis", &["run", &url], &env).await;

    println!("{said}");
}
