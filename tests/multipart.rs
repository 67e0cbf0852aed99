//! Bodies of `multipart/form-data`.

use serde_json::json;

use crate::support::{Answer, Api, Client, PASSWORD, User, complaint, employee::employee};

/// A part of a form: what its `Content-Disposition` has besides `form-data`, and its content.
type Part<'a> = (&'a str, &'a [u8]);

fn form(parts: &[Part]) -> Vec<u8> {
    let mut body = Vec::new();
    for (disposition, content) in parts {
        let head = format!("--XX\r\nContent-Disposition: form-data; {disposition}\r\n\r\n");
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend(b"--XX--\r\n");
    body
}

async fn post(client: &Client, path: &str, parts: &[Part<'_>]) -> Answer {
    client.post_text(path, "multipart/form-data; boundary=XX", form(parts)).await
}

fn registration<'a>(more: &[Part<'a>]) -> Vec<Part<'a>> {
    let fields: [Part; 3] = [
        ("name=\"username\"", b"ada"),
        ("name=\"email\"", b"ada@example.com"),
        ("name=\"password\"", PASSWORD.as_bytes()),
    ];
    [&fields, more].concat()
}

#[tokio::test]
async fn a_body_may_be_a_form_as_a_browser_sends_it() {
    let api = Api::start().await;
    let more: [Part; 4] = [
        ("name=\"first_name\"", "Åda\r\n".as_bytes()),
        ("name=last_name", b""),
        // Retrofit sends a part for each converted value.
        ("name=\"address\"\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Length: 9", b"12 St Jam"),
        ("name=\"date_of_birth\"", b"1815-12-10"),
    ];

    let answer = post(&api, "/api/register/", &registration(&more)).await;

    assert_eq!(answer.status, 201, "{}", answer.text);
    let user = &answer.body;
    assert_eq!((&user["first_name"], &user["last_name"]), (&json!("Åda"), &json!("")));
    assert_eq!((&user["address"], &user["date_of_birth"]), (&json!("12 St Jam"), &json!("1815-12-10")));
    let parts: [Part; 2] = [("name=\"username\"", b"ada"), ("name=\"password\"", PASSWORD.as_bytes())];
    let ada = User::new(&api, &post(&api, "/api/token", &parts).await.body);
    let parts: [Part; 3] = [
        ("name=\"first_name\"", b"G"),
        ("name=\"last_name\"", b"H"),
        ("name=\"phone_number\"", b"9881167671"),
    ];
    assert_eq!(post(&ada, "/api/employees", &parts).await.status, 201);
    let changed = ada.send(
        reqwest::Method::PATCH,
        "/api/profile",
        Some("Multipart/Form-Data; charset=utf-8; boundary=\"XX\""),
        form(&[("name=\"first_name\"", b"Augusta")]),
    );
    assert_eq!(changed.await.body["first_name"], "Augusta");
}

#[tokio::test]
async fn a_file_input_that_is_empty_or_unknown_is_ignored_and_a_file_is_no_text() {
    let api = Api::start().await;
    let ignored: [Part; 4] = [
        ("name=\"first_name\"; filename=\"\"\r\nContent-Type: application/octet-stream", b""),
        (
            "name=\"avatar\"; filename=\"me.png\"\r\nContent-Type: image/png",
            b"\x89PNG\r\n\x1a\n\xff\xfe\0--X",
        ),
        ("name=\"avatar\"; filename*=utf-8''%C3%A5.png", b"\xff"),
        ("filename=\"nameless\"", b"x"),
    ];
    let answer = post(&api, "/api/register", &registration(&ignored)).await;
    assert_eq!((answer.status, &answer.body["first_name"]), (201, &json!("")), "{}", answer.text);
    let ada = api.log_in("ada").await;

    for file in ["filename=\"a.txt\"", "filename*=utf-8''a.txt"] {
        let part = |name: &str| format!("name=\"{name}\"; {file}");
        let [name, date, number] = [part("first_name"), part("hire_date"), part("phone_number")];
        let parts: [Part; 3] = [(&name, b"Ada"), (&date, b"2024-01-05"), (&number, b"1")];
        let not_text = json!(["Not a valid string."]);
        post(&ada, "/api/employees", &parts).await.is(
            400,
            &json!({
                "first_name": not_text, "last_name": ["This field is required."], "hire_date": not_text,
                "phone_number": not_text,
            }),
        );
    }
    let admin = api.staff().await;
    let flag: Part = ("name=\"is_active\"; filename=\"a.txt\"", b"true");
    let path = format!("/api/users/{}", ada.id());
    let answer = admin
        .send(reqwest::Method::PATCH, &path, Some("multipart/form-data; boundary=XX"), form(&[flag]))
        .await;
    answer.is(400, &complaint("is_active", "Must be a valid boolean."));
}

#[tokio::test]
async fn of_two_fields_with_one_name_the_last_counts() {
    let api = Api::start().await;
    let again: [Part; 2] = [("name=\"first_name\"", b"Ada"), ("name=\"first_name\"", b"Augusta")];
    assert_eq!(post(&api, "/api/register", &registration(&again)).await.body["first_name"], "Augusta");
    let ada = api.log_in("ada").await;
    let body = employee("+919881167671");
    let urlencoded = body.as_object().unwrap().iter().map(|(name, value)| {
        format!("{name}=x&{name}={}", value.as_str().unwrap().replace('+', "%2B").replace(' ', "+"))
    });
    let urlencoded = urlencoded.collect::<Vec<_>>().join("&");

    let answer = ada.post_text("/api/employees", "application/x-www-form-urlencoded", urlencoded).await;

    assert_eq!((answer.status, &answer.body["first_name"]), (201, &body["first_name"]), "{}", answer.text);
}

#[tokio::test]
async fn a_form_has_its_limits() {
    let api = Api::start().await;
    let many: Vec<Part> = vec![("name=a", b""); 1_000];
    post(&api, "/api/otp/resend", &many).await.is(400, &complaint("email", "This field is required."));
    let more: Vec<Part> = vec![("name=a", b""); 1_001];
    let words = "Multipart form parse error - more than 1000 fields";
    post(&api, "/api/otp/resend", &more).await.is(400, &json!({ "detail": words }));

    let long = vec![b'x'; 64 * 1024];
    let answer = post(&api, "/api/otp/resend", &[("name=email", &long)]).await;
    answer.is(413, &json!({ "detail": "Request body too large." }));
}

#[tokio::test]
async fn a_malformed_form_is_told_so() {
    let api = Api::start().await;
    let whole = form(&[("name=\"email\"", b"ada@example.com")]);
    let cut = |bytes: usize| whole[..whole.len() - bytes].to_vec();
    for (content_type, body) in [
        ("multipart/form-data", whole.clone()),
        ("multipart/form-data; boundary=", whole.clone()),
        ("multipart/form-data; boundary=YY", whole.clone()),
        ("multipart/form-data; boundary=XX", b"email=ada@example.com".to_vec()),
        ("multipart/form-data; boundary=XX", cut(6)),
        ("multipart/form-data; boundary=XX", cut(12)),
        ("multipart/form-data; boundary=XX", whole[..40].to_vec()),
        ("multipart/form-data; boundary=XX", b"--XX\r\n\x01: x\r\n\r\n\r\n--XX--".to_vec()),
    ] {
        let answer = api.post_text("/api/otp/resend", content_type, body.clone()).await;
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        let shown = String::from_utf8_lossy(&body);
        assert!(
            answer.status == 400 && detail.starts_with("Multipart form parse error - "),
            "{content_type} {shown}: {answer:?}"
        );
    }
}
