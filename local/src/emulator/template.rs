//! `template.yaml`, read: the functions, routes, tables, streams and secrets that a deployment would have.

mod parameters;
mod resolve;
mod upgrade;
mod yaml;

use std::{collections::BTreeMap, path::Path, time::Duration};

use serde_json::{Map, Value, json};

pub(crate) use resolve::secret_arn;
use resolve::{Resolver, text};
pub use upgrade::upgrade_problems;

/// The region everything here is in, and the one the functions are told.
pub(crate) const REGION: &str = "us-east-1";
/// The account everything here belongs to.
pub(crate) const ACCOUNT: &str = "000000000000";
/// `AWS::StackName`.
const STACK: &str = "rollcall";

/// Why a template cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file cannot be opened.
    #[error("the template cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is no YAML.
    #[error("the template is not YAML: {0}")]
    Yaml(String),
    /// It is YAML, but it does not hold together.
    #[error("the template is broken: {0}")]
    Invalid(String),
    /// A value was given to a parameter that the template does not declare.
    #[error("the template has no parameter {name}; it has {known}")]
    UnknownParameter {
        /// What was given.
        name: String,
        /// What could have been given.
        known: String,
    },
    /// A parameter without a value, or with one that its constraints refuse.
    #[error("the parameter {0} {1}")]
    Parameter(String, String),
    /// Parameters that do not go together: the name of the rule and its description.
    #[error("the parameters break the rule {0}: {1}")]
    Rule(String, String),
}

/// What the stack has to run.
#[derive(Debug)]
pub struct Template {
    /// Every function.
    pub functions: Vec<Function>,
    /// Every table.
    pub tables: Vec<Table>,
    /// Every secret.
    pub secrets: Vec<Secret>,
    /// The gateway's own answers, such as `MISSING_AUTHENTICATION_TOKEN`, by type.
    pub responses: BTreeMap<String, GatewayResponse>,
    /// The gateway compresses answers of at least so many bytes (`MinimumCompressionSize`); `None` for none.
    pub minimum_compression: Option<u64>,
    /// Every resource whose condition holds, by its logical id, with what it refers to filled in.
    pub resources: Map<String, Value>,
    /// Every output whose condition holds, likewise.
    pub outputs: Map<String, Value>,
}

/// A Lambda function.
#[derive(Debug, Clone)]
pub struct Function {
    /// The logical id, such as `ApiLogin`.
    pub id: String,
    /// Its name in the account, such as `rollcall-ApiLogin`.
    pub name: String,
    /// The binary it runs, such as `api-login`: the last part of its `CodeUri`.
    pub binary: String,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Its size, in MiB: only told to the function, not enforced here.
    pub memory: u64,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// The routes that lead to it.
    pub routes: Vec<Route>,
    /// The streams it is fed by.
    pub streams: Vec<StreamSource>,
    /// The patterns of the events that EventBridge hands to it.
    pub rules: Vec<Value>,
    /// What its role may do: the statements of its policies.
    pub statements: Vec<Value>,
}

impl Function {
    /// Its full name.
    #[must_use]
    pub fn arn(&self) -> String {
        resolve::function_arn(&self.name)
    }

    /// Whether it is the one that is meant by its name, its ARN, its logical id or its binary.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        [&self.name, &self.arn(), &self.id, &self.binary].into_iter().any(|own| own == name)
    }
}

/// A method and path of the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Such as `GET`, or `ANY`.
    pub method: String,
    /// Such as `/api/users/{id}`.
    pub path: String,
}

/// A table's stream as the source of a function's events.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own in the template")]
pub struct StreamSource {
    /// The table's name in the database.
    pub table: String,
    /// At most so many records an invocation.
    pub batch_size: usize,
    /// Whether only what happens from now on counts (`LATEST`).
    pub from_now: bool,
    /// A record is handed over when it matches one of these, or when there are none.
    pub filters: Vec<Value>,
    /// Whether the function says which records of a batch failed (`ReportBatchItemFailures`).
    pub reports_failures: bool,
    /// Whether a failed batch is cut in two (`BisectBatchOnFunctionError`).
    pub bisects: bool,
    /// A batch is retried so often; `None` until its records are too old.
    pub maximum_retries: Option<u64>,
    /// An older record is given up; `None` never.
    pub maximum_age: Option<Duration>,
    /// Whether what is given up goes to a queue (`DestinationConfig`).
    pub has_destination: bool,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name in the database, such as `rollcall-Users`.
    pub name: String,
    /// The body of a `CreateTable` call.
    pub create: Value,
    /// The attribute that holds an item's expiry.
    pub expiry_attribute: Option<String>,
}

