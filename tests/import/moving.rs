//! What holds for every dump: a dry run reports what the import does and writes nothing, and a second import adds nothing.

use local::{Dump, Import, Imported, InvokeError, Records};
use serde_json::{Value, json};

use crate::support::{Answer, Api, root};

/// An import that was rehearsed, done, and done again.
pub(super) struct Moved {
    pub(super) dump: Dump,
    pub(super) imported: Imported,
}

/// The records of a file in `dumps`.
pub(super) fn records(file: &str) -> Records {
    let bytes = std::fs::read(root().join("tests/import/dumps").join(file)).unwrap();
    Records::parse(&bytes).unwrap()
}

/// Imports once, and gives what the operator reads.
pub(super) async fn import(api: &Api, records: &Records, import: &Import) -> Moved {
    let invoke = async |event: Value| {
        api.stack.invoke("import", event).await.map_err(|error: InvokeError| error.to_string())
    };
    let dump = import.plan(records, &invoke).await.unwrap();
    let imported = import.run(&dump, &invoke, |_| {}).await.unwrap();
    Moved { dump, imported }
}

/// Rehearses an import, does it, and does it again.
pub(super) async fn moves_in(api: &Api, records: &Records, what: &Import) -> Moved {
    let before = api.records().await;
    let rehearsed = import(api, records, &Import { dry_run: true, ..what.clone() }).await;
    assert_eq!(api.records().await, before, "the dry run wrote something");

    let moved = import(api, records, what).await;

    assert_eq!(rehearsed.text(), moved.text());
    assert_eq!(rehearsed.imported.report, moved.imported.report);
    let there = api.records().await;
    let again = import(api, records, what).await;
    assert_eq!(again.imported.ids, moved.imported.ids);
    assert_eq!(api.records().await, there, "the second import wrote something");
    moved
}

impl Moved {
    /// What the command prints.
    pub(super) fn text(&self) -> String {
        format!("{}{}", self.dump.report, self.imported.summary)
    }

    /// Asserts that the command prints this.
    pub(super) fn says(&self, words: &str) {
        let text = self.text();
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }

    pub(super) fn first_line(&self) -> String {
        self.text().lines().next().unwrap_or_default().to_owned()
    }

    /// Asserts how many there are, and that nobody was left out.
    pub(super) fn everybody(&self, users: usize, employees: usize) {
        self.says(&format!("users: {users} imported, 0 there already, 0 refused\n"));
        self.says(&format!("employees: {employees} imported, 0 there already, 0 refused\n"));
        assert!(!self.imported.is_anybody_left_out, "{}", self.text());
    }

    /// The new id of a record.
    pub(super) fn id(&self, model: &str, key: &Value, kind: &str) -> Value {
        let is_it = |line: &&Value| {
            line["model"] == model && line["key"] == *key && line.get("kind").is_none_or(|of| of == kind)
        };
        self.imported.ids.iter().find(is_it).expect(model)["id"].clone()
    }
}

/// A login by each of the three endpoints.
pub(super) async fn by_username(api: &Api, username: &str, password: &str) -> Answer {
    api.try_token(username, password).await
}

pub(super) async fn by_email(api: &Api, email: &str, password: &str) -> Answer {
    api.post("/api/login", &json!({ "email": email, "password": password })).await
}

pub(super) async fn by_phone(api: &Api, phone: &str, password: &str) -> Answer {
    api.post("/auth/login", &json!({ "phone": phone, "password": password })).await
}

/// Asserts that this password logs in, and that another does not.
pub(super) async fn logs_in(log_in: impl AsyncFn(String) -> Answer, password: &str) {
    let right = log_in(password.to_owned()).await;
    assert_eq!(right.status, 200, "{}", right.text);
    let wrong = log_in(format!("{password}x")).await;
    assert_eq!(wrong.status, 401, "{}", wrong.text);
}
