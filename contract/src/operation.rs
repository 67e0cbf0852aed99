//! An operation of the document, built in the order in which it reads.

use serde_json::{Map, Value, json};

use crate::answers::{self, Refusal};
use shared::{
    page::{DEFAULT_SIZE, LARGEST, LONGEST_SEARCH},
    user::NAME_LENGTH,
};

/// A method of a path, and all that is said of it.
pub(crate) struct Operation {
    method: &'static str,
    path: &'static str,
    value: Value,
}

pub(crate) fn get(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new("get", path, id, summary)
}

pub(crate) fn post(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new("post", path, id, summary)
}

pub(crate) fn put(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new("put", path, id, summary)
}

pub(crate) fn patch(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new("patch", path, id, summary)
}

pub(crate) fn delete(path: &'static str, id: &str, summary: &str) -> Operation {
    Operation::new("delete", path, id, summary)
}

impl Operation {
    /// An operation for anyone. `id` is the name of its function.
    fn new(method: &'static str, path: &'static str, id: &str, summary: &str) -> Self {
        let mut value = json!({
            "operationId": id,
            "summary": summary,
            "security": [],
            "responses": {},
        });
        for (part, parameter) in [("{id}", "Id"), ("{file}", "File")] {
            if path.contains(part) {
                value["parameters"] = json!([{ "$ref": format!("#/components/parameters/{parameter}") }]);
            }
        }
        Self { method, path, value }.refuses(&answers::FAULTS)
    }

    /// More about it than the summary says.
    pub(crate) fn about(mut self, description: &str) -> Self {
        self.value["description"] = json!(description);
        self
    }

    /// For who has an access token.
    pub(crate) fn by_user(self) -> Self {
        self.by(&[])
    }

    /// For anyone; a user may send an access token, and an invalid one is refused.
    pub(crate) fn also_by_user(mut self) -> Self {
        self.value["security"] = json!([{}, { "bearer": [] }]);
        self.refuses(&[answers::NOT_AUTHENTICATED])
    }

    /// For who has an access token and is staff.
    pub(crate) fn by_staff(self) -> Self {
        self.by(&["staff"]).refuses(&[answers::FORBIDDEN])
    }

    fn by(mut self, roles: &[&str]) -> Self {
        self.value["security"] = json!([{ "bearer": roles }]);
        self.refuses(&[answers::NOT_AUTHENTICATED])
    }

    /// A body of this schema, and bodies that clients send.
    pub(crate) fn takes(mut self, schema: &str, examples: &[Value]) -> Self {
        let numbered = examples.iter().enumerate();
        let examples: Map<_, _> = numbered
            .map(|(at, example)| (format!("example-{}", at + 1), json!({ "value": example })))
            .collect();
        let content =
            json!({ "schema": { "$ref": format!("#/components/schemas/{schema}") }, "examples": examples });
        self.value["requestBody"] = json!({
            "required": true,
            "content": { "application/json": content, "application/x-www-form-urlencoded": content },
        });
        self.refuses(&answers::OF_A_BODY)
    }

    /// A condition on the version of the record.
    pub(crate) fn in_version(self) -> Self {
        self.with(&["IfMatch"]).refuses(&[answers::PRECONDITION_FAILED])
    }

    /// The parameters of every list, and filters.
    pub(crate) fn lists(self, filters: &[&str]) -> Self {
        let listed = self.with(&["PageSize", "Cursor", "Ordering", "Search"]).with(filters);
        listed.refuses(&[answers::INVALID_QUERY, answers::INVALID_CURSOR])
    }

    fn with(mut self, parameters: &[&str]) -> Self {
        let mut all = self.value["parameters"].as_array().cloned().unwrap_or_default();
        all.extend(
            parameters.iter().map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })),
        );
        self.value["parameters"] = json!(all);
        self
    }

    /// What success looks like.
    pub(crate) fn answers(mut self, status: u16, response: Value) -> Self {
        self.value["responses"][status.to_string()] = response;
        self
    }

    /// What else it may answer.
    pub(crate) fn refuses(mut self, refusals: &[Refusal]) -> Self {
        for (status, name) in refusals {
            self.value["responses"][status.to_string()] =
                json!({ "$ref": format!("#/components/responses/{name}") });
        }
        self
    }

    /// Its path, its method and what is said of it, in a group.
    pub(crate) fn described(self, group: &str) -> (&'static str, &'static str, Value) {
        let mut value = self.value;
        value["tags"] = json!([group]);
        if let Some(responses) = value["responses"].as_object_mut() {
            responses.sort_keys();
        }
        (self.path, self.method, value)
    }
}

/// The parameters that operations share.
pub(crate) fn parameters() -> Value {
    let query = |name: &str, description: &str, schema: Value| json!({ "name": name, "in": "query", "description": description, "schema": schema });
    let flag = |name: &str, description: &str| query(name, description, json!({ "type": "boolean" }));
    json!({
        "Id": {
            "name": "id",
            "in": "path",
            "required": true,
            "description": "The `id` of the record. Any other text is 404.",
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
        "Cursor": query(
            "cursor",
            "A place in the list, as `next` and `previous` name it.",
            json!({ "type": "string" }),
        ),
        "Ordering": query(
            "ordering",
            "Newest first, or oldest first.",
            json!({ "type": "string", "enum": ["-created_at", "created_at"], "default": "-created_at" }),
        ),
        "Search": query(
            "search",
            "Words that each have to be a part of a name, the e-mail address, the phone number or the username.",
            json!({ "type": "string", "maxLength": LONGEST_SEARCH }),
        ),
        "Department": query(
            "department",
            "Only this department.",
            json!({ "type": "string", "maxLength": NAME_LENGTH }),
        ),
        "IsPhoneVerified": flag("is_phone_verified", "Whether the phone number is proven."),
        "IsActive": flag("is_active", "Whether they can log in."),
        "IsStaff": flag("is_staff", "Whether they are staff."),
    })
}
