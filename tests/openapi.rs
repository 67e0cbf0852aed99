//! `GET /openapi.json`: the document says what the functions do, and the other way round. Every answer of every other
//! test is held against it, too.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use ::contract::document;
use local::Template;
use reqwest::Method;
use serde_json::{Value, json};
use shared::compatibility::{Compatibility, Ids, ListFormat};

use crate::support::{Answer, Api, User, contract, contract::DOCUMENT, root, unlimited_seeds};

const JSON: &str = "application/json";
/// An operation of the document.
struct Operation {
    method: Method,
    path: &'static str,
    value: &'static Value,
}

fn operations() -> impl Iterator<Item = Operation> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().iter().map(|(method, value)| Operation {
            method: method.to_uppercase().parse().unwrap(),
            path,
            value,
        })
    })
}

impl Operation {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// The schema of its body, and examples of it.
    fn body(&self) -> Option<(&'static Value, Vec<&'static Value>)> {
        let content = &self.value.get("requestBody")?["content"][JSON];
        let examples = content["examples"].as_object().unwrap().values().map(|example| &example["value"]);
        Some((contract::resolved(&content["schema"]), examples.collect()))
    }

    /// Sends it a body, by a user whose `testuser` and employee it is about.
    async fn send(&self, stack: &Prepared, body: &Value) -> Answer {
        let id = if self.path.starts_with("/api/employees") { &stack.employee } else { &stack.user.id() };
        let path = self.path.replace("{id}", id);
        stack.user.send(self.method.clone(), &path, Some(JSON), body.to_string()).await
    }
}

/// A stack with `testuser`, who is staff and signed in, and an employee of theirs.
struct Prepared {
    api: Api,
    user: User,
    employee: String,
}

impl Prepared {
    async fn start() -> Self {
        let api = Api::with(&unlimited_seeds()).await;
        let user = json!({ "username": "testuser", "email": "testuser@example.com", "password": "strongpassword123" });
        assert_eq!(api.post("/api/register", &user).await.status, 201);
        api.stack.invoke("create-superuser", user).await.unwrap();
        let user = api.log_in_with("testuser", "strongpassword123").await;
        let employee = json!({ "first_name": "Ada", "last_name": "Lovelace", "phone_number": "9881167671" });
        let employee = user.post("/api/employees", &employee).await.body["id"].as_str().unwrap().to_owned();
        Self { api, user, employee }
    }
}

fn fields(answer: &Answer) -> BTreeSet<&str> {
    answer.body.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn the_document_is_served_for_the_url_at_which_it_is_asked_for() {
    let api = Api::start().await;

    let answer = api.get("/openapi.json").await;

    assert_eq!(answer.body, document(api.stack.url(), 8, &Compatibility::none()));
    for (parameters, answers) in [
        (vec![("Compatibility", "django")], Compatibility::django()),
        (
            vec![("ListFormat", "page"), ("Ids", "integer")],
            Compatibility { lists: ListFormat::Page, ids: Ids::Integer, ..Compatibility::none() },
        ),
    ] {
        let api = Api::with(&parameters).await;
        assert_eq!(api.get("/openapi.json").await.body, document(api.stack.url(), 8, &answers));
    }
    assert_eq!(answer.header("cache-control"), "public, max-age=300");

    let event = std::fs::read(root().join("events/openapi.json")).unwrap();
    let mut event: Value = serde_json::from_slice(&event).unwrap();
    event["requestContext"]["domainName"] = json!("abc.execute-api.eu-west-1.amazonaws.com");
    let answer = api.stack.invoke("openapi", event).await.unwrap();
    let document: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(
        document["servers"],
        json!([{ "url": "https://abc.execute-api.eu-west-1.amazonaws.com/Prod" }])
    );
}

#[test]
fn every_route_of_the_template_is_documented_by_the_name_of_its_function() {
    let functions = Template::load(&root().join("template.yaml"), &BTreeMap::new()).unwrap().functions;
    let routes: BTreeMap<String, String> = functions
        .iter()
        .flat_map(|function| function.routes.iter().map(|route| (route, function.binary.clone())))
        .filter(|(route, _)| route.method != "HEAD")
        .map(|(route, function)| (format!("{} {}", route.method, route.path), function))
        .collect();

    let documented = operations().map(|operation| {
        let id = operation.value["operationId"].as_str().unwrap();
        // One function may answer two methods, or a page and its parts.
        (operation.name(), id.replace("-partial", "").replace("docs-file", "docs"))
    });

    let documented: BTreeMap<String, String> = documented.collect();
    let missing: Vec<_> = routes.iter().filter(|(route, _)| !documented.contains_key(*route)).collect();
    assert!(missing.is_empty(), "`contract()` at the end of the function's file is without {missing:?}");
    assert_eq!(documented, routes);
    let ids = operations().map(|operation| operation.value["operationId"].as_str().unwrap());
    assert_eq!(ids.collect::<BTreeSet<_>>().len(), routes.len(), "an id is there twice");
}

/// The operations in a cell such as "GET, PUT `/api/profile`" or "POST `/otp/generate`, `/otp/verify`".
fn named(cell: &str) -> Vec<String> {
    let (mut operations, mut methods, mut is_used) = (Vec::new(), Vec::new(), false);
    for word in cell.split([' ', ',']).filter(|word| !word.is_empty()) {
        if word.starts_with('`') {
            let path = word.trim_matches('`');
            operations.extend(methods.iter().map(|method| format!("{method} {path}")));
            is_used = true;
        } else {
            if mem::take(&mut is_used) {
                methods.clear();
            }
            methods.push(word);
        }
    }
    operations
}

#[test]
fn the_readme_lists_every_operation_in_its_group_and_in_the_order_of_the_document() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let rows =
        readme.lines().skip_while(|line| *line != "## Endpoints").filter(|line| line.starts_with("| "));
    let is_of_an_operation = |line: &&str| {
        ["GET", "POST", "PUT", "PATCH", "DELETE"]
            .iter()
            .any(|method| line.split('|').nth(2).is_some_and(|cell| cell.trim().starts_with(method)))
    };
    let rows = rows.skip(2).take_while(is_of_an_operation);
    let listed: Vec<(String, String)> = rows
        .flat_map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            named(cells[2]).into_iter().map(move |operation| (cells[1].to_owned(), operation))
        })
        .collect();

    let documented: Vec<(String, String)> = operations()
        .map(|operation| (operation.value["tags"][0].as_str().unwrap().to_owned(), operation.name()))
        .collect();

    let missing: Vec<_> = documented.iter().filter(|operation| !listed.contains(operation)).collect();
    assert!(missing.is_empty(), "the endpoints of the README are without {missing:?}");
    assert_eq!(listed, documented, "the README and the document have another order");
    let tags = DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap());
    let mut groups: Vec<&str> = listed.iter().map(|(group, _)| group.as_str()).collect();
    groups.dedup();
    assert_eq!(tags.collect::<Vec<_>>(), groups);
}

