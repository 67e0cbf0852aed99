//! The policies of the template, held against what the functions do: each may do what it does, and nothing else. The emulator
//! of `.ci/deployment` refuses what is not allowed, too, but it does not know partition keys, and would not miss a
//! permission too many.

use std::collections::{BTreeMap, BTreeSet};

use local::{Function, Template};
use regex::Regex;
use serde_json::{Value, json};

use crate::{
    deployment,
    import::tokens,
    support::{
        Answer, Api, Deployment, PASSWORD, Recorder, TWILIO, Use,
        employee::{employee, nth_id},
        registration, root,
    },
};

const NEXT: &str = "another long phrase";

/// What is not to be deleted by whoever may only write it.
const RECORDS: [&str; 3] = ["user#*", "employee#*", "staff"];

/// A statement that allows something.
#[derive(PartialEq, Eq)]
struct Statement {
    function: String,
    actions: Vec<String>,
    resources: Vec<String>,
    /// The patterns of partition keys; none for any.
    keys: Vec<String>,
}

impl Statement {
    fn of(function: &Function, statement: &Value) -> Self {
        let conditions = statement["Condition"].as_object().into_iter().flatten();
        let keys = conditions.filter_map(|(_, condition)| condition.get("dynamodb:LeadingKeys"));
        Self {
            function: function.binary.clone(),
            actions: texts(&statement["Action"]),
            resources: texts(&statement["Resource"]),
            keys: keys.flat_map(texts).collect(),
        }
    }

    fn allows(&self, needed: &Use) -> bool {
        let allows_key = |key: &String| self.keys.iter().any(|pattern| matches(pattern, key));
        self.function == needed.function
            && self.actions.iter().any(|action| matches(action, &needed.action))
            && self.resources.iter().any(|resource| matches(resource, &needed.resource))
            && (self.keys.is_empty() || needed.keys.iter().all(allows_key))
    }

    /// What it allows and none of `uses` needed: every action on every resource, every pattern of keys, and every deletion of a
    /// kind of record.
    fn surplus(&self, uses: &BTreeSet<Use>) -> Vec<String> {
        let mine: Vec<&Use> = uses.iter().filter(|needed| self.allows(needed)).collect();
        let pairs = self.actions.iter().flat_map(|action| self.resources.iter().map(move |on| (action, on)));
        let mut surplus = Vec::new();
        for (action, resource) in pairs {
            let is_this =
                |needed: &&&Use| matches(action, &needed.action) && matches(resource, &needed.resource);
            let done: Vec<&&Use> = mine.iter().filter(is_this).collect();
            if done.is_empty() {
                surplus.push(format!("{}: {action} on {resource}", self.function));
            }
            let is_kept = |pattern: &&String| {
                let touched = done.iter().any(|needed| needed.keys.iter().any(|key| matches(pattern, key)));
                RECORDS.contains(&pattern.as_str()) && !touched
            };
            if action == "dynamodb:DeleteItem" {
                let kept = self.keys.iter().filter(is_kept);
                surplus.extend(kept.map(|pattern| format!("{}: {action} of {pattern}", self.function)));
            }
        }
        let unused = self
            .keys
            .iter()
            .filter(|pattern| !mine.iter().any(|needed| needed.keys.iter().any(|key| matches(pattern, key))));
        surplus.extend(unused.map(|pattern| {
            format!("{}: {:?} on keys {pattern} of {:?}", self.function, self.actions, self.resources)
        }));
        surplus
    }
}

/// One text, or a list of them.
fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    items.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
}

/// Whether a pattern of IAM covers a text.
fn matches(pattern: &str, text: &str) -> bool {
    let pattern = regex::escape(pattern).replace(r"\*", ".*").replace(r"\?", ".");
    pattern == ".*" || Regex::new(&format!("^{pattern}$")).unwrap().is_match(text)
}

