//! What a page of employees costs: as much in a table of a hundred thousand as in one of a thousand. A numbered page costs what lies
//! between it and the nearer end of the list.
//!
//! `EMPLOYEES=100000 cargo test --workspace --test api capacity -- --nocapture` is the full run.

use std::fmt;

use serde_json::{Value, json};

use crate::support::{Api, PASSWORD, Proxied, User, employee::nth_employee};

/// Enough for every list below to have a full page behind its middle.
const FEW: u32 = 1_000;
/// How many they are compared with, unless `EMPLOYEES` says otherwise.
const MANY: u32 = 5_000;
/// The same where a page in the middle reads half of them: on a busy machine it has to end in time.
const MANY_NUMBERED: u32 = 2_000;

/// What a request costs.
#[derive(Debug, PartialEq)]
struct Cost {
    calls: usize,
    units: f64,
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} calls, {} units", self.calls, self.units)
    }
}

/// One employee in ten is in a small department, another has a proven number: a filter that reads what it does not show costs
/// ten times as much.
fn employees(owner: &str, count: u32) -> impl Iterator<Item = Value> {
    (0..count).map(move |n| {
        let mut employee = nth_employee(owner, n);
        employee["is_phone_verified"] = json!(n / 2 % 10 == 0);
        employee["department"] = json!(if n / 2 % 10 == 1 { "Computing" } else { "Logistics" });
        employee["address"] = json!("4 Privet Drive, Little Whinging, Surrey");
        employee
    })
}

/// A cursor to the middle of every list: there the list of proven numbers is left by its pages.
async fn middle(api: &Api, reader: &User, count: u32) -> String {
    let mut path = "/api/employees?is_phone_verified=true&page_size=50".to_owned();
    for _ in 0..count / 10 / 2 / 50 {
        let page = reader.get(&path).await;
        path =
            page.body["next"].as_str().expect(&page.text).strip_prefix(api.stack.url()).unwrap().to_owned();
    }
    path.split(['?', '&']).find(|part| part.starts_with("cursor=")).unwrap().to_owned()
}

/// What pages of twenty cost a user who sees so many employees.
async fn costs(api: &Proxied, reader: &User, count: u32) -> Vec<(String, Cost)> {
    let middle = middle(api, reader, count).await;
    let mut costs = Vec::new();
    for filter in [
        "",
        "department=Computing",
        "department=Logistics",
        "is_phone_verified=true",
        "is_phone_verified=false",
    ] {
        for (place, cursor) in [("first", ""), ("middle", middle.as_str())] {
            let path = format!("/api/employees?{filter}&{cursor}");
            let (answer, calls) = api.proxy.watch(reader.get(&path)).await;
            assert_eq!(answer.body["results"].as_array().unwrap().len(), 20, "{}", answer.text);
            let cost = Cost { calls: calls.len(), units: calls.units() };
            costs.push((format!("{place} page of ?{filter}"), cost));
        }
    }
    costs
}

/// What numbered pages cost: the first, the second, that in the middle, and the last.
async fn costs_of_numbered(api: &Proxied, reader: &User, count: u32) -> Vec<(String, Cost)> {
    let mut costs = Vec::new();
    for (place, page) in [("first", 1), ("second", 2), ("middle", count / 20 / 2), ("last", count / 20)] {
        let path = format!("/api/employees?page={page}");
        let (answer, calls) = api.proxy.watch(reader.get(&path)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.body["results"].as_array().unwrap().len(), 20, "{}", answer.text);
        assert_eq!(answer.body["count"], count);
        costs.push((format!("{place} page"), Cost { calls: calls.len(), units: calls.units() }));
    }
    costs
}

/// What pages cost an owner, and the same user once they are staff.
async fn costs_of_both(
    parameters: &[(&str, &str)],
    count: u32,
    costs: impl AsyncFn(&Proxied, &User, u32) -> Vec<(String, Cost)>,
) -> [Vec<(String, Cost)>; 2] {
    let api = Api::behind_a_proxy(parameters).await;
    let owner = api.signed_in().await;
    api.store_employees(employees(&owner.id(), count)).await;
    let of_owner = costs(&api, &owner, count).await;

    let superuser = json!({ "username": "ada", "email": "ada@example.com", "password": PASSWORD });
    api.stack.invoke("create-superuser", superuser).await.unwrap();
    let staff = api.log_in("ada").await;
    [of_owner, costs(&api, &staff, count).await]
}

/// How many employees are many, by default.
fn many(default: u32) -> u32 {
    #[expect(clippy::disallowed_methods, reason = "the tests have no configuration")]
    std::env::var("EMPLOYEES").map_or(default, |count| count.parse().expect("a number"))
}

fn print(count: u32, of_owner: &[(String, Cost)], of_staff: &[(String, Cost)]) {
    for ((page, owner), (_, staff)) in of_owner.iter().zip(of_staff) {
        println!("{count} employees, {page}: owner {owner}, staff {staff}");
    }
}

#[tokio::test]
async fn a_page_costs_as_much_of_many_employees_as_of_few() {
    let many = many(MANY);

    let [owner_of_few, staff_of_few] = costs_of_both(&[], FEW, costs).await;
    let [owner_of_many, staff_of_many] = costs_of_both(&[], many, costs).await;

    print(FEW, &owner_of_few, &staff_of_few);
    print(many, &owner_of_many, &staff_of_many);
    assert_eq!(owner_of_many, owner_of_few);
    assert_eq!(staff_of_many, staff_of_few);
}

#[tokio::test]
async fn a_numbered_page_costs_what_lies_between_it_and_the_nearer_end() {
    let many = many(MANY_NUMBERED);
    for count in [100, many / 10, many] {
        let both = costs_of_both(&[("ListFormat", "page")], count, costs_of_numbered).await;
        print(count, &both[0], &both[1]);
        for costs in &both {
            let [first, second, middle, last] = [0, 1, 2, 3].map(|at| &costs[at].1);
            // The first and the last cost what a page at a cursor does, and the count.
            for end in [first, last] {
                assert!(end.units <= 13.0 && end.calls <= 6, "{end} of {count}");
            }
            assert!(second.units <= 20.0, "{second} of {count}");
            // A record is some 700 bytes, and a unit reads 8 KB. From either end, no more than half are in the way.
            let most = 20.0 + f64::from(count) / 2.0 / 11.0;
            assert!(middle.units <= most, "{middle} of {count}, for at most {most}");
        }
    }
}
