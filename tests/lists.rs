//! What holds for every list: its order, its pages, its cursors and its links.

mod array;
mod count;
mod numbered;
mod search;
mod visibility;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{
    Answer, Api, PASSWORD, User,
    employee::{employee, nth_employee, nth_id, number_in, records},
    root, stored_id, token,
};

/// A list with numbered rows in it, of which the highest is the newest, and a user who sees it.
struct List<'a> {
    api: &'a Api,
    reader: &'a User,
    /// With a query, so that nothing else is in the list.
    path: &'static str,
    table: &'static str,
    /// What it is called where its rows are counted.
    counter: String,
    /// A row, as it is stored.
    row: Box<dyn Fn(u32) -> Value>,
}

/// A page of such a list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Page {
    numbers: Vec<u32>,
    next: Option<String>,
    previous: Option<String>,
}

impl<'a> List<'a> {
    /// Half of them, two by two, with a number that is proven: they lie in all partitions of the list.
    fn of_employees(api: &'a Api, reader: &'a User) -> Self {
        let owner = reader.stored_id();
        let counter =
            if token::claims(&reader.access)["staff"] == true { "employees" } else { &owner }.to_owned();
        let row = move |n| {
            let mut employee = nth_employee(&owner, n);
            employee["is_phone_verified"] = json!(n / 2 % 2 == 0);
            records(&employee).swap_remove(0)
        };
        let row = Box::new(row);
        Self { api, reader, path: "/api/employees?format=json", table: "Employees", counter, row }
    }

    /// They lie in both partitions, and are staff, if the path says so. Its reader is in no list.
    async fn of_users(api: &'a Api, reader: &'a User, path: &'static str) -> Self {
        let key = format!("user#{}", stored_id(&api.registered("pattern").await["id"]));
        let pattern = api.item("Users", &key).await.unwrap();
        api.delete_items("Users", |other| other == key).await;
        let mut unlisted = api.item("Users", &format!("user#{}", reader.stored_id())).await.unwrap();
        for index in ["listed", "listed_staff"] {
            unlisted.as_object_mut().unwrap().remove(index);
        }
        api.put_items("Users", [unlisted]).await;
        let index = if path.contains("is_staff") { "listed_staff" } else { "listed" };
        let row = move |n| {
            let mut user = pattern.clone();
            let id = nth_id(n);
            user["pk"] = json!({ "S": format!("user#{id}") });
            user["id"] = json!({ "S": id });
            user.as_object_mut().unwrap().remove("listed");
            user[index] = json!({ "S": if n % 2 == 0 { "active" } else { "inactive" } });
            user
        };
        Self { api, reader, path, table: "Users", counter: "users".to_owned(), row: Box::new(row) }
    }

    /// The path without its query.
    fn bare_path(&self) -> &'static str {
        self.path.split_once('?').unwrap().0
    }

    /// Puts rows into the list.
    async fn insert(&self, numbers: impl IntoIterator<Item = u32>) {
        let rows = numbers.into_iter().map(|n| (self.row)(n));
        self.api.put_items(self.table, rows).await;
    }

    /// Says how many rows were counted.
    async fn set_count(&self, number: usize) {
        self.api.set_count(self.table, &self.counter, number).await;
    }

    /// Takes rows out of the list.
    async fn delete(&self, numbers: impl IntoIterator<Item = u32>) {
        let ids: Vec<String> = numbers.into_iter().map(nth_id).collect();
        self.api.delete_items(self.table, |key| ids.iter().any(|id| key.ends_with(&format!("#{id}")))).await;
    }

    /// What the reader hears for more parameters.
    async fn answer(&self, parameters: &str) -> Answer {
        self.reader.get(&format!("{}{parameters}", self.path)).await
    }

    async fn page(&self, parameters: &str) -> Page {
        Page::read(&self.answer(parameters).await)
    }

    /// The page after another.
    async fn next(&self, page: &Page) -> Page {
        self.follow(page.next.as_deref()).await
    }

    /// The page before another.
    async fn previous(&self, page: &Page) -> Page {
        self.follow(page.previous.as_deref()).await
    }

    async fn follow(&self, link: Option<&str>) -> Page {
        let path = link.expect("a link").strip_prefix(self.api.stack.url()).unwrap();
        Page::read(&self.reader.get(path).await)
    }

    /// The cursor to a second page.
    async fn cursor(&self) -> String {
        cursor_in(&self.page("&page_size=1").await.next.unwrap()).to_owned()
    }

    /// Asserts that a cursor is none.
    async fn refuses(&self, cursor: &str) {
        self.answer(&format!("&cursor={cursor}")).await.is(404, &json!({ "detail": "Invalid cursor" }));
    }
}

