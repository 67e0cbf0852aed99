//! What the functions write about their work, and what they must not.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Answer, Api, PASSWORD, User, token};

const EMAIL: &str = "ada.lovelace@analytical.example";
const PHONE: &str = "+919881167671";
const SECOND: &str = "another long phrase";
const THIRD: &str = "yet another long phrase";

/// Where passwords are hashed.
const HASHING: [&str; 5] =
    ["/api/register", "/api/login", "/api/token", "/api/password/reset", "/api/password/forgot/confirm"];

/// What a user does in a year: every answer, by the route and status that a log line should have, and every secret of it.
async fn whole_journey(api: &Api) -> (Vec<(&'static str, Answer)>, Vec<String>) {
    let mut answers = Vec::new();
    let mut secrets: Vec<String> =
        [PASSWORD, SECOND, THIRD, "a wrong password", EMAIL, PHONE, "9881167671"].map(str::to_owned).to_vec();

    let body = json!({
        "username": "countess", "email": EMAIL, "password": PASSWORD, "phone_number": PHONE, "first_name": "Ada",
    });
    answers.push(("/api/register", api.post("/api/register", &body).await));
    let code = api.code_for(EMAIL).await;
    let wrong = format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000);
    for otp in [&wrong, &code] {
        answers.push((
            "/api/otp/verify",
            api.post("/api/otp/verify", &json!({ "email": EMAIL, "otp": otp })).await,
        ));
    }
    for password in ["a wrong password", PASSWORD] {
        let body = json!({ "email": EMAIL, "password": password });
        answers.push(("/api/login", api.post("/api/login", &body).await));
    }
    for username in [EMAIL, PHONE, "nobody@analytical.example"] {
        answers.push(("/api/token", api.try_token(username, "a wrong password").await));
    }
    let user = User::new(api, &answers[4].1.body);
    answers.push(("/api/token/refresh", user.try_refresh().await));
    let user = User::new(api, &answers[8].1.body);
    answers.push(("/api/profile", user.get("/api/profile/").await));
    answers.push((
        "/api/profile",
        user.patch("/api/profile", &json!({ "address": "12 St James's Square" })).await,
    ));
    let body = json!({ "old_password": PASSWORD, "new_password": SECOND, "confirm_password": SECOND });
    answers.push(("/api/password/reset", user.post("/api/password/reset", &body).await));
    answers
        .push(("/api/password/forgot", api.post("/api/password/forgot", &json!({ "email": EMAIL })).await));
    // The second mail tells of the changed password.
    let second_code = api.code_after(EMAIL, 2).await;
    let body =
        json!({ "email": EMAIL, "otp": second_code, "new_password": THIRD, "confirm_password": THIRD });
    answers.push(("/api/password/forgot/confirm", api.post("/api/password/forgot/confirm", &body).await));
    answers.push(("/api/token", api.try_token("countess", THIRD).await));
    let user = User::new(api, &answers[14].1.body);
    answers
        .push(("/api/sessions/{id}", user.delete(&format!("/api/sessions/{}", uuid::Uuid::now_v7())).await));
    answers.push(("/api/logout", user.post("/api/logout", &json!({ "refresh": user.refresh })).await));
    answers.push(("/api/profile", user.get("/api/profile").await));
    answers.push((
        "/api/logout",
        user.post("/api/logout", &json!({ "refresh": "not-a-token-but-secret" })).await,
    ));
    secrets.push("not-a-token-but-secret".to_owned());
    secrets.push("St James".to_owned());

    secrets.extend([wrong, code, second_code]);
    for (_, answer) in &answers {
        for name in ["access", "refresh"] {
            if let Some(text) = answer.body[name].as_str() {
                secrets.push(token::parts(text)[2].to_owned());
                secrets.push(token::claims(text)["jti"].as_str().unwrap().to_owned());
            }
        }
    }
    (answers, secrets)
}

