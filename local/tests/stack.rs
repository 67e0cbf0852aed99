//! A whole stack around a function that does as it is told (`examples/probe.rs`).

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

#[path = "stack/import.rs"]
mod import;
#[path = "stack/reindex.rs"]
mod reindex;
#[path = "stack/services.rs"]
mod services;
#[path = "stack/superuser.rs"]
mod superuser;
#[path = "stack/template.rs"]
mod template;
#[path = "stack/upgrade.rs"]
mod upgrade;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
};

use local::{Data, InvokeError, Options, Stack, StartError};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tempfile::TempDir;

const TEMPLATE: &str = r#"
Parameters:
  Greeting: { Type: String, Default: hello, AllowedPattern: "[a-z]+" }
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      MinimumCompressionSize: 1024
      GatewayResponses:
        MISSING_AUTHENTICATION_TOKEN:
          { StatusCode: 404, ResponseTemplates: { application/json: '{"detail":"Not found."}' } }
        INTEGRATION_FAILURE:
          ResponseParameters: { Headers: { X-Gateway: "'yes'" } }
          ResponseTemplates: { application/json: '{"detail":"A server error occurred."}' }
  Posts:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{ AttributeName: pk, AttributeType: S }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
      TimeToLiveSpecification: { AttributeName: expires, Enabled: true }
      StreamSpecification: { StreamViewType: NEW_AND_OLD_IMAGES }
  Queue: { Type: AWS::SQS::Queue }
  Probe:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/probe/
      Timeout: 2
      Environment: { Variables: { GREETING: !Ref Greeting, POSTS: !Ref Posts, OVERRIDDEN: template } }
      Events:
        Act: { Type: Api, Properties: { RestApiId: !Ref Api, Path: "/act/{act}", Method: POST } }
  Deliver:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/deliver/
      Events:
        Post:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Posts.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 10
            FilterCriteria: { Filters: [{ Pattern: '{"dynamodb":{"NewImage":{"to":{"S":[{"exists":true}]}}}}' }] }
            FunctionResponseTypes: [ReportBatchItemFailures]
            MaximumRetryAttempts: 2
            DestinationConfig: { OnFailure: { Type: SQS, Destination: !GetAtt Queue.Arn } }
  CreateSuperuser:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: target/lambda/create-superuser/ }
  Import:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: target/lambda/import/ }
  Reindex:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: target/lambda/reindex/ }
  Broken:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/broken/
      Environment: { Variables: { BROKEN: "yes" } }
      Events:
        Get: { Type: Api, Properties: { RestApiId: !Ref Api, Path: /broken, Method: ANY } }
"#;

/// A stack, the folder with its template, and a client.
struct Local {
    stack: Stack,
    client: Client,
    folder: TempDir,
}

impl Local {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stack = Stack::start(options(folder.path())).await.unwrap();
        Self { stack, client: client(), folder }
    }

    async fn act(&self, act: &str) -> Response {
        self.client.post(format!("{}/act/{act}", self.stack.url())).body("{}").send().await.unwrap()
    }

    async fn post(&self, pk: &str, to: Option<&str>) {
        put(&self.stack, pk, to).await;
    }
}

fn client() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

fn options(folder: &Path) -> Options {
    let template = folder.join("template.yaml");
    std::fs::write(&template, TEMPLATE).unwrap();
    Options {
        port: 0,
        data: Data::Memory,
        env: BTreeMap::from([("OVERRIDDEN".to_owned(), "option".to_owned())]),
        parameters: BTreeMap::new(),
        dynamodb: None,
        concurrency: None,
        binaries: binaries(folder),
        template,
        carriers: None,
        terminal: false,
    }
}

/// The probe under the name of every function. Cargo builds a package's examples along with its tests, next to them.
fn binaries(folder: &Path) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let probe = tests.ancestors().nth(2).map(|target| target.join("examples/probe")).unwrap();
    let binaries = folder.join("binaries");
    if !binaries.exists() {
        std::fs::create_dir(&binaries).unwrap();
        for name in ["probe", "deliver", "create-superuser", "import", "reindex", "broken"] {
            std::os::unix::fs::symlink(&probe, binaries.join(name)).unwrap();
        }
    }
    binaries
}

async fn put(stack: &Stack, pk: &str, to: Option<&str>) {
    let mut item = json!({ "pk": { "S": pk } });
    if let Some(to) = to {
        item["to"] = json!({ "S": to });
    }
    dynamodb(stack, "PutItem", &json!({ "TableName": "rollcall-Posts", "Item": item })).await;
}