impl Page {
    fn read(answer: &Answer) -> Self {
        assert_eq!(answer.status, 200, "{}", answer.text);
        let link = |name: &str| answer.body[name].as_str().map(str::to_owned);
        let rows = answer.body["results"].as_array().unwrap();
        let numbers = rows.iter().map(|row| number_in(&row["id"])).collect();
        Self { numbers, next: link("next"), previous: link("previous") }
    }
}

fn cursor_in(link: &str) -> &str {
    let (_, query) = link.split_once("?cursor=").expect(link);
    query.split('&').next().unwrap()
}

/// Runs a test for every list, each in a stack of its own: the employees of one owner, and for staff all employees, all users
/// and all staff.
async fn for_each_list(test: impl AsyncFn(&List<'_>)) {
    for_each_list_with(&[], test).await;
}

/// The same with other parameters.
async fn for_each_list_with(parameters: &[(&str, &str)], test: impl AsyncFn(&List<'_>)) {
    let api = Api::with(parameters).await;
    test(&List::of_employees(&api, &api.signed_in().await)).await;
    let api = Api::with(parameters).await;
    test(&List::of_employees(&api, &api.staff().await)).await;
    let api = Api::with(parameters).await;
    test(&List::of_users(&api, &api.staff().await, "/api/users?format=json").await).await;
    let api = Api::with(parameters).await;
    test(&List::of_users(&api, &api.staff().await, "/api/users?is_staff=true").await).await;
}

fn down(from: u32, to: u32) -> Vec<u32> {
    (to..=from).rev().collect()
}

fn up(from: u32, to: u32) -> Vec<u32> {
    (from..=to).collect()
}

#[tokio::test]
async fn the_newest_come_first_unless_the_oldest_are_asked_for() {
    for_each_list(async |list| {
        list.insert(0..5).await;

        let down_by = ["-created_at", "-id", "-date_joined", "", "first_name", "first_name,-id,created_at"];
        for ordering in down_by {
            assert_eq!(list.page(&format!("&ordering={ordering}")).await.numbers, down(4, 0), "{ordering}");
        }
        assert_eq!(list.page("").await.numbers, down(4, 0));
        for ordering in ["created_at", "id", "date_joined", "-first_name, id", "-id&ordering=id"] {
            assert_eq!(list.page(&format!("&ordering={ordering}")).await.numbers, up(0, 4), "{ordering}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_oldest_can_come_first_by_default() {
    for_each_list_with(&[("Ordering", "oldest")], async |list| {
        list.insert(0..5).await;

        assert_eq!(list.page("").await.numbers, up(0, 4));
        assert_eq!(list.page("&ordering=first_name").await.numbers, up(0, 4));
        assert_eq!(list.page("&ordering=-id").await.numbers, down(4, 0));
    })
    .await;
}

#[tokio::test]
async fn of_a_parameter_that_is_given_twice_the_last_counts() {
    for_each_list(async |list| {
        list.insert(0..9).await;

        let first = list.page("&page_size=1&ordering=created_at&page_size=3&ordering=-created_at").await;
        assert_eq!(first.numbers, down(8, 6));
        // And it still does in the links.
        assert_eq!(list.next(&first).await.numbers, down(5, 3));
        assert_eq!(list.page("&page_size=1&page_size=").await.numbers.len(), 9);
    })
    .await;
}

#[tokio::test]
async fn a_page_number_is_refused_where_pages_have_none() {
    for_each_list(async |list| {
        list.insert(0..3).await;

        for page in ["1", "", "01", "0&page=1"] {
            assert_eq!(list.page(&format!("&page={page}")).await.numbers, down(2, 0), "{page}");
        }
        for page in ["2", "0", "-1", "x", "last", "1.0", "1&page=2", "99999999999999999999"] {
            let answer = list.answer(&format!("&page={page}")).await;
            answer.is(404, &json!({ "detail": "Invalid page." }));
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_has_as_many_rows_as_are_asked_for_within_limits() {
    for_each_list(async |list| {
        list.insert(0..105).await;

        for (parameters, size) in [
            ("", 20),
            ("&page_size=1", 1),
            ("&page_size=99", 99),
            ("&page_size=100", 100),
            ("&page_size=101", 100),
            ("&page_size=4294967297", 100),
            ("&page_size=0", 20),
            ("&page_size=-1", 20),
            ("&page_size=1.5", 20),
            ("&page_size=x", 20),
            ("&page_size=", 20),
        ] {
            let page = list.page(parameters).await;
            assert_eq!(page.numbers, down(104, 105 - size), "{parameters}");
            assert!(page.next.is_some() && page.previous.is_none());
        }
    })
    .await;
}

#[tokio::test]
async fn the_links_lead_to_every_row_once_in_both_directions() {
    for_each_list(async |list| {
        list.insert(0..25).await;
        let newest_first = [down(24, 15), down(14, 5), down(4, 0)];
        let oldest_first = [up(0, 9), up(10, 19), up(20, 24)];
        for (ordering, expected) in [("-created_at", newest_first), ("created_at", oldest_first)] {
            let mut there = vec![list.page(&format!("&page_size=10&ordering={ordering}")).await];
            while let Some(page) = there.last().filter(|page| page.next.is_some()) {
                there.push(list.next(page).await);
            }
            let mut back = vec![there.last().unwrap().clone()];
            while let Some(page) = back.last().filter(|page| page.previous.is_some()) {
                back.push(list.previous(page).await);
            }

            let numbers = |pages: &[Page]| pages.iter().map(|page| page.numbers.clone()).collect::<Vec<_>>();
            assert_eq!(numbers(&there), expected);
            assert_eq!(there[0].previous, None);
            back.reverse();
            assert_eq!(numbers(&back), expected);
            // And there again, from a page that was reached on the way back.
            assert_eq!(list.next(&back[0]).await.numbers, expected[1]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_page_that_ends_with_the_list_has_no_next() {
    for_each_list(async |list| {
        list.insert(0..20).await;

        let first = list.page("&page_size=10").await;
        let last = list.next(&first).await;

        assert_eq!((&last.numbers, &last.next), (&down(9, 0), &None));
        assert_eq!(list.page("").await, Page { numbers: down(19, 0), next: None, previous: None });
    })
    .await;
}

#[tokio::test]
async fn the_row_at_which_a_cursor_stands_may_be_deleted() {
    for_each_list(async |list| {
        list.insert(0..9).await;
        let first = list.page("&page_size=3").await;
        let second = list.next(&first).await;
        assert_eq!((&first.numbers, &second.numbers), (&down(8, 6), &down(5, 3)));

        // The last of the first page and the first of the second: the places of `next` and `previous`.
        list.delete([6, 5]).await;

        assert_eq!(list.next(&first).await.numbers, down(4, 2));
        let back = list.previous(&second).await;
        assert_eq!((&back.numbers, &back.previous), (&down(8, 7), &None));
        assert_eq!(list.next(&back).await.numbers, down(4, 2));
    })
    .await;
}

#[tokio::test]
async fn a_whole_page_may_be_deleted() {
    for_each_list(async |list| {
        for is_oldest_first in [false, true] {
            // Whichever way the list is read, it begins with 11 and ends with 0.
            let row = |n: u32| if is_oldest_first { 11 - n } else { n };
            let rows = |numbers: Vec<u32>| numbers.into_iter().map(row).collect::<Vec<_>>();
            let ordering = if is_oldest_first { "created_at" } else { "-created_at" };
            list.insert(0..12).await;
            let first = list.page(&format!("&page_size=3&ordering={ordering}")).await;
            let second = list.next(&first).await;

            list.delete(rows(down(5, 3))).await;
            let third = list.next(&second).await;
            assert_eq!(third.numbers, rows(down(2, 0)));
            assert_eq!(list.previous(&third).await.numbers, rows(down(8, 6)));

            // Nothing is left behind the second page, and the way back begins with its last row.
            list.delete(rows(down(2, 0))).await;
            let behind = list.next(&second).await;
            assert_eq!((&behind.numbers, &behind.next), (&vec![], &None));
            assert_eq!(list.previous(&behind).await.numbers, rows(down(8, 6)));

            // Nor before it: the way on begins with its first row.
            list.delete(rows(down(11, 9))).await;
            let before = list.previous(&second).await;
            assert_eq!((&before.numbers, &before.previous), (&vec![], &None));
            assert_eq!(list.next(&before).await.numbers, rows(down(8, 6)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_new_row_moves_no_page() {
    for_each_list(async |list| {
        list.insert((0..9).filter(|n| *n != 4)).await;
        let first = list.page("&page_size=3").await;
        let second = list.next(&first).await;
        assert_eq!(second.numbers, [5, 3, 2]);

        list.insert([4, 9]).await;

        assert_eq!(list.next(&first).await.numbers, down(5, 3));
        let back = list.previous(&second).await;
        assert_eq!(back.numbers, down(8, 6));
        let before = list.previous(&back).await;
        assert_eq!((&before.numbers, &before.previous), (&vec![9], &None));
        assert_eq!(list.next(&before).await.numbers, down(8, 6));
    })
    .await;
}

/// Walks from a page to the end of the list, or back to its beginning. Before every step rows come and go: the one at which
/// the cursor stands goes, so does one that lies ahead, and there is a new one behind and ahead. Gives the rows that were
/// shown, and those that lay ahead until they were.
async fn walk(list: &List<'_>, mut page: Page, ascends: bool, backwards: bool) -> (Vec<u32>, BTreeSet<u32>) {
    let mut shown = page.numbers.clone();
    let mut expected: BTreeSet<u32> = original_rows().collect();
    while (if backwards { &page.previous } else { &page.next }).is_some() {
        let place = *if backwards { page.numbers.first() } else { page.numbers.last() }.unwrap();
        let (lower, higher) = ((place - 1) / 5 * 5, (place / 5 + 1) * 5);
        let (comes, goes) = if ascends { (higher, place + 3) } else { (lower, place - 3) };
        list.insert([lower, higher]).await;
        list.delete([place, goes]).await;
        expected.insert(comes);
        expected.remove(&goes);

        page = if backwards { list.previous(&page).await } else { list.next(&page).await };
        shown.extend(&page.numbers);
    }
    (shown, expected)
}

/// There is room between them for new ones.
fn original_rows() -> impl Iterator<Item = u32> {
    (20..60).filter(|n| n % 5 != 0)
}

#[tokio::test]
async fn what_lies_ahead_is_shown_once_whatever_comes_and_goes() {
    for_each_list(async |list| {
        for (ordering, is_oldest_first) in [("-created_at", false), ("created_at", true)] {
            for backwards in [false, true] {
                list.delete(0..80).await;
                list.insert(original_rows()).await;
                let mut page = list.page(&format!("&page_size=4&ordering={ordering}")).await;
                while backwards && page.next.is_some() {
                    page = list.next(&page).await;
                }

                let (mut shown, expected) = walk(list, page, is_oldest_first != backwards, backwards).await;

                shown.sort_unstable();
                assert_eq!(shown, expected.into_iter().collect::<Vec<_>>(), "{ordering}, {backwards}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_keeps_the_other_parameters() {
    for_each_list(async |list| {
        list.insert(0..3).await;

        let query = "&x=2&cursor=&page_size=1&x=%C3%A9+%26%3D%F0%9F%98%80%22&ordering=created_at&search=";
        let first = list.page(query).await;
        let second = list.next(&first).await;

        let (path, filter) = list.path.split_once('?').unwrap();
        let kept =
            format!("{filter}&ordering=created_at&page_size=1&search=&x=2&x=%C3%A9+%26%3D%F0%9F%98%80%22");
        for link in [first.next, second.next, second.previous] {
            let link = link.unwrap();
            assert_eq!(link, format!("{}{path}?cursor={}&{kept}", list.api.stack.url(), cursor_in(&link)));
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_keeps_the_filter_and_the_search() {
    let api = Api::start().await;
    let reader = api.staff().await;
    let employees = (0..12).map(|n| {
        let mut employee = nth_employee(&reader.id(), n);
        employee["department"] = json!(if n % 2 == 0 { "R&D" } else { "Sales" });
        employee["is_phone_verified"] = json!(n % 4 == 0);
        employee["last_name"] = json!(if n < 9 { "Ölaf + Sön" } else { "Hopper" });
        employee
    });
    api.store_employees(employees).await;

    let query = "department=R%26D&is_phone_verified=1&search=%C3%B6laf+%2B+s%C3%B6n&page_size=1";
    let mut page = Page::read(&reader.get(&format!("/api/employees?{query}")).await);
    let mut numbers = page.numbers.clone();
    while let Some(next) = page.next {
        page = Page::read(&reader.get(next.strip_prefix(api.stack.url()).unwrap()).await);
        numbers.extend(&page.numbers);
    }

    assert_eq!(numbers, [8, 4, 0]);
}

/// The links in what the function answers to an event of an API Gateway.
async fn links(api: &Api, reader: &User, change: impl FnOnce(&mut Value)) -> (Value, Value) {
    let file = root().join("events/api-employees-list.json");
    let mut event: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for name in ["multiValueHeaders", "queryStringParameters", "multiValueQueryStringParameters"] {
        event[name] = Value::Null;
    }
    let authorization = format!("Bearer {}", reader.access);
    event["headers"] = json!({ "Authorization": authorization, "X-Forwarded-Proto": "https" });
    event["queryStringParameters"] = json!({ "page_size": "1" });
    change(&mut event);
    let answer = api.stack.invoke("api-employees-list", event).await.unwrap();
    assert_eq!(answer["statusCode"], 200, "{answer}");
    let body: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    (body["next"].clone(), body["previous"].clone())
}

#[tokio::test]
async fn a_link_is_the_url_that_the_client_called() {
    let api = Api::start().await;
    let reader = api.staff().await;
    let list = List::of_employees(&api, &reader);
    list.insert(0..3).await;
    let cursor = list.cursor().await;

    for (domain, path) in [
        ("abc.execute-api.eu-west-1.amazonaws.com", "/Prod/api/employees"),
        ("abc.execute-api.eu-west-1.amazonaws.com", "/Prod/api/employees/"),
        ("api.example.com", "/directory/v2/api/employees"),
        ("api.example.com", "/directory/v2/api/employees/"),
        ("api.example.com", "/api/employees"),
    ] {
        let (next, previous) = links(&api, &reader, |event| {
            event["path"] = json!(path.strip_prefix("/Prod").unwrap_or(path));
            event["requestContext"]["path"] = json!(path);
            event["requestContext"]["domainName"] = json!(domain);
        })
        .await;
        assert_eq!(next, json!(format!("https://{domain}{path}?cursor={cursor}&page_size=1")));
        assert_eq!(previous, Value::Null);
    }
}

#[tokio::test]
async fn a_link_is_the_url_of_an_http_api_too() {
    let api = Api::start().await;
    let reader = api.staff().await;
    let list = List::of_employees(&api, &reader);
    list.insert(0..3).await;
    let cursor = list.cursor().await;

    let (next, _) = links(&api, &reader, |event| {
        *event = json!({
            "version": "2.0", "routeKey": "GET /api/employees", "rawPath": "/live/api/employees",
            "rawQueryString": "page_size=1&department=", "queryStringParameters": { "page_size": "1", "department": "" },
            "headers": { "authorization": event["headers"]["Authorization"], "x-forwarded-proto": "https" },
            "requestContext": {
                "accountId": "000000000000", "apiId": "abc", "domainName": "abc.execute-api.eu-west-1.amazonaws.com",
                "domainPrefix": "abc",
                "http": {
                    "method": "GET", "path": "/live/api/employees", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
                    "userAgent": "curl",
                },
                "requestId": "1", "routeKey": "GET /api/employees", "stage": "live",
                "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1_767_225_600_000_u64,
            },
            "isBase64Encoded": false,
        });
    })
    .await;

    let path = "https://abc.execute-api.eu-west-1.amazonaws.com/live/api/employees";
    assert_eq!(next, json!(format!("{path}?cursor={cursor}&department=&page_size=1")));
}

#[tokio::test]
async fn a_cursor_that_was_tampered_with_is_none() {
    for_each_list(async |list| {
        list.insert(0..3).await;
        let cursor = list.cursor().await;
        assert_eq!(list.page(&format!("&page_size=1&cursor={cursor}")).await.numbers, [1]);

        for at in 0..cursor.len() {
            for other in ["A", "B", "_"] {
                let mut tampered = cursor.clone();
                tampered.replace_range(at..=at, other);
                if tampered != cursor {
                    list.refuses(&tampered).await;
                }
            }
        }
        for garbage in [
            &cursor[1..],
            &cursor[..cursor.len() - 1],
            &format!("{cursor}A"),
            &format!("{cursor}="),
            &format!("{cursor}{cursor}"),
            &cursor.to_uppercase(),
            "x",
            "0",
            "null",
            "cD0yMDI2LTAxLTAx",
            "%00",
            "%F0%9F%98%80",
            &"A".repeat(44),
            &"A".repeat(5_000),
        ] {
            list.refuses(garbage).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_empty_cursor_is_the_first_page() {
    for_each_list(async |list| {
        list.insert(0..3).await;

        for parameters in ["&cursor=", "&cursor", "&cursor=%20"] {
            assert_eq!(list.page(parameters).await, Page { numbers: down(2, 0), next: None, previous: None });
        }
    })
    .await;
}

#[tokio::test]
async fn a_cursor_is_its_callers_alone() {
    for_each_list(async |list| {
        let superuser = json!({ "username": "eve", "email": "eve@example.com", "password": PASSWORD });
        list.api.stack.invoke("create-superuser", superuser).await.unwrap();
        let eve = list.api.log_in("eve").await;
        list.insert(0..3).await;
        let cursor = list.cursor().await;
        let path = format!("{}&cursor={cursor}", list.path);

        eve.get(&path).await.is(404, &json!({ "detail": "Invalid cursor" }));
        // In another session of the caller's own it is good.
        let name = list.reader.profile().await["username"].as_str().unwrap().to_owned();
        assert_eq!(list.api.log_in(&name).await.get(&path).await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn a_cursor_is_its_lists_alone() {
    let api = Api::start().await;
    let reader = api.staff().await;
    let employees = List::of_employees(&api, &reader);
    let users = List::of_users(&api, &reader, "/api/users?format=json").await;
    employees.insert(0..3).await;
    users.insert(0..3).await;

    users.refuses(&employees.cursor().await).await;
    employees.refuses(&users.cursor().await).await;
}

#[tokio::test]
async fn it_is_asked_who_calls_before_what_for() {
    for_each_list(async |list| {
        let path = list.bare_path();
        for query in ["cursor=x", &format!("search={}", "x".repeat(200)), "is_phone_verified=maybe"] {
            list.api
                .get(&format!("{path}?{query}"))
                .await
                .is(401, &json!({ "detail": "Authentication credentials were not provided." }));
            let status = list.reader.get(&format!("{path}?{query}")).await.status;
            assert_eq!(status, if query == "cursor=x" { 404 } else { 400 });
        }
    })
    .await;
}

#[tokio::test]
async fn a_search_reads_nothing_before_it_is_known_who_asks() {
    let api = Api::behind_a_proxy(&[]).await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    let forged =
        token::Key::named("a-key-of-the-tests-that-nobody-has-published").sign(&token::claims(&admin.access));
    for (path, index, queries) in [
        ("/api/users", "Users/listed", ["search=a", "search=a&is_staff=true", "is_staff=false"]),
        (
            "/api/employees",
            "Employees/by_shard",
            ["search=a", "search=a&department=Sales", "department=Sales&is_phone_verified=true"],
        ),
    ] {
        for query in queries {
            let request = format!("{path}?{query}");
            let (answer, calls) = api.proxy.watch(api.bearer(&forged).get(&request)).await;
            assert_eq!((answer.status, calls.of("Query")), (401, 0), "{request}\n{calls}");

            // Whoever is not staff reads nothing of what others have.
            let (answer, calls) = api.proxy.watch(ada.get(&request)).await;
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert!(!calls.to_string().contains(index), "{request}\n{calls}");
        }
    }
}

/// What a token says of its user only chooses what is read first.
#[tokio::test]
async fn a_list_is_that_of_what_the_caller_is_now_whatever_they_were_when_they_logged_in() {
    let api = Api::start().await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    admin.employs(&employee("9881167671")).await;
    let make_staff = async |is_staff: bool| {
        let path = format!("/api/users/{}", ada.id());
        let changed = admin.patch(&path, &json!({ "is_staff": is_staff })).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
    };
    let seen = async |user: &User| {
        let length = async |path| user.get(path).await.body["results"].as_array().unwrap().len();
        (length("/api/users").await, length("/api/employees").await)
    };

    assert_eq!(seen(&ada).await, (1, 0));
    make_staff(true).await;
    assert_eq!(seen(&ada).await, (2, 1), "with a token of before");

    let ada_as_staff = api.log_in("ada").await;
    assert_eq!(seen(&ada_as_staff).await, (2, 1));
    make_staff(false).await;
    assert_eq!(seen(&ada_as_staff).await, (1, 0), "with a token of before");
}
