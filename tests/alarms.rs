//! Alarms count log lines: each metric filter of the template is held against what the functions log.
//!
//! A filter matches the id of an event, `event`. The words of a line, for people, may change: they are left out here.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use local::Template;
use regex::Regex;
use serde_json::{Value, json};
use shared::{audit, log};

use crate::support::{Api, Fault, PASSWORD, TWILIO, root};

const NUMBER: &str = "+919881167671";

/// A metric filter of CloudWatch Logs.
struct Filter {
    id: String,
    pattern: String,
    metric: String,
    log_group: String,
}

impl Filter {
    fn counts(&self, line: &Value) -> bool {
        matches(&self.pattern, line)
    }

    /// How many lines it counts.
    fn count(&self, lines: &[Value]) -> usize {
        lines.iter().filter(|line| self.counts(line)).count()
    }
}

fn template() -> Template {
    Template::load(
        &root().join("template.yaml"),
        &[("MailFrom".to_owned(), "a@example.com".to_owned())].into(),
    )
    .unwrap()
}

fn filters(template: &Template) -> Vec<Filter> {
    let resources = template.resources.iter();
    let filters = resources.filter(|(_, resource)| resource["Type"] == "AWS::Logs::MetricFilter");
    let filters = filters.map(|(id, resource)| {
        let properties = &resource["Properties"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Filter {
            id: id.clone(),
            pattern: text(&properties["FilterPattern"]),
            metric: text(&properties["MetricTransformations"][0]["MetricName"]),
            log_group: text(&properties["LogGroupName"]),
        }
    });
    filters.collect()
}

/// The filters that count what functions log.
fn filters_of_functions() -> Vec<Filter> {
    let template = template();
    filters(&template).into_iter().filter(|filter| filter.log_group == "rollcall-Logs").collect()
}

/// Whether a filter pattern matches a line, as far as the template uses CloudWatch's syntax: `{ $.field = "text" || … }`, with
/// `*` for any text.
fn matches(pattern: &str, line: &Value) -> bool {
    terms(pattern).iter().any(|(field, text)| {
        let text = format!("^{}$", regex::escape(text).replace(r"\*", ".*"));
        line[field].as_str().is_some_and(|value| Regex::new(&text).unwrap().is_match(value))
    })
}

/// The fields of a pattern, each with the text that it is to have.
fn terms(pattern: &str) -> Vec<(String, String)> {
    let inner = pattern.strip_prefix("{ ").and_then(|rest| rest.strip_suffix(" }"));
    let inner = inner.unwrap_or_else(|| panic!("this test cannot read the pattern {pattern}"));
    let term = Regex::new(r#"^\$\.(\w+) = "([^"]+)"$"#).unwrap();
    let read = inner.split(" || ").map(|text| {
        let found =
            term.captures(text).unwrap_or_else(|| panic!("this test cannot read {text} in {pattern}"));
        (found[1].to_owned(), found[2].to_owned())
    });
    read.collect()
}

/// What the functions have logged, each line without the words and fields that patterns for 0.1.0 match.
fn logged(api: &Api) -> Vec<Value> {
    let mut lines = api.logged();
    for line in lines.iter_mut().filter_map(Value::as_object_mut) {
        for words in ["message", "audit", "cause", "limit"] {
            line.remove(words);
        }
    }
    lines
}

/// Every id of an event that a function may log.
fn ids() -> BTreeSet<&'static str> {
    let audited = audit::Event::ALL.iter().map(|event| event.id());
    audited.chain(log::Event::ALL.iter().map(|event| event.id())).collect()
}

/// Makes the functions log what a filter counts.
async fn provoke(filter: &str) -> Vec<Value> {
    match filter {
        "ReuseFilter" => {
            let api = Api::start().await;
            let ada = api.signed_in().await;
            ada.refreshed().await;
            let thief = api.header("User-Agent", "another");
            assert_eq!(
                thief.post("/api/token/refresh", &json!({ "refresh": ada.refresh })).await.status,
                401
            );
            logged(&api)
        }
        "LoginRefusedFilter" => {
            let api = Api::start().await;
            let body = json!({ "email": "ada@example.com", "password": PASSWORD });
            assert_eq!(api.post("/api/login", &body).await.status, 401);
            logged(&api)
        }
        "SmsBudgetFilter" => {
            let api = Api::with(&[("SmsPerDay", "0")]).await;
            api.post("/otp/generate", &json!({ "phone_number": NUMBER })).await;
            logged(&api)
        }
        "UndeliverableFilter" => {
            let api = Api::with(&TWILIO).await;
            // The number has unsubscribed.
            api.stack.twilio_answers(vec![(400, 21610)]);
            api.post("/otp/generate", &json!({ "phone_number": NUMBER })).await;
            // What comes after it has been sent.
            api.texts_to(NUMBER).await;
            logged(&api)
        }
        "DatabaseThrottledFilter" => {
            let api = Api::behind_a_proxy(&[]).await;
            let ada = api.signed_in().await;
            api.proxy.fail(Fault::TableThrottled, |call| call.operation == "BatchGetItem");
            assert_eq!(ada.get("/api/profile").await.status, 503);
            api.proxy.heal().await;
            logged(&api)
        }
        other => panic!("{other} is a new filter: provoke here what it counts"),
    }
}

#[tokio::test]
async fn every_filter_counts_the_event_it_is_for_and_no_other() {
    let mut filters = filters_of_functions();
    // Messages that are sent are no incident, and part of the others.
    filters.retain(|filter| filter.id != "SentFilter");
    assert_eq!(filters.len(), 5);

    let provoked = join_all(filters.iter().map(|filter| provoke(&filter.id))).await;

    for (logged, provoked) in provoked.iter().zip(&filters) {
        for filter in &filters {
            let count = filter.count(logged);
            assert_eq!(count, usize::from(filter.id == provoked.id), "{} beside {}", filter.id, provoked.id);
        }
    }
}

#[tokio::test]
async fn every_message_that_was_sent_is_counted() {
    let api = Api::start().await;
    api.registered("ada").await;
    api.post("/otp/generate", &json!({ "phone_number": NUMBER })).await;
    // The lines about them have been written when the next ones have gone out.
    assert_eq!((api.mails_to("ada@example.com").await, api.texts_to(NUMBER).await), (1, 1));

    let filters = filters_of_functions();
    let sent = filters.iter().find(|filter| filter.id == "SentFilter").unwrap();
    let count = sent.count(&logged(&api));
    assert!(count >= 2, "{count}");
}

#[tokio::test]
async fn a_throttled_transaction_counts_as_throttled() {
    let api = Api::behind_a_proxy(&[]).await;
    let ada = api.signed_in().await;
    api.proxy.fail(Fault::Contended, |call| call.operation == "TransactWriteItems");

    assert_eq!(ada.patch("/api/profile", &json!({ "first_name": "Ada" })).await.status, 503);

    api.proxy.heal().await;
    let filters = filters_of_functions();
    let throttled = filters.iter().find(|filter| filter.id == "DatabaseThrottledFilter").unwrap();
    assert_eq!(throttled.count(&logged(&api)), 1);
}

#[tokio::test]
async fn a_throttled_command_of_the_operator_counts_as_throttled() {
    let api = Api::behind_a_proxy(&[]).await;
    api.proxy.fail(Fault::TableThrottled, |call| call.operation == "Scan");

    assert!(api.stack.invoke("reindex", json!({ "kind": "users" })).await.is_err());

    api.proxy.heal().await;
    let throttled: Vec<_> =
        logged(&api).into_iter().filter(|line| line["event"] == "call_throttled").collect();
    assert_eq!(throttled.len(), 1, "{throttled:?}");
}

#[test]
fn every_event_of_a_filter_is_one_that_functions_log() {
    for filter in filters_of_functions() {
        let terms = terms(&filter.pattern);
        let mut events =
            terms.iter().filter(|(field, _)| field == "event").map(|(_, id)| id.as_str()).peekable();
        assert!(events.peek().is_some(), "{} matches no event: {}", filter.id, filter.pattern);
        for event in events {
            assert!(ids().contains(event), "{}: no function logs {event}", filter.id);
        }
    }
}

/// `ForRelease010`: while a deployment runs, and after a roll-back, functions of 0.1.0 log these lines.
#[test]
fn filters_count_the_lines_of_0_1_0_too() {
    let lines = [
        ("ReuseFilter", json!({ "audit": "session killed for reuse", "user_id": "1", "ip": "192.0.2.1" })),
        ("LoginRefusedFilter", json!({ "audit": "login refused", "identifier": "a***", "ip": "192.0.2.1" })),
        ("SmsBudgetFilter", json!({ "limit": "sms", "message": "a limit was reached" })),
        ("UndeliverableFilter", json!({ "purpose": "sign_up", "reason": "a", "message": "undeliverable" })),
        ("SentFilter", json!({ "purpose": "sign_up", "to": "+91***71", "message": "sent" })),
        (
            "DatabaseThrottledFilter",
            json!({ "cause": "ThrottlingException: a (service error)", "message": "a dependency is unavailable" }),
        ),
        (
            "DatabaseThrottledFilter",
            json!({ "cause": "ProvisionedThroughputExceededException: a", "message": "a login was not noted" }),
        ),
    ];
    for filter in filters_of_functions() {
        assert!(lines.iter().any(|(id, _)| *id == filter.id), "{}", filter.id);
        for (id, line) in &lines {
            assert_eq!(filter.counts(line), filter.id == *id, "{}: {line}", filter.id);
        }
    }
}

/// What the gateway refuses by itself is in its access log, under its own names.
#[test]
fn what_the_gateway_refuses_is_counted() {
    let template = template();
    let format = template.resources["Api"]["Properties"]["AccessLogSetting"]["Format"].as_str().unwrap();
    let line = |kind: &str| {
        let line = format.replace("$context.error.responseType", kind).replace("$context.status", "429");
        // The other variables that are no texts are numbers.
        let line = Regex::new(r":\$context\.\w+(\.\w+)*").unwrap().replace_all(&line, ":1").into_owned();
        serde_json::from_str::<Value>(&line).unwrap()
    };

    let filters = filters(&template);
    let filters: Vec<_> = filters.iter().filter(|filter| filter.log_group == "rollcall-AccessLogs").collect();
    let counting = |kind: &str| {
        let filters = filters.iter().filter(|filter| filter.counts(&line(kind)));
        filters.map(|filter| filter.id.as_str()).collect::<Vec<_>>()
    };

    assert_eq!(filters.len(), 2);
    assert_eq!(counting("THROTTLED"), ["ApiThrottledFilter"]);
    assert_eq!(counting("WAF_FILTERED"), ["AddressThrottledFilter"]);
    for other in ["-", "MISSING_AUTHENTICATION_TOKEN", "DEFAULT_5XX"] {
        assert_eq!(counting(other), [] as [&str; 0], "{other}");
    }
}

/// Every alarm of the template, by its logical id.
fn alarms(template: &Template) -> Vec<(&String, &Value)> {
    let resources = template.resources.iter();
    let alarms = resources.filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    alarms.map(|(id, resource)| (id, &resource["Properties"])).collect()
}

/// The metrics that an alarm is about, each with its namespace.
fn metrics(alarm: &Value) -> Vec<(&str, &str)> {
    let computed = alarm["Metrics"].as_array().into_iter().flatten();
    let metrics = computed.map(|metric| &metric["MetricStat"]["Metric"]).chain([alarm]);
    metrics
        .filter_map(|metric| Some((metric["Namespace"].as_str()?, metric["MetricName"].as_str()?)))
        .collect()
}

/// How much of what an alarm counts makes it ring at least.
fn least(alarm: &Value) -> f64 {
    let expression =
        alarm["Metrics"].as_array().into_iter().flatten().find_map(|metric| metric["Expression"].as_str());
    let Some(expression) = expression else {
        let threshold = alarm["Threshold"].as_f64().unwrap();
        return if alarm["ComparisonOperator"] == "GreaterThanThreshold" {
            threshold + 1.0
        } else {
            threshold
        };
    };
    // Of the same metric: the least number of which the share is asked.
    let form = Regex::new(r"^IF\((\w+) >= (\d+), (\w+) / .+, 0\)$").unwrap();
    let read = form.captures(expression).unwrap_or_else(|| panic!("this test cannot read {expression}"));
    assert_eq!(read[1], read[3], "{expression}");
    read[2].parse().unwrap()
}

/// What a stranger causes with a request or three (a failure, an old token of their own, dead numbers, a large body) is no
/// incident.
#[test]
fn no_alarm_rings_for_what_one_client_does_a_few_times() {
    /// What no request causes by itself: a provider was down for a code's lifetime, or the day's messages are gone.
    const STATES: [&str; 2] = ["UndeliveredAlarm", "SmsBudgetAlarm"];
    let template = template();
    for (id, alarm) in alarms(&template) {
        let metric = alarm["MetricName"].as_str().unwrap_or_default();
        let is_time_or_rate =
            ["IteratorAge", "Reputation.BounceRate", "Reputation.ComplaintRate"].contains(&metric);
        if is_time_or_rate || STATES.contains(&id.as_str()) {
            continue;
        }
        let enough = if alarm["Dimensions"][0]["Name"] == "FunctionName" { 3.0 } else { 5.0 };
        assert!(least(alarm) >= enough, "{id} rings for {}", least(alarm));
    }
}

#[test]
fn a_deployment_says_when_nobody_hears_of_its_alarms() {
    let said = |address: &str| {
        let parameters = [("MailFrom", "a@example.com"), ("AlarmEmail", address)];
        let parameters = parameters.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let template = Template::load(&root().join("template.yaml"), &parameters.into()).unwrap();
        let actions: BTreeSet<bool> =
            alarms(&template).iter().map(|(_, alarm)| alarm.get("AlarmActions").is_some()).collect();
        (actions, template.outputs["Alarms"]["Value"].as_str().unwrap().to_owned())
    };

    let (actions, output) = said("");
    assert!(
        actions == [false].into() && output.starts_with("To NOBODY. Set the parameter AlarmEmail"),
        "{output}"
    );
    let (actions, output) = said("ops@example.com");
    assert!(actions == [true].into() && !output.contains("NOBODY") && !output.contains('@'), "{output}");
}

#[test]
fn every_metric_of_an_alarm_is_one_that_a_filter_counts() {
    let template = template();
    let counted: BTreeSet<String> = filters(&template).into_iter().map(|filter| filter.metric).collect();
    let alarms = alarms(&template);
    let metrics = alarms.iter().flat_map(|(_, alarm)| metrics(alarm));
    let ours = metrics.filter(|(namespace, _)| *namespace == "Rollcall/rollcall");
    let mut heard: BTreeSet<String> = ours.map(|(_, metric)| metric.to_owned()).collect();
    // These are on the dashboard only.
    heard.extend(["LoginsRefused", "AddressesThrottled"].map(str::to_owned));
    assert_eq!(heard, counted);

    let dashboard = template.resources["Dashboard"]["Properties"]["DashboardBody"].as_str().unwrap();
    for metric in counted {
        assert!(dashboard.contains(&format!(r#", "{metric}"]"#)), "{metric} is not on the dashboard");
    }
}

#[test]
fn the_ids_of_events_are_unique_and_documented() {
    let all = audit::Event::ALL.len() + log::Event::ALL.len();
    assert_eq!(ids().len(), all, "two events have one id");

    let document = std::fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let (_, section) =
        document.split_once("\n## Events\n").expect("docs/operations.md has the section Events");
    let section = section.split("\n## ").next().unwrap();
    let row = Regex::new(r"(?m)^\| `(\w+)` \|").unwrap();
    let documented: BTreeSet<&str> =
        row.captures_iter(section).map(|row| row.get(1).unwrap().as_str()).collect();
    assert_eq!(documented, ids());
}