/// A call of the database, which succeeds.
async fn dynamodb(stack: &Stack, operation: &str, request: &Value) -> Value {
    let target = format!("DynamoDB_20120810.{operation}");
    let call = client().post(stack.dynamodb_url()).header("x-amz-target", target);
    let authorization = "AWS4-HMAC-SHA256 Credential=local/20200101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
    let call =
        call.header("content-type", "application/x-amz-json-1.0").header("authorization", authorization);
    let answer =
        call.header("x-amz-date", "20200101T000000Z").body(request.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    body(answer).await
}

async fn body(response: Response) -> Value {
    response.json().await.unwrap()
}

async fn pid(response: Response) -> u64 {
    body(response).await["pid"].as_u64().unwrap()
}

fn is_alive(pid: u64) -> bool {
    // A process that has ended but is not yet reaped is a zombie.
    let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !status.is_empty() && !status.contains(") Z ")
}

#[tokio::test]
async fn a_request_reaches_its_function_and_the_answer_its_client() {
    let local = Local::start().await;

    let response = local.act("a%20b/?q=1").await;

    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-probe"], "1");
    assert!(response.headers().contains_key("x-amzn-requestid"));
    let event = &body(response).await["event"];
    assert_eq!(event["pathParameters"], json!({ "act": "a%20b" }));
    assert_eq!(event["queryStringParameters"], json!({ "q": "1" }));
    assert_eq!((&event["resource"], &event["body"]), (&json!("/act/{act}"), &json!("{}")));
    assert_eq!(event["requestContext"]["identity"]["sourceIp"], "127.0.0.1");
}

#[tokio::test]
async fn a_long_answer_is_compressed_for_a_client_that_accepts_it() {
    let local = Local::start().await;
    let act = async |act: &str, accepted: &str| {
        let request = local.client.post(format!("{}/act/{act}", local.stack.url()));
        request.header("accept-encoding", accepted).send().await.unwrap()
    };

    for (accepted, encoding, first) in [("gzip", "gzip", 0x1f), ("br;q=1, deflate", "deflate", 0x78)] {
        let answer = act("tell", accepted).await;
        assert_eq!(answer.headers()["content-encoding"], encoding);
        assert_eq!(answer.headers()["vary"], "accept-encoding");
        assert_eq!(answer.bytes().await.unwrap()[0], first, "{accepted}");
    }
    for (name, accepted) in [("tell", "br"), ("tell", "identity"), ("tell", "gzip;q=0"), ("log", "gzip")] {
        let answer = act(name, accepted).await;
        assert_eq!(answer.headers().get("content-encoding"), None, "{name} {accepted}");
        assert!(body(answer).await.is_object());
    }
}

#[tokio::test]
async fn an_instance_stays_warm_even_when_its_function_reports_an_error() {
    let local = Local::start().await;

    let first = pid(local.act("tell").await).await;
    let failed = local.act("fail").await;

    assert_eq!(failed.status(), 502);
    assert_eq!(pid(local.act("tell").await).await, first);
}

#[tokio::test]
async fn a_function_that_crashes_hangs_or_babbles_is_a_bad_gateway_and_the_next_request_is_served() {
    let local = Local::start().await;
    for act in ["crash", "hang", "garble", "fail", "large"] {
        let response = local.act(act).await;

        assert_eq!(response.status(), 502, "{act}");
        assert_eq!(response.headers()["x-gateway"], "yes");
        assert_eq!(body(response).await, json!({ "detail": "A server error occurred." }));
        assert_eq!(local.act("tell").await.status(), 200, "after {act}");
    }
}

#[tokio::test]
async fn a_function_that_hangs_is_killed() {
    let local = Local::start().await;
    let instance = pid(local.act("tell").await).await;

    local.act("hang").await;

    assert!(!is_alive(instance));
}

#[tokio::test]
async fn a_function_that_cannot_start_is_a_bad_gateway_and_its_last_words_are_kept() {
    let local = Local::start().await;

    let response = local.client.get(format!("{}/broken", local.stack.url())).send().await.unwrap();

    assert_eq!(response.status(), 502);
    assert_eq!(local.stack.logs(), ["this function cannot start"]);
}

#[tokio::test]
async fn requests_beyond_the_instances_wait_for_their_turn() {
    let local = Local::start().await;

    let requests = (0..24).map(|_| async { pid(local.act("tell").await).await });
    let pids: BTreeSet<u64> = futures_util::future::join_all(requests).await.into_iter().collect();

    assert!((1..=8).contains(&pids.len()), "{pids:?}");
}

#[tokio::test]
async fn what_goes_beyond_the_account_s_concurrency_is_throttled_and_what_comes_after_it_served() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(Options { concurrency: Some(1), ..options(folder.path()) }).await.unwrap();
    let local = Local { stack, client: client(), folder };
    let until = async |act: &str, is_throttled: bool| loop {
        let response = local.act(act).await;
        if (response.status() == 500) == is_throttled {
            return response;
        }
    };

    // Each of them can be in the way of the other.
    let (hanging, ()) = futures_util::join!(until("hang", false), async {
        let throttled = until("tell", true).await;
        assert_eq!(body(throttled).await, json!({ "detail": "A server error occurred." }));
        local.post("kept", Some("ada@example.com")).await;
    });

    assert_eq!(hanging.status(), 502);
    assert_eq!(local.stack.message("ada@example.com", 0).await.unwrap().body, "kept");
    assert_eq!(local.stack.undelivered(), [] as [Value; 0]);
    assert_eq!(until("tell", false).await.status(), 200);
}