/// A secret.
#[derive(Debug)]
pub struct Secret {
    /// Its name, such as `rollcall-Secret`.
    pub name: String,
    /// Its full name: what a `Ref` to it gives.
    pub arn: String,
    /// Its declared value, if the template is that careless.
    pub value: Option<String>,
    /// How a value is made up (`GenerateSecretString`).
    pub generate: Value,
}

/// An answer the gateway gives by itself.
#[derive(Debug, Clone, Default)]
pub struct GatewayResponse {
    /// The status; AWS's own when the template says none.
    pub status: Option<u16>,
    /// The headers.
    pub headers: Vec<(String, HeaderSource)>,
    /// The JSON body's template.
    pub body: Option<String>,
}

/// Where a header of a gateway response has its value from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderSource {
    /// It is always this.
    Static(String),
    /// It is that of the request's header of this name; without one there is none.
    Request(String),
}

impl Template {
    /// Reads the template at `path` with these parameters.
    pub fn load(path: &Path, parameters: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        Self::parse(&std::fs::read_to_string(path)?, parameters)
    }

    /// The value that each parameter has in a deployment with these; an error where `CloudFormation` would refuse one, or a rule.
    pub fn deployed_parameters(
        path: &Path,
        parameters: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, TemplateError> {
        let document = yaml::parse(&std::fs::read_to_string(path)?)?;
        let document = document.as_object().cloned().unwrap_or_default();
        let declared = document.get("Parameters").and_then(Value::as_object).cloned().unwrap_or_default();
        let values = parameters::deployed(&declared, parameters)?;
        Resolver::new(&document, &values).check_rules()?;
        Ok(values)
    }

    /// Reads the text of a template.
    pub fn parse(text: &str, parameters: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let document = yaml::parse(text)?;
        let document =
            document.as_object().ok_or_else(|| TemplateError::Invalid("it is not a mapping".to_owned()))?;
        let declared = document.get("Parameters").and_then(Value::as_object).cloned().unwrap_or_default();
        let values = parameters::local(&declared, parameters)?;
        let resolver = Resolver::new(document, &values);
        resolver.check_rules()?;
        let resources = resolver.existing("Resources")?;
        let globals = resolver.value(document.get("Globals").unwrap_or(&Value::Null))?.unwrap_or_default();
        // Nothing here uses them, but a broken one would fail to deploy.
        let outputs = resolver.existing("Outputs")?;

        let of_type = |kind: &'static str| {
            resources
                .iter()
                .filter(move |(_, resource)| resource["Type"] == kind)
                .map(|(id, resource)| (id, &resource["Properties"]))
        };
        let managed: BTreeMap<_, _> = of_type("AWS::IAM::ManagedPolicy")
            .map(|(id, properties)| (resolve::physical_name(id), &properties["PolicyDocument"]))
            .collect();
        Ok(Self {
            functions: of_type("AWS::Serverless::Function")
                .map(|(id, properties)| function(id, properties, &globals["Function"], &managed))
                .collect::<Result<_, _>>()?,
            tables: of_type("AWS::DynamoDB::Table").map(|(id, properties)| table(id, properties)).collect(),
            secrets: of_type("AWS::SecretsManager::Secret")
                .map(|(id, properties)| secret(id, properties))
                .collect(),
            responses: of_type("AWS::Serverless::Api")
                .flat_map(|(_, properties)| gateway_responses(properties))
                .collect(),
            minimum_compression: of_type("AWS::Serverless::Api")
                .find_map(|(_, properties)| minimum_compression(properties)),
            resources,
            outputs,
        })
    }
}

