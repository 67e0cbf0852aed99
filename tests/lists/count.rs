//! The number of records of a list: it agrees with what its pages hold, whatever happens.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    model::{chance, counts_agree},
    records::stack_of,
    reindex::reindex,
    support::{
        Answer, Api, Fault, PASSWORD, User,
        employee::{employee, nth_id},
        registration, unlimited_seeds,
    },
};

fn numbered() -> Vec<(&'static str, &'static str)> {
    [("ListFormat", "page")].into_iter().chain(unlimited_seeds()).collect()
}

/// Asserts that a list says how many records its pages hold.
async fn is_counted(api: &Api, reader: &User, list: &str) -> usize {
    let mut ids = BTreeSet::new();
    let mut path = format!("{list}?page_size=7");
    loop {
        let page = reader.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let shown = page.body["results"].as_array().unwrap();
        ids.extend(shown.iter().map(|record| record["id"].to_string()));
        let Some(next) = page.body["next"].as_str() else {
            assert_eq!(page.body["count"], json!(ids.len()), "{path}");
            return ids.len();
        };
        path = next.strip_prefix(api.stack.url()).unwrap().to_owned();
    }
}

/// Something that makes or deletes a record, or tries to. What others do at the same time may be in its way.
async fn step(chance: &mut fastrand::Rng, api: &Api, owners: &[User], admin: &User) -> Option<Answer> {
    let user = &owners[chance.usize(..owners.len())];
    let one_of = |chance: &mut fastrand::Rng, path: &str, body: &Value| {
        let listed = body["results"].as_array().cloned().unwrap_or_default();
        (!listed.is_empty()).then(|| {
            let id = &listed[chance.usize(..listed.len())]["id"];
            format!("{path}/{}", id.as_str().map_or_else(|| id.to_string(), str::to_owned))
        })
    };
    // Few names, so that many are taken.
    let (name, phone) = (format!("user{}", chance.u8(..12)), format!("+9198811676{:02}", chance.u8(..15)));
    Some(match chance.u8(..10) {
        0..2 => api.post("/api/register", &registration(&name)).await,
        2..5 => user.post("/api/employees", &employee(&phone)).await,
        5 => {
            let list = user.get("/api/employees").await;
            user.patch(&one_of(chance, "/api/employees", &list.body)?, &json!({ "phone_number": phone }))
                .await
        }
        6 => {
            let list = user.get("/api/employees").await;
            user.delete(&one_of(chance, "/api/employees", &list.body)?).await
        }
        7 => {
            let list = admin.get("/api/users?is_staff=false").await;
            let path = one_of(chance, "/api/users", &list.body)?;
            // Those who do all this stay.
            if owners.iter().any(|owner| path.ends_with(&owner.id())) {
                return None;
            }
            admin.delete(&path).await
        }
        8 => {
            let owner = user.profile().await["username"].clone();
            let users = [json!({ "id": nth_id(chance.u32(..9)), "username": name })];
            let employees = [json!({
                "id": nth_id(10 + chance.u32(..9)), "owner_username": owner, "first_name": "I", "last_name": "J",
                "phone_number": phone,
            })];
            let batch = json!({ "users": users, "employees": employees });
            // It may fail as a whole, for a fault.
            let _ = api.stack.invoke("import", batch).await;
            return None;
        }
        _ => {
            let superuser = json!({
                "username": name, "email": format!("{name}@example.com"), "password": PASSWORD,
            });
            let _ = api.stack.invoke("create-superuser", superuser).await;
            return None;
        }
    })
}

/// The lists of an owner and of staff.
async fn all_are_counted(api: &Api, users: &[User], admin: &User) {
    counts_agree(api).await;
    is_counted(api, admin, "/api/users").await;
    let all = is_counted(api, admin, "/api/employees").await;
    let mut own = 0;
    for user in users {
        own += is_counted(api, user, "/api/employees").await;
    }
    assert_eq!(own, all);
}

async fn owners(api: &Api) -> Vec<User> {
    let mut users = Vec::new();
    for name in ["ada", "bob"] {
        api.registered(name).await;
        users.push(api.log_in(name).await);
    }
    users
}