/// What the functions are allowed that are meant.
fn statements(parameters: &[(&str, &str)], is_meant: impl Fn(&str) -> bool) -> Vec<Statement> {
    let deployed = [("Compatibility", "none")];
    let all = deployed.iter().chain(parameters);
    let owned = all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let template = Template::load(&root().join("template.yaml"), &owned.collect::<BTreeMap<_, _>>()).unwrap();
    let functions = template.functions.iter().filter(|function| is_meant(&function.binary));
    functions
        .flat_map(|function| function.statements.iter().map(move |statement| (function, statement)))
        .filter(|(_, statement)| statement["Effect"] == "Allow")
        // What the previous release needs while its code runs beside this template's roles.
        .filter(|(_, statement)| statement["Sid"] != "ForRelease010")
        .map(|(function, statement)| Statement::of(function, statement))
        .collect()
}

/// Asserts that these functions are allowed what they needed, and nothing else.
fn assert_exact(parameters: &[(&str, &str)], is_meant: impl Fn(&str) -> bool, mut uses: BTreeSet<Use>) {
    let statements = statements(parameters, &is_meant);
    uses.retain(|needed| is_meant(&needed.function));

    let refused = uses.iter().filter(|needed| !statements.iter().any(|statement| statement.allows(needed)));
    let refused: Vec<&Use> = refused.collect();
    assert!(refused.is_empty(), "needed, and not allowed by template.yaml: {refused:#?}");
    let surplus: Vec<String> = statements.iter().flat_map(|statement| statement.surplus(&uses)).collect();
    assert!(
        surplus.is_empty(),
        "allowed by template.yaml and never needed here or in tests/deployment.rs:\n{}",
        surplus.join("\n")
    );
}

#[tokio::test]
async fn every_function_may_do_what_it_does_and_nothing_else() {
    let (api, recorder) = Api::recorded(&[
        ("RegistrationsPerIpPerHour", "100"),
        ("OtpPerIpPerHour", "100"),
        ("OtpCooldownSeconds", "0"),
    ])
    .await;
    let api = Deployment::of(api).await;
    deployment::anyone(&api).await;
    deployment::account(&api).await;
    deployment::addresses(&api).await;
    deployment::employees(&api).await;
    deployment::numbers(&api).await;
    deployment::staff(&api).await;
    limits_pass(api.stack()).await;
    names_lapse(api.stack()).await;
    changes_are_told(api.stack()).await;
    a_number_is_given_back(api.stack()).await;
    staged_addresses_are_given_up(api.stack()).await;
    others_are_faster(api.stack(), &recorder).await;
    names_are_given_up(api.stack()).await;
    a_password_is_recovered_by_phone(api.stack(), &recorder).await;
    imports_are_tried_again(api.stack(), &recorder).await;
    records_are_rewritten(api.stack(), &recorder).await;
    a_request_to_another_api_is_authorized(api.stack()).await;
    let mut uses = recorder.uses();
    uses.extend(lists_are_counted_and_searched().await);

    assert_exact(&[], |_| true, uses);
}

#[test]
fn conditions_on_keys_can_be_switched_off_and_change_nothing_else() {
    let everything = [("Ids", "integer"), ("LegacyJwtSecretArn", tokens::ARN.1)];
    let on = statements(&everything, |_| true);
    let off = statements(&[&everything[..], &[("KeyConditions", "off")]].concat(), |_| true);

    assert!(on.iter().filter(|statement| !statement.keys.is_empty()).count() > 100);
    let without_keys: Vec<Statement> =
        on.into_iter().map(|statement| Statement { keys: Vec::new(), ..statement }).collect();
    assert!(without_keys == off);
}

#[tokio::test]
async fn integer_ids_may_be_counted() {
    let parameters = [("Ids", "integer"), ("OtpCooldownSeconds", "0")];
    let (api, recorder) = Api::recorded(&parameters).await;
    let ada = api.signed_in().await;
    let admin = api.staff().await;
    is_done(&ada.post("/api/employees", &employee("+919881167671")).await);
    let phone = "+919881167672";
    is_done(&api.post("/auth/check-phone", &json!({ "phone": phone })).await);
    let body = json!({ "phone": phone, "code": api.code_for(phone).await });
    let token = api.post("/auth/verify", &body).await.body["registration_token"].clone();
    is_done(&api.post("/auth/register", &json!({ "reg_token": token, "password": PASSWORD })).await);
    let bob = json!({ "id": nth_id(1), "number": 7, "username": "bob", "password": "!" });
    let worker = json!({ "id": nth_id(2), "owner": nth_id(1), "first_name": "A", "last_name": "B" });
    for _ in 0..2 {
        let batch = json!({ "users": [bob], "employees": [worker] });
        api.stack.invoke("import", batch).await.unwrap();
    }
    is_done(&admin.get("/api/users").await);

    let statements = statements(&parameters, |_| true);
    let uses = recorder.uses();
    let refused: Vec<&Use> =
        uses.iter().filter(|needed| !statements.iter().any(|statement| statement.allows(needed))).collect();
    assert!(refused.is_empty(), "needed, and not allowed by template.yaml: {refused:#?}");
}

