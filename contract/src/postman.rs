//! The document as a collection of Postman, whose scripts carry tokens from one request to the next.

use serde_json::{Map, Value, json as object};

/// Before and after every request.
const BEFORE: &str = include_str!("postman/before.js");
const AFTER: &str = include_str!("postman/after.js");

/// The variables: the examples of the OpenAPI document that each stands for, and whether it begins as the first of them.
const VARIABLES: [(&str, &[&str], bool); 11] = [
    ("username", &["testuser"], true),
    ("email", &["testuser@example.com"], true),
    ("password", &["strongpassword123", "123456789"], true),
    ("new_password", &["newpassword456"], true),
    ("phone_number", &["1234567890"], true),
    ("phone", &["09101234567"], true),
    ("otp", &["123456", "1234"], false),
    ("registration_token", &["fef8702768384d1d88a2e1454e6c749c"], false),
    ("access_token", &["<access_token>"], false),
    ("refresh_token", &["<refresh_token>"], false),
    ("staff_token", &[], false),
];
/// Variables that stand for no example.
const OTHERS: [&str; 5] = ["staff_username", "staff_password", "user_id", "employee_id", "session_id"];

const SIGN_OUT: &str =
    r#"["access_token", "refresh_token"].forEach((name) => pm.collectionVariables.set(name, ""));"#;
const SWAP_PASSWORDS: &str = r#"const [password, next] = ["password", "new_password"].map((name) => pm.variables.get(name));
pm.collectionVariables.set("password", next);
pm.collectionVariables.set("new_password", password);"#;

