//! Records of earlier releases: what is stored outlives the code.
//!
//! `records/<release>.json` has what a release stored in the course of a few journeys: the items of each table, the secret, and
//! tokens and codes that its users hold. This release has to work with them, and so has every later one: a shape that was
//! released is a promise. When one of these tests fails after a change of a record, give what is new a default, and do not change
//! the file. Times in it that would have passed are in the year 2100; its tokens live until 2036.

pub(crate) mod write;

use serde_json::{Map, Value, json};
use shared::{employee, user};

use crate::{
    rotation::rotate_to,
    support::{Api, PASSWORD, User, no_active_account, root},
};

pub(crate) const RELEASES: [&str; 2] = ["0.1.0", "0.2.0"];
const NEXT: &str = "another long phrase";

/// Explains a failure: it is dropped while the test panics.
struct Promise(&'static str);

impl Drop for Promise {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "\nThis test works with records that release {0} has stored. They are in production somewhere: a released shape is a \
                 promise. Give what is new in a record a default, and do not change tests/records/{0}.json.\n",
                self.0
            );
        }
    }
}

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
        let _promise = Promise(release);
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
        let _promise = Promise(release);
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
        let _promise = Promise(release);
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
        let _promise = Promise(release);
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

/// An item of a table, changed behind the API's back.
async fn altered(api: &Api, table: &str, pk: &str, alter: impl FnOnce(&mut Map<String, Value>)) {
    let mut item = api.item(table, pk).await.unwrap();
    alter(item.as_object_mut().unwrap());
    api.put_item(table, &item).await;
}

/// The ids in a list.
async fn listed(client: &User, path: &str) -> Vec<Value> {
    let page = client.get(path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.text);
    page.body["results"].as_array().unwrap().iter().map(|record| record["id"].clone()).collect()
}

/// A later release may have fields, keys of indexes and attributes that the one which wrote a record did not have, and the other
/// way round.
#[tokio::test]
async fn the_next_change_of_a_user_writes_what_their_record_lacks_and_leaves_what_is_unknown() {
    let _promise = Promise("0.1.0");
    let (api, stored) = stack_of("0.1.0").await;
    let admin = staff(&api).await;
    let id = session(&api, &stored, "ada").id();
    let (path, pk) = (format!("/api/users/{id}"), format!("user#{id}"));
    altered(&api, "Users", &pk, |item| {
        item.retain(|name, _| !user::FIELDS.iter().any(|field| field.name == name));
        for name in ["listed", "version", "is_email_verified"] {
            item.remove(name);
        }
        item.insert("listed_staff".to_owned(), json!({ "S": "active" }));
        item.insert("shoe_size".to_owned(), json!({ "N": "42" }));
        item.insert(
            "search".to_owned(),
            json!({ "M": { "nickname": { "S": "the countess" }, "shown": { "M": { "pets": { "N": "2" } } } } }),
        );
    })
    .await;

    let user = admin.get(&path).await;
    assert_eq!((user.status, &user.body["first_name"]), (200, &json!("")), "{}", user.text);
    assert_eq!(user.body["date_of_birth"], json!(null));
    assert!(!listed(&admin, "/api/users").await.contains(&json!(id)));
    assert!(listed(&admin, "/api/users?is_staff=true").await.contains(&json!(id)));
    // What changes nothing writes nothing.
    admin.patch(&path, &json!({ "first_name": "" })).await.is(200, &user.body);
    assert!(api.item("Users", &pk).await.unwrap().get("listed").is_none());

    let changed = admin.patch(&path, &json!({ "first_name": "Augusta" })).await;

    assert_eq!((changed.status, &changed.body["first_name"]), (200, &json!("Augusta")), "{}", changed.text);
    assert_eq!(api.audited("user changed").last().unwrap()["fields"], "first_name");
    for query in ["", "?is_staff=false", "?search=augusta", "?search=ada", "?is_active=true"] {
        assert!(listed(&admin, &format!("/api/users{query}")).await.contains(&json!(id)), "{query}");
    }
    assert!(!listed(&admin, "/api/users?is_staff=true").await.contains(&json!(id)));
    let item = api.item("Users", &pk).await.unwrap();
    assert_eq!((&item["shoe_size"], &item["version"]), (&json!({ "N": "42" }), &json!({ "N": "1" })));
    let search = &item["search"]["M"];
    assert_eq!(search["nickname"], json!({ "S": "the countess" }));
    assert_eq!(search["shown"]["M"]["pets"], json!({ "N": "2" }));

    altered(&api, "Users", &pk, |item| {
        item.remove("version");
    })
    .await;
    assert_eq!(admin.delete(&path).await.status, 204);
}

#[tokio::test]
async fn the_next_change_of_an_employee_writes_what_their_record_lacks_and_leaves_what_is_unknown() {
    let _promise = Promise("0.1.0");
    let (api, stored) = stack_of("0.1.0").await;
    let admin = staff(&api).await;
    let id = stored["employee"].as_str().unwrap();
    let (path, pk) = (format!("/api/employees/{id}"), format!("employee#{id}"));
    altered(&api, "Employees", &pk, |item| {
        item.retain(|name, _| !employee::FIELDS.iter().any(|field| field.name == name));
        for name in ["by_shard", "by_owner", "version", "search"] {
            item.remove(name);
        }
        item.insert("shoe_size".to_owned(), json!({ "N": "42" }));
    })
    .await;

    let employee = admin.get(&path).await;
    assert_eq!((employee.status, &employee.body["department"]), (200, &json!("")), "{}", employee.text);
    assert!(!listed(&admin, "/api/employees").await.contains(&json!(id)));

    let changed = admin.patch(&path, &json!({ "last_name": "Mathison" })).await;

    assert_eq!((changed.status, &changed.body["last_name"]), (200, &json!("Mathison")), "{}", changed.text);
    let ada = session(&api, &stored, "ada");
    for client in [&admin, &ada] {
        for query in ["", "?is_phone_verified=false", "?search=mathison"] {
            assert!(listed(client, &format!("/api/employees{query}")).await.contains(&json!(id)), "{query}");
        }
        // The department is gone, and with it its keys.
        assert!(!listed(client, "/api/employees?department=Engineering").await.contains(&json!(id)));
    }
    let item = api.item("Employees", &pk).await.unwrap();
    assert_eq!((&item["shoe_size"], &item["version"]), (&json!({ "N": "42" }), &json!({ "N": "1" })));
    assert!(item.get("by_shard_department").is_none() && item.get("by_owner_department").is_none());

    altered(&api, "Employees", &pk, |item| {
        item.remove("version");
    })
    .await;
    assert_eq!(admin.delete(&path).await.status, 204);
}
