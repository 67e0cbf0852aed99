//! Arrays, `ListFormat=array`: lists of Django REST Framework without pagination.

use serde_json::{Value, json};

use super::{down, for_each_list_with, up};
use crate::support::{
    Answer, Api, User,
    employee::{nth_employee, number_in},
};

const ARRAY: [(&str, &str); 1] = [("ListFormat", "array")];
/// What Lambda takes of an answer.
const LAMBDA: usize = 6 * 1024 * 1024;

#[track_caller]
fn numbers(answer: &Answer) -> Vec<u32> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body.as_array().unwrap().iter().map(|row| number_in(&row["id"])).collect()
}

/// The URL of the next array.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.headers.get("link")?.to_str().unwrap();
    Some(link.strip_prefix('<').unwrap().strip_suffix(">; rel=\"next\"").expect(link).to_owned())
}

/// How often a list was cut.
fn warnings(api: &Api) -> usize {
    api.logged().iter().filter(|line| line["event"] == "list_cut" && line["level"] == "WARN").count()
}

async fn follow(api: &Api, reader: &User, answer: &Answer) -> Answer {
    reader.get(next(answer).expect("a link").strip_prefix(api.stack.url()).unwrap()).await
}

#[tokio::test]
async fn a_list_is_an_array_of_everything() {
    for_each_list_with(&ARRAY, async |list| {
        list.insert(0..130).await;

        for parameters in ["", "&page_size=3", "&page=1", "&page_size=3&page=1"] {
            let answer = list.answer(parameters).await;
            assert_eq!(numbers(&answer), down(129, 0), "{parameters}");
            assert_eq!(next(&answer), None);
        }
        assert_eq!(numbers(&list.answer("&ordering=id").await), up(0, 129));
        for parameters in ["&page=2", "&page=0", "&page=last"] {
            list.answer(parameters).await.is(404, &json!({ "detail": "Invalid page." }));
        }
        assert_eq!(warnings(list.api), 0);
    })
    .await;
}

#[tokio::test]
async fn an_array_has_a_thousand_records_and_says_where_the_next_are() {
    for_each_list_with(&ARRAY, async |list| {
        list.insert(0..1_000).await;
        let whole = list.answer("").await;
        assert_eq!((numbers(&whole), next(&whole)), (down(999, 0), None));
        assert_eq!(warnings(list.api), 0);

        list.insert(1_000..1_234).await;
        let first = list.answer("&x=%26").await;
        assert_eq!(numbers(&first), down(1233, 234));
        assert!(next(&first).unwrap().ends_with("&x=%26"), "{:?}", next(&first));
        assert_eq!(warnings(list.api), 1);
        let second = follow(list.api, list.reader, &first).await;
        assert_eq!((numbers(&second), next(&second)), (down(233, 0), None));
        assert_eq!(warnings(list.api), 1, "who follows the link misses nothing");
        list.answer("&cursor=x").await.is(404, &json!({ "detail": "Invalid cursor" }));
    })
    .await;
}

#[tokio::test]
async fn filters_hold() {
    let api = Api::with(&ARRAY).await;
    let (ada, admin) = (api.signed_in().await, api.staff().await);
    let employees = (0..1_200).map(|n| {
        let mut employee = nth_employee(&ada.id(), n);
        employee["department"] = json!(if n % 10 == 0 { "Sales" } else { "Stores" });
        employee["last_name"] = json!(if n % 3 == 0 { "Turing" } else { "Hopper" });
        employee
    });
    api.store_employees(employees).await;

    for client in [&ada, &admin] {
        let sales = client.get("/api/employees?department=Sales&ordering=id").await;
        assert_eq!(numbers(&sales), (0..1_200).step_by(10).collect::<Vec<_>>());
        let turing = client.get("/api/employees?search=turing&ordering=id").await;
        assert_eq!(numbers(&turing), (0..1_200).step_by(3).collect::<Vec<_>>());
        assert_eq!((next(&sales), next(&turing)), (None, None));
        let mut stores = client.get("/api/employees?department=Stores&search=o&ordering=id").await;
        let mut seen = numbers(&stores);
        while next(&stores).is_some() {
            stores = follow(&api, client, &stores).await;
            seen.extend(numbers(&stores));
        }
        assert_eq!(seen, (0..1_200).filter(|n| n % 10 > 0 && n % 3 > 0).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn an_array_fits_into_an_answer_of_lambda() {
    let api = Api::with(&ARRAY).await;
    let ada = api.signed_in().await;
    // A quote takes four bytes of the answer.
    let employees = (0..900).map(|n| {
        let mut employee = nth_employee(&ada.id(), n);
        employee["address"] = json!("\"\u{e9}".repeat(2_000));
        employee
    });
    api.store_employees(employees).await;

    let mut answer = ada.get("/api/employees").await;
    let mut seen = numbers(&answer);
    assert_eq!(warnings(&api), 1);
    while next(&answer).is_some() {
        assert!(json!(answer.text).to_string().len() < LAMBDA);
        answer = follow(&api, &ada, &answer).await;
        seen.extend(numbers(&answer));
    }
    assert_eq!(seen, down(899, 0));
}

#[tokio::test]
async fn who_sees_themselves_alone_gets_an_array_too() {
    let api = Api::with(&ARRAY).await;
    api.staff().await;
    let ada = api.signed_in().await;

    ada.get("/api/users").await.is(200, &json!([ada.profile().await]));
    ada.get("/api/users?is_staff=true").await.is(200, &json!([]));
    ada.get("/api/employees").await.is(200, &json!([]));
    ada.get("/api/users?page=2").await.is(404, &json!({ "detail": "Invalid page." }));
}

/// A cursor of before the form was changed leads on, and none leads back.
#[tokio::test]
async fn no_array_leads_back() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::kept_in(folder.path(), &[]).await;
    let ada = api.signed_in().await;
    api.store_employees((0..9).map(|n| nth_employee(&ada.id(), n))).await;
    let first = ada.get("/api/employees?page_size=3").await.body;
    let path = |link: &Value| link.as_str().unwrap().strip_prefix(api.stack.url()).unwrap().to_owned();
    let on = path(&first["next"]);
    let back = path(&ada.get(&on).await.body["previous"]);
    api.stack.stop().await;

    let api = Api::kept_in(folder.path(), &ARRAY).await;
    let ada = ada.at_home_of(&api);
    assert_eq!(numbers(&ada.get(&on).await), down(5, 0));
    ada.get(&back).await.is(404, &json!({ "detail": "Invalid cursor" }));
}