/// `managed` has the documents of the managed policies, by their names.
fn function(
    id: &str,
    properties: &Value,
    globals: &Value,
    managed: &BTreeMap<String, &Value>,
) -> Result<Function, TemplateError> {
    let either = |name: &str| properties.get(name).or_else(|| globals.get(name));
    let number = |name: &str, default: u64| {
        either(name).and_then(text).and_then(|n| n.parse().ok()).unwrap_or(default)
    };
    let binary = either("CodeUri").and_then(Value::as_str).map(|uri| uri.trim_end_matches('/'));
    let binary = binary.and_then(|uri| uri.rsplit('/').next()).filter(|name| !name.is_empty());

    let mut environment = BTreeMap::new();
    for settings in [globals, properties] {
        for (name, value) in object(&settings["Environment"]["Variables"]) {
            environment.insert(name.clone(), text(value).unwrap_or_default());
        }
    }
    let mut routes = Vec::new();
    let mut streams = Vec::new();
    let mut rules = Vec::new();
    for (name, event) in object(&properties["Events"]) {
        match event["Type"].as_str() {
            Some("Api") => routes.push(route(id, name, &event["Properties"])?),
            Some("DynamoDB") => streams.push(stream_source(id, name, &event["Properties"])?),
            Some("EventBridgeRule") => rules.push(event["Properties"]["Pattern"].clone()),
            // Schedules and the like have no counterpart here; such a function can be invoked directly.
            _ => {}
        }
    }
    let policies = properties["Policies"].as_array().into_iter().flatten();
    let documents = policies.filter_map(|policy| match policy {
        Value::String(name) => managed.get(name).copied(),
        document => Some(document),
    });
    let statements = documents.filter_map(|document| document["Statement"].as_array()).flatten();
    Ok(Function {
        id: id.to_owned(),
        name: name(id, "FunctionName", properties),
        binary: binary.ok_or_else(|| TemplateError::Invalid(format!("{id} has no CodeUri")))?.to_owned(),
        timeout: Duration::from_secs(number("Timeout", 3)),
        memory: number("MemorySize", 128),
        environment,
        routes,
        streams,
        rules,
        statements: statements.cloned().collect(),
    })
}

fn route(id: &str, event: &str, properties: &Value) -> Result<Route, TemplateError> {
    let (Some(path), Some(method)) = (properties["Path"].as_str(), properties["Method"].as_str()) else {
        return Err(TemplateError::Invalid(format!("the event {event} of {id} needs a Path and a Method")));
    };
    Ok(Route { method: method.to_uppercase(), path: path.to_owned() })
}

fn stream_source(id: &str, event: &str, properties: &Value) -> Result<StreamSource, TemplateError> {
    let broken = |what: &str| TemplateError::Invalid(format!("the event {event} of {id} {what}"));
    let table = properties["Stream"]
        .as_str()
        .and_then(|arn| arn.split('/').nth(1))
        .ok_or_else(|| broken("names no table's stream"))?;
    let mut filters = Vec::new();
    for filter in properties["FilterCriteria"]["Filters"].as_array().into_iter().flatten() {
        let pattern = filter["Pattern"].as_str().and_then(|pattern| serde_json::from_str(pattern).ok());
        filters.push(
            pattern
                .filter(Value::is_object)
                .ok_or_else(|| broken("has a filter that is not a JSON object"))?,
        );
    }
    // -1 stands for "without limit", as does leaving it out.
    let limit =
        |name: &str| properties.get(name).and_then(text).and_then(|number| number.parse::<u64>().ok());
    let reports = properties["FunctionResponseTypes"]
        .as_array()
        .is_some_and(|types| types.contains(&json!("ReportBatchItemFailures")));
    Ok(StreamSource {
        table: table.to_owned(),
        batch_size: limit("BatchSize").and_then(|size| size.try_into().ok()).unwrap_or(100),
        from_now: properties["StartingPosition"] == "LATEST",
        filters,
        reports_failures: reports,
        bisects: properties["BisectBatchOnFunctionError"] == true,
        maximum_retries: limit("MaximumRetryAttempts"),
        maximum_age: limit("MaximumRecordAgeInSeconds").map(Duration::from_secs),
        has_destination: properties["DestinationConfig"]["OnFailure"].is_object(),
    })
}