#[tokio::test]
async fn tokens_of_a_django_system_may_be_taken() {
    let parameters = [tokens::ARN];
    let (api, recorder) = Api::recorded(&parameters).await;
    tokens::move_in(&api).await;
    let (kept, ended) = (tokens::token(7), tokens::token(8));
    is_done(&api.post("/api/token/refresh", &json!({ "refresh": kept })).await);
    for token in [kept, ended] {
        is_done(&api.post("/api/logout", &json!({ "refresh": token })).await);
    }

    let statements = self::statements(&parameters, |_| true);
    let uses = recorder.uses();
    let refused: Vec<&Use> =
        uses.iter().filter(|needed| !statements.iter().any(|statement| statement.allows(needed))).collect();
    assert!(refused.is_empty(), "needed, and not allowed by template.yaml: {refused:#?}");
    // What the parameter allows is needed.
    let without = self::statements(&[], |_| true);
    let is_of_legacy = |statement: &&Statement| {
        ["api-token-refresh", "api-logout"].contains(&statement.function.as_str())
            && !without.iter().any(|known| known == *statement)
    };
    for statement in statements.iter().filter(is_of_legacy) {
        assert_eq!(statement.surplus(&uses), [] as [&str; 0]);
    }
}

fn is_done(answer: &Answer) {
    assert!((200..300).contains(&answer.status), "{answer:?}");
}

fn long_ago() -> Value {
    json!({ "N": "1000000000" })
}