/// The document as a collection (format 2.1), with a folder for each of its tags.
#[must_use]
pub fn collection(document: &Value) -> Value {
    let folders = list(&document["tags"]).map(|tag| {
        let items = entries(&document["paths"]).flat_map(|(path, methods)| {
            entries(methods)
                .filter(|(_, operation)| operation["tags"][0] == tag["name"])
                .map(|(method, operation)| item(document, path, method, operation))
        });
        object!({ "name": tag["name"], "description": tag["description"], "item": items.collect::<Vec<_>>() })
    });
    let begins = |examples: &[&'static str], known: bool| examples.first().copied().filter(|_| known);
    let variables = [("base_url", document["servers"][0]["url"].as_str())]
        .into_iter()
        .chain(VARIABLES.map(|(name, examples, known)| (name, begins(examples, known))))
        .chain(OTHERS.map(|name| (name, None)))
        .map(|(name, value)| object!({ "key": name, "value": value.unwrap_or_default() }));
    object!({
        "info": {
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json",
        },
        "variable": variables.collect::<Vec<_>>(),
        "event": [script("prerequest", BEFORE), script("test", AFTER)],
        "item": folders.collect::<Vec<_>>(),
    })
}

fn item(document: &Value, path: &str, method: &str, operation: &Value) -> Value {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let statuses: Vec<u16> = entries(&operation["responses"])
        // A limit that holds is no fault of the collection's, nor is that `TokenIssuer` is not set.
        .filter(|(status, answer)| {
            status.starts_with('2')
                || status.as_str() == "429"
                || answer["$ref"] == "#/components/responses/IssuerNotFound"
        })
        .filter_map(|(status, _)| status.parse().ok())
        .collect();
    let words: Vec<_> = statuses.iter().map(ToString::to_string).collect();
    let test = format!(
        "pm.test(\"answers {}\", () => pm.expect(pm.response.code).to.be.oneOf([{}]));",
        words.join(" or "),
        words.join(", ")
    );
    let follow_up = follow_up(id).map(|lines| format!("if (pm.response.code < 300) {{\n{lines}\n}}"));
    let mut request = object!({
        "method": method.to_uppercase(),
        "description": operation["description"],
        "auth": auth(&operation["security"]),
        "header": [],
        "url": url(document, path, operation),
    });
    let parameters = parameters(document, operation).filter(|parameter| parameter["in"] == "header");
    let mut headers: Vec<_> = parameters
        .map(|header| object!({ "key": header["name"], "value": header["example"], "disabled": true }))
        .collect();
    if let Some((_, example)) =
        entries(&operation["requestBody"]["content"]["application/json"]["examples"]).next()
    {
        headers.push(object!({ "key": "Content-Type", "value": "application/json" }));
        let raw = format!("{:#}", with_variables(&example["value"]));
        request["body"] =
            object!({ "mode": "raw", "raw": raw, "options": { "raw": { "language": "json" } } });
    }
    request["header"] = object!(headers);
    let scripts = [Some(test), follow_up].into_iter().flatten().collect::<Vec<_>>().join("\n");
    object!({ "name": operation["summary"], "event": [script("test", &scripts)], "request": request })
}

/// What an answer leaves for later requests.
fn follow_up(id: &str) -> Option<String> {
    let keep = |name: &str, value: &str| format!("pm.collectionVariables.set(\"{name}\", {value});");
    Some(match id {
        "api-register" => keep("user_id", "pm.response.json().id"),
        "api-logout" | "api-logout-all" | "api-sessions-delete" | "api-users-logout" | "api-users-delete" => {
            SIGN_OUT.to_owned()
        }
        "api-sessions-list" => keep(
            "session_id",
            "(pm.response.json().find(({ current }) => !current) || pm.response.json()[0]).id",
        ),
        "api-password-reset" => SWAP_PASSWORDS.to_owned(),
        "api-password-forgot-confirm" => format!("{SIGN_OUT}\n{SWAP_PASSWORDS}"),
        "api-employees-create" => keep("employee_id", "pm.response.json().id"),
        "auth-register" => {
            [keep("username", "pm.response.json().username"), keep("email", "pm.response.json().email")]
                .join("\n")
        }
        "auth-verify" => keep("registration_token", "pm.response.json().registration_token"),
        _ => return None,
    })
}

fn auth(security: &Value) -> Value {
    // A token is sent where it may be: some requests do more with it.
    let schemes = security.as_array().into_iter().flatten();
    let Some(roles) = schemes.into_iter().find_map(|scheme| scheme.get("bearer")) else {
        return object!({ "type": "noauth" });
    };
    let is_for_staff = roles.get(0).is_some();
    let token = if is_for_staff { "{{staff_token}}" } else { "{{access_token}}" };
    object!({ "type": "bearer", "bearer": [{ "key": "token", "value": token, "type": "string" }] })
}

fn url(document: &Value, path: &str, operation: &Value) -> Value {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/').skip(1) {
        let before = parts.last().map(|records| records.trim_end_matches('s')).unwrap_or_default();
        parts.push(match part {
            "{id}" => format!("{{{{{before}_id}}}}"),
            "{file}" => "swagger-ui.css".to_owned(),
            part => part.to_owned(),
        });
    }
    let query: Vec<_> = parameters(document, operation)
        .filter(|parameter| parameter["in"] == "query")
        .map(|parameter| {
            let value = &parameter["schema"]["default"];
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let value = if value == "null" { String::new() } else { value };
            object!({ "key": parameter["name"], "value": value, "description": parameter["description"], "disabled": true })
        })
        .collect();
    object!({ "raw": format!("{{{{base_url}}}}/{}", parts.join("/")), "host": ["{{base_url}}"], "path": parts, "query": query })
}

/// The parameters of an operation, each where its reference leads.
fn parameters<'a>(document: &'a Value, operation: &'a Value) -> impl Iterator<Item = &'a Value> {
    list(&operation["parameters"]).filter_map(|parameter| {
        let reference = parameter["$ref"].as_str()?;
        document.pointer(reference.strip_prefix('#')?)
    })
}

/// The fields of an example, with a variable for each value that one stands for.
fn with_variables(example: &Value) -> Value {
    let replaced = |value: &Value| {
        let stands_for = |(_, examples, _): &&(&str, &[&str], bool)| {
            value.as_str().is_some_and(|value| examples.contains(&value))
        };
        match VARIABLES.iter().find(stands_for) {
            Some((name, ..)) => object!(format!("{{{{{name}}}}}")),
            None => value.clone(),
        }
    };
    object!(entries(example).map(|(name, value)| (name.clone(), replaced(value))).collect::<Map<_, _>>())
}

fn script(event: &str, text: &str) -> Value {
    object!({ "listen": event, "script": { "type": "text/javascript", "exec": text.lines().collect::<Vec<_>>() } })
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
