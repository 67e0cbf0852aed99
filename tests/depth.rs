//! How many calls of DynamoDB wait for one another in a request, and how many there are: the budgets of
//! docs/architecture.md, kept by an instance's first request and by its later ones. And what they cost: docs/costs.md has a line for
//! each.

use std::{collections::BTreeSet, rc::Rc, time::Duration};

use futures_util::{
    future::{FutureExt, LocalBoxFuture},
    stream::{self, StreamExt},
};
use local::{Function, Template};
use serde_json::{Value, json};

use crate::support::{Answer, Api, Calls, Client, PASSWORD, User, registration, root};

/// How long a call takes: long enough for a function to begin everything that need not wait, so that calls overlap unless
/// one waits for the other; short enough for the SDK, which gives a call up after 700 ms.
const DELAY: Duration = Duration::from_millis(200);
/// On a machine that is busy with other things the SDK may give a call up and make it again: then the request is tried again,
/// so often in all. An endpoint that makes a call twice does so each time.
const TRIES: usize = 10;
/// How many rows are tried at once.
const AT_ONCE: usize = 3;
const NEXT: &str = "another long phrase";

/// A request that is ready to be sent.
pub(crate) struct Prepared {
    client: Client,
    id: String,
    body: Value,
}

/// A request by `client`.
fn by(client: &Client) -> Prepared {
    Prepared { client: client.clone(), id: String::new(), body: Value::Null }
}

impl Prepared {
    fn with(self, body: Value) -> Self {
        Self { body, ..self }
    }

    /// What stands for `{id}` or `{file}` in the path.
    fn id(self, id: String) -> Self {
        Self { id, ..self }
    }
}

/// A request to an endpoint, and its budget.
pub(crate) struct Row {
    /// A method, a route and perhaps more about it.
    pub(crate) request: &'static str,
    pub(crate) status: u16,
    depth: usize,
    /// How many calls there are when the instance is new, and when it is not.
    calls: [usize; 2],
    prepare: Prepare,
}

type Prepare = Box<dyn for<'a> Fn(&'a Api, &'a str) -> LocalBoxFuture<'a, Prepared>>;

/// `prepare` does for a user what has to be done before the request.
fn row(
    request: &'static str,
    status: u16,
    depth: usize,
    calls: [usize; 2],
    prepare: impl AsyncFn(&Api, &str) -> Prepared + 'static,
) -> Row {
    let prepare = Rc::new(prepare);
    let prepare: Prepare = Box::new(move |api, name| {
        let prepare = Rc::clone(&prepare);
        async move { prepare(api, name).await }.boxed_local()
    });
    Row { request, status, depth, calls, prepare }
}

impl Row {
    fn endpoint(&self) -> String {
        let (method, rest) = self.request.split_once(' ').unwrap();
        format!("{method} {}", rest.split([' ', '?']).next().unwrap())
    }

    /// Whether a new instance calls DynamoDB.
    pub(crate) fn asks(&self) -> bool {
        self.calls[0] > 0
    }

    /// How many calls a new instance makes. One that does not know a token's key reads it alone, and everything else waits for
    /// that.
    pub(crate) fn calls_of_a_new_instance(&self, made: &Calls) -> usize {
        self.calls[0] + usize::from(reads_a_key(made))
    }

