//! The local stack in a browser's reach: what a page of another origin, or one whose name leads to loopback (DNS rebinding), can
//! do there.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use crate::support::{Api, PASSWORD, Process};

const FOREIGN: [&str; 6] = [
    "http://evil.example",
    "https://evil.example",
    "null",
    "http://localhost",
    "http://localhost:1",
    "http://localhost.evil.example",
];

/// Sends a request to a port, and gives the status and the whole answer.
fn send(port: u16, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let headers: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), answer)
}

fn port_of(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().parse().unwrap()
}

/// The ports on which a process listens, as the kernel knows them.
fn ports(process: u32) -> BTreeSet<u16> {
    let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap().filter_map(Result::ok);
    let sockets: BTreeSet<String> = files
        .filter_map(|file| {
            let target = fs::read_link(file.path()).ok()?;
            Some(target.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned())
        })
        .collect();
    let tables =
        ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap());
    let listens = |line: &&str| line.split_whitespace().nth(3) == Some("0A");
    let is_own = |line: &&str| line.split_whitespace().nth(9).is_some_and(|inode| sockets.contains(inode));
    let port = |line: &str| {
        let address = line.split_whitespace().nth(1).unwrap();
        u16::from_str_radix(address.rsplit(':').next().unwrap(), 16).unwrap()
    };
    tables.iter().flat_map(|table| table.lines()).filter(listens).filter(is_own).map(port).collect()
}