/// Whoever was wrong before is wrong again when a new window begins.
async fn limits_pass(api: &Api) {
    let ada = api.signed_in().await;
    let used_up = api.log_in("ada").await;
    used_up.refreshed().await;
    let (email, phone, wrong) = ("nobody@example.com", "+12025550100", "a wrong password");
    let passwords = json!({ "new_password": NEXT, "confirm_password": NEXT });
    let with = |mut body: Value, more: &Value| {
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let requests = [
        ("/api/otp/verify", json!({ "email": email, "otp": "123456" })),
        ("/api/login", json!({ "email": email, "password": wrong })),
        ("/api/token", json!({ "username": email, "password": wrong })),
        ("/api/password/reset", with(json!({ "old_password": wrong }), &passwords)),
        ("/api/password/forgot/confirm", with(json!({ "email": email, "otp": "123456" }), &passwords)),
        ("/api/login/code/confirm", json!({ "email": email, "otp": "123456" })),
        ("/otp/verify", json!({ "phone_number": phone, "otp": "123456" })),
        ("/auth/verify", json!({ "phone": phone, "code": "123456" })),
        ("/auth/login", json!({ "phone": phone, "password": wrong })),
        ("/api/token/verify", json!({ "token": used_up.refresh })),
    ];
    for (path, body) in &requests {
        for _ in 0..2 {
            let answer = ada.post(path, body).await;
            assert!([400, 401].contains(&answer.status), "{path}: {answer:?}");
            api.set("Throttles", |_| true, "expires", &long_ago()).await;
        }
    }
}

/// An unverified address whose code has died is taken over at every door, with the username that is spelled like it, and so is
/// a number.
async fn names_lapse(api: &Api) {
    let lapsed = async |name: &str, phone: &str| {
        let mut body = registration(name);
        body["username"] = body["email"].clone();
        body["phone_number"] = json!(phone);
        let user = api.post("/api/register", &body).await.body;
        let (email, phone) = (user["email"].clone(), user["phone_number"].clone());
        api.let_code_expire("verify_email", email.as_str().unwrap()).await;
        let claim = format!("email#{}", email.as_str().unwrap());
        api.set("Users", |key| key == claim, "reserved_until", &long_ago()).await;
        json!({ "email": email, "phone_number": phone })
    };
    let (ada, admin) = (api.log_in("ada").await, api.staff().await);

    let mut body = lapsed("bob", "+919881167671").await;
    body["username"] = json!("bob2");
    body["password"] = json!(PASSWORD);
    is_done(&api.post("/api/register", &body).await);
    is_done(&ada.patch("/api/profile", &lapsed("carl", "+919881167672").await).await);
    let path = format!("/api/users/{}", ada.id());
    is_done(&admin.patch(&path, &lapsed("dan", "+919881167673").await).await);

    let phone = "+919881167674";
    let email = lapsed("eve", phone).await["email"].clone();
    is_done(&api.post("/auth/check-phone", &json!({ "phone": phone })).await);
    let body = json!({ "phone": phone, "code": api.code_for(phone).await });
    let token = api.post("/auth/verify", &body).await.body["registration_token"].clone();
    let body = json!({ "reg_token": token, "password": PASSWORD, "email": email });
    is_done(&api.post("/auth/register", &body).await);

    let email = lapsed("guy", "+919881167678").await["email"].clone();
    let body = json!({ "username": "guy2", "email": email, "password": PASSWORD });
    api.stack.invoke("create-superuser", body).await.unwrap();
}

/// A user with a verified address is told what changes.
async fn changes_are_told(api: &Api) {
    api.verified("tell").await;
    let (user, admin) = (api.log_in("tell").await, api.staff().await);
    let path = format!("/api/users/{}", user.id());
    let verified = json!({ "phone_number": "+919881167679", "is_phone_verified": true });
    is_done(&admin.patch(&path, &verified).await);
    is_done(&user.patch("/api/profile", &json!({ "phone_number": null })).await);
    is_done(&admin.patch(&path, &verified).await);
    is_done(&admin.patch(&path, &json!({ "phone_number": null, "is_staff": true })).await);
    is_done(&admin.patch(&path, &json!({ "is_staff": false })).await);
    let operators = json!({ "username": "tell", "email": "tell@example.com", "password": PASSWORD });
    api.stack.invoke("create-superuser", operators).await.unwrap();
    let passwords = json!({ "old_password": PASSWORD, "new_password": NEXT, "confirm_password": NEXT });
    is_done(&api.log_in("tell").await.post("/api/password/reset", &passwords).await);
}

/// A number is proven by a user from whom another has taken it, who is called like it, as the previous release allowed.
async fn a_number_is_given_back(api: &Api) {
    let phone = json!({ "phone_number": "+919881167684" });
    for name in ["nan", "oz"] {
        api.registered(name).await;
    }
    let (nan, oz) = (api.log_in("nan").await, api.log_in("oz").await);
    is_done(&nan.patch("/api/profile", &phone).await);
    is_done(&nan.post("/otp/generate", &phone).await);
    let number = phone["phone_number"].as_str().unwrap();
    let proof = json!({ "phone_number": number, "otp": api.code_for(number).await });
    is_done(&oz.patch("/api/profile", &phone).await);
    let id = format!("user#{}", oz.id());
    api.set("Users", |key| key == id, "username", &json!({ "S": number })).await;
    let mut claim = api.item("Users", "username#oz").await.unwrap();
    claim["pk"] = json!({ "S": format!("username#{number}") });
    api.put_item("Users", &claim).await;
    api.delete_items("Users", |key| key == "username#oz").await;

    is_done(&nan.post("/otp/verify", &proof).await);
}

/// A new password, and being made staff, give up an address that waits for its code.
async fn staged_addresses_are_given_up(api: &Api) {
    let staged = async |name: &str| {
        let user = api.registered(name).await;
        let session = api.log_in(name).await;
        is_done(&session.patch("/api/profile", &json!({ "email": format!("new-{name}@example.com") })).await);
        (session, user["email"].as_str().unwrap().to_owned())
    };
    let passwords = json!({ "old_password": PASSWORD, "new_password": NEXT, "confirm_password": NEXT });
    let (fred, _) = staged("fred").await;
    is_done(&fred.post("/api/password/reset", &passwords).await);

    let (_, email) = staged("gus").await;
    let mails = api.mails_to(&email).await;
    is_done(&api.post("/api/password/forgot", &json!({ "email": email })).await);
    let mut body = passwords.clone();
    body["email"] = json!(email);
    body["otp"] = json!(api.code_after(&email, mails).await);
    is_done(&api.post("/api/password/forgot/confirm", &body).await);

    let (_, email) = staged("hal").await;
    let body = json!({ "username": "hal", "email": email, "password": PASSWORD });
    api.stack.invoke("create-superuser", body).await.unwrap();
}

/// A record is read again when somebody else has changed it between its reading and its writing.
async fn others_are_faster(api: &Api, recorder: &Recorder) {
    let phone = "+919881167675";
    api.registered("ivy").await;
    let (ivy, hal) = (api.log_in("ivy").await, api.log_in("hal").await);
    let employee = json!({ "first_name": "I", "last_name": "J", "phone_number": phone });
    let employee = ivy.post("/api/employees", &employee).await.body;
    let employee = format!("/api/employees/{}", employee["id"].as_str().unwrap());
    is_done(&ivy.patch("/api/profile", &json!({ "phone_number": phone })).await);
    is_done(&ivy.post("/otp/generate", &json!({ "phone_number": phone })).await);
    let proof = json!({ "phone_number": phone, "otp": api.code_for(phone).await });
    let (name, path) = (json!({ "first_name": "Ivy" }), format!("/api/users/{}", ivy.id()));

    recorder.overtake_next();
    is_done(&ivy.post("/otp/verify", &proof).await);
    recorder.overtake_next();
    is_done(&ivy.patch(&employee, &name).await);
    recorder.overtake_next();
    is_done(&ivy.delete(&employee).await);
    recorder.overtake_next();
    is_done(&ivy.patch("/api/profile", &name).await);
    recorder.overtake_next();
    is_done(&hal.patch(&path, &json!({ "last_name": "Jones" })).await);
    recorder.overtake_next();
    let passwords = json!({ "old_password": PASSWORD, "new_password": NEXT, "confirm_password": NEXT });
    is_done(&ivy.post("/api/password/reset", &passwords).await);
    let (email, mails) = ("ivy@example.com", api.mails_to("ivy@example.com").await);
    is_done(&api.post("/api/password/forgot", &json!({ "email": email })).await);
    let otp = api.code_after(email, mails).await;
    let recovery =
        json!({ "email": email, "otp": otp, "new_password": PASSWORD, "confirm_password": PASSWORD });
    recorder.overtake_next();
    is_done(&api.post("/api/password/forgot/confirm", &recovery).await);
    let mails = api.mails_to(email).await;
    is_done(&api.post("/api/login/code", &json!({ "email": email })).await);
    let body = json!({ "email": email, "otp": api.code_after(email, mails).await });
    recorder.overtake_next();
    is_done(&api.post("/api/login/code/confirm", &body).await);
    recorder.overtake_next();
    is_done(&hal.delete(&format!("/api/users/{}", hal.id())).await);
}

/// A name that is changed is free again.
async fn names_are_given_up(api: &Api) {
    api.registered("lee").await;
    let lee = api.log_in("lee").await;
    let employee = json!({ "first_name": "M", "last_name": "N", "email": "mn@example.com", "phone_number": "+919881167680" });
    let employee = lee.post("/api/employees", &employee).await.body;
    let employee = format!("/api/employees/{}", employee["id"].as_str().unwrap());
    for n in 1..=2 {
        is_done(&lee.patch("/api/profile", &json!({ "phone_number": format!("+91988116768{n}") })).await);
        is_done(&lee.patch("/api/profile", &json!({ "email": format!("lee{n}@example.com") })).await);
        is_done(&lee.patch(&employee, &json!({ "phone_number": format!("+91988116769{n}") })).await);
    }
    is_done(&lee.patch(&format!("/api/users/{}", lee.id()), &json!({ "username": "leo" })).await);
    api.verify_by(&lee, "lee2@example.com").await;
    is_done(&lee.patch("/api/profile", &json!({ "username": "lee2@example.com" })).await);
    is_done(&lee.patch("/api/profile", &json!({ "email": "lee3@example.com" })).await);
    api.verify_by(&lee, "lee3@example.com").await;
    api.try_token("+919881167682", PASSWORD).await;
    // Her verified address hears of a number.
    let number = json!({ "phone_number": "+919881167682" });
    is_done(&lee.post("/otp/generate", &number).await);
    let proof = json!({ "phone_number": "+919881167682", "otp": api.code_for("+919881167682").await });
    is_done(&lee.post("/otp/verify", &proof).await);
}

/// Somebody who has signed up by phone has no address to which a code could go.
async fn a_password_is_recovered_by_phone(api: &Api, recorder: &Recorder) {
    let phone = "+919881167699";
    is_done(&api.post("/auth/check-phone", &json!({ "phone": phone })).await);
    let body = json!({ "phone": phone, "code": api.code_for(phone).await });
    let token = api.post("/auth/verify", &body).await.body["registration_token"].clone();
    let user = api.post("/auth/register", &json!({ "reg_token": token, "password": PASSWORD })).await;
    is_done(&user);
    let messages = api.stack.messages(phone).len();
    is_done(&api.post("/api/password/forgot", &json!({ "phone_number": phone })).await);
    let otp = api.code_after(phone, messages).await;
    let body = json!({ "phone_number": phone, "otp": otp, "new_password": NEXT, "confirm_password": NEXT });
    is_done(&api.post("/api/password/forgot/confirm", &body).await);

    let staff = json!({ "username": "pat", "email": "pat@example.com", "password": PASSWORD });
    api.stack.invoke("create-superuser", staff).await.unwrap();
    let path = format!("/api/users/{}/password/forgot", user.body["id"].as_str().unwrap());
    recorder.overtake_next();
    is_done(&api.log_in("pat").await.post(&path, &json!({})).await);
    // An address that staff give needs the code alone.
    let email = json!({ "email": "by-staff@example.com" });
    is_done(&api.log_in("pat").await.patch(path.trim_end_matches("/password/forgot"), &email).await);
    api.verify("by-staff@example.com").await;
    is_done(&api.post("/api/login/code", &json!({ "phone_number": phone })).await);
    let another = json!({ "phone_number": "+919881167698" });
    let ray = api.log_in_with(phone, NEXT).await;
    is_done(&ray.patch("/api/profile", &another).await);
    is_done(&ray.post("/otp/generate", &another).await);
    let proof =
        json!({ "phone_number": another["phone_number"], "otp": api.code_for("+919881167698").await });
    is_done(&ray.post("/otp/verify", &proof).await);
}

/// Of what is imported, some is there already, and of some another has the names.
async fn imports_are_tried_again(api: &Api, recorder: &Recorder) {
    let user = |n| {
        json!({
            "id": nth_id(n), "username": "joy", "email": "joy@example.com", "phone_number": "+919881167676",
            "is_staff": true, "token_user_id": n,
        })
    };
    let employee = |n| {
        json!({
            "id": nth_id(n), "owner_username": "joy", "first_name": "Kim", "last_name": "K", "email": "kim@example.com",
            "phone_number": "+919881167677",
        })
    };
    let is = async |mode: &str, [users, employees]: [Vec<Value>; 2], expected: &str| {
        let batch = json!({ "mode": mode, "users": users, "employees": employees });
        let answer = api.stack.invoke("import", batch).await.unwrap();
        for kind in ["users", "employees"] {
            let mut outcomes = answer[kind].as_array().unwrap().iter().map(|outcome| &outcome["outcome"]);
            assert!(outcomes.all(|outcome| outcome == expected), "{answer}");
        }
    };
    let batch = || [vec![user(1), user(2)], vec![employee(3), employee(4)]];
    is("import", batch(), "imported").await;
    is("import", batch(), "present").await;
    let mut later = batch();
    for record in later.iter_mut().flatten() {
        record["email"] = Value::Null;
        record["password"] = json!("!");
    }
    recorder.overtake_next();
    is("update", [vec![later[0][0].clone()], vec![]], "conflict").await;
    is("update", later, "updated").await;
    for kind in ["users", "employees"] {
        api.stack.invoke("import", json!({ "mode": "imported", "kind": kind })).await.unwrap();
    }
    is("delete", batch(), "deleted").await;
}

/// In numbered pages, lists are counted; in all forms, what has an identifier is looked up by it.
async fn lists_are_counted_and_searched() -> BTreeSet<Use> {
    let (api, recorder) = Api::recorded(&[("ListFormat", "page")]).await;
    let admin = api.staff().await;
    let employee = json!({
        "first_name": "Q", "last_name": "R", "email": "qr@example.com", "phone_number": "+919881167685",
    });
    is_done(&admin.post("/api/employees", &employee).await);
    for list in ["users", "employees"] {
        for query in ["", "search=admin@example.com", "search=qr@example.com", "search=9881167685"] {
            is_done(&admin.get(&format!("/api/{list}?{query}")).await);
        }
    }
    let lists = |used: &Use| ["api-users-list", "api-employees-list"].contains(&used.function.as_str());
    recorder.uses().into_iter().filter(lists).collect()
}

/// Records of another shape are rewritten, although another request is faster.
async fn records_are_rewritten(api: &Api, recorder: &Recorder) {
    for (kind, table, prefix) in [("users", "Users", "user#"), ("employees", "Employees", "employee#")] {
        api.set(table, |key| key.starts_with(prefix), "search", &json!({ "M": {} })).await;
        // The first of them was never counted.
        let first = api.items(table).await.into_keys().find(|key| key.starts_with(prefix)).unwrap();
        api.set(table, |key| key == first, "counted", &json!({ "BOOL": false })).await;
        recorder.overtake_next();
        let part = api.stack.invoke("reindex", json!({ "kind": kind })).await.unwrap();
        assert_eq!((&part["rewritten"], &part["failed"]), (&part["read"], &json!([])), "{part}");
    }
}

async fn a_request_to_another_api_is_authorized(api: &Api) {
    let user = api.staff().await;
    let headers = json!({ "authorization": format!("Bearer {}", user.access) });
    let event = json!({ "version": "2.0", "headers": headers });
    assert_eq!(api.stack.invoke("authorizer", event).await.unwrap()["isAuthorized"], true);
}

#[tokio::test]
async fn a_signature_needs_its_key_alone() {
    let parameters = [("AuthorizerChecks", "signature")];
    let (api, recorder) = Api::recorded(&parameters).await;

    a_request_to_another_api_is_authorized(&api).await;

    assert_exact(&parameters, |function| function == "authorizer", recorder.uses());
}

#[tokio::test]
async fn texts_by_twilio_need_its_secret_and_not_sns() {
    let (api, recorder) = Api::recorded(&TWILIO).await;

    deployment::numbers(&Deployment::of(api).await).await;

    let mut uses = recorder.uses();
    // What IAM is asked for when the ARN lacks its end.
    let whole = uses
        .iter()
        .find(|needed| needed.resource == TWILIO[1].1)
        .map(|needed| Use { resource: format!("{}-AbCdEf", needed.resource), ..needed.clone() });
    uses.extend(whole);
    assert_exact(&TWILIO, |function| function == "deliver-sms", uses);
}

/// Secrets Manager decrypts in the name of who asks for the secret.
#[test]
fn only_the_function_that_texts_uses_the_key_of_twilios_secret() {
    let key = "arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000";
    let with_key = [TWILIO[0], TWILIO[1], ("TwilioSecretKeyArn", key)];
    let uses_keys = |statement: &Statement| statement.actions.iter().any(|action| action.starts_with("kms:"));

    let statements: Vec<Statement> = statements(&with_key, |_| true).into_iter().filter(uses_keys).collect();

    let [statement] = &statements[..] else { panic!("{} statements", statements.len()) };
    assert_eq!(
        (statement.function.as_str(), &statement.actions[..]),
        ("deliver-sms", &["kms:Decrypt".to_owned()][..])
    );
    assert_eq!(statement.resources, [key]);
    for without in [&TWILIO[..], &[("TwilioSecretKeyArn", key)]] {
        assert!(!self::statements(without, |_| true).iter().any(uses_keys), "{without:?}");
    }
}