/// A table's properties are nearly the body of `CreateTable`.
fn table(id: &str, properties: &Value) -> Table {
    const SHARED_WITH_CREATE_TABLE: [&str; 6] = [
        "AttributeDefinitions",
        "KeySchema",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "BillingMode",
        "ProvisionedThroughput",
    ];
    let name = name(id, "TableName", properties);
    let mut create = Map::from_iter([("TableName".to_owned(), json!(name))]);
    for property in SHARED_WITH_CREATE_TABLE {
        if let Some(value) = properties.get(property) {
            create.insert(property.to_owned(), value.clone());
        }
    }
    if let Some(view) = properties["StreamSpecification"].get("StreamViewType") {
        create.insert(
            "StreamSpecification".to_owned(),
            json!({ "StreamEnabled": true, "StreamViewType": view }),
        );
    }
    let expiry = &properties["TimeToLiveSpecification"];
    let expires = matches!(text(&expiry["Enabled"]).as_deref(), Some("true"));
    Table {
        name,
        create: Value::Object(create),
        expiry_attribute: expiry["AttributeName"].as_str().filter(|_| expires).map(str::to_owned),
    }
}

fn secret(id: &str, properties: &Value) -> Secret {
    Secret {
        arn: secret_arn(&resolve::physical_name(id)),
        name: name(id, "Name", properties),
        value: properties["SecretString"].as_str().map(str::to_owned),
        generate: properties["GenerateSecretString"].clone(),
    }
}

/// A header of a gateway response: a static value is in quotes, another one says where it is from. Only a header of the request is
/// known here.
fn header_source(value: &Value) -> Option<HeaderSource> {
    let value = value.as_str()?;
    match value.strip_prefix("method.request.header.") {
        Some(name) => Some(HeaderSource::Request(name.to_owned())),
        None => Some(HeaderSource::Static(value.trim_matches('\'').to_owned())),
    }
}

fn gateway_responses(properties: &Value) -> impl Iterator<Item = (String, GatewayResponse)> {
    object(&properties["GatewayResponses"]).map(|(kind, response)| {
        let headers = object(&response["ResponseParameters"]["Headers"]);
        let response = GatewayResponse {
            status: response.get("StatusCode").and_then(text).and_then(|status| status.parse().ok()),
            headers: headers
                .filter_map(|(name, value)| Some((name.clone(), header_source(value)?)))
                .collect(),
            body: response["ResponseTemplates"]["application/json"].as_str().map(str::to_owned),
        };
        (kind.clone(), response)
    })
}

fn minimum_compression(properties: &Value) -> Option<u64> {
    text(properties.get("MinimumCompressionSize")?)?.parse().ok()
}

/// The name in the account: the one given by `property`, or one made from the logical id.
fn name(id: &str, property: &str, properties: &Value) -> String {
    properties[property].as_str().map_or_else(|| resolve::physical_name(id), str::to_owned)
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Parameters:
  Size: { Type: Number, Default: 6 }
  Age: { Type: Number, Default: 600 }
Globals:
  Function: { Timeout: 15, MemorySize: 256, Environment: { Variables: { USERS: !Ref Users, KIND: global } } }
Resources:
  Api:
    Type: AWS::Serverless::Api
    Properties:
      MinimumCompressionSize: !Ref Age
      GatewayResponses:
        MISSING_AUTHENTICATION_TOKEN:
          StatusCode: 404
          ResponseParameters: { Headers: { X-A: "'b'", X-C: method.request.header.Origin } }
          ResponseTemplates: { application/json: '{"detail":"Not found."}' }
        DEFAULT_5XX: { ResponseTemplates: { application/json: '{}' } }
  Queue: { Type: AWS::SQS::Queue }
  Shared: { Type: AWS::IAM::ManagedPolicy, Properties: { PolicyDocument: { Statement: [{ Effect: Allow, Action: a }] } } }
  Users:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
      TimeToLiveSpecification: { AttributeName: expires, Enabled: true }
      StreamSpecification: { StreamViewType: NEW_IMAGE }
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }
  Deliver:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/deliver/
      Timeout: 5
      Environment: { Variables: { SIZE: !Ref Size, KIND: own } }
      Policies: [!Ref Shared, { Statement: [{ Effect: Allow, Action: b }] }, AWSLambdaBasicExecutionRole]
      Events:
        Get: { Type: Api, Properties: { RestApiId: !Ref Api, Path: "/a/{id}", Method: any } }
        Mail:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Users.StreamArn
            StartingPosition: TRIM_HORIZON
            BatchSize: 10
            FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] }
            FunctionResponseTypes: [ReportBatchItemFailures]
            MaximumRecordAgeInSeconds: !Ref Age
            MaximumRetryAttempts: -1
            DestinationConfig: { OnFailure: { Type: SQS, Destination: !GetAtt Queue.Arn } }
