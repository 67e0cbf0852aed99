//! Small inputs that public bug reports of comparable systems tell of.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, PASSWORD, complaint, employee::employee, registration, unlimited};

const NO_PHONE: &str = "Enter a valid phone number.";
const NO_TEXT: &str = "Not a valid string.";
const NO_USERNAME: &str =
    "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.";

fn with(mut body: Value, field: &str, value: impl Into<Value>) -> Value {
    body[field] = value.into();
    body
}

#[tokio::test]
async fn a_number_that_was_rounded_or_has_a_fraction_is_no_text() {
    let api = Api::with(&unlimited()).await;
    let rounded = r#"{"username": 123456789012345678901234567890, "email": "a@example.com", "password": "correct horse battery"}"#;
    let answer = api.post_text("/api/register", "application/json", rounded).await;
    answer.is(400, &complaint("username", NO_TEXT));
    for (path, field) in [("/otp/generate", "phone_number"), ("/auth/check-phone", "phone")] {
        for number in [json!(9_781_155_555.0), json!(97_811.5)] {
            api.post(path, &json!({ field: number })).await.is(400, &complaint(field, NO_TEXT));
        }
        assert_eq!(api.post(path, &json!({ field: 9_781_155_555_u64 })).await.status, 200);
    }
    let body = json!({ "email": "a@example.com", "otp": 123_456.0 });
    api.post("/api/otp/verify", &body).await.is(400, &complaint("otp", NO_TEXT));
}

#[tokio::test]
async fn a_number_that_is_dialled_only_within_its_area_is_none() {
    let api = Api::with(&unlimited()).await;
    for number in ["+12530000", "009881167671", "+491"] {
        api.post("/auth/check-phone", &json!({ "phone": number }))
            .await
            .is(400, &complaint("phone", NO_PHONE));
    }
}