    /// The function behind its endpoint.
    pub(crate) fn function<'a>(&self, functions: &'a [Function]) -> &'a Function {
        let (method, path) = self.request.split_once(' ').unwrap();
        let has = |function: &&Function| {
            function.routes.iter().any(|route| route.method == method && route.path == path)
        };
        functions.iter().find(has).unwrap()
    }

    /// Does for the user `name` what has to be done before the request.
    pub(crate) async fn prepare(&self, api: &Api, name: &str) -> Prepared {
        (self.prepare)(api, name).await
    }

    /// Sends the request.
    pub(crate) async fn send(&self, prepared: &Prepared) -> Answer {
        let Prepared { client, id, body } = prepared;
        let mut words = self.request.split(' ');
        let (method, route) = (words.next().unwrap(), words.next().unwrap());
        let path = route.replace("{id}", id).replace("{file}", id);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        client.send(method.parse().unwrap(), &path, Some("application/json"), body).await
    }

    /// What is wrong. The request is sent twice in a stack of its own, to a new instance and to the same one again, by two
    /// different users.
    async fn complaints(self) -> Vec<String> {
        let Self { request, status, depth, .. } = self;
        let mut complaints = Vec::new();
        let costs = std::fs::read_to_string(root().join("docs/costs.md")).unwrap();
        for _ in 0..TRIES {
            complaints.clear();
            let mut is_slow = false;
            let api = Api::behind_a_proxy(&[]).await;
            for (name, calls, cold) in [("ada", self.calls[0], true), ("bob", self.calls[1], false)] {
                let prepared = self.prepare(&api, name).await;
                api.proxy.delay(DELAY);
                let (answer, made) = api.proxy.watch(self.send(&prepared)).await;
                api.proxy.delay(Duration::ZERO);

                let line = line_of_costs(request, &made);
                // A new integer takes a write more.
                let has_uuids = api.stack.setting("IDS") != Some("integer");
                if !cold && has_uuids && !costs.contains(&line) {
                    // A call that the SDK gave up and made again is refused as its own repetition, and that answer names no units.
                    is_slow = true;
                    complaints.push(format!("docs/costs.md, *Units of each endpoint*, has to say:\n{line}"));
                }
                let logged = api.logged().into_iter().rfind(|line| line["message"] == "request").unwrap();
                assert_eq!(logged["cold"], cold, "{request}: {logged}");
                let key = usize::from(cold && reads_a_key(&made));
                let (depth, calls) = (depth + key, calls + key);
                if answer.status != status || made.depth() > depth || made.len() != calls {
                    // A call that began late has waited for another by chance.
                    let only_deep = answer.status == status && made.len() == calls;
                    is_slow |= made.has_repetitions() || only_deep;
                    let instance = if cold { "a new" } else { "a warm" };
                    complaints.push(format!(
                        "{request} by {instance} instance:\n  status {} for {status}, depth {} for at most {depth}, \
                         {} calls for {calls}\n{made}  {:.100}\n",
                        answer.status,
                        made.depth(),
                        made.len(),
                        answer.text,
                    ));
                }
            }
            if !is_slow {
                break;
            }
        }
        complaints
    }
}

/// What docs/costs.md says of a request: the units that it reads and writes, and what it writes of which table or index.
fn line_of_costs(request: &str, made: &Calls) -> String {
    let (read, written) = made.units_read_and_written();
    let places = made.units_written_by_place().into_iter().map(|(place, units)| format!("{place} {units}"));
    format!("| {request} | {read} | {written} | {} |\n", places.collect::<Vec<_>>().join(", "))
}

/// Whether a token's key was read among these calls of a new instance.
fn reads_a_key(made: &Calls) -> bool {
    made.kinds().contains("BatchGetItem Tokens")
}

/// A session of somebody who has registered as `name`.
async fn signed_in(api: &Api, name: &str) -> User {
    api.registered(name).await;
    api.log_in(name).await
}

async fn by_user(api: &Api, name: &str) -> Prepared {
    by(&*signed_in(api, name).await)
}

/// A session of a staff user.
async fn by_staff(api: &Api, name: &str) -> Prepared {
    let superuser = json!({ "username": name, "email": email(name), "password": PASSWORD });
    api.stack.invoke("create-superuser", superuser).await.unwrap();
    by(&*api.log_in(name).await)
}

/// A user's id, who is not the caller.
async fn another(api: &Api, name: &str) -> String {
    let user = api.registered(&format!("{name}-other")).await;
    user["id"].as_str().unwrap().to_owned()
}

/// A phone number for each name.
fn number(name: &str) -> String {
    format!("+9198811{:05}", name.bytes().fold(0_u64, |n, byte| (n * 31 + u64::from(byte)) % 100_000))
}

fn employee(name: &str) -> Value {
    json!({ "first_name": name, "last_name": "X", "phone_number": number(name), "email": email(name) })
}