/// A port that opens without the guard fails here, whatever it is for.
#[tokio::test(flavor = "multi_thread")]
#[cfg(target_os = "linux")]
async fn every_port_of_the_local_stack_refuses_other_hosts_and_other_origins() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(folder.path());
    let gateway = port_of(&process.url);
    // A function that runs has a port of the runtime API.
    let host = format!("127.0.0.1:{gateway}");
    assert_eq!(send(gateway, "GET", "/health", &[("Host", &host)], "").0, 200);

    let ports = ports(process.id());

    assert!(
        ports.len() >= 4 && ports.contains(&gateway),
        "gateway, services, database, runtime API: {ports:?}"
    );
    for port in ports {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] {
            for host in [
                format!("evil.example:{port}"),
                "evil.example".to_owned(),
                "127.0.0.1".to_owned(),
                format!("localhost:{}", port ^ 1),
                format!("0.0.0.0:{port}"),
                format!("localhost.evil.example:{port}"),
            ] {
                for path in ["/", "/_local/messages", "/2018-06-01/runtime/invocation/next"] {
                    let (status, answer) = send(port, method, path, &[("Host", &host)], "");
                    assert_eq!(status, 421, "{port} {method} {path} {host}: {answer}");
                }
            }
            let own = format!("localhost:{port}");
            let closed = if port == gateway {
                &[
                    "/_local",
                    "/_local/",
                    "/_local/messages",
                    "/_local/endpoints",
                    "/_local/changes",
                    "/_local/nowhere",
                ][..]
            } else {
                &["/", "/2018-06-01/runtime/invocation/next", "/nowhere"]
            };
            for path in closed {
                for origin in FOREIGN {
                    let (status, answer) = send(
                        port,
                        method,
                        path,
                        &[("Host", &own), ("Origin", origin), ("Content-Type", "text/plain")],
                        "",
                    );
                    assert_eq!(status, 403, "{port} {method} {path} {origin}: {answer}");
                    assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
                }
                for site in ["cross-site", "same-site"] {
                    let headers =
                        [("Host", own.as_str()), ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "no-cors")];
                    assert_eq!(
                        send(port, method, path, &headers, "").0,
                        403,
                        "{port} {method} {path} {site}"
                    );
                }
            }
        }
        assert_eq!(send(port, "GET", "/", &[], "").0, 400, "{port}: HTTP/1.1 without a host");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_neither_reads_nor_writes_the_database_of_the_local_stack() {
    let api = Api::start().await;
    api.registered("ada").await;
    let port = port_of(api.stack.dynamodb_url());
    let before = api.records().await;
    let (own, rebound) = (format!("localhost:{port}"), format!("evil.example:{port}"));
    let put = json!({ "TableName": "rollcall-Users", "Item": { "pk": { "S": "user#evil" } } }).to_string();
    let scan = json!({ "TableName": "rollcall-Users" }).to_string();
    let call = |headers: &[(&str, &str)], operation: &str, body: &str| {
        let target = format!("DynamoDB_20120810.{operation}");
        let fixed = [
            ("X-Amz-Target", target.as_str()),
            ("X-Amz-Date", "20200101T000000Z"),
            (
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=local/20200101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            ),
        ];
        send(port, "POST", "/", &[headers, &fixed].concat(), body)
    };

    for kind in ["application/x-amz-json-1.0", "application/json", "text/plain"] {
        for (operation, body) in [("PutItem", &put), ("Scan", &scan)] {
            let (status, answer) = call(&[("Host", &rebound), ("Content-Type", kind)], operation, body);
            assert_eq!((status, answer.contains("ada")), (421, false), "{answer}");
            for origin in FOREIGN {
                let headers = [("Host", own.as_str()), ("Origin", origin), ("Content-Type", kind)];
                let (status, answer) = call(&headers, operation, body);
                assert_eq!((status, answer.contains("ada")), (403, false), "{origin}: {answer}");
                assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
            }
        }
    }
    assert_eq!(api.records().await, before);

    for origin in [format!("http://{own}"), format!("http://127.0.0.1:{port}")] {
        let headers =
            [("Host", own.as_str()), ("Origin", &origin), ("Content-Type", "application/x-amz-json-1.0")];
        let (status, answer) = call(&headers, "Scan", &scan);
        assert_eq!((status, answer.contains("ada")), (200, true), "{answer}");
        assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_makes_no_superuser_sends_nothing_and_learns_no_secret() {
    let api = Api::start().await;
    let port = port_of(api.stack.aws_url());
    let (own, rebound) = (format!("127.0.0.1:{port}"), format!("evil.example:{port}"));
    let superuser =
        json!({ "username": "eve", "email": "eve@example.com", "password": PASSWORD }).to_string();
    let mail = json!({
        "FromEmailAddress": "eve@example.com",
        "Destination": { "ToAddresses": ["ada@example.com"] },
        "Content": { "Simple": { "Subject": { "Data": "x" }, "Body": { "Text": { "Data": "x" } } } },
    })
    .to_string();
    let text = "Action=Publish&PhoneNumber=%2B919881167671&Message=x";
    let (form, aws) = ("application/x-www-form-urlencoded", "application/x-amz-json-1.1");
    let secret = json!({ "SecretId": "twilio", "VersionStage": "AWSCURRENT" }).to_string();
    let calls = [
        ("/2015-03-31/functions/create-superuser/invocations", "text/plain", "", superuser.as_str()),
        ("/v2/email/outbound-emails", "application/json", "", mail.as_str()),
        ("/", form, "", text),
        ("/2010-04-01/Accounts/AC0/Messages.json", form, "", text),
        ("/", aws, "secretsmanager.GetSecretValue", secret.as_str()),
    ];

    for (path, kind, target, body) in calls {
        let fixed = [("Content-Type", kind), ("X-Amz-Target", target), ("Authorization", "AWS4-HMAC-SHA256")];
        let (status, answer) =
            send(port, "POST", path, &[&[("Host", rebound.as_str())][..], &fixed].concat(), body);
        assert_eq!((status, answer.contains("TWILIO")), (421, false), "{path}: {answer}");
        for origin in FOREIGN {
            let headers = [&[("Host", own.as_str()), ("Origin", origin)][..], &fixed].concat();
            let (status, answer) = send(port, "POST", path, &headers, body);
            assert_eq!((status, answer.contains("TWILIO")), (403, false), "{path}: {answer}");
        }
    }
    assert_eq!(api.records().await, [].into());
    assert_eq!((api.stack.messages("ada@example.com").len(), api.stack.sms_attempts()), (0, 0));

    let (path, kind, target, body) = calls[4];
    let headers = [("Host", own.as_str()), ("Content-Type", kind), ("X-Amz-Target", target)];
    let (status, answer) = send(port, "POST", path, &headers, body);
    assert_eq!((status, answer.contains("TWILIO")), (200, true), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inbox_is_closed_to_the_pages_that_may_call_the_api() {
    const ORIGIN: &str = "https://app.example.com";
    let api = Api::with(&[("CorsOrigins", ORIGIN)]).await;
    api.registered("ada").await;
    api.code_for("ada@example.com").await;
    let port = port_of(api.stack.url());
    let own = format!("localhost:{port}");
    let get = |path: &str, more: &[(&str, &str)]| {
        send(port, "GET", path, &[&[("Host", own.as_str())][..], more].concat(), "")
    };

    let (status, answer) = get("/api", &[("Origin", ORIGIN), ("Sec-Fetch-Site", "cross-site")]);
    assert_eq!(
        (status, answer.contains("access-control-allow-origin: https://app.example.com")),
        (200, true),
        "{answer}"
    );
    let (status, answer) = get("/api", &[("Origin", "http://evil.example")]);
    assert_eq!(
        (status, answer.contains("access-control-allow-origin: http://evil")),
        (200, false),
        "{answer}"
    );
    for more in [
        &[("Origin", ORIGIN)][..],
        &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "script")],
        &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")],
    ] {
        let (status, answer) = get("/_local/messages", more);
        assert_eq!((status, answer.contains("ada@example.com")), (403, false), "{more:?}: {answer}");
    }
    // Programs, its own page, and a link from wherever.
    let own_page = format!("http://{own}");
    for more in [
        &[][..],
        &[("Origin", own_page.as_str()), ("Sec-Fetch-Site", "same-origin")],
        &[("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")],
        &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")],
    ] {
        let (status, answer) = get("/_local/messages", more);
        assert_eq!((status, answer.contains("ada@example.com")), (200, true), "{more:?}: {answer}");
        let value: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(value[0]["to"], "ada@example.com");
    }
}