#[tokio::test]
async fn a_bearer_is_asked_for_where_the_document_says_so() {
    let api = Api::with(&unlimited_seeds()).await;
    for operation in operations() {
        let path = operation.path.replace("{id}", "01900000-0000-7000-8000-000000000000");
        let answer = api.send(operation.method.clone(), &path, Some(JSON), "{}").await;

        let schemes = operation.value["security"].as_array().unwrap();
        let is_secured = schemes.first().is_some_and(|scheme| scheme.get("bearer").is_some());
        let detail = "Authentication credentials were not provided.";
        assert_eq!(answer.body["detail"] == detail, is_secured, "{}: {}", operation.name(), answer.text);
    }
}

#[tokio::test]
async fn an_empty_object_is_told_what_the_document_requires() {
    let stack = Prepared::start().await;
    for operation in operations() {
        let Some((schema, _)) = operation.body() else { continue };
        let required = [&schema["required"], &schema["anyOf"][0]["required"]];
        let required: BTreeSet<&str> = required
            .into_iter()
            .flat_map(|names| names.as_array().into_iter().flatten())
            .map(|name| name.as_str().unwrap())
            .collect();

        let answer = operation.send(&stack, &json!({})).await;

        let missing = if answer.status == 400 { fields(&answer) } else { BTreeSet::new() };
        assert_eq!(missing, required, "{}: {}", operation.name(), answer.text);
        assert_eq!(answer.status == 200, required.is_empty(), "{}: {}", operation.name(), answer.text);
    }
}

fn is_number(field: &Value) -> bool {
    field["pattern"].as_str().is_some_and(|pattern| pattern.contains("tel:"))
}

/// A text of so many characters, with which nothing else is wrong if it is a phone number.
fn text(field: &Value, length: usize) -> Value {
    if is_number(field) {
        json!(format!("98811{}67671", "-".repeat(length - 10)))
    } else {
        json!("x".repeat(length))
    }
}

/// What is said of a text that is longer.
fn too_long(field: &Value, longest: usize) -> Value {
    if is_number(field) {
        json!("Enter a valid phone number.")
    } else {
        json!(format!("Ensure this field has no more than {longest} characters."))
    }
}