/// What somebody does with a phone, an employer and staff; what of it is secret.
async fn phone_journey(api: &Api) -> Vec<String> {
    const NUMBER: &str = "+919101234567";
    let done = |answer: Answer| {
        assert!(answer.status < 300, "{}", answer.text);
        answer.body
    };
    done(api.post("/auth/check-phone", &json!({ "phone": NUMBER })).await);
    let sign_up = api.code_for(NUMBER).await;
    let token = done(api.post("/auth/verify", &json!({ "phone": NUMBER, "code": sign_up })).await);
    let token = token["registration_token"].as_str().unwrap();
    let body = json!({ "reg_token": token, "password": SECOND, "email": "grace@analytical.example" });
    let user = User::new(api, &done(api.post("/auth/register", &body).await));
    done(api.post("/auth/login", &json!({ "phone": NUMBER, "password": SECOND })).await);
    api.post("/auth/login", &json!({ "phone": NUMBER, "password": "a wrong password" })).await;

    let body = json!({
        "first_name": "Grace", "last_name": "Hopper-Murray", "phone_number": "+919101234568",
        "email": "hopper@analytical.example", "address": "Arlington",
    });
    let id = done(user.post("/api/employees", &body).await)["id"].as_str().unwrap().to_owned();
    done(user.get("/api/employees?search=Hopper-Murray").await);
    done(user.patch(&format!("/api/employees/{id}"), &json!({ "email": "murray@analytical.example" })).await);
    done(api.post("/otp/generate", &json!({ "phone_number": "+919101234568" })).await);
    let proof = api.code_for("+919101234568").await;
    done(api.post("/otp/verify", &json!({ "phone_number": "+919101234568", "otp": proof })).await);
    let admin = api.staff().await;
    let path = format!("/api/users/{}", user.id());
    done(admin.patch(&path, &json!({ "email": "hopper2@analytical.example", "is_active": false })).await);
    done(admin.delete(&path).await);

    let mut secrets = vec![sign_up, proof, token.to_owned()];
    for token in [&user.access, &user.refresh, &admin.access] {
        secrets.push(token::parts(token)[2].to_owned());
    }
    let words = [
        "9101234567",
        "9101234568",
        "grace@",
        "hopper@",
        "murray@",
        "hopper2@",
        "Hopper-Murray",
        "Arlington",
        "admin@",
    ];
    secrets.extend(words.map(str::to_owned));
    secrets
}

/// Whether a code is in a line as a number of its own, and not as a part of a longer one, such as an id or a time.
fn holds(line: &str, secret: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.' || c == '-');
    let is_code = secret.len() == 6 && secret.bytes().all(|byte| byte.is_ascii_digit());
    line.match_indices(secret).any(|(at, _)| {
        !is_code
            || !(is_part(line[..at].chars().next_back()) || is_part(line[at + secret.len()..].chars().next()))
    })
}

#[tokio::test]
async fn asvs_16_2_1_every_request_leaves_one_line_with_its_id_route_status_and_time() {
    let api = Api::start().await;

    let (answers, _) = whole_journey(&api).await;

    let mut lines: BTreeMap<String, Value> = BTreeMap::new();
    for line in api.logged().into_iter().filter(|line| line["message"] == "request") {
        let id = line["span"]["request_id"].as_str().expect("an id").to_owned();
        assert_eq!(lines.insert(id, line), None, "two lines for one request");
    }
    assert_eq!(lines.len(), answers.len());
    for (route, answer) in &answers {
        let line = &lines[answer.header("x-amzn-requestid")];
        assert_eq!((&line["route"], &line["status"]), (&json!(route), &json!(answer.status)));
        let took = line["duration_ms"].as_f64().unwrap();
        // A hash is a part of the request's time.
        let hashed = line.get("hash_ms").map(|hashed| hashed.as_f64().unwrap());
        assert!(took > 0.0 && hashed.is_none_or(|hashed| 0.0 < hashed && hashed < took), "{line}");
        assert_eq!(hashed.is_some(), HASHING.contains(route), "{line}");
        assert!(line["cold"].is_boolean() && line["method"].is_string() && line["level"] == "INFO", "{line}");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }
    let cold: Vec<&Value> =
        lines.values().filter(|line| line["cold"] == true).map(|line| &line["route"]).collect();
    assert!(cold.len() >= 10 && cold.len() < lines.len(), "{cold:?}");
}

