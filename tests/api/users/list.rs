//! `GET /api/users`.

use serde_json::{Value, json};

use super::{is_refused, not_authenticated, path, path_to, signed_in, staff_named};
use crate::support::{Answer, Api, User, complaint, id_text};

/// A list that fits on a page.
fn only(users: &[Value]) -> Value {
    json!({ "next": null, "previous": null, "results": users })
}

/// The usernames on a page, in their order.
#[track_caller]
fn names(answer: &Answer) -> Vec<&str> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let users = answer.body["results"].as_array().unwrap();
    users.iter().map(|user| user["username"].as_str().unwrap()).collect()
}

/// The path and query of a link, which is to this API.
fn follow(api: &Api, link: &Value) -> String {
    link.as_str().unwrap().strip_prefix(api.stack.url()).unwrap().to_owned()
}

/// Asserts which users a query finds.
async fn finds(admin: &User, query: &str, expected: &[&str]) {
    let answer = admin.get(&format!("/api/users?{query}")).await;
    assert_eq!(names(&answer), expected, "{query}");
}

async fn set(admin: &User, name: &str, change: Value) {
    let found = admin.get(&format!("/api/users?search={name}@example.com")).await;
    let id = id_text(&found.body["results"][0]["id"]);
    let answer = admin.patch(&path_to(&id), &change).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn staff_see_everybody_newest_first() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let bob = signed_in(&api, "bob").await;
    let ada = api.signed_in().await;
    let eve = staff_named(&api, "eve").await;
    admin.patch(&path(&bob), &json!({ "is_active": false })).await;
    let bob = admin.get(&path(&bob)).await.body;
    let all = [eve.profile().await, ada.profile().await, bob, admin.profile().await];

    admin.get("/api/users").await.is(200, &only(&all));
    admin.get("/api/users/").await.is(200, &only(&all));
    let [eve, ada, bob, admins] = all;
    admin.get("/api/users?ordering=created_at").await.is(200, &only(&[admins, bob, ada, eve]));
}

#[tokio::test]
async fn who_is_not_staff_sees_themselves_whatever_they_ask_for() {
    let api = Api::start().await;
    api.staff().await;
    api.registered("bob").await;
    let ada = api.signed_in().await;
    let (oneself, nobody) = (only(&[ada.profile().await]), only(&[]));

    for query in ["", "?page_size=1", "?search=ada", "?is_active=true&is_staff=0", "?ordering=created_at"] {
        ada.get(&format!("/api/users{query}")).await.is(200, &oneself);
    }
    for query in ["?search=bob", "?is_staff=true", "?is_active=no", "?is_phone_verified=true"] {
        ada.get(&format!("/api/users{query}")).await.is(200, &nobody);
    }
}

#[tokio::test]
async fn who_is_not_signed_in_sees_nobody() {
    let api = Api::start().await;
    api.registered("ada").await;

    for query in ["", "?is_staff=maybe", "?cursor=garbage"] {
        is_refused(&api, api.get(&format!("/api/users{query}")), 401, &not_authenticated()).await;
    }
}

#[tokio::test]
async fn who_is_staff_no_more_sees_themselves_at_once() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let eve = staff_named(&api, "eve").await;
    assert_eq!(names(&eve.get("/api/users").await), ["eve", "admin"]);

    assert_eq!(admin.patch(&path(&eve), &json!({ "is_staff": false })).await.status, 200);

    assert_eq!(names(&eve.get("/api/users").await), ["eve"]);
}

