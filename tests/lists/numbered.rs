//! Numbered pages, `ListFormat=page`: Django REST Framework's `PageNumberPagination`.

use serde_json::{Value, json};

use super::{List, down, for_each_list_with, up};
use crate::{
    model::chance,
    support::{
        Api,
        employee::{nth_employee, number_in},
    },
};

const PAGE: [(&str, &str); 1] = [("ListFormat", "page")];

/// A numbered page.
#[derive(Debug, PartialEq)]
struct Page {
    count: usize,
    numbers: Vec<u32>,
    next: Value,
    previous: Value,
}

async fn page(list: &List<'_>, parameters: &str) -> Page {
    let answer = list.answer(parameters).await;
    assert_eq!(answer.status, 200, "{parameters}: {}", answer.text);
    let numbers =
        answer.body["results"].as_array().unwrap().iter().map(|row| number_in(&row["id"])).collect();
    let count = answer.body["count"].as_u64().unwrap().try_into().unwrap();
    Page { count, numbers, next: answer.body["next"].clone(), previous: answer.body["previous"].clone() }
}

async fn is_invalid(list: &List<'_>, parameters: &str) {
    list.answer(parameters).await.is(404, &json!({ "detail": "Invalid page." }));
}

/// How often a counter was wrong.
fn complaints(api: &Api) -> usize {
    api.logged().iter().filter(|line| line["event"] == "count_wrong").count()
}

#[tokio::test]
async fn a_page_has_its_neighbours_and_the_number_of_all_rows() {
    for_each_list_with(&PAGE, async |list| {
        list.insert(0..25).await;
        list.set_count(25).await;
        let (path, filter) = list.path.split_once('?').unwrap();
        let url = format!("{}{path}", list.api.stack.url());
        let link = |page: usize| match page {
            1 => json!(format!("{url}?{filter}&page_size=10")),
            // In the order of the names.
            page => json!(format!("{url}?{filter}&page={page}&page_size=10")),
        };

        for (number, numbers, next, previous) in [
            ("", down(24, 15), link(2), Value::Null),
            ("&page=1", down(24, 15), link(2), Value::Null),
            ("&page=2", down(14, 5), link(3), link(1)),
            ("&page=3", down(4, 0), Value::Null, link(2)),
            ("&page=last", down(4, 0), Value::Null, link(2)),
            ("&page=+3", down(4, 0), Value::Null, link(2)),
            ("&page=9&page=2", down(14, 5), link(3), link(1)),
        ] {
            let expected = Page { count: 25, numbers, next, previous };
            assert_eq!(page(list, &format!("&page_size=10{number}")).await, expected, "{number}");
        }
        assert_eq!(page(list, "&page_size=10&page=last&ordering=id").await.numbers, up(20, 24));
        assert_eq!(page(list, "").await.numbers, down(24, 5));
        assert_eq!(page(list, "&page=2").await.numbers, down(4, 0));
        assert_eq!(complaints(list.api), 0);
    })
    .await;
}