#[tokio::test]
async fn asvs_16_3_1_what_matters_to_security_is_audited() {
    let api = Api::start().await;

    let (answers, _) = whole_journey(&api).await;

    let id = &answers[0].1.body["id"];
    let acts: Vec<Value> = api.logged().into_iter().filter(|line| line["audit"].is_string()).collect();
    let names: Vec<&str> = acts.iter().map(|line| line["audit"].as_str().unwrap()).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "code refused",
            "logged in",
            "logged in",
            "logged out",
            "login refused",
            "login refused",
            "login refused",
            "login refused",
            "password changed",
            "password recovered",
            "profile changed",
            "registered",
            "verified",
        ]
    );
    for act in &acts {
        assert_eq!(act["ip"], "127.0.0.1", "{act}");
        assert!(act["span"]["request_id"].is_string(), "{act}");
        let is_about_her = act["user_id"] == *id;
        assert!(
            is_about_her || act["identifier"].as_str().is_some_and(|masked| masked.contains("***")),
            "{act}"
        );
    }
}

#[tokio::test]
async fn asvs_16_2_5_no_line_holds_a_password_code_token_address_or_number() {
    let api = Api::start().await;
    let (answers, mut secrets) = whole_journey(&api).await;
    assert!(answers.iter().all(|(_, answer)| answer.status < 500));
    secrets.extend(phone_journey(&api).await);
    // A delivery that fails is logged, too.
    api.stack.refuse_mail(true);
    let body =
        json!({ "username": "bob", "email": "bob.kept.secret@analytical.example", "password": PASSWORD });
    assert_eq!(api.post("/api/register", &body).await.status, 201);
    api.has_failed_to_send(1).await;
    api.stack.refuse_mail(false);
    api.code_for("bob.kept.secret@analytical.example").await;

    let logged = api.stack.logs();

    assert!(logged.len() > answers.len());
    for line in &logged {
        for secret in secrets.iter().map(String::as_str).chain(["bob.kept.secret", "eyJ", "$argon2"]) {
            assert!(!holds(line, secret), "{secret}: {line}");
        }
    }
}

#[tokio::test]
async fn asvs_16_4_1_no_input_makes_a_line_of_its_own() {
    let api = Api::start().await;
    let line = "x\n{\"audit\":\"logged in\",\"user_id\":\"eve\"}\r\n";

    api.try_token(line, PASSWORD).await;
    let hostile = api.header("User-Agent", "x\\n{\"audit\":\"logged in\"}");
    hostile.post("/api/login", &json!({ "email": line, "password": line })).await;
    hostile.get("/api/users/%0A%7B%22audit%22%3A%22logged%20in%22%7D").await;

    // Each line is one JSON object, or this panics.
    assert!(api.logged().len() >= 3);
    assert_eq!(api.audited("logged in").len(), 0);
}

#[tokio::test]
async fn asvs_16_3_2_who_was_refused_is_logged() {
    let api = Api::start().await;
    let admin = api.staff().await.id();
    let ada = api.signed_in().await;

    let refused = [
        ada.post(&format!("/api/users/{admin}/unlock"), &json!({})).await,
        ada.get(&format!("/api/users/{admin}")).await,
        ada.patch(&format!("/api/users/{}", ada.id()), &json!({ "is_staff": true })).await,
    ];

    for (answer, status) in refused.iter().zip([403, 404, 403]) {
        let id = answer.header("x-amzn-requestid");
        let line = api.logged().into_iter().rfind(|line| line["span"]["request_id"] == id).unwrap();
        assert_eq!((&line["status"], &line["span"]["user_id"]), (&json!(status), &json!(ada.id())), "{line}");
    }
}
