//! Who may call what: every route of the template, by everybody.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::json;

use super::routes;
use crate::support::{
    Api, Client, PASSWORD, User,
    employee::{employee, whole_employee},
    id_text, token, unlimited_seeds,
};

/// What stands for `{id}`: whose it is, is the question.
#[derive(Clone, Copy, PartialEq)]
enum Object {
    /// The route has none.
    None,
    User,
    Employee,
    Session,
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Caller {
    Nobody,
    AnotherUser,
    /// Their token says that they are staff, which they are no longer.
    DemotedStaff,
    Owner,
    Staff,
}

impl Caller {
    const ALL: [Self; 5] = [Self::Nobody, Self::AnotherUser, Self::DemotedStaff, Self::Owner, Self::Staff];

    /// Where a row has their status: who was staff is as good as any other user.
    fn column(self) -> usize {
        match self {
            Self::Nobody => 0,
            Self::AnotherUser | Self::DemotedStaff => 1,
            Self::Owner => 2,
            Self::Staff => 3,
        }
    }

    /// Whether what is the owner's is not for them.
    fn is_foreign(self) -> bool {
        self.column() < 2
    }

    /// A client of theirs, in a session of its own.
    async fn client(self, api: &Api, owner: &User) -> Client {
        let user = match self {
            Self::Nobody => return Client::clone(api),
            Self::Owner => return Client::clone(owner),
            Self::AnotherUser => api.log_in("stranger").await,
            Self::DemotedStaff => demoted(api).await,
            Self::Staff => api.log_in("admin").await,
        };
        Client::clone(&user)
    }
}

/// A session that began while its user was staff.
async fn demoted(api: &Api) -> User {
    let admin = api.log_in("admin").await;
    let path = format!("/api/users/{}", api.log_in("demoted").await.id());
    let make_staff = async |is_staff: bool| {
        let changed = admin.patch(&path, &json!({ "is_staff": is_staff })).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    };
    make_staff(true).await;
    let user = api.log_in("demoted").await;
    make_staff(false).await;
    assert_eq!(token::claims(&user.access)["staff"], true);
    user
}

/// A route, and the status that each caller hears: nobody in particular, another user, the owner, staff.
type Row = (&'static str, Object, [u16; 4]);

const ANYONE: [u16; 4] = [200; 4];
/// An open endpoint that misses its fields: it has asked nobody who they are.
const ANYONE_AMISS: [u16; 4] = [400; 4];
const SIGNED_IN: [u16; 4] = [401, 200, 200, 200];
const OWNER_OR_STAFF: [u16; 4] = [401, 404, 200, 200];
const OWNER_OR_STAFF_DELETE: [u16; 4] = [401, 404, 204, 204];
const STAFF: [u16; 4] = [401, 403, 403, 200];
const CHANGE_OF_VISIBLE: [u16; 4] = [401, 403, 200, 200];

/// Routes that show or change one record.
const OBJECTS: &[Row] = &[
    ("DELETE /api/sessions/{id}", Object::Session, [401, 404, 204, 404]),
    ("GET /api/users/{id}", Object::User, OWNER_OR_STAFF),
    ("PUT /api/users/{id}", Object::User, OWNER_OR_STAFF),
    ("PATCH /api/users/{id}", Object::User, OWNER_OR_STAFF),
    ("DELETE /api/users/{id}", Object::User, OWNER_OR_STAFF_DELETE),
    ("GET /api/employees/{id}", Object::Employee, OWNER_OR_STAFF),
    ("PUT /api/employees/{id}", Object::Employee, OWNER_OR_STAFF),
    ("PATCH /api/employees/{id}", Object::Employee, OWNER_OR_STAFF),
    ("DELETE /api/employees/{id}", Object::Employee, OWNER_OR_STAFF_DELETE),
];

/// The same where every user may see all users and employees: they read those of others, and are told that they may not change
/// them.
const VISIBLE_OBJECTS: &[Row] = &[
    ("DELETE /api/sessions/{id}", Object::Session, [401, 404, 204, 404]),
    ("GET /api/users/{id}", Object::User, SIGNED_IN),
    ("PUT /api/users/{id}", Object::User, CHANGE_OF_VISIBLE),
    ("PATCH /api/users/{id}", Object::User, CHANGE_OF_VISIBLE),
    ("DELETE /api/users/{id}", Object::User, [401, 403, 204, 204]),
    ("GET /api/employees/{id}", Object::Employee, SIGNED_IN),
    ("PUT /api/employees/{id}", Object::Employee, CHANGE_OF_VISIBLE),
    ("PATCH /api/employees/{id}", Object::Employee, CHANGE_OF_VISIBLE),
    ("DELETE /api/employees/{id}", Object::Employee, [401, 403, 204, 204]),
];

/// All others.
const FUNCTIONS: &[Row] = &[
    ("GET /", Object::None, ANYONE),
    ("HEAD /", Object::None, ANYONE),
    ("GET /docs/{file}", Object::None, ANYONE),
    ("GET /openapi.json", Object::None, ANYONE),
    ("HEAD /openapi.json", Object::None, ANYONE),
    ("GET /postman_collection.json", Object::None, ANYONE),
    ("GET /api", Object::None, ANYONE),
    ("HEAD /api", Object::None, ANYONE),
    ("GET /admin", Object::None, ANYONE),
    ("HEAD /admin", Object::None, ANYONE),
    ("GET /.well-known/jwks.json", Object::None, ANYONE),
    ("GET /.well-known/openid-configuration", Object::None, ANYONE),
    ("GET /health", Object::None, ANYONE),
    ("HEAD /health", Object::None, ANYONE),
    ("POST /api/register", Object::None, ANYONE_AMISS),
    ("POST /api/otp/verify", Object::None, ANYONE_AMISS),
    ("POST /api/otp/resend", Object::None, ANYONE_AMISS),
    ("POST /api/login", Object::None, ANYONE_AMISS),
    ("POST /api/login/code", Object::None, ANYONE_AMISS),
    ("POST /api/login/code/confirm", Object::None, ANYONE_AMISS),
    ("POST /api/token", Object::None, ANYONE_AMISS),
    ("POST /api/token/refresh", Object::None, ANYONE_AMISS),
    ("POST /api/token/verify", Object::None, ANYONE_AMISS),
    ("POST /api/logout", Object::None, ANYONE_AMISS),
    ("POST /api/password/forgot", Object::None, ANYONE_AMISS),
    ("POST /api/password/forgot/confirm", Object::None, ANYONE_AMISS),
    ("POST /otp/generate", Object::None, ANYONE_AMISS),
    ("POST /otp/verify", Object::None, ANYONE_AMISS),
    ("POST /auth/check-phone", Object::None, ANYONE_AMISS),
    ("POST /auth/verify", Object::None, ANYONE_AMISS),
    ("POST /auth/register", Object::None, ANYONE_AMISS),
    ("POST /auth/login", Object::None, ANYONE_AMISS),
    ("GET /api/sessions", Object::None, SIGNED_IN),
    ("GET /api/profile", Object::None, SIGNED_IN),
    ("PUT /api/profile", Object::None, [401, 400, 400, 400]),
    ("PATCH /api/profile", Object::None, SIGNED_IN),
    ("POST /api/password/reset", Object::None, [401, 400, 400, 400]),
    ("GET /api/users", Object::None, SIGNED_IN),
    ("GET /api/employees", Object::None, SIGNED_IN),
    ("POST /api/employees", Object::None, [401, 400, 400, 400]),
    ("POST /api/logout/all", Object::None, SIGNED_IN),
    ("POST /api/users/{id}/unlock", Object::User, STAFF),
    ("POST /api/users/{id}/logout", Object::User, STAFF),
    // They have verified nothing to which a code could go.
    ("POST /api/users/{id}/password/forgot", Object::User, [401, 403, 403, 400]),
];

/// What is wrong with a row: for each caller the status, and that a refusal has changed nothing.
async fn complaints(
    api: &Api,
    (endpoint, object, expected): Row,
    n: usize,
    visible_to_all: bool,
) -> Vec<String> {
    let (method, route) = endpoint.split_once(' ').unwrap();
    let method: Method = method.parse().unwrap();
    let mut complaints = Vec::new();
    for (at, caller) in Caller::ALL.into_iter().enumerate() {
        let expected = expected[caller.column()];
        // What a row deletes or ends must not be missed by the next.
        let name = if object == Object::None { "owner".to_owned() } else { format!("owner-{n}-{at}") };
        if object != Object::None {
            api.registered(&name).await;
        }
        let owner = api.log_in(&name).await;
        let person = json!({ "username": name, "email": format!("{name}@example.com"), "last_name": "Eve" });
        let (id, body) = match object {
            Object::None => ("page.js".to_owned(), json!({})),
            Object::User => (owner.id(), person),
            Object::Session => (owner.sid(), json!({})),
            Object::Employee => {
                let body = employee(&format!("+9198{:08}", n * Caller::ALL.len() + at));
                (id_text(&owner.employs(&body).await["id"]), body)
            }
        };
        let client = caller.client(api, &owner).await;
        let path = route.replace("{id}", &id).replace("{file}", &id);
        let has_none = [Method::GET, Method::HEAD].contains(&method);
        let body = if has_none { String::new() } else { body.to_string() };
        let before = api.records().await;

        let answer = client.send(method.clone(), &path, Some("application/json"), body).await;

        if answer.status != expected {
            complaints.push(format!(
                "{endpoint} by {caller:?}: {} for {expected}: {:.200}",
                answer.status, answer.text
            ));
        }
        if expected >= 400 && api.records().await != before {
            complaints.push(format!("{endpoint} by {caller:?} was refused and has changed something"));
        }
        // Where every user may see it, it is shown to them and to nobody else.
        let is_shown = visible_to_all && caller != Caller::Nobody && expected == 200;
        // The digits of an integer are in many texts.
        let shown = |field: &str| {
            let id = owner.id();
            let id = id.parse::<u64>().map_or_else(|_| json!(id), |number| json!(number));
            format!("\"{field}\":{id},")
        };
        let foreign = [shown("id"), shown("owner"), format!("{name}@example.com"), employed()];
        if caller.is_foreign() && !is_shown && foreign.iter().any(|text| answer.text.contains(text)) {
            complaints.push(format!("{endpoint} shows {caller:?} what is not theirs: {:.200}", answer.text));
        }
    }
    complaints
}

/// The address of the employee that `owner` has.
fn employed() -> String {
    whole_employee()["email"].as_str().unwrap().to_owned()
}

/// In a stack with UUIDs, and in one with integer ids, which anyone can guess.
async fn all_are_right(rows: &[Row], visible_to_all: bool) {
    let visible = if visible_to_all { ["all", "all"] } else { ["owner", "self"] };
    let visible = ["EmployeesVisibleTo", "UsersVisibleTo"].into_iter().zip(visible);
    let issuer = [("TokenIssuer", "https://accounts.example.com")];
    let parameters: Vec<_> = unlimited_seeds().into_iter().chain(visible).chain(issuer).collect();
    all_are_right_in(&Api::with(&parameters).await, rows, visible_to_all).await;
    all_are_right_in(&Api::with_integers(&parameters).await, rows, visible_to_all).await;
}

async fn all_are_right_in(api: &Api, rows: &[Row], visible_to_all: bool) {
    let admin = json!({ "username": "admin", "email": "admin@example.com", "password": PASSWORD });
    api.stack.invoke("create-superuser", admin).await.unwrap();
    for name in ["owner", "stranger", "demoted"] {
        api.registered(name).await;
    }
    // Without an employee their list has nothing to show to whom it is not for.
    let owner = api.log_in("owner").await;
    owner.employs(&whole_employee()).await;
    assert!(owner.get("/api/employees").await.text.contains(&employed()));
    let mut found = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        found.extend(complaints(api, *row, n, visible_to_all).await);
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[tokio::test]
async fn api1_2023_broken_object_level_authorization() {
    all_are_right(OBJECTS, false).await;
}

#[tokio::test]
async fn api1_2023_broken_object_level_authorization_where_all_is_visible() {
    all_are_right(VISIBLE_OBJECTS, true).await;
}

#[tokio::test]
async fn api5_2023_broken_function_level_authorization() {
    all_are_right(FUNCTIONS, false).await;
}

#[tokio::test]
async fn api5_2023_broken_function_level_authorization_where_all_is_visible() {
    all_are_right(FUNCTIONS, true).await;
}

#[test]
fn api9_2023_improper_inventory_management() {
    let held: BTreeSet<String> =
        OBJECTS.iter().chain(FUNCTIONS).map(|(endpoint, ..)| (*endpoint).to_owned()).collect();
    let routed: BTreeSet<String> =
        routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let missing: Vec<_> = routed.difference(&held).collect();
    assert!(missing.is_empty(), "tests/security/authorisation.rs does not say who may call {missing:?}");
    let unknown: Vec<_> = held.difference(&routed).collect();
    assert!(unknown.is_empty(), "template.yaml has no route for the rows {unknown:?}");
}