"#;

    fn template() -> Template {
        Template::parse(TEMPLATE, &BTreeMap::new()).unwrap()
    }

    #[test]
    fn a_function_adds_to_the_globals_and_overrides_them() {
        let function = template().functions.remove(0);

        assert_eq!(
            (function.binary.as_str(), function.timeout, function.memory),
            ("deliver", Duration::from_secs(5), 256)
        );
        let environment: Vec<_> =
            function.environment.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(environment, ["KIND=own", "SIZE=6", "USERS=rollcall-Users"]);
        assert_eq!(function.routes, [Route { method: "ANY".to_owned(), path: "/a/{id}".to_owned() }]);
    }

    #[test]
    fn a_stream_source_keeps_its_settings() {
        let source = template().functions.remove(0).streams.remove(0);

        assert_eq!(
            (source.table.as_str(), source.batch_size, source.from_now),
            ("rollcall-Users", 10, false)
        );
        assert_eq!(source.filters, [json!({ "eventName": ["INSERT"] })]);
        assert_eq!((source.maximum_age, source.maximum_retries), (Some(Duration::from_mins(10)), None));
        assert!(source.reports_failures && source.has_destination && !source.bisects);
    }

    #[test]
    fn a_table_becomes_a_create_table_call() {
        let table = template().tables.remove(0);

        let expected = json!({
            "TableName": "rollcall-Users",
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }],
            "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "NEW_IMAGE" },
        });
        assert_eq!(table.create, expected);
        assert_eq!(table.expiry_attribute.as_deref(), Some("expires"));
    }

    const CONDITIONAL: &str = r#"
Parameters:
  Provider: { Type: String, Default: none, AllowedValues: [none, sns, twilio] }
  TwilioSecret: { Type: String, Default: "" }
  Regions: { Type: CommaDelimitedList, Default: "IN, US" }
