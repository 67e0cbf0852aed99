//! An operation of the document, built in the order in which it reads.

use serde_json::{Map, Value, json};

use crate::{
    Body, Group,
    refusals::{self, Refusal},
};
use shared::{
    compatibility::{Compatibility, Ids, ListFormat},
    employee,
    fields::NAME_LENGTH,
    page::{DEFAULT_SIZE, LARGEST, LONGEST_SEARCH},
    user,
};

/// A method of a path, and all that is said of it.
pub struct Operation {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    group: Group,
    id: Option<&'static str>,
    name: Option<&'static str>,
    value: Value,
    /// Its description where a refresh token is not used up, if that is another one.
    without_rotation: Option<&'static str>,
    /// The filters of a list, if it is one.
    filters: Option<&'static [&'static str]>,
    pub(crate) body: Option<Body>,
    pub(crate) refusals: Vec<Refusal>,
}

/// `GET`, for anyone.
#[must_use]
pub fn get(group: Group, path: &'static str, summary: &str) -> Operation {
    Operation::new("get", group, path, summary)
}

/// `POST`, for anyone.
#[must_use]
pub fn post(group: Group, path: &'static str, summary: &str) -> Operation {
    Operation::new("post", group, path, summary)
}

/// `PUT`, for anyone.
#[must_use]
pub fn put(group: Group, path: &'static str, summary: &str) -> Operation {
    Operation::new("put", group, path, summary)
}

/// `PATCH`, for anyone.
#[must_use]
pub fn patch(group: Group, path: &'static str, summary: &str) -> Operation {
    Operation::new("patch", group, path, summary)
}

/// `DELETE`, for anyone.
#[must_use]
pub fn delete(group: Group, path: &'static str, summary: &str) -> Operation {
    Operation::new("delete", group, path, summary)
}

impl Operation {
    fn new(method: &'static str, group: Group, path: &'static str, summary: &str) -> Self {
        let mut value = json!({
            "operationId": null,
            "summary": summary,
            "security": [],
            "responses": {},
        });
        for (part, parameter) in [("sessions/{id}", "SessionId"), ("s/{id}", "Id"), ("{file}", "File")] {
            if path.contains(part) && value.get("parameters").is_none() {
                value["parameters"] = json!([{ "$ref": format!("#/components/parameters/{parameter}") }]);
            }
        }
        let refusals = refusals::FAULTS.into();
        Self {
            method,
            path,
            group,
            id: None,
            name: None,
            value,
            without_rotation: None,
            filters: None,
            body: None,
            refusals,
        }
    }

    /// Its `operationId`, when it is not the name of its function.
    #[must_use]
    pub fn called(mut self, id: &'static str) -> Self {
        self.id = Some(id);
        self
    }

    /// What `GET /api` calls its path, when that is not the path in other words.
    #[must_use]
    pub fn listed_as(mut self, name: &'static str) -> Self {
        self.name = Some(name);
        self
    }

    /// More about it than the summary says.
    #[must_use]
    pub fn about(mut self, description: &str) -> Self {
        self.value["description"] = json!(description);
        self
    }

    /// The same where `RotateRefreshTokens` is `false`.
    #[must_use]
    pub fn about_without_rotation(mut self, description: &'static str) -> Self {
        self.without_rotation = Some(description);
        self
    }

    /// For who has an access token.
    #[must_use]
    pub fn by_user(self) -> Self {
        self.by(&[])
    }

    /// For anyone; a user may send an access token, and an invalid one is refused.
    #[must_use]
    pub fn also_by_user(mut self) -> Self {
        self.value["security"] = json!([{}, { "bearer": [] }]);
        self.refuses(&[refusals::NOT_AUTHENTICATED])
    }

    /// For who has an access token and is staff.
    #[must_use]
    pub fn by_staff(self) -> Self {
        self.by(&["staff"]).refuses(&[refusals::FORBIDDEN])
    }

    fn by(mut self, roles: &[&str]) -> Self {
        self.value["security"] = json!([{ "bearer": roles }]);
        self.refuses(&[refusals::NOT_AUTHENTICATED])
    }

    /// A body, and examples that clients send.
    #[must_use]
    pub fn takes(mut self, body: Body, examples: &[Value]) -> Self {
        let numbered = examples.iter().enumerate();
        let examples: Map<_, _> = numbered
            .map(|(at, example)| (format!("example-{}", at + 1), json!({ "value": example })))
            .collect();
        let content = json!({ "schema": { "$ref": format!("#/components/schemas/{}", body.name) }, "examples": examples });
        self.value["requestBody"] = json!({
            "required": true,
            "content": { "application/json": content, "application/x-www-form-urlencoded": content },
        });
        self.body = Some(body);
        self.refuses(&refusals::OF_A_BODY)
    }

    /// A condition on the version of the record.
    #[must_use]
    pub fn in_version(self) -> Self {
        self.with(&["IfMatch"]).refuses(&[refusals::PRECONDITION_FAILED])
    }