#[tokio::test]
async fn flags_filter() {
    let api = Api::start().await;
    let admin = api.staff().await;
    for name in ["ada", "bob", "eve"] {
        api.registered(name).await;
    }
    set(&admin, "ada", json!({ "phone_number": "9881167671", "is_phone_verified": true })).await;
    set(&admin, "bob", json!({ "is_active": false, "phone_number": "9101234567" })).await;
    set(&admin, "eve", json!({ "is_active": false, "is_staff": true })).await;

    for (query, expected) in [
        ("is_active=true", &["ada", "admin"][..]),
        ("is_active=false", &["eve", "bob"]),
        ("is_staff=true", &["eve", "admin"]),
        ("is_staff=false", &["bob", "ada"]),
        ("is_active=true&is_staff=true", &["admin"]),
        ("is_active=false&is_staff=false", &["bob"]),
        ("is_phone_verified=true", &["ada"]),
        ("is_phone_verified=false", &["eve", "bob", "admin"]),
        ("is_phone_verified=0&is_active=YES", &["admin"]),
        ("is_phone_verified=true&is_staff=true", &[]),
        ("is_active=", &["eve", "bob", "ada", "admin"]),
    ] {
        finds(&admin, query, expected).await;
    }
}

#[tokio::test]
async fn staff_are_found_without_reading_everybody() {
    let api = Api::behind_a_proxy(&[]).await;
    let admin = api.staff().await;
    api.registered("ada").await;

    for (query, partitions) in [("is_staff=true", 2), ("is_staff=true&is_active=true", 1)] {
        let (answer, calls) = api.proxy.watch(admin.get(&format!("/api/users?{query}"))).await;
        assert_eq!(names(&answer), ["admin"]);
        assert_eq!(calls.of("Query"), partitions, "{calls}");
        assert_eq!(calls.to_string().matches("Users/listed_staff").count(), partitions, "{calls}");
    }
}

#[tokio::test]
async fn a_flag_is_true_or_false() {
    let api = Api::start().await;
    let (admin, ada) = (api.staff().await, api.signed_in().await);

    for flag in ["is_active", "is_staff", "is_phone_verified"] {
        for user in [&admin, &ada] {
            let answer = user.get(&format!("/api/users?{flag}=maybe")).await;
            answer.is(400, &complaint(flag, "Must be a valid boolean."));
        }
    }
}

#[tokio::test]
async fn a_search_finds_each_of_its_words_in_one_of_the_fields() {
    let api = Api::start().await;
    let admin = api.staff().await;
    for name in ["ada", "bob"] {
        api.registered(name).await;
    }
    let ada = json!({
        "first_name": "Ada", "last_name": "L\u{f6}velace", "phone_number": "9881167671", "address": "Marylebone",
    });
    set(&admin, "ada", ada).await;
    set(&admin, "bob", json!({ "first_name": "Robert", "last_name": "Ada-Smith" })).await;

    for (query, expected) in [
        ("search=robert", &["bob"][..]),
        // Whose username it is comes first.
        ("search=ADA", &["ada", "bob"]),
        ("search=%20bert%20%20smi%20", &["bob"]),
        ("search=ada,l%C3%B6ve", &["ada"]),
        ("search=L%C3%96VE", &["ada"]),
        // The same letter, decomposed.
        ("search=lo%CC%88ve", &["ada"]),
        ("search=8811676", &["ada"]),
        ("search=%2B9198", &["ada"]),
        ("search=@example.com", &["bob", "ada", "admin"]),
        ("search=admin", &["admin"]),
        ("search=ada%20robert%20nobody", &[]),
        ("search=marylebone", &[]),
        ("search=%25", &[]),
        ("search=*", &[]),
        ("search=", &["bob", "ada", "admin"]),
        ("search=ada&is_phone_verified=false&is_staff=false", &["ada", "bob"]),
    ] {
        finds(&admin, query, expected).await;
    }
}

#[tokio::test]
async fn a_search_has_its_longest() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let words = "Ensure this field has no more than 150 characters.";

    finds(&admin, &format!("search={}", "a".repeat(150)), &[]).await;
    let answer = admin.get(&format!("/api/users?search={}", "a".repeat(151))).await;
    answer.is(400, &complaint("search", words));
}