Rules:
  TwilioHasASecret:
    RuleCondition: !Equals [!Ref Provider, twilio]
    Assertions:
      - Assert: !Not [!Equals [!Ref TwilioSecret, ""]]
        AssertDescription: Twilio needs TwilioSecret.
  KnownRegions:
    Assertions:
      - { Assert: { "Fn::EachMemberIn": [!Ref Regions, [IN, US, GB]] } }
      - { Assert: { "Fn::Contains": [!Ref Regions, IN] }, AssertDescription: IN is everybody's. }
Conditions:
  SendsSms: !Not [!Equals [!Ref Provider, none]]
  UsesTwilio: !And [!Condition SendsSms, !Equals [!Ref Provider, twilio]]
Resources:
  Codes:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub ["${prefix}-codes", { prefix: !If [UsesTwilio, twilio, plain] }]
      KeySchema: [{ AttributeName: pk, KeyType: HASH }]
      StreamSpecification: { StreamViewType: NEW_IMAGE }
      SSESpecification: !If [UsesTwilio, { SSEEnabled: true }, !Ref AWS::NoValue]
  Alarm: { Type: AWS::SNS::Topic, Condition: SendsSms }
  Text:
    Type: AWS::Serverless::Function
    Condition: SendsSms
    Properties:
      FunctionName: !Sub "${AWS::StackName}-text"
      CodeUri: target/lambda/text/
      Environment:
        Variables:
          SECRET: !If [UsesTwilio, !Ref TwilioSecret, !Ref AWS::NoValue]
          ALARM: !Ref Alarm
      Events:
        Sms: !If [SendsSms, { Type: DynamoDB, Properties: { Stream: !GetAtt Codes.StreamArn } }, !Ref AWS::NoValue]
  Make:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/make/
      Environment: { Variables: { TEXT: !If [SendsSms, !Sub "${Text}/${Text.Arn}", none] } }
Outputs:
  Alarm: { Condition: SendsSms, Value: !Ref Alarm }
"#;

    fn conditional(parameters: &[(&str, &str)]) -> Result<Template, TemplateError> {
        let parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Template::parse(CONDITIONAL, &parameters.collect())
    }

    #[test]
    fn what_a_condition_excludes_is_not_there() {
        let template = conditional(&[]).unwrap();

        let [make] = template.functions.as_slice() else { panic!("{:?}", template.functions) };
        assert_eq!((make.name.as_str(), make.environment["TEXT"].as_str()), ("rollcall-Make", "none"));
        assert!(make.routes.is_empty() && make.streams.is_empty());
        assert_eq!(template.tables[0].name, "plain-codes");
    }

    #[test]
    fn what_a_condition_includes_is_there_with_what_depends_on_it() {
        let sns = conditional(&[("Provider", "sns")]).unwrap().functions.remove(0);
        let template = conditional(&[("Provider", "twilio"), ("TwilioSecret", "arn:twilio")]).unwrap();

        assert!(!sns.environment.contains_key("SECRET"));
        let [text, make] = template.functions.as_slice() else { panic!("{:?}", template.functions) };
        assert_eq!(text.environment["SECRET"], "arn:twilio");
        assert_eq!(text.environment["ALARM"], "arn:aws:sns:us-east-1:000000000000:rollcall-Alarm");
        assert_eq!(text.streams[0].table, "twilio-codes");
        assert_eq!(template.tables[0].name, "twilio-codes");
        let arn = "arn:aws:lambda:us-east-1:000000000000:function:rollcall-text";
        assert_eq!(
            (text.arn().as_str(), make.environment["TEXT"].as_str()),
            (arn, &*format!("rollcall-text/{arn}"))
        );
    }

    #[test]
    fn parameters_that_break_a_rule_are_refused() {
        for (parameters, complaint) in [
            (
                [("Provider", "twilio")],
                "the parameters break the rule TwilioHasASecret: Twilio needs TwilioSecret.",
            ),
            (
                [("Regions", "IN, FR")],
                "the parameters break the rule KnownRegions: an assertion does not hold",
            ),
            ([("Regions", "US")], "the parameters break the rule KnownRegions: IN is everybody's."),
        ] {
            assert_eq!(conditional(&parameters).unwrap_err().to_string(), complaint);
        }
    }

    #[test]
    fn a_template_says_from_which_size_on_answers_are_compressed() {
        assert_eq!(template().minimum_compression, Some(600));
        assert_eq!(conditional(&[]).unwrap().minimum_compression, None);
    }

    #[test]
    fn a_function_may_do_what_its_own_and_the_shared_policies_allow() {
        let actions: Vec<Value> =
            template().functions[0].statements.iter().map(|statement| statement["Action"].clone()).collect();
        assert_eq!(actions, ["a", "b"]);
    }

    #[test]
    fn gateway_responses_have_static_headers_and_those_of_the_request() {
        let responses = template().responses;

        let missing = &responses["MISSING_AUTHENTICATION_TOKEN"];
        assert_eq!(missing.status, Some(404));
        let sources = [HeaderSource::Static("b".to_owned()), HeaderSource::Request("Origin".to_owned())];
        assert!(missing.headers.iter().map(|(_, source)| source).eq(&sources), "{:?}", missing.headers);
        assert_eq!(missing.body.as_deref(), Some(r#"{"detail":"Not found."}"#));
        assert_eq!(responses["DEFAULT_5XX"].status, None);
    }
}