    /// The parameters of every list, its search and its filters.
    #[must_use]
    pub fn lists(mut self, filters: &'static [&'static str]) -> Self {
        self.filters = Some(filters);
        self.refuses(&[refusals::INVALID_QUERY, refusals::INVALID_PAGE])
    }

    fn with(mut self, parameters: &[&str]) -> Self {
        add(&mut self.value, parameters);
        self
    }

    /// What success looks like.
    #[must_use]
    pub fn answers(mut self, status: u16, response: Value) -> Self {
        self.value["responses"][status.to_string()] = response;
        self
    }

    /// What else it may answer.
    #[must_use]
    pub fn refuses(mut self, refusals: &[Refusal]) -> Self {
        self.refusals.extend(refusals);
        self
    }

    /// It is an operation of this function.
    pub(crate) fn of(mut self, function: &'static str) -> Self {
        self.id = self.id.or(Some(function));
        self
    }

    /// What is said of it in the document of a stack that answers like this.
    pub(crate) fn described(&self, answers: &Compatibility) -> Value {
        let mut value = self.value.clone();
        if let Some(filters) = self.filters {
            let of_the_format: &[&str] = match answers.lists {
                ListFormat::Cursor => &["PageSize", "Cursor", "Ordering"],
                ListFormat::Page => &["Page", "PageSize", "Ordering"],
                ListFormat::Array => &["Cursor", "Ordering"],
            };
            add(&mut value, of_the_format);
            add(&mut value, filters);
        }
        if let Some(description) = self.without_rotation.filter(|_| !answers.rotates_refresh_tokens) {
            value["description"] = json!(description);
        }
        value["operationId"] = json!(self.id);
        value["tags"] = json!([self.group.name()]);
        if let Some(responses) = value["responses"].as_object_mut() {
            let of_the_function = self.refusals.iter().map(Refusal::key);
            for (status, name) in of_the_function.chain([refusals::BY_GATEWAY]) {
                let reference = format!("#/components/responses/{name}");
                responses.insert(status.to_string(), json!({ "$ref": reference }));
            }
            responses.sort_keys();
        }
        value
    }

    /// What `GET /api` calls its path: `/api/users/{id}/unlock` is `user-unlock`.
    pub(crate) fn name(&self) -> String {
        let path = self.path.trim_start_matches("/api").trim_matches('/').trim_end_matches(".json");
        let words = path.replace("s/{id}", "").replace(['/', '_'], "-").replace(['{', '}'], "");
        self.name.map_or(words, str::to_owned)
    }

    /// Whether it has to have an access token.
    pub(crate) fn needs_token(&self) -> bool {
        self.value["security"][0].get("bearer").is_some()
    }

    /// The first of the bodies that clients send.
    pub(crate) fn example(&self) -> Option<&Value> {
        self.value.pointer("/requestBody/content/application~1json/examples/example-1/value")
    }

    /// Its parameters, as they are in [`parameters`], for new clients.
    pub(crate) fn parameters(&self) -> Vec<Value> {
        let answers = Compatibility::none();
        let shared = json!({ "components": { "parameters": parameters(&answers) } });
        let described = self.described(&answers);
        let references = described["parameters"].as_array().into_iter().flatten();
        references
            .filter_map(|parameter| shared.pointer(parameter["$ref"].as_str()?.strip_prefix('#')?).cloned())
            .collect()
    }
}

/// Adds parameters, by their names in [`parameters`].
fn add(operation: &mut Value, parameters: &[&str]) {
    let mut all = operation["parameters"].as_array().cloned().unwrap_or_default();
    all.extend(parameters.iter().map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
    operation["parameters"] = json!(all);
}

/// The parameters that operations share, where a stack answers like this.
pub(crate) fn parameters(answers: &Compatibility) -> Value {
    let id = match answers.ids {
        Ids::Uuid => json!({ "type": "string", "format": "uuid" }),
        Ids::Integer => json!({ "type": "integer", "minimum": 1 }),
    };
    let first = if answers.oldest_first { "created_at" } else { "-created_at" };
    let query = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "description": description, "schema": schema });
    let flag = |name: &str, description: &str| query(name, description, json!({ "type": "boolean" }));
    let search = |fields: &[&str]| {
        let description =
            format!("Words that each have to be part of one of these fields: `{}`.", fields.join("`, `"));
        query("search", &description, json!({ "type": "string", "maxLength": LONGEST_SEARCH }))
    };
    json!({
        "Id": {
            "name": "id",
            "in": "path",
            "required": true,
            "description": "The `id` of the record. Any other text is 404.",
            "schema": id.clone(),
        },
        "SessionId": {
            "name": "id",
            "in": "path",
            "required": true,
            "description": "The `id` of the session. Any other text is 404.",
            "schema": { "type": "string", "format": "uuid" },
        },
        "File": {
            "name": "file",
            "in": "path",
            "required": true,
            "description": "The name of the part. Any other is 404.",
            "schema": { "type": "string" },
            "example": "swagger-ui.css",
        },
        "IfMatch": {
            "name": "If-Match",
            "in": "header",
            "description": "The `ETag` of the version that may be changed; 412 when the record is in another.",
            "schema": { "type": "string" },
            "example": "\"1\"",
        },
        "PageSize": query(
            "page_size",
            "How many records a page holds.",
            json!({ "type": "integer", "minimum": 1, "maximum": LARGEST, "default": DEFAULT_SIZE }),
        ),
        "Page": query(
            "page",
            "The number of the page, from 1 on, or `last`.",
            json!({ "type": "string", "pattern": "^([1-9][0-9]*|last)$", "default": "1" }),
        ),
        "Cursor": query(
            "cursor",
            "A place in the list, as a link to the next or the previous page names it.",
            json!({ "type": "string" }),
        ),
        "Ordering": query(
            "ordering",
            "Newest first, or oldest first.",
            json!({ "type": "string", "enum": ["-created_at", "created_at"], "default": first }),
        ),
        "SearchUsers": search(&user::searched_fields().collect::<Vec<_>>()),
        "SearchEmployees": search(&employee::searched_fields().collect::<Vec<_>>()),
        "Department": query(
            "department",
            "Only this department.",
            json!({ "type": "string", "maxLength": NAME_LENGTH }),
        ),
        "Owner": query("owner", "Only those of this user.", id),
        "IsPhoneVerified": flag("is_phone_verified", "Whether the phone number is proven."),
        "IsActive": flag("is_active", "Whether they can log in."),
        "IsStaff": flag("is_staff", "Whether they are staff."),
    })
}
