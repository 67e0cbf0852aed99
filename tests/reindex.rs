//! `reindex`, a function without a URL: stored records get the shape in which this release writes them.

use std::{cmp::Ordering, collections::BTreeMap};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    records::{RELEASES, stack_of},
    support::{
        Api, PASSWORD, User,
        employee::{nth_employee, records as records_of},
        registration, unlimited,
    },
};

/// What lists show, by who and how they are asked.
const LISTS: [&str; 10] = [
    "/api/users?page_size=100",
    "/api/users?is_active=false",
    "/api/users?is_staff=true",
    "/api/users?is_phone_verified=true",
    "/api/users?search=lovelace",
    "/api/users?search=%2B91988116767",
    "/api/employees?page_size=100",
    "/api/employees?department=Engineering",
    "/api/employees?is_phone_verified=false",
    "/api/employees?search=turing",
];

/// Rewrites the records of a kind, and answers how many were read and rewritten, and which could not be.
pub(crate) async fn reindex(api: &Api, kind: &str) -> (u64, u64, Vec<Value>) {
    reindex_after(api, kind, Value::Null).await
}

async fn reindex_after(api: &Api, kind: &str, mut position: Value) -> (u64, u64, Vec<Value>) {
    let (mut read, mut rewritten, mut failed) = (0, 0, Vec::new());
    loop {
        let event = json!({ "kind": kind, "position": position });
        let part = api.stack.invoke("reindex", event).await.unwrap();
        read += part["read"].as_u64().unwrap();
        rewritten += part["rewritten"].as_u64().unwrap();
        failed.extend(part["failed"].as_array().unwrap().iter().cloned());
        position = part["position"].clone();
        if position.is_null() {
            return (read, rewritten, failed);
        }
    }
}

/// Everything has the present shape: there is nothing to rewrite. The number of records.
pub(crate) async fn is_rewritten(api: &Api, kind: &str) -> u64 {
    let (read, rewritten, failed) = reindex(api, kind).await;
    assert_eq!((rewritten, failed), (0, vec![]), "{kind}");
    read
}

async fn lists(admin: &User) -> BTreeMap<&'static str, Value> {
    let mut lists = BTreeMap::new();
    for path in LISTS {
        let answer = admin.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        lists.insert(path, answer.body["results"].clone());
    }
    lists
}

#[tokio::test]
async fn records_of_earlier_releases_get_the_present_shape_and_show_what_they_did() {
    for release in RELEASES {
        let (api, _) = stack_of(release).await;
        let admin = api.log_in("admin").await;
        let before = lists(&admin).await;

        for (kind, count) in [("users", 7), ("employees", 3)] {
            let (read, _, failed) = reindex(&api, kind).await;
            assert_eq!((read, failed), (count, vec![]), "{kind}");
            assert_eq!(is_rewritten(&api, kind).await, count);
        }

        assert_eq!(lists(&admin).await, before);
    }
}

#[tokio::test]
async fn what_is_derived_is_made_again_and_nothing_else_is_touched() {
    for release in RELEASES {
        let (api, _) = stack_of(release).await;
        let admin = api.log_in("admin").await;
        for kind in ["users", "employees"] {
            reindex(&api, kind).await;
        }
        let (shown, stored) = (lists(&admin).await, api.records().await);
        let derived = [
            ("Users", ["listed", "listed_staff", "search"].as_slice()),
            ("Employees", &["by_owner", "by_owner_department", "by_shard", "by_shard_department", "search"]),
        ];

        for stale in [None, Some(json!({ "S": "stale" }))] {
            for (table, names) in derived {
                for (_, mut item) in api.items(table).await {
                    if item.get("version").is_none() {
                        continue;
                    }
                    for name in names {
                        match &stale {
                            Some(stale) => item[name] = stale.clone(),
                            None => drop(item.as_object_mut().unwrap().remove(*name)),
                        }
                    }
                    api.put_item(table, &item).await;
                }
            }
            assert_ne!(lists(&admin).await, shown);

            for (kind, count) in [("users", 7), ("employees", 3)] {
                assert_eq!(reindex(&api, kind).await, (count, count, vec![]), "{kind}, {stale:?}");
            }

            assert_eq!(lists(&admin).await, shown, "{stale:?}");
            assert_eq!(api.records().await, stored, "{stale:?}");
        }
    }
}