#[tokio::test]
async fn a_line_is_in_the_logs_once_the_answer_is_there() {
    let local = Local::start().await;

    local.act("log").await;

    assert_eq!(local.stack.logs(), ["a line before the answer"]);
}

#[tokio::test]
async fn a_function_has_the_variables_of_lambda_the_template_and_the_options_and_no_others() {
    let local = Local::start().await;

    let answer = body(local.act("tell").await).await;

    let variables: BTreeMap<&str, &str> = answer["variables"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
        .collect();
    assert_eq!((variables["GREETING"], variables["POSTS"]), ("hello", "rollcall-Posts"));
    assert_eq!(variables["OVERRIDDEN"], "option");
    assert_eq!(variables["AWS_LAMBDA_FUNCTION_NAME"], "probe");
    assert_eq!(variables["AWS_ENDPOINT_URL_SESV2"], local.stack.aws_url());
    let foreign = variables.keys().filter(|name| !name.starts_with("AWS_"));
    let foreign: Vec<&str> = foreign.copied().collect();
    assert_eq!(foreign, ["GREETING", "LANG", "OVERRIDDEN", "POSTS", "TWILIO_API_URL", "TZ", "_HANDLER"]);
}

#[tokio::test]
async fn what_has_no_route_gets_the_template_s_answer() {
    let local = Local::start().await;
    for (method, path) in
        [("GET", "/nowhere"), ("GET", "/act/tell"), ("HEAD", "/act/tell"), ("OPTIONS", "/act/tell")]
    {
        let request = local.client.request(method.parse().unwrap(), format!("{}{path}", local.stack.url()));
        let response = request.send().await.unwrap();

        assert_eq!(response.status(), 404, "{method} {path}");
        assert_eq!(response.headers()["x-amzn-errortype"], "MissingAuthenticationTokenException");
        if method != "HEAD" {
            assert_eq!(body(response).await, json!({ "detail": "Not found." }));
        }
    }
}

#[tokio::test]
async fn a_token_without_a_route_is_taken_for_a_signature() {
    let local = Local::start().await;
    let request = local.client.get(format!("{}/nowhere", local.stack.url())).bearer_auth("a.secret.token");
    let response = request.send().await.unwrap();

    assert_eq!(response.status(), 403);
    assert_eq!(response.headers()["x-amzn-errortype"], "IncompleteSignatureException");
    let words = "Invalid key=value pair (missing equal-sign) in Authorization header";
    assert_eq!(body(response).await, json!({ "message": words }));
}

#[tokio::test]
async fn a_request_larger_than_the_gateway_or_the_function_takes_is_refused() {
    let local = Local::start().await;
    for megabytes in [7, 11] {
        let request =
            local.client.post(format!("{}/act/tell", local.stack.url())).body(vec![b'x'; megabytes << 20]);
        let response = request.send().await.unwrap();

        assert_eq!(response.status(), 413, "{megabytes} MB");
        assert_eq!(body(response).await, json!({ "message": "Request Too Long" }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_does_not_disturb_the_instance() {
    let local = Local::start().await;
    let instance = pid(local.act("tell").await).await;
    let address = local.stack.url().strip_prefix("http://").unwrap().to_owned();

    let mut leaver = TcpStream::connect(&address).unwrap();
    let request = format!("POST /act/log HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
    leaver.write_all(request.as_bytes()).unwrap();
    drop(leaver);

    assert_eq!(local.act("tell").await.status(), 200);
    assert!(is_alive(instance));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_none_is_refused_before_it_reaches_a_function() {
    let local = Local::start().await;
    let mut client = TcpStream::connect(local.stack.url().strip_prefix("http://").unwrap()).unwrap();

    client
        .write_all(b"POST /act/tell HTTP/1.1\r\nHost: a b\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        .unwrap();

    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_function_can_be_invoked_by_either_of_its_names() {
    let local = Local::start().await;

    for name in ["probe", "Probe"] {
        assert_eq!(local.stack.invoke(name, json!({ "a": 1 })).await.unwrap(), json!({ "a": 1 }));
    }
    let failed = local.stack.invoke("Probe", json!({ "pathParameters": { "act": "fail" } })).await;
    assert!(matches!(failed, Err(InvokeError::Failed(error)) if error["errorMessage"] == "as told"));
    assert!(matches!(local.stack.invoke("nobody", json!({})).await, Err(InvokeError::Unknown(_))));
}

#[tokio::test]
async fn what_is_written_to_a_table_reaches_the_function_on_its_stream() {
    let local = Local::start().await;

    local.post("unwanted", None).await;
    local.post("wanted", Some("ada@example.com")).await;

    let message = local.stack.message("ada@example.com", 0).await.unwrap();
    assert_eq!((message.body.as_str(), message.channel.as_str()), ("wanted", "email"));
    let messages = format!("{}/_local/messages?to=ADA@example.com", local.stack.url());
    let listed = body(local.client.get(messages).send().await.unwrap()).await;
    assert_eq!(listed, json!([message]));
}

#[tokio::test]
async fn a_delivery_that_fails_is_tried_again_in_order() {
    let local = Local::start().await;
    local.stack.refuse_mail(true);
    local.post("first", Some("ada@example.com")).await;
    local.post("second", Some("ada@example.com")).await;

    local.stack.refuse_mail(false);

    assert_eq!(local.stack.message("ada@example.com", 0).await.unwrap().body, "first");
    assert_eq!(local.stack.message("ada@example.com", 1).await.unwrap().body, "second");
    assert_eq!(local.stack.undelivered(), [] as [Value; 0]);
}

#[tokio::test]
async fn a_restart_goes_on_where_the_stack_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let kept = || Options { data: Data::Folder(folder.path().join(".local")), ..options(folder.path()) };
    let stack = Stack::start(kept()).await.unwrap();
    put(&stack, "before", Some("ada@example.com")).await;
    stack.message("ada@example.com", 0).await.unwrap();
    stack.refuse_mail(true);
    put(&stack, "during", Some("ada@example.com")).await;
    stack.stop().await;

    let stack = Stack::start(kept()).await.unwrap();

    stack.message("ada@example.com", 1).await.unwrap();
    let bodies: Vec<String> =
        stack.messages("ada@example.com").into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, ["before", "during"]);
}

#[tokio::test]
async fn a_stack_can_use_a_database_that_is_already_there() {
    let local = Local::start().await;
    let folder = tempfile::tempdir().unwrap();
    let dynamodb = Some(local.stack.dynamodb_url().to_owned());
    let other = Stack::start(Options { dynamodb, ..options(folder.path()) }).await.unwrap();

    local.post("shared", Some("ada@example.com")).await;

    assert_eq!(other.message("ada@example.com", 0).await.unwrap().body, "shared");
}

#[tokio::test]
async fn a_delivery_that_never_succeeds_ends_in_the_queue() {
    let local = Local::start().await;
    local.stack.refuse_mail(true);
    local.post("lost", Some("ada@example.com")).await;

    let given_up = loop {
        if let Some(record) = local.stack.undelivered().pop() {
            break record;
        }
        tokio::task::yield_now().await;
    };

    assert_eq!(given_up["requestContext"]["condition"], "RetryAttemptsExhausted");
    assert_eq!(given_up["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(given_up["DDBStreamBatchInfo"]["batchSize"], 1);
    assert_eq!(local.stack.messages("ada@example.com"), []);
}

#[tokio::test]
async fn stopping_leaves_no_process_behind() {
    let local = Local::start().await;
    let instance = pid(local.act("tell").await).await;
    let hanging = tokio::spawn(client().post(format!("{}/act/hang", local.stack.url())).send());
    assert!(is_alive(instance));

    local.stack.stop().await;

    assert!(!is_alive(instance));
    drop(hanging.await);
}

#[tokio::test]
async fn what_keeps_a_stack_from_starting_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let base = options(folder.path());
    let local = Local::start().await;
    let taken: u16 = local.stack.url().rsplit(':').next().unwrap().parse().unwrap();
    let parameter = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
    let in_use = Data::Folder(local.folder.path().join("used"));
    let user = Options { data: in_use.clone(), ..options(folder.path()) };
    let _user = Stack::start(user).await.unwrap();

    let cases = [
        (Options { port: taken, ..base.clone() }, "cannot be used: Address already in use"),
        (
            Options { parameters: parameter("Nope", "x"), ..base.clone() },
            "the template has no parameter Nope; it has Greeting",
        ),
        (
            Options { parameters: parameter("Greeting", "HI"), ..base.clone() },
            "the parameter Greeting must match [a-z]+",
        ),
        (
            Options { binaries: PathBuf::from("/nowhere"), ..base.clone() },
            "these functions have no binary in /nowhere: ",
        ),
        (
            Options { dynamodb: Some("http://127.0.0.1:1".to_owned()), ..base.clone() },
            "no answer from http://127.0.0.1:1",
        ),
        (Options { data: in_use, ..base }, "another stack runs in it"),
    ];
    for (options, expected) in cases {
        let error: StartError = Stack::start(options).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