/// A user with an employee.
async fn by_owner(api: &Api, name: &str) -> Prepared {
    let user = signed_in(api, name).await;
    let answer = user.post("/api/employees", &employee(name)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    by(&user).id(answer.body["id"].as_str().unwrap().to_owned())
}

/// The code that a phone got after a request.
async fn texted(api: &Api, path: &str, field: &str, name: &str) -> String {
    let answer = api.post(path, &json!({ field: number(name) })).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    api.code_for(&number(name)).await
}

/// A registration token for a number.
async fn token_for(api: &Api, name: &str) -> String {
    let code = texted(api, "/auth/check-phone", "phone", name).await;
    let answer = api.post("/auth/verify", &json!({ "phone": number(name), "code": code })).await;
    answer.body["registration_token"].as_str().unwrap().to_owned()
}

/// A user who has signed up with their phone.
async fn signed_up(api: &Api, name: &str) {
    let token = token_for(api, name).await;
    let answer = api.post("/auth/register", &json!({ "reg_token": token, "password": PASSWORD })).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

fn email(name: &str) -> String {
    format!("{name}@example.com")
}

/// The body that sets a new password.
fn new_password(mut body: Value) -> Value {
    body["new_password"] = json!(NEXT);
    body["confirm_password"] = json!(NEXT);
    body
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
#[rustfmt::skip]
pub(crate) fn budgets() -> Vec<Row> {
    vec![
        // The request, its status, its depth, how many calls it makes, and what has to be done before.
        row("GET /", 200, 0, [0, 0], async |api, _| by(api)),
        row("GET /docs/{file}", 200, 0, [0, 0], async |api, _| by(api).id("page.js".to_owned())),
        row("GET /openapi.json", 200, 0, [0, 0], async |api, _| by(api)),
        row("GET /postman_collection.json", 200, 0, [0, 0], async |api, _| by(api)),
        row("POST /api/register", 201, 2, [5, 4], async |api, name| by(api).with(registration(name))),
        row("POST /api/otp/verify", 200, 2, [7, 7], async |api, name| {
            api.registered(name).await;
            by(api).with(json!({ "email": email(name), "otp": api.code_for(&email(name)).await }))
        }),
        row("POST /api/otp/verify with a wrong code", 400, 2, [5, 5], async |api, name| {
            api.registered(name).await;
            by(api).with(json!({ "email": email(name), "otp": "12345" }))
        }),
        row("POST /api/otp/verify for a staged address", 200, 3, [8, 8], async |api, name| {
            let staged = format!("new-{}", email(name));
            let user = signed_in(api, name).await;
            user.patch("/api/profile", &json!({ "email": staged })).await;
            by(&user).with(json!({ "email": staged, "otp": api.code_for(&staged).await }))
        }),
        row("POST /api/otp/resend", 200, 2, [3, 3], async |api, name| {
            api.registered(name).await;
            api.forget_limits().await;
            by(api).with(json!({ "email": email(name) }))
        }),
        row("POST /api/otp/resend for a stranger", 200, 2, [3, 3], async |api, name| {
            by(api).with(json!({ "email": email(name) }))
        }),
        row("POST /api/login", 200, 3, [9, 8], async |api, name| {
            api.verified(name).await;
            by(api).with(json!({ "email": email(name), "password": PASSWORD }))
        }),
        row("POST /api/login for a stranger", 401, 2, [5, 4], async |api, name| {
            by(api).with(json!({ "email": email(name), "password": PASSWORD }))
        }),
        row("POST /api/login/code", 200, 3, [4, 4], async |api, name| {
            api.verified(name).await;
            by(api).with(json!({ "email": email(name) }))
        }),
        row("POST /api/login/code for a stranger", 200, 3, [4, 4], async |api, name| {
            by(api).with(json!({ "email": email(name) }))
        }),
        row("POST /api/login/code by SMS", 200, 4, [6, 6], async |api, name| {
            signed_up(api, name).await;
            by(api).with(json!({ "phone_number": number(name) }))
        }),
        row("POST /api/login/code by SMS for a stranger", 200, 4, [6, 6], async |api, name| {
            by(api).with(json!({ "phone_number": number(name) }))
        }),
        row("POST /api/login/code/confirm", 200, 3, [11, 10], async |api, name| {
            api.verified(name).await;
            let mails = api.mails_to(&email(name)).await;
            api.post("/api/login/code", &json!({ "email": email(name) })).await;
            let otp = api.code_after(&email(name), mails).await;
            by(api).with(json!({ "email": email(name), "otp": otp }))
        }),
        row("POST /api/token", 200, 3, [9, 8], async |api, name| {
            api.registered(name).await;
            by(api).with(json!({ "username": name, "password": PASSWORD }))
        }),
        row("POST /api/token with a wrong password", 401, 2, [5, 4], async |api, name| {
            api.registered(name).await;
            by(api).with(json!({ "username": name, "password": NEXT }))
        }),
        row("POST /api/token for a stranger", 401, 2, [5, 4], async |api, name| {
            by(api).with(json!({ "username": name, "password": PASSWORD }))
        }),
        row("POST /api/token/refresh", 200, 2, [3, 2], async |api, name| {
            by(api).with(json!({ "refresh": signed_in(api, name).await.refresh }))
        }),
        row("POST /api/token/verify", 200, 1, [1, 1], async |api, name| {
            by(api).with(json!({ "token": signed_in(api, name).await.access }))
        }),
        row("POST /api/token/verify of a refresh token", 200, 2, [2, 2], async |api, name| {
            by(api).with(json!({ "token": signed_in(api, name).await.refresh }))
        }),
        row("POST /api/logout", 200, 2, [2, 2], async |api, name| {
            by(api).with(json!({ "refresh": signed_in(api, name).await.refresh }))
        }),
        row("POST /api/logout/all", 200, 2, [2, 2], async |api, name| by_user(api, name).await),
        row("GET /api/sessions", 200, 1, [2, 2], async |api, name| by_user(api, name).await),
        row("DELETE /api/sessions/{id}", 204, 2, [2, 2], async |api, name| {
            let user = signed_in(api, name).await;
            by(&user).id(user.sid())
        }),
        row("GET /api/profile", 200, 1, [1, 1], async |api, name| by_user(api, name).await),
        row("PUT /api/profile", 200, 2, [3, 3], async |api, name| {
            let same = json!({ "username": name, "email": email(name), "first_name": "Ada" });
            by_user(api, name).await.with(same)
        }),
        row("PATCH /api/profile", 200, 2, [2, 2], async |api, name| {
            by_user(api, name).await.with(json!({ "first_name": "Ada" }))
        }),
        row("PATCH /api/profile for a new username", 200, 3, [4, 4], async |api, name| {
            by_user(api, name).await.with(json!({ "username": format!("new-{name}") }))
        }),
        row("PATCH /api/profile for a new address", 200, 3, [6, 6], async |api, name| {
            by_user(api, name).await.with(json!({ "email": format!("new-{}", email(name)) }))
        }),
        row("POST /api/password/reset", 200, 3, [6, 5], async |api, name| {
            by_user(api, name).await.with(new_password(json!({ "old_password": PASSWORD })))
        }),
        row("POST /api/password/forgot", 200, 2, [3, 3], async |api, name| {
            api.registered(name).await;
            by(api).with(json!({ "email": email(name) }))
        }),
        row("POST /api/password/forgot for a stranger", 200, 2, [3, 3], async |api, name| {
            by(api).with(json!({ "email": email(name) }))
        }),
        row("POST /api/password/forgot/confirm", 200, 3, [10, 10], async |api, name| {
            api.registered(name).await;
            let mails = api.mails_to(&email(name)).await;
            api.post("/api/password/forgot", &json!({ "email": email(name) })).await;
            let otp = api.code_after(&email(name), mails).await;
            by(api).with(new_password(json!({ "email": email(name), "otp": otp })))
        }),
        row("GET /api", 200, 0, [0, 0], async |api, _| by(api)),
        row("GET /api/users", 200, 1, [3, 3], async |api, name| by_staff(api, name).await),
        row("GET /api/users for oneself", 200, 1, [1, 1], async |api, name| by_user(api, name).await),
        row("GET /api/users?search=a", 200, 2, [4, 4], async |api, name| by_staff(api, name).await),
        row("GET /api/users?is_staff=true", 200, 1, [3, 3], async |api, name| by_staff(api, name).await),
        row("GET /api/users?is_staff=false", 200, 2, [3, 3], async |api, name| by_staff(api, name).await),
        row("GET /api/users/{id}", 200, 1, [1, 1], async |api, name| {
            let id = another(api, name).await;
            by_staff(api, name).await.id(id)
        }),
        row("PUT /api/users/{id}", 200, 2, [3, 3], async |api, name| {
            let user = signed_in(api, name).await;
            by(&user).id(user.id()).with(json!({ "username": name, "email": email(name), "address": "Here" }))
        }),
        row("PATCH /api/users/{id}", 200, 2, [2, 2], async |api, name| {
            let id = another(api, name).await;
            by_staff(api, name).await.id(id).with(json!({ "is_staff": true, "is_email_verified": true }))
        }),
        row("DELETE /api/users/{id}", 204, 2, [2, 2], async |api, name| {
            let user = signed_in(api, name).await;
            by(&user).id(user.id())
        }),
        row("POST /api/users/{id}/unlock", 200, 2, [5, 5], async |api, name| {
            let id = another(api, name).await;
            by_staff(api, name).await.id(id)
        }),
        row("POST /api/users/{id}/logout", 200, 2, [2, 2], async |api, name| {
            let id = another(api, name).await;
            by_staff(api, name).await.id(id)
        }),
        row("POST /api/users/{id}/password/forgot", 200, 3, [4, 4], async |api, name| {
            let user = api.verified(&format!("{name}-other")).await;
            by_staff(api, name).await.id(user["id"].as_str().unwrap().to_owned())
        }),
        row("GET /api/employees", 200, 1, [3, 3], async |api, name| by_owner(api, name).await),
        row("GET /api/employees for staff", 200, 1, [5, 5], async |api, name| by_staff(api, name).await),
        row("GET /api/employees?search=a", 200, 2, [3, 3], async |api, name| by_owner(api, name).await),
        row("POST /api/employees", 201, 2, [3, 2], async |api, name| {
            by_user(api, name).await.with(employee(name))
        }),
        row("GET /api/employees/{id}", 200, 1, [1, 1], async |api, name| by_owner(api, name).await),
        row("PUT /api/employees/{id}", 200, 2, [2, 2], async |api, name| {
            by_owner(api, name).await.with(employee(&format!("{name}-next")))
        }),
        row("PATCH /api/employees/{id}", 200, 2, [2, 2], async |api, name| {
            by_owner(api, name).await.with(json!({ "department": "Engineering" }))
        }),
        row("DELETE /api/employees/{id}", 204, 2, [2, 2], async |api, name| by_owner(api, name).await),
        row("POST /otp/generate", 200, 2, [4, 4], async |api, name| {
            by(api).with(json!({ "phone_number": number(name) }))
        }),
        row("POST /otp/verify", 200, 2, [8, 8], async |api, name| {
            by_owner(api, name).await;
            let code = texted(api, "/otp/generate", "phone_number", name).await;
            by(api).with(json!({ "phone_number": number(name), "otp": code }))
        }),
        row("POST /otp/verify by a user", 200, 3, [10, 10], async |api, name| {
            let user = signed_in(api, name).await;
            user.patch("/api/profile", &json!({ "phone_number": number(name) })).await;
            user.post("/otp/generate", &json!({ "phone_number": number(name) })).await;
            let code = api.code_for(&number(name)).await;
            by(&user).with(json!({ "phone_number": number(name), "otp": code }))
        }),
        row("POST /auth/check-phone", 200, 2, [4, 4], async |api, name| {
            by(api).with(json!({ "phone": number(name) }))
        }),
        row("POST /auth/verify", 200, 2, [6, 6], async |api, name| {
            let code = texted(api, "/auth/check-phone", "phone", name).await;
            by(api).with(json!({ "phone": number(name), "code": code }))
        }),
        row("POST /auth/register", 201, 2, [6, 4], async |api, name| {
            let token = token_for(api, name).await;
            by(api).with(json!({ "reg_token": token, "password": PASSWORD, "email": email(name) }))
        }),
        row("POST /auth/login", 200, 3, [9, 8], async |api, name| {
            signed_up(api, name).await;
            by(api).with(json!({ "phone": number(name), "password": PASSWORD }))
        }),
        row("GET /admin", 200, 0, [0, 0], async |api, _| by(api)),
        row("GET /.well-known/jwks.json", 200, 1, [1, 1], async |api, _| by(api)),
        // Without `TokenIssuer`.
        row("GET /.well-known/openid-configuration", 404, 0, [0, 0], async |api, _| by(api)),
        row("GET /health", 200, 1, [1, 1], async |api, _| by(api)),
    ]
}

#[tokio::test]
async fn every_endpoint_keeps_within_its_budget() {
    let rows = budgets();
    let functions = Template::load(&root().join("template.yaml"), &[].into()).unwrap().functions;
    // HEAD is answered as GET.
    let routes =
        functions.iter().flat_map(|function| &function.routes).filter(|route| route.method != "HEAD");
    let routes: BTreeSet<String> = routes.map(|route| format!("{} {}", route.method, route.path)).collect();
    let endpoints: BTreeSet<String> = rows.iter().map(Row::endpoint).collect();
    let missing: Vec<_> = routes.difference(&endpoints).collect();
    assert!(missing.is_empty(), "`budgets` in tests/depth.rs has no row for {missing:?}");
    let unknown: Vec<_> = endpoints.difference(&routes).collect();
    assert!(unknown.is_empty(), "template.yaml has no route for the rows {unknown:?} of tests/depth.rs");

    let complaints = stream::iter(rows).map(Row::complaints).buffered(AT_ONCE);
    let complaints: Vec<String> = complaints.concat().await;

    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[tokio::test]
async fn delivering_a_message_makes_no_call() {
    let api = Api::behind_a_proxy(&[]).await;
    let delivered = async {
        api.registered("ada").await;
        api.mails_to("ada@example.com").await
    };

    let (mails, calls) = api.proxy.watch(delivered).await;

    assert_eq!((mails, calls.len()), (1, 5), "the calls of the registration\n{calls}");
}

/// What is refused, is refused before most of the work, and without a hash: by the limit of a user, and by that of a network.
#[tokio::test]
async fn a_refused_login_costs_less_than_an_admitted_one() {
    let api = Api::behind_a_proxy(&[("LoginFailuresPerIp", "7")]).await;
    let log_in = |password: &'static str| async { api.try_token("ada", password).await.status };
    api.registered("ada").await;
    assert_eq!(log_in(PASSWORD).await, 200);
    // A unit written costs five times a unit read.
    let cost = |(read, written): (f64, f64)| read + 5.0 * written;

    let (status, admitted) = api.proxy.watch(log_in(PASSWORD)).await;
    assert_eq!(status, 200);
    for _ in 0..5 {
        assert_eq!(log_in("a wrong password").await, 401);
    }
    let (status, of_user) = api.proxy.watch(log_in(PASSWORD)).await;
    assert_eq!(status, 429);
    for _ in 0..2 {
        assert_eq!(api.try_token("bob", PASSWORD).await.status, 401);
    }
    let (status, of_network) = api.proxy.watch(log_in(PASSWORD)).await;
    assert_eq!(status, 429);

    let units = [&admitted, &of_user, &of_network].map(Calls::units_read_and_written);
    println!("units read and written: admitted, refused for its user, refused for its network: {units:?}");
    assert!(cost(units[1]) < cost(units[0]), "{of_user}");
    assert!(cost(units[2]) < cost(units[1]), "{of_network}");
}
