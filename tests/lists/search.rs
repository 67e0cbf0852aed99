//! A search for an exact identifier: the record that has it comes first, at the cost of one or two reads.

use serde_json::{Value, json};

use crate::support::{
    Api, Client,
    employee::{employee, nth_employee, nth_id},
    id_text, stored_id,
};

const FORMATS: [&str; 3] = ["cursor", "page", "array"];

fn query(search: &str) -> String {
    let url = reqwest::Url::parse_with_params("http://127.0.0.1", [("search", search)]).unwrap();
    url.query().unwrap().to_owned()
}

/// The ids in all pages of a list, or arrays, and how many records the first of them says that there are.
async fn walk(api: &Api, client: &Client, path: &str) -> (Vec<Value>, Option<u64>) {
    let mut path = path.to_owned();
    let (mut ids, mut count) = (Vec::new(), None);
    loop {
        let answer = client.get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        let records = answer.body["results"].as_array().or(answer.body.as_array()).unwrap();
        ids.extend(records.iter().map(|record| record["id"].clone()));
        count = count.or(answer.body["count"].as_u64());
        let link = answer.header("link").split(['<', '>']).nth(1).map(str::to_owned);
        let Some(next) = answer.body["next"].as_str().map(str::to_owned).or(link) else {
            return (ids, count);
        };
        next.strip_prefix(api.stack.url()).unwrap().clone_into(&mut path);
    }
}

/// A hundred users whose names contain that of one who came before them.
async fn crowd(api: &Api) -> Value {
    let ada = api.registered("ada").await;
    let pattern = api.item("Users", &format!("user#{}", stored_id(&ada["id"]))).await.unwrap();
    let others = (0..100).map(|n| {
        let (mut user, id) = (pattern.clone(), nth_id(n));
        user["pk"] = json!({ "S": format!("user#{id}") });
        user["id"] = json!({ "S": id });
        for (field, value) in
            [("username", format!("ada{n}")), ("email", format!("the-other-ada@example.com.n{n}"))]
        {
            user[field] = json!({ "S": value });
            user["search"]["M"][field] = json!({ "S": value });
        }
        user
    });
    api.put_items("Users", others).await;
    ada
}

#[tokio::test]
async fn a_user_is_found_by_their_identifier_before_all_others() {
    for format in FORMATS {
        let api = Api::with(&[("ListFormat", format)]).await;
        let (ada, admin) = (crowd(&api).await, api.staff().await);
        let path = format!("/api/users/{}", id_text(&ada["id"]));
        let changed = admin.patch(&path, &json!({ "phone_number": "9881167671" })).await;
        assert_eq!(changed.status, 200, "{}", changed.text);

        for (search, others) in [
            ("ada", 100),
            ("ADA", 100),
            ("ada@example.com", 100),
            (" Ada@Example.com ", 100),
            ("9881167671", 0),
            ("+91 98811 67671", 0),
            ("098811-67671", 0),
        ] {
            for size in [1, 7, 100] {
                let path = format!("/api/users?page_size={size}&{}", query(search));
                let (ids, count) = walk(&api, &admin, &path).await;
                assert_eq!(ids.first(), Some(&ada["id"]), "{format}, {search}");
                assert_eq!(
                    ids.iter().filter(|id| **id == ada["id"]).count(),
                    1,
                    "{format}, {search}, {size}"
                );
                assert_eq!(ids.len(), 1 + others, "{format}, {search}, {size}");
                assert_eq!(count, (format == "page").then_some(1 + others as u64));
            }
        }
        for search in ["ada", "ada@example.com", "9881167671"] {
            for filter in ["is_active=false", "is_staff=true", "is_phone_verified=true"] {
                let (ids, _) = walk(&api, &admin, &format!("/api/users?{filter}&{}", query(search))).await;
                assert!(!ids.contains(&ada["id"]), "{format}, {search}, {filter}");
            }
        }
        let (ids, _) =
            walk(&api, &admin, &format!("/api/users?is_active=true&is_staff=0&{}", query("ada"))).await;
        assert_eq!(ids.first(), Some(&ada["id"]));
    }
}

