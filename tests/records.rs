//! Records of earlier releases: what is stored outlives the code.
//!
//! `records/<release>.json` has what a release stored in the course of a few journeys: the items of each table, the secret, and
//! tokens and codes that its users hold. This release has to work with them, and so has every later one: a shape that was
//! released is a promise. When one of these tests fails after a change of a record, give what is new a default, and do not change
//! the file. Times in it that would have passed are in the year 2100; its tokens live until 2036.

pub(crate) mod write;

use serde_json::{Value, json};

use crate::{
    rotation::rotate_to,
    support::{Api, PASSWORD, User, no_active_account, root},
};

pub(crate) const RELEASES: [&str; 2] = ["0.1.0", "0.2.0"];
const NEXT: &str = "another long phrase";

/// A stack with the records of a release, and the file.
pub(crate) async fn stack_of(release: &str) -> (Api, Value) {
    let file = root().join(format!("tests/records/{release}.json"));
    let stored: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let api = Api::with(&[("OtpCooldownSeconds", "0")]).await;
    rotate_to(&api, stored["secret"].as_str().unwrap()).await;
    for (table, items) in stored["tables"].as_object().unwrap() {
        api.put_items(table, items.as_array().unwrap().iter().cloned()).await;
    }
    (api, stored)
}

/// A session that a user of that release holds.
pub(crate) fn session(api: &Api, stored: &Value, name: &str) -> User {
    User::new(api, &stored["sessions"][name])
}

async fn staff(api: &Api) -> User {
    api.log_in("admin").await
}

#[tokio::test]
async fn sessions_of_earlier_releases_live_and_those_that_ended_do_not() {
    for release in RELEASES {
        let (api, stored) = stack_of(release).await;
        for name in ["ada", "carol", "dora"] {
            let user = session(&api, &stored, name);
            user.is_signed_in().await;
            let next = user.refreshed().await;
            next.is_signed_in().await;
            assert_eq!(next.get("/api/sessions").await.body.as_array().unwrap().len(), 1, "{name}");
            // A retry is answered, and logging out ends it.
            assert_eq!(user.try_refresh().await.status, 200, "{name}");
            assert_eq!(next.post("/api/logout/all", &json!({})).await.status, 200);
            next.is_signed_out().await;
        }
        session(&api, &stored, "ended").is_signed_out().await;
    }
}

#[tokio::test]
async fn users_of_earlier_releases_log_in_and_are_what_they_were() {
    for release in RELEASES {
        let (api, _) = stack_of(release).await;
        for (name, password) in
            [("ada", PASSWORD), ("bob", PASSWORD), ("admin", PASSWORD), ("gus", "password123")]
        {
            for _ in 0..2 {
                api.log_in_with(name, password).await.is_signed_in().await;
            }
        }
        for (path, body) in [
            ("/api/login", json!({ "email": "ada@example.com", "password": PASSWORD })),
            ("/auth/login", json!({ "phone": "+919881167671", "password": PASSWORD })),
            ("/auth/login", json!({ "phone": "+919881167674", "password": PASSWORD })),
            ("/api/login", json!({ "email": "gus@example.com", "password": "password123" })),
        ] {
            let answer = api.post(path, &body).await;
            assert_eq!(answer.status, 200, "{body}: {}", answer.text);
        }
        api.try_token("eve", PASSWORD).await.is(401, &no_active_account());
        api.post("/auth/login", &json!({ "phone": "+919881167673", "password": PASSWORD }))
            .await
            .is(401, &no_active_account());

        let ada = api.log_in("ada").await;
        let profile = ada.profile().await;
        for (field, value) in [
            ("first_name", json!("Ada")),
            ("last_name", json!("Lovelace")),
            ("address", json!("12 St James's Square")),
            ("date_of_birth", json!("1815-12-10")),
            ("phone_number", json!("+919881167671")),
            ("is_phone_verified", json!(true)),
            ("is_email_verified", json!(true)),
        ] {
            assert_eq!(profile[field], value, "{field}");
        }
        // A new password ends every session and begins one.
        let body = json!({ "old_password": PASSWORD, "new_password": NEXT, "confirm_password": NEXT });
        assert_eq!(ada.post("/api/password/reset", &body).await.status, 200);
        api.log_in_with("ada", NEXT).await.is_signed_in().await;
    }
}