#[tokio::test]
async fn a_change_is_in_the_list_at_once() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let ada = api.signed_in().await;
    let changed = admin
        .patch(&path(&ada), &json!({ "username": "countess", "first_name": "Augusta", "is_staff": true }))
        .await;

    let listed = admin.get("/api/users").await;
    assert_eq!(listed.body["results"][0], changed.body);
    finds(&admin, "search=augusta", &["countess"]).await;
    finds(&admin, "search=countess&is_staff=true", &["countess"]).await;
    finds(&admin, "is_staff=false", &[]).await;

    ada.patch("/api/profile", &json!({ "email": "new@example.com" })).await;
    api.verify_by(&ada, "new@example.com").await;
    finds(&admin, "search=new@example.com", &["countess"]).await;
    finds(&admin, "search=ada@example.com", &[]).await;

    assert_eq!(ada.delete(&path(&ada)).await.status, 204);
    finds(&admin, "", &["admin"]).await;
}

#[tokio::test]
async fn who_lost_an_address_is_not_found_by_it() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let mut body = crate::support::registration("ada");
    body["phone_number"] = json!("9881167671");
    assert_eq!(api.post("/api/register", &body).await.status, 201);
    api.let_code_expire("verify_email", "ada@example.com").await;
    let lapses = |key: &str| key == "email#ada@example.com" || key == "phone#+919881167671";
    api.set("Users", lapses, "reserved_until", &json!({ "N": "1000000000" })).await;
    body["username"] = json!("bob");
    assert_eq!(api.post("/api/register", &body).await.status, 201);

    finds(&admin, "search=ada@example.com", &["bob"]).await;
    finds(&admin, "search=9881167671", &["bob"]).await;
    finds(&admin, "search=ada", &["ada", "bob"]).await;
}

#[tokio::test]
async fn pages_lead_through_the_list_and_back() {
    let api = Api::start().await;
    let admin = api.staff().await;
    for name in ["ada", "bob", "cleo", "dora"] {
        api.registered(name).await;
    }
    set(&admin, "bob", json!({ "is_active": false })).await;

    let first = admin.get("/api/users?page_size=2").await;
    assert_eq!((names(&first), &first.body["previous"]), (vec!["dora", "cleo"], &Value::Null));
    // Who comes meanwhile moves nobody to another page.
    api.registered("eve").await;
    let second = admin.get(&follow(&api, &first.body["next"])).await;
    assert_eq!(names(&second), ["bob", "ada"]);
    let third = admin.get(&follow(&api, &second.body["next"])).await;
    assert_eq!((names(&third), &third.body["next"]), (vec!["admin"], &Value::Null));
    let back = admin.get(&follow(&api, &third.body["previous"])).await;
    assert_eq!(names(&back), ["bob", "ada"]);
    let back = admin.get(&follow(&api, &back.body["previous"])).await;
    assert_eq!(names(&back), ["dora", "cleo"]);
    let newer = admin.get(&follow(&api, &back.body["previous"])).await;
    assert_eq!((names(&newer), &newer.body["previous"]), (vec!["eve"], &Value::Null));
}

#[tokio::test]
async fn a_cursor_is_good_for_its_own_caller_alone() {
    let api = Api::start().await;
    let admin = api.staff().await;
    let eve = staff_named(&api, "eve").await;
    let ada = api.signed_in().await;
    let first = admin.get("/api/users?page_size=1").await;
    let next = follow(&api, &first.body["next"]);
    assert_eq!(names(&admin.get(&next).await), ["eve"]);
    let invalid = json!({ "detail": "Invalid cursor" });

    for user in [&eve, &ada] {
        user.get(&next).await.is(404, &invalid);
        user.get("/api/users?cursor=garbage").await.is(404, &invalid);
    }
    let (start, cursor) = next.split_once("cursor=").unwrap();
    let other = if cursor.starts_with('B') { "A" } else { "B" };
    admin.get(&format!("{start}cursor={other}{}", &cursor[1..])).await.is(404, &invalid);
}