#[tokio::test]
async fn a_record_that_cannot_be_loaded_is_named_and_the_others_are_rewritten() {
    let api = Api::start().await;
    for name in ["ada", "bob"] {
        api.registered(name).await;
    }
    api.set("Users", |key| key.starts_with("user#"), "search", &json!({ "M": {} })).await;
    let broken = "user#01900000-0000-7000-8000-000000000000";
    api.put_item("Users", &json!({ "pk": { "S": broken }, "username": { "N": "1" } })).await;

    assert_eq!(reindex(&api, "users").await, (3, 2, vec![json!(broken)]));

    let logged = api.logged();
    let line = logged.iter().find(|line| line["event"] == "rewrite_failed").unwrap();
    assert_eq!((&line["key"], &line["level"]), (&json!(broken), &json!("ERROR")), "{line}");
}

#[tokio::test]
async fn many_records_are_rewritten_in_parts() {
    const MANY: u32 = 2_100;
    const OUTDATED: u32 = MANY / 10;
    let api = Api::start().await;
    let ada = api.signed_in().await;
    let employees = (0..MANY).map(|n| nth_employee(&ada.id(), n));
    api.store_employees(employees).await;
    let outdated = (0..OUTDATED).map(|n| {
        let mut record = records_of(&nth_employee(&ada.id(), 10 * n)).remove(0);
        record.as_object_mut().unwrap().remove("search");
        record
    });
    api.put_items("Employees", outdated).await;

    // An invocation ends before its time does, with the key of the last record it has seen to.
    let first = api.stack.invoke("reindex", json!({ "kind": "employees" })).await.unwrap();
    let position = first["position"].as_str().unwrap();
    assert!(position.starts_with("employee#"), "{first}");
    let done = first["rewritten"].as_u64().unwrap();
    assert!((1..u64::from(OUTDATED)).contains(&done), "{first}");
    let (read, rewritten, _) = reindex_after(&api, "employees", json!(position)).await;

    assert_eq!(first["read"].as_u64().unwrap() + read, u64::from(MANY));
    assert_eq!(done + rewritten, u64::from(OUTDATED));
    assert_eq!(is_rewritten(&api, "employees").await, u64::from(MANY));
    let found = ada.get("/api/employees?search=hopper&page_size=50").await;
    assert_eq!(found.body["results"].as_array().unwrap().len(), 50);
}

/// The figures are in docs/costs.md.
#[tokio::test]
async fn a_record_in_the_present_shape_is_only_read() {
    const COUNT: u32 = 100;
    let api = Api::behind_a_proxy(&[]).await;
    let ada = api.signed_in().await;
    api.store_employees((0..COUNT).map(|n| nth_employee(&ada.id(), n))).await;
    reindex(&api, "employees").await;

    let (_, calls) = api.proxy.watch(reindex(&api, "employees")).await;
    let (read, written) = calls.units_read_and_written();
    println!("{COUNT} employees in the present shape: {read} units read, {written} written");
    assert_eq!(written.total_cmp(&0.0), Ordering::Equal);
    assert!(read < f64::from(COUNT), "{read}");

    for (kind, table) in [("employees", "Employees"), ("users", "Users")] {
        api.set(
            table,
            |key| key.contains(&format!("{}#", kind.trim_end_matches('s'))),
            "search",
            &json!({ "M": {} }),
        )
        .await;
        let ((count, rewritten, _), calls) = api.proxy.watch(reindex(&api, kind)).await;
        let (read, written) = calls.units_read_and_written();
        println!("{count} {kind} without a search: {read} units read, {written} written");
        assert_eq!(rewritten, count);
    }
}

#[tokio::test]
async fn an_event_that_is_none_is_refused() {
    let api = Api::start().await;
    for event in [json!({}), json!({ "kind": "sessions" }), json!({ "kind": "users", "position": 1 })] {
        assert!(api.stack.invoke("reindex", event.clone()).await.is_err(), "{event}");
    }
}