#[tokio::test]
async fn codes_of_earlier_releases_are_good_for_what_they_were_sent_for() {
    for release in RELEASES {
        let (api, stored) = stack_of(release).await;
        let code = |name: &str| stored["codes"][name].clone();
        for (email, name) in [("bob@example.com", "bob"), ("new-dora@example.com", "new-dora")] {
            let answer = api.post("/api/otp/verify", &json!({ "email": email, "otp": code(name) })).await;
            assert_eq!(answer.status, 200, "{email}: {}", answer.text);
        }
        assert_eq!(session(&api, &stored, "dora").profile().await["email"], "new-dora@example.com");
        let body = json!({ "phone_number": "+919881167672", "otp": code("employee") });
        let answer = api.post("/otp/verify", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = json!({ "reg_token": stored["registration_token"], "password": PASSWORD });
        let answer = api.post("/auth/register", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        // Another one can be asked for at each address.
        for email in ["eve@example.com", "nobody@example.com"] {
            assert_eq!(api.post("/api/otp/resend", &json!({ "email": email })).await.status, 200, "{email}");
        }

        let (api, stored) = stack_of(release).await;
        let body = json!({
            "email": "dora@example.com", "otp": stored["codes"]["reset"], "new_password": NEXT, "confirm_password": NEXT,
        });
        let answer = api.post("/api/password/forgot/confirm", &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        api.log_in_with("dora", NEXT).await.is_signed_in().await;
    }
}

#[tokio::test]
async fn records_of_earlier_releases_are_listed_changed_and_deleted() {
    for release in RELEASES {
        let (api, stored) = stack_of(release).await;
        let admin = staff(&api).await;
        let count = async |path: &str| {
            let answer = admin.get(path).await;
            assert_eq!(answer.status, 200, "{path}: {}", answer.text);
            answer.body["results"].as_array().unwrap().len()
        };
        for (query, expected) in [
            ("", 7),
            ("?is_active=false", 1),
            ("?is_staff=true", 1),
            ("?is_staff=false", 6),
            ("?is_phone_verified=true", 2),
            ("?search=lovelace", 1),
            ("?search=%2B91988116767", 4),
        ] {
            assert_eq!(count(&format!("/api/users{query}")).await, expected, "{query}");
        }
        for (query, expected) in [
            ("", 3),
            ("?department=Engineering", 1),
            ("?is_phone_verified=false", 3),
            ("?department=Stores&is_phone_verified=false", 1),
            ("?search=bletchley", 0),
            ("?search=turing", 1),
        ] {
            assert_eq!(count(&format!("/api/employees{query}")).await, expected, "{query}");
        }
        let ada = session(&api, &stored, "ada");
        assert_eq!(ada.get("/api/employees").await.body["results"].as_array().unwrap().len(), 2);

        for (kind, field) in [("users", "first_name"), ("employees", "job_title")] {
            let listed = staff(&api).await.get(&format!("/api/{kind}")).await.body["results"].clone();
            for record in listed.as_array().unwrap().iter().filter(|record| record["username"] != "admin") {
                let admin = staff(&api).await;
                let path = format!("/api/{kind}/{}", record["id"].as_str().unwrap());
                assert_eq!(&admin.get(&path).await.body, record, "{path}");
                let changed = admin.patch(&path, &json!({ field: "Changed" })).await;
                assert_eq!(
                    (changed.status, &changed.body[field]),
                    (200, &json!("Changed")),
                    "{}",
                    changed.text
                );
                if kind == "users" {
                    assert_eq!(admin.post(&format!("{path}/unlock"), &json!({})).await.status, 200);
                    assert_eq!(admin.post(&format!("{path}/logout"), &json!({})).await.status, 200);
                }
                assert_eq!(admin.delete(&path).await.status, 204, "{path}");
            }
        }
        // What they had is free again.
        let body = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD, "phone_number": "+919881167671" });
        let answer = api.post("/api/register", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        let left = api.items("Users").await;
        let claims = left.keys().filter(|key| !key.starts_with("user#") && *key != "staff").count();
        // The names of ada and of admin.
        assert_eq!(claims, 5, "{left:?}");
    }
}