#[tokio::test]
async fn the_way_back_through_a_search_ends_with_who_is_found_first() {
    let api = Api::start().await;
    let (ada, admin) = (crowd(&api).await, api.staff().await);
    let follow = async |link: &Value| {
        let path = link.as_str().unwrap().strip_prefix(api.stack.url()).unwrap();
        admin.get(path).await.body
    };

    let first = admin.get("/api/users?search=ada&page_size=10").await.body;
    let second = follow(&first["next"]).await;
    let third = follow(&second["next"]).await;
    let second_again = follow(&third["previous"]).await;
    assert_eq!(second_again["results"], second["results"]);
    let first_again = follow(&second_again["previous"]).await;
    assert_eq!((&first_again["results"], &first_again["previous"]), (&first["results"], &Value::Null));
    assert_eq!(first["results"][0]["id"], ada["id"]);
}

#[tokio::test]
async fn an_address_that_waits_for_its_code_finds_nobody() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    assert_eq!(ada.patch("/api/profile", &json!({ "email": "new@example.com" })).await.status, 200);

    assert_eq!(admin.get("/api/users?search=new@example.com").await.body["results"], json!([]));
}

#[tokio::test]
async fn an_employee_is_found_by_their_identifier_by_who_may_see_them() {
    for format in FORMATS {
        let api = Api::with(&[("ListFormat", format)]).await;
        let (ada, bob, admin) = (api.signed_in().await, api.another().await, api.staff().await);
        let mut body = employee("9881167671");
        body["email"] = json!("grace@example.com");
        body["department"] = json!("Navy");
        let grace = ada.employs(&body).await;
        let others = (0..60).map(|n| {
            let mut other = nth_employee(&ada.id(), n);
            other["email"] = json!(format!("grace@example.com.n{n}"));
            other
        });
        api.store_employees(others).await;

        for (search, others) in [("grace@example.com", 60), ("GRACE@example.com", 60), ("098811 67671", 0)] {
            for client in [&ada, &admin] {
                let path = format!("/api/employees?page_size=7&ordering=id&{}", query(search));
                let (ids, count) = walk(&api, client, &path).await;
                assert_eq!((ids.first(), ids.len()), (Some(&grace["id"]), 1 + others), "{format}, {search}");
                assert_eq!(count, (format == "page").then_some(1 + others as u64));
                for (filter, is_found) in [
                    ("department=Navy", true),
                    ("department=Army", false),
                    ("is_phone_verified=true", false),
                    ("is_phone_verified=false", true),
                    ("department=Navy&is_phone_verified=true", false),
                ] {
                    let path = format!("/api/employees?{filter}&{}", query(search));
                    let (ids, _) = walk(&api, client, &path).await;
                    assert_eq!(ids.contains(&grace["id"]), is_found, "{format}, {search}, {filter}");
                }
            }
            let (ids, _) = walk(&api, &bob, &format!("/api/employees?{}", query(search))).await;
            assert_eq!(ids, [] as [Value; 0], "{format}, {search}");
        }
    }
}

#[tokio::test]
async fn it_takes_two_reads() {
    let api = Api::behind_a_proxy(&[]).await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    ada.employs(&employee("9881167671")).await;

    for (path, reads) in [
        // One for the caller.
        ("/api/users?search=ada", 3),
        ("/api/users?search=ad", 2),
        ("/api/users?search=ada%20lovelace", 1),
        ("/api/employees?search=9881167671", 3),
        ("/api/employees?search=9881167672", 2),
        ("/api/employees?search=ada", 1),
    ] {
        admin.get(path).await;
        let (answer, calls) = api.proxy.watch(admin.get(path)).await;
        assert_eq!((answer.status, calls.of("BatchGetItem")), (200, reads), "{path}\n{calls}");
    }
}