#[tokio::test]
async fn the_body_is_that_of_django_rest_framework() {
    let api = Api::with(&PAGE).await;
    let ada = api.signed_in().await;

    let answer = ada.get("/api/employees").await;
    assert_eq!(answer.text, r#"{"count":0,"next":null,"previous":null,"results":[]}"#);
    assert_eq!(ada.get("/api/employees?page=last").await.text, answer.text);
    ada.get("/api/users")
        .await
        .is(200, &json!({ "count": 1, "next": null, "previous": null, "results": [ada.profile().await] }));
    let invalid = json!({ "detail": "Invalid page." });
    for page in ["2", "0", "-1", "x", "1.0"] {
        for path in ["/api/users", "/api/employees"] {
            ada.get(&format!("{path}?page={page}")).await.is(404, &invalid);
        }
    }
}

#[tokio::test]
async fn a_page_that_is_not_there_is_invalid() {
    for_each_list_with(&PAGE, async |list| {
        list.insert(0..5).await;
        list.set_count(5).await;

        for number in ["0", "-1", "4", "x", "1.5", "first", "LAST", "18446744073709551616", "%F0%9F%98%80"] {
            is_invalid(list, &format!("&page_size=2&page={number}")).await;
        }
        // A cursor is no parameter here.
        assert_eq!(page(list, "&page_size=2&page=3&cursor=x").await.numbers, [0]);
    })
    .await;
}

#[tokio::test]
async fn the_first_page_is_alone_in_its_url_without_other_parameters() {
    let api = Api::with(&PAGE).await;
    let ada = api.signed_in().await;
    api.store_employees((0..21).map(|n| nth_employee(&ada.id(), n))).await;
    let url = format!("{}/api/employees", api.stack.url());

    let second = ada.get("/api/employees?page=2").await;
    assert_eq!(second.body["previous"], url);
    let first = ada.get("/api/employees").await;
    assert_eq!(first.body["next"], format!("{url}?page=2"));
    // What is given twice stays in its order: the last counts.
    let first = ada.get("/api/employees?x=b&page_size=2&x=a&page_size=20&search=").await;
    assert_eq!(first.body["next"], format!("{url}?page=2&page_size=2&page_size=20&search=&x=b&x=a"));
}

/// The rows lie in the partitions by chance, so that one may be empty, and another all there is.
#[tokio::test]
async fn the_pages_are_the_list_wherever_its_rows_lie() {
    fastrand::seed(chance().u64(..));
    for_each_list_with(&PAGE, async |list| {
        for (from, to) in [(0, 450), (1_000, 1_040)] {
            list.delete(0..1_040).await;
            let (step, others) = (fastrand::u32(1..5), fastrand::u32(..10));
            let is_in = |n: &u32| n.is_multiple_of(step) || fastrand::u32(..10) < others;
            let mut rows: Vec<u32> = (from..to).filter(is_in).collect();
            list.insert(rows.iter().copied()).await;
            list.set_count(rows.len()).await;
            rows.reverse();
            let size = [1 + rows.len() / 7, 100, 37][fastrand::usize(..3)].min(100);
            let pages: Vec<&[u32]> = rows.chunks(size).collect();
            for (at, expected) in pages.iter().enumerate() {
                let shown = page(list, &format!("&page_size={size}&page={}", at + 1)).await;
                assert_eq!(
                    (shown.count, &shown.numbers[..]),
                    (rows.len(), *expected),
                    "page {at} of {size}: {step}, {others}"
                );
            }
            is_invalid(list, &format!("&page_size={size}&page={}", pages.len() + 1)).await;
        }
        assert_eq!(complaints(list.api), 0);
    })
    .await;
}

#[tokio::test]
async fn what_was_read_holds_when_the_counter_is_wrong() {
    for_each_list_with(&PAGE, async |list| {
        // The list of staff has no counter, and so no wrong one.
        let has_counter = !list.path.contains("is_staff");
        list.insert(0..25).await;
        for (counted, number, count, numbers) in [
            (0, "1", 25, down(24, 0)),
            (90, "1", 25, down(24, 0)),
            (90, "3", 25, down(4, 0)),
            (90, "2", 25, down(14, 5)),
        ] {
            list.set_count(counted).await;
            let before = complaints(list.api);
            let size = if count == numbers.len() { 100 } else { 10 };
            let shown = page(list, &format!("&page_size={size}&page={number}")).await;
            if !has_counter {
                assert_eq!((shown.count, shown.numbers), (count, numbers), "{counted}, {number}");
                continue;
            }
            // A page in the middle does not show how long the list is.
            let is_shown = number != "2";
            if is_shown {
                assert_eq!((shown.count, shown.numbers), (count, numbers), "{counted}, {number}");
                assert!(complaints(list.api) > before, "{counted}, {number}");
            } else {
                assert_eq!(shown.numbers, numbers);
            }
        }
        list.set_count(90).await;
        // From the beginning, and from the end.
        is_invalid(list, "&page_size=10&page=4").await;
        is_invalid(list, "&page_size=10&page=7").await;
    })
    .await;
}

#[tokio::test]
async fn a_filter_and_a_search_are_counted() {
    let api = Api::with(&PAGE).await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    let employees = (0..120).map(|n| {
        let mut employee = nth_employee(&ada.id(), n);
        employee["department"] = json!(if n % 2 == 0 { "Sales" } else { "Stores" });
        employee["is_phone_verified"] = json!(n % 4 == 0);
        employee["last_name"] = json!(if n < 40 { "Turing" } else { "Hopper" });
        employee
    });
    api.store_employees(employees).await;

    for client in [&ada, &admin] {
        for (query, count) in [
            ("", 120),
            ("department=Sales", 60),
            ("is_phone_verified=true", 30),
            ("department=Sales&is_phone_verified=false", 30),
            ("search=turing", 40),
            ("search=turing&department=Stores", 20),
            ("search=nobody", 0),
        ] {
            let mut seen = Vec::new();
            let mut path = format!("/api/employees?{query}&page_size=13&ordering=id");
            loop {
                let answer = client.get(&path).await;
                assert_eq!((answer.status, &answer.body["count"]), (200, &json!(count)), "{}", answer.text);
                seen.extend(
                    answer.body["results"].as_array().unwrap().iter().map(|row| number_in(&row["id"])),
                );
                let Some(next) = answer.body["next"].as_str() else { break };
                path = next.strip_prefix(api.stack.url()).unwrap().to_owned();
            }
            assert_eq!(seen.len(), count, "{query}");
            assert!(seen.is_sorted() && seen.array_windows().all(|[a, b]| a < b), "{query}: {seen:?}");
        }
    }
}