#[tokio::test]
async fn a_random_history_is_counted_although_calls_fail() {
    let api = Api::behind_a_proxy(&numbered()).await;
    let mut chance = chance();
    let (users, admin) = (owners(&api).await, api.staff().await);
    for _ in 0..6 {
        for _ in 0..12 {
            if chance.bool() {
                let fault = Fault::ALL[chance.usize(..Fault::ALL.len() - 1)];
                // A call is tried again a few times: some faults are forgotten, and others fail the request.
                for _ in 0..chance.u8(1..6) {
                    api.proxy.fail_next(fault, |call| call.operation == "TransactWriteItems");
                }
            }
            if let Some(answer) = step(&mut chance, &api, &users, &admin).await {
                let expected = [200, 201, 204, 400, 404, 503];
                assert!(expected.contains(&answer.status), "{} {}", answer.status, answer.text);
            }
            api.proxy.heal().await;
        }
        all_are_counted(&api, &users, &admin).await;
    }
}

#[tokio::test]
async fn parallel_histories_are_counted() {
    let api = Api::with(&numbered()).await;
    let mut chance = chance();
    let (users, admin) = (owners(&api).await, api.staff().await);
    let histories = (0..6).map(|_| chance.fork());
    let histories = histories.map(async |mut chance| {
        for _ in 0..20 {
            if let Some(answer) = step(&mut chance, &api, &users, &admin).await {
                let expected = [200, 201, 204, 400, 404, 503];
                assert!(expected.contains(&answer.status), "{} {}", answer.status, answer.text);
            }
        }
    });
    join_all(histories).await;
    all_are_counted(&api, &users, &admin).await;
}

/// A client that sends a request again, because it has heard nothing of the first.
#[tokio::test]
async fn a_request_that_comes_twice_is_counted_once() {
    let api = Api::behind_a_proxy(&numbered()).await;
    let (users, admin) = (owners(&api).await, api.staff().await);
    let ada = &users[0];
    let body = employee("9881167671");

    let twice = join_all([ada.post("/api/employees", &body), ada.post("/api/employees", &body)]).await;
    let mut statuses: Vec<_> = twice.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 400]);
    all_are_counted(&api, &users, &admin).await;

    let id = ada.get("/api/employees").await.body["results"][0]["id"].clone();
    let path = format!("/api/employees/{}", id.as_str().map_or_else(|| id.to_string(), str::to_owned));
    let twice = join_all([ada.delete(&path), ada.delete(&path)]).await;
    let mut statuses: Vec<_> = twice.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 404]);
    all_are_counted(&api, &users, &admin).await;
}

#[tokio::test]
async fn records_of_release_0_1_0_are_counted_by_reindex_once_and_not_subtracted_before() {
    let (api, _) = stack_of("0.1.0").await;
    let admin = api.log_in("admin").await;
    let delete_one = async |list: &str| {
        let records = admin.get(list).await.body["results"].clone();
        let mut records = records.as_array().unwrap().iter().filter(|record| record["username"] != "admin");
        let path = format!("{list}/{}", records.next().unwrap()["id"].as_str().unwrap());
        assert_eq!(admin.delete(&path).await.status, 204);
    };
    let counts = async || (api.count("Users", "users").await, api.count("Employees", "employees").await);

    delete_one("/api/users").await;
    delete_one("/api/employees").await;
    assert_eq!(counts().await, (0, 0));

    // A change of a record does not count it.
    let id = admin.get("/api/employees").await.body["results"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/employees/{id}");
    assert_eq!(admin.patch(&path, &json!({ "job_title": "Admiral" })).await.status, 200);
    assert_eq!(counts().await, (0, 0));

    for (kind, number) in [("users", 6), ("employees", 2)] {
        assert_eq!(reindex(&api, kind).await, (number, number, vec![]), "{kind}");
        assert_eq!(reindex(&api, kind).await, (number, 0, vec![]), "{kind}");
    }
    assert_eq!(counts().await, (6, 2));
    counts_agree(&api).await;

    delete_one("/api/users").await;
    delete_one("/api/employees").await;
    assert_eq!(counts().await, (5, 1));
    counts_agree(&api).await;
}