#[tokio::test]
async fn a_number_is_read_as_phones_and_keyboards_write_it() {
    let api = Api::with(&unlimited()).await;
    let ada = api.signed_in().await;
    for number in [
        "\u{202a}+91\u{a0}98811\u{2011}67671\u{202c}",
        "۹۸۸۱۱۶۷۶۷۱",
        "＋９１９８８１１６７６７１",
        "९८८११६७६७१",
    ] {
        let answer = ada.patch("/api/profile", &json!({ "phone_number": number })).await;
        assert_eq!(answer.body["phone_number"], "+919881167671", "{number:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_code_is_read_as_it_is_typed() {
    let typed: [fn(&str) -> Value; 3] = [
        |code| json!(format!(" {} {} ", &code[..3], &code[3..])),
        |code| json!(format!("{}-{}", &code[..3], &code[3..])),
        |code| {
            json!(code.chars().map(|c| char::from_u32(c as u32 - 0x30 + 0x0966).unwrap()).collect::<String>())
        },
    ];
    let api = Api::with(&unlimited()).await;
    for (n, typed) in typed.into_iter().enumerate() {
        let name = format!("user{n}");
        api.registered(&name).await;
        let email = format!("{name}@example.com");
        let code = api.code_for(&email).await;
        let body = json!({ "email": email, "otp": typed(&code) });
        assert_eq!(api.post("/api/otp/verify", &body).await.status, 200, "{body}");
    }
}

#[tokio::test]
async fn a_code_that_is_taken_for_a_number_loses_its_zeros_and_is_right() {
    let api = Api::with(&unlimited()).await;
    api.registered("ada").await;
    let email = "ada@example.com";
    let mut code = api.code_for(email).await;
    // One in ten begins with a zero.
    for _ in 0..200 {
        if code.starts_with('0') {
            break;
        }
        let mails = api.mails_to(email).await;
        assert_eq!(api.post("/api/otp/resend", &json!({ "email": email })).await.status, 200);
        code = api.code_after(email, mails).await;
    }
    let number: u64 = code.parse().unwrap();
    let answer = api.post("/api/otp/verify", &json!({ "email": email, "otp": number })).await;
    assert_eq!(answer.status, 200, "{code}: {}", answer.text);
}

#[tokio::test]
async fn a_search_regards_no_case_of_any_script() {
    let api = Api::with(&unlimited()).await;
    let ada = api.signed_in().await;
    for (n, name) in ["Οδυσσέας", "Strauß"].into_iter().enumerate() {
        ada.employs(&with(employee(&format!("+9198811676{n:02}")), "last_name", name)).await;
    }
    for (search, found) in
        [("ΟΔΥΣ", "Οδυσσέας"), ("οδυς", "Οδυσσέας"), ("STRAUSS", "Strauß"), ("strauß", "Strauß")]
    {
        let url = reqwest::Url::parse_with_params("http://127.0.0.1", [("search", search)]).unwrap();
        let answer = ada.get(&format!("/api/employees?{}", url.query().unwrap())).await;
        let names: Vec<_> =
            answer.body["results"].as_array().unwrap().iter().map(|one| one["last_name"].clone()).collect();
        assert_eq!(names, [found], "{search}");
    }
}

/// Release 0.1.0 stored texts for a search in small letters alone.
#[tokio::test]
async fn a_search_finds_what_release_0_1_0_stored() {
    let api = Api::with(&unlimited()).await;
    let ada = api.signed_in().await;
    ada.employs(&with(employee("+919881167671"), "last_name", "Strauß")).await;
    for (key, mut item) in api.items("Employees").await {
        if key.starts_with("employee#") {
            item["search"]["M"]["last_name"] = json!({ "S": "strauß" });
            api.put_item("Employees", &item).await;
        }
    }
    for search in ["strau", "Strau%C3%9F", "HOPPER"] {
        let found = ada.get(&format!("/api/employees?search={search}")).await;
        let expected = usize::from(search != "HOPPER");
        assert_eq!(found.body["results"].as_array().unwrap().len(), expected, "{search}");
    }
}

#[tokio::test]
async fn no_top_level_domain_has_a_digit() {
    let api = Api::with(&unlimited()).await;
    let body = with(registration("ada"), "email", "x@example.co1");
    api.post("/api/register", &body).await.is(400, &complaint("email", "Enter a valid email address."));
    let body = with(registration("ada"), "email", "x@example.xn--p1ai");
    assert_eq!(api.post("/api/register", &body).await.status, 201);
}

#[tokio::test]
async fn a_header_may_stand_in_several_lines() {
    let api = Api::with(&unlimited()).await;
    let ada = api.signed_in().await;
    let made = ada.employs(&employee("+919881167671")).await;
    let path = crate::support::employee::path_of(&made);
    let change = json!({ "job_title": "Admiral" });
    let first_is_right = ada.header("if-match", "\"1\"").header("if-match", "\"77\"");
    assert_eq!(first_is_right.patch(&path, &change).await.status, 200);
    let last_is_right = ada.header("if-match", "\"77\"").header("if-match", "\"2\"");
    assert_eq!(last_is_right.patch(&path, &change).await.status, 200);
    let none_is = ada.header("if-match", "\"77\"").header("if-match", "\"78\"");
    assert_eq!(none_is.patch(&path, &change).await.status, 412);
}

#[tokio::test]
async fn a_body_may_be_compressed() {
    let api = Api::with(&unlimited()).await;
    let compressed = |body: &[u8]| {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(body).unwrap();
        gzip.finish().unwrap()
    };
    let post = async |encoding: &str, body: Vec<u8>| {
        let client = api.header("content-encoding", encoding);
        client.send(Method::POST, "/api/register", Some("application/json"), body).await.status
    };
    let body = registration("ada").to_string();
    assert_eq!(post("gzip", compressed(body.as_bytes())).await, 201);
    assert_eq!(post("identity", registration("bob").to_string().into_bytes()).await, 201);
    assert_eq!(post("br", body.clone().into_bytes()).await, 415);
    assert_eq!(post("gzip", body.into_bytes()).await, 400);
    // The limits are those of what is unpacked: the functions' and the gateway's.
    assert_eq!(post("gzip", compressed(&vec![b' '; 70_000])).await, 413);
    assert_eq!(post("gzip", compressed(&vec![b' '; 11 << 20])).await, 413);
}

#[tokio::test]
async fn a_password_of_blanks_is_none() {
    let api = Api::with(&unlimited()).await;
    let words = "This password has nothing but blanks.";
    for blanks in [" ".repeat(8), "\u{200b}".repeat(9), "\u{3164} ".repeat(8)] {
        let answer = api.post("/api/register", &with(registration("ada"), "password", blanks)).await;
        assert_eq!(answer.status, 400);
        let complaints = answer.body["password"].as_array().unwrap();
        assert!(complaints.contains(&json!(words)), "{}", answer.text);
    }
    let body = with(registration("ada"), "password", format!("  {PASSWORD}  "));
    assert_eq!(api.post("/api/register", &body).await.status, 201);
}

#[tokio::test]
async fn nobody_chooses_a_username_that_passes_for_another() {
    let api = Api::with(&unlimited()).await;
    let ada = api.signed_in().await;
    let mixed = "A username may not mix letters of several scripts.";
    let reserved = "This username is reserved.";
    for (name, words) in [
        ("ㅤㅤ", NO_USERNAME),
        ("a\u{1160}da", NO_USERNAME),
        ("аda", mixed),
        ("ΡΑΥΡΑL1x", mixed),
        ("root", reserved),
        ("Support", reserved),
        ("..", reserved),
        ("@", reserved),
    ] {
        api.post("/api/register", &with(registration("x"), "username", name))
            .await
            .is(400, &complaint("username", words));
        ada.patch("/api/profile", &json!({ "username": name })).await.is(400, &complaint("username", words));
    }
    for name in ["名前かな", "Łukasz", "rooted", "οδυσσέας", "ада_1"] {
        let body = with(registration(&format!("x{}", name.len())), "username", name);
        let answer = api.post("/api/register", &body).await;
        assert_eq!(answer.status, 201, "{name}: {}", answer.text);
    }
    // The Django systems took all of them but what cannot be seen.
    let api = Api::seeds().await;
    let body = with(registration("x"), "username", "root");
    assert_eq!(api.post("/api/register", &body).await.status, 201);
    let body = with(registration("y"), "username", "ㅤㅤ");
    api.post("/api/register", &body).await.is(400, &complaint("username", NO_USERNAME));
}

#[tokio::test]
async fn a_code_is_neither_too_short_nor_unevenly_drawn() {
    for (wanted, policy, digits) in
        [("9", "strict", 8), ("4", "strict", 6), ("4", "seeds", 4), ("7", "seeds", 7)]
    {
        let api = Api::with(&[("OtpLength", wanted), ("Policy", policy)]).await;
        api.registered("ada").await;
        let mail = api.message_to("ada@example.com").await.body;
        let code: String =
            mail.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        assert_eq!(code.len(), digits, "{wanted} {policy}");
        let body = json!({ "email": "ada@example.com", "otp": code });
        assert_eq!(api.post("/api/otp/verify", &body).await.status, 200);
    }
}