#[tokio::test]
async fn every_limit_and_null_of_the_document_is_one_of_the_functions() {
    let stack = Prepared::start().await;
    for operation in operations() {
        let Some((schema, _)) = operation.body() else { continue };
        for (name, field) in schema["properties"].as_object().unwrap() {
            let complaints = async |value: &Value| {
                let answer = operation.send(&stack, &json!({ name: value })).await;
                let complaints = answer.body[name].as_array().cloned().filter(|_| answer.status == 400);
                complaints.unwrap_or_default()
            };
            let about = format!("{} {name}", operation.name());
            let null = complaints(&Value::Null).await;
            let is_nullable = field["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
            // One endpoint has words of its own for a number that is missing.
            let words = ["This field may not be null.", "Phone number is required"];
            let is_refused = null.iter().any(|complaint| words.map(Value::from).contains(complaint));
            assert_eq!(is_refused, !is_nullable, "{about}: {null:?}");
            if let Some(longest) = field["maxLength"].as_u64() {
                let longest = usize::try_from(longest).unwrap();
                let words = too_long(field, longest);
                assert!(complaints(&text(field, longest + 1)).await.contains(&words), "{about}");
                assert!(!complaints(&text(field, longest)).await.contains(&words), "{about}");
            }
            if field["minLength"].as_u64() == Some(1) {
                let blank = complaints(&json!("")).await;
                assert!(!blank.is_empty(), "{about} takes an empty text");
            }
        }
    }
}

#[tokio::test]
async fn every_limit_of_a_query_is_one_of_the_functions() {
    let stack = Prepared::start().await;
    let mut limits = 0;
    for operation in operations() {
        let parameters =
            operation.value["parameters"].as_array().into_iter().flatten().map(contract::resolved);
        for parameter in parameters.filter(|parameter| parameter["in"] == "query") {
            let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
            let Some(longest) = schema["maxLength"].as_u64() else { continue };
            let longest = usize::try_from(longest).unwrap();
            let query = |length| format!("{}?{name}={}", operation.path, "x".repeat(length));

            let refused = stack.user.get(&query(longest + 1)).await;
            let taken = stack.user.get(&query(longest)).await;

            refused.is(400, &json!({ name: [too_long(schema, longest)] }));
            assert_eq!(taken.status, 200, "{} {name}", operation.name());
            limits += 1;
        }
    }
    assert_eq!(limits, 3, "two searches and a department");
}

#[tokio::test]
async fn every_example_of_a_body_is_accepted_or_refused_for_what_it_stands_for() {
    for operation in operations() {
        let Some((schema, examples)) = operation.body() else { continue };
        for example in examples {
            assert_eq!(contract::complaints(schema, example), [] as [String; 0], "{}", operation.name());
            let stack = Prepared::start().await;
            if operation.path == "/api/register" {
                // The examples would be somebody, who is here already.
                let path = format!("/api/users/{}", stack.user.id());
                assert_eq!(stack.api.staff().await.delete(&path).await.status, 204);
            }
            if operation.path == "/api/login" {
                stack.api.verify("testuser@example.com").await;
            }

            let answer = operation.send(&stack, example).await;

            // A token or a code that is only a placeholder has a refusal of its own, never a complaint about a field.
            let code = answer.body["code"].as_str().unwrap_or_default();
            let is_placeholder = ["token_not_valid", "otp_invalid", "registration_token_invalid"]
                .contains(&code)
                || (example["username"] != "testuser" && code == "no_active_account")
                || (operation.path == "/auth/login" && code == "no_active_account");
            assert!(answer.status < 300 || is_placeholder, "{}: {}", operation.name(), answer.text);
        }
    }
}

#[test]
fn every_example_of_an_answer_is_one() {
    let mut examples = 0;
    let shared = DOCUMENT["components"]["responses"].as_object().unwrap().values();
    let responses =
        operations().flat_map(|operation| operation.value["responses"].as_object().unwrap().values());
    for response in shared.chain(responses) {
        for content in response["content"].as_object().into_iter().flat_map(serde_json::Map::values) {
            let several = content["examples"].as_object().into_iter().flat_map(serde_json::Map::values);
            for example in content.get("example").into_iter().chain(several.map(|example| &example["value"]))
            {
                assert_eq!(contract::complaints(&content["schema"], example), [] as [String; 0], "{example}");
                examples += 1;
            }
        }
    }
    assert!(examples > 30, "only {examples}");
}

#[test]
fn every_reference_leads_somewhere_and_everything_shared_is_used() {
    fn collect(value: &'static Value, found: &mut BTreeSet<&'static str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| collect(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let mut references = BTreeSet::new();
    collect(&DOCUMENT, &mut references);

    let components = DOCUMENT["components"].as_object().unwrap().iter();
    let shared: BTreeSet<String> = components
        .filter(|(kind, _)| *kind != "securitySchemes")
        .flat_map(|(kind, entries)| {
            entries.as_object().unwrap().keys().map(move |name| format!("#/components/{kind}/{name}"))
        })
        .collect();

    assert_eq!(references, shared.iter().map(String::as_str).collect());
}