#[expect(clippy::too_many_lines, reason = "what runs at the same time reads best in one place")]
/// Writes that go on while records are rewritten: none is lost, and nothing that was deleted comes back.
#[tokio::test(flavor = "multi_thread")]
async fn records_are_rewritten_beside_traffic() {
    const PEOPLE: usize = 6;
    const CHANGES: usize = 12;
    let api = Api::with(&unlimited()).await;
    let admin = api.staff().await;
    let mut users = Vec::new();
    let mut employees = Vec::new();
    for n in 0..PEOPLE {
        let name = format!("user{n}");
        assert_eq!(api.post("/api/register", &registration(&name)).await.status, 201);
        let user = api.log_in(&name).await;
        let body = json!({
            "first_name": "Grace", "last_name": "Hopper", "phone_number": format!("988116767{n}"),
            "email": format!("employee{n}@example.com"),
        });
        let employee = user.post("/api/employees", &body).await;
        assert_eq!(employee.status, 201, "{}", employee.text);
        employees.push(employee.body["id"].as_str().unwrap().to_owned());
        users.push(user);
    }
    let (gone_user, gone_employee) = (users[0].id(), employees[0].clone());

    // One field is the number of the change, the others show whether an earlier change was lost.
    let change_user = async |user: &User| {
        for n in 1..=CHANGES {
            let body = json!({ "first_name": format!("first{n}"), "address": format!("{n} Street") });
            assert_eq!(user.patch("/api/profile", &body).await.status, 200);
            let last_name = json!({ "last_name": format!("last{n}"), "is_active": true });
            let path = format!("/api/users/{}", user.id());
            assert_eq!(admin.patch(&path, &last_name).await.status, 200);
        }
    };
    let change_employee = async |id: &String| {
        for n in 1..=CHANGES {
            let path = format!("/api/employees/{id}");
            let body = json!({ "first_name": format!("first{n}"), "department": format!("Department{n}") });
            assert_eq!(admin.patch(&path, &body).await.status, 200);
        }
    };
    let log_in = async |n: usize| {
        for round in 0..CHANGES / 2 {
            let client = api.at([127, 0, 0, u8::try_from(round + 2).unwrap()]);
            let body = json!({ "username": format!("user{n}"), "password": PASSWORD });
            assert_eq!(client.post("/api/token", &body).await.status, 200);
        }
    };
    let traffic = async {
        futures_util::join!(
            join_all(users[1..].iter().map(change_user)),
            join_all(employees[1..].iter().map(change_employee)),
            join_all((1..PEOPLE).map(log_in)),
            async {
                assert_eq!(admin.delete(&format!("/api/employees/{gone_employee}")).await.status, 204);
                assert_eq!(admin.delete(&format!("/api/users/{gone_user}")).await.status, 204);
            },
        );
    };
    // All the while something makes records as a release wrote them that knew nothing of searches.
    let outdate = async {
        loop {
            for (table, prefix, ids) in
                [("Users", "user#", None), ("Employees", "employee#", Some(&employees))]
            {
                for n in 1..PEOPLE {
                    let id = ids.map_or_else(|| users[n].id(), |ids| ids[n].clone());
                    let update = json!({
                        "TableName": format!("rollcall-{table}"), "Key": { "pk": { "S": format!("{prefix}{id}") } },
                        "UpdateExpression": "REMOVE #search SET listed = :stale, by_owner = :stale",
                        "ExpressionAttributeNames": { "#search": "search" },
                        "ExpressionAttributeValues": { ":stale": { "S": "stale" } },
                    });
                    api.dynamodb("UpdateItem", &update).await;
                }
            }
        }
    };
    let rewrite = async {
        loop {
            for kind in ["users", "employees"] {
                let (_, _, failed) = reindex(&api, kind).await;
                assert_eq!(failed, [] as [Value; 0]);
            }
        }
    };
    tokio::select! {
        () = traffic => {}
        () = outdate => {}
        () = rewrite => {}
    }

    for kind in ["users", "employees"] {
        reindex(&api, kind).await;
        is_rewritten(&api, kind).await;
    }
    for (n, (user, employee)) in users.iter().zip(&employees).enumerate().skip(1) {
        let profile = user.profile().await;
        let last = |field: &str| json!(format!("{field}{CHANGES}"));
        assert_eq!(
            (&profile["first_name"], &profile["last_name"]),
            (&last("first"), &last("last")),
            "user{n}"
        );
        assert_eq!(profile["address"], json!(format!("{CHANGES} Street")));
        let stored = api.item("Users", &format!("user#{}", user.id())).await.unwrap();
        // Registered, and changed so often: each change counts once, and a rewriting not at all.
        assert_eq!(stored["version"]["N"], (1 + 2 * CHANGES).to_string(), "user{n}");
        assert_eq!(stored["sessions_begun"]["N"], (1 + CHANGES / 2).to_string(), "user{n}");
        let listed =
            admin.get(&format!("/api/users?search=first{CHANGES}&page_size=100")).await.body["results"]
                .clone();
        assert!(listed.as_array().unwrap().contains(&profile), "user{n}: {listed}");

        let shown = admin.get(&format!("/api/employees/{employee}")).await.body;
        assert_eq!((&shown["first_name"], &shown["department"]), (&last("first"), &last("Department")));
        let stored = api.item("Employees", &format!("employee#{employee}")).await.unwrap();
        assert_eq!(stored["version"]["N"], (1 + CHANGES).to_string());
        let listed = user.get(&format!("/api/employees?department=Department{CHANGES}")).await;
        assert_eq!(listed.body["results"], json!([shown]), "employee {n}");
    }
    assert_eq!(api.item("Users", &format!("user#{gone_user}")).await, None);
    assert_eq!(api.item("Employees", &format!("employee#{gone_employee}")).await, None);
}
