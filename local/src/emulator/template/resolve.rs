//! `CloudFormation`'s intrinsic functions and conditions.
//!
//! A resource this stack does not run resolves to a placeholder, so that a template may name whatever AWS offers; a name that
//! the template does not define is an error, as it is on AWS.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::{Map, Value, json};

use super::{ACCOUNT, REGION, STACK, TemplateError};

type Result<T> = std::result::Result<T, TemplateError>;

/// What a template's expressions may refer to.
pub(super) struct Resolver<'a> {
    template: &'a Map<String, Value>,
    parameters: &'a BTreeMap<String, String>,
    /// The conditions being evaluated, to notice one that depends on itself.
    pending: RefCell<Vec<String>>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(template: &'a Map<String, Value>, parameters: &'a BTreeMap<String, String>) -> Self {
        Self { template, parameters, pending: RefCell::default() }
    }

    /// A section of the template; empty when it has none.
    pub(super) fn section(&self, name: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
        self.template.get(name).and_then(Value::as_object).into_iter().flatten()
    }

    /// The resources or outputs whose condition holds, with every expression in them resolved.
    pub(super) fn existing(&self, section: &str) -> Result<Map<String, Value>> {
        let mut resolved = Map::new();
        for (id, entry) in self.section(section) {
            if self.exists(entry)? {
                resolved.insert(id.clone(), self.value(entry)?.unwrap_or(Value::Null));
            }
        }
        Ok(resolved)
    }

    /// Whether the parameters go together, by the rules of the template.
    pub(super) fn check_rules(&self) -> Result<()> {
        for (name, rule) in self.section("Rules") {
            if !rule.get("RuleCondition").map_or(Ok(true), |condition| self.test(condition))? {
                continue;
            }
            for assertion in rule["Assertions"].as_array().into_iter().flatten() {
                if !self.test(&assertion["Assert"])? {
                    let description = assertion.get("AssertDescription").and_then(text);
                    let description = description.unwrap_or_else(|| "an assertion does not hold".to_owned());
                    return Err(TemplateError::Rule(name.clone(), description));
                }
            }
        }
        Ok(())
    }

    /// A value without its expressions; `None` is `AWS::NoValue`, which removes the entry that holds it.
    pub(super) fn value(&self, value: &Value) -> Result<Option<Value>> {
        match value {
            Value::Array(items) => {
                let items = items.iter().filter_map(|item| self.value(item).transpose());
                Ok(Some(Value::Array(items.collect::<Result<_>>()?)))
            }
            Value::Object(entries) => {
                if let Some((name, argument)) = expression(entries) {
                    return self.call(name, argument);
                }
                let mut resolved = Map::new();
                for (name, entry) in entries {
                    if let Some(entry) = self.value(entry)? {
                        resolved.insert(name.clone(), entry);
                    }
                }
                Ok(Some(Value::Object(resolved)))
            }
            plain => Ok(Some(plain.clone())),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Option<Value>> {
        match name {
            "Ref" => self.reference(&self.text(argument)?),
            "Fn::If" => {
                let [condition, then, otherwise] = parts(name, argument)?;
                self.value(if self.condition(&self.text(condition)?)? { then } else { otherwise })
            }
            "Fn::GetAtt" => {
                let [resource, attribute] = parts(name, argument)?;
                self.attribute(&self.text(resource)?, &self.text(attribute)?).map(|text| Some(json!(text)))
            }
            "Fn::Sub" => self.substitute(argument).map(|text| Some(json!(text))),
            "Fn::Join" => {
                let [separator, items] = parts(name, argument)?;
                Ok(Some(json!(self.texts(items)?.join(&self.text(separator)?))))
            }
            "Fn::Split" => {
                let [separator, whole] = parts(name, argument)?;
                let (separator, whole) = (self.text(separator)?, self.text(whole)?);
                Ok(Some(whole.split(separator.as_str()).map(Value::from).collect()))
            }
            "Fn::Select" => {
                let [index, items] = parts(name, argument)?;
                let index = self.text(index)?;
                let items = self.value(items)?;
                let chosen = items
                    .as_ref()
                    .and_then(Value::as_array)
                    .and_then(|items| items.get(index.parse::<usize>().ok()?));
                chosen.cloned().map(Some).ok_or_else(|| invalid(format!("Fn::Select has no item {index}")))
            }
            "Fn::FindInMap" => {
                let [map, top, second] = parts(name, argument)?;
                self.find_in_map(&[self.text(map)?, self.text(top)?, self.text(second)?]).map(Some)
            }
            "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or" => {
                Ok(Some(json!(self.test(&json!({ name: argument }))?)))
            }
            other => Ok(Some(json!(format!("local-{}", other.trim_start_matches("Fn::").to_lowercase())))),
        }
    }

    fn reference(&self, name: &str) -> Result<Option<Value>> {
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        if let Some(value) = pseudo_parameter(name) {
            return Ok(Some(json!(value)));
        }
        if let Some(value) = self.parameters.get(name) {
            let kind = self.template["Parameters"][name]["Type"].as_str().unwrap_or_default();
            let list = kind == "CommaDelimitedList" || kind.starts_with("List<");
            return Ok(Some(if list {
                value.split(',').map(|item| json!(item.trim())).collect()
            } else {
                json!(value)
            }));
        }
        let kind = self.resource_type(name)?;
        let physical = self.physical_name(name, kind)?;
        Ok(Some(json!(match kind {
            "AWS::SecretsManager::Secret" => secret_arn(&physical_name(name)),
            "AWS::SQS::Queue" => format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{physical}"),
            "AWS::SNS::Topic" => arn("sns", &physical),
            _ => physical,
        })))
    }

    fn attribute(&self, id: &str, attribute: &str) -> Result<String> {
        let kind = self.resource_type(id)?;
        if (kind, attribute) == ("AWS::SSM::Parameter", "Value") {
            return self.text(&self.template["Resources"][id]["Properties"]["Value"]);
        }
        let physical = self.physical_name(id, kind)?;
        Ok(match (kind, attribute) {
            ("AWS::DynamoDB::Table", "Arn") => arn("dynamodb", &format!("table/{physical}")),
            ("AWS::DynamoDB::Table", "StreamArn") => {
                arn("dynamodb", &format!("table/{physical}/stream/local"))
            }
            ("AWS::Serverless::Function", "Arn") => function_arn(&physical),
            ("AWS::SQS::Queue", "Arn") => arn("sqs", &physical),
            ("AWS::SQS::Queue", "QueueName") => physical,
            (_, "Arn") => format!("arn:aws:local:{REGION}:{ACCOUNT}:{physical}"),
            _ => format!("{physical}-{attribute}"),
        })
    }

    /// The name that the template gives to a resource, or one made from its logical id.
    fn physical_name(&self, id: &str, kind: &str) -> Result<String> {
        let property = match kind {
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::Serverless::Function" => "FunctionName",
            "AWS::SQS::Queue" => "QueueName",
            "AWS::SNS::Topic" => "TopicName",
            _ => return Ok(physical_name(id)),
        };
        let given = self.template["Resources"][id]["Properties"].get(property);
        let given = given.map(|given| self.value(given)).transpose()?.flatten();
        Ok(given.as_ref().and_then(text).unwrap_or_else(|| physical_name(id)))
    }

    /// The type of a resource that exists; a function's role and an API's stage are made by SAM without being written down.
    fn resource_type(&self, id: &str) -> Result<&'a str> {
        for (declared, resource) in self.section("Resources") {
            let kind = resource["Type"].as_str().unwrap_or_default();
            if declared == id {
                return if self.exists(resource)? {
                    Ok(kind)
                } else {
                    Err(invalid(format!("{id} is referred to, but its condition does not hold")))
                };
            }
            let made_by_sam = id.strip_prefix(declared.as_str()).is_some_and(|rest| match kind {
                "AWS::Serverless::Function" => rest == "Role" || rest.starts_with("Alias"),
                "AWS::Serverless::Api" => rest.ends_with("Stage"),
                _ => false,
            });
            if made_by_sam {
                return Ok("");
            }
        }
        if id.starts_with("ServerlessRestApi") {
            return Ok("");
        }
        Err(invalid(format!("{id} is referred to, but the template does not define it")))
    }

    fn exists(&self, entry: &Value) -> Result<bool> {
        entry.get("Condition").and_then(Value::as_str).map_or(Ok(true), |name| self.condition(name))
    }

    fn condition(&self, name: &str) -> Result<bool> {
        let declared = self.section("Conditions").find(|(declared, _)| *declared == name);
        let (_, test) = declared.ok_or_else(|| invalid(format!("there is no condition {name}")))?;
        if self.pending.borrow().iter().any(|pending| pending == name) {
            return Err(invalid(format!("the condition {name} depends on itself")));
        }
        self.pending.borrow_mut().push(name.to_owned());
        let holds = self.test(test);
        self.pending.borrow_mut().pop();
        holds
    }

    fn test(&self, test: &Value) -> Result<bool> {
        let Some((name, argument)) = test.as_object().and_then(expression) else {
            return Err(invalid(format!("not a condition: {test}")));
        };
        match name {
            "Condition" => self.condition(&self.text(argument)?),
            "Fn::Equals" => {
                let [left, right] = parts(name, argument)?;
                Ok(self.text(left)? == self.text(right)?)
            }
            "Fn::Not" => {
                let [inner] = parts(name, argument)?;
                Ok(!self.test(inner)?)
            }
            "Fn::And" | "Fn::Or" => {
                let tests = argument.as_array().ok_or_else(|| invalid(format!("{name} takes a list")))?;
                let results = tests.iter().map(|test| self.test(test)).collect::<Result<Vec<_>>>()?;
                Ok(if name == "Fn::And" { !results.contains(&false) } else { results.contains(&true) })
            }
            "Fn::Contains" => {
                let [values, value] = parts(name, argument)?;
                Ok(self.texts(values)?.contains(&self.text(value)?))
            }
            "Fn::EachMemberEquals" => {
                let [values, value] = parts(name, argument)?;
                let value = self.text(value)?;
                Ok(self.texts(values)?.iter().all(|member| *member == value))
            }
            "Fn::EachMemberIn" => {
                let [values, allowed] = parts(name, argument)?;
                let allowed = self.texts(allowed)?;
                Ok(self.texts(values)?.iter().all(|member| allowed.contains(member)))
            }
            other => Err(invalid(format!("{other} is not a condition"))),
        }
    }

    /// `${Name}`, `${Resource.Attribute}`, `${!Literal}`, and the names of an optional map.
    fn substitute(&self, argument: &Value) -> Result<String> {
        let (pattern, names) = match argument {
            Value::String(pattern) => (pattern.as_str(), None),
            Value::Array(items) => (items.first().and_then(Value::as_str).unwrap_or_default(), items.get(1)),
            other => return Err(invalid(format!("Fn::Sub takes text: {other}"))),
        };
        let mut written = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) =
                after.split_once('}').ok_or_else(|| invalid(format!("unclosed ${{ in {pattern}")))?;
            written.push_str(before);
            if let Some(literal) = name.strip_prefix('!') {
                written.extend(["${", literal, "}"]);
            } else if let Some(value) = names.and_then(|names| names.get(name)) {
                written.push_str(&self.text(value)?);
            } else if let Some((resource, attribute)) = name.split_once('.') {
                written.push_str(&self.attribute(resource, attribute)?);
            } else {
                written.push_str(&self.text(&json!({ "Ref": name }))?);
            }
            rest = after;
        }
        Ok(written + rest)
    }

    fn find_in_map(&self, path: &[String; 3]) -> Result<Value> {
        let mut found = self.template.get("Mappings");
        for step in path {
            found = found.and_then(|map| map.get(step));
        }
        found.cloned().ok_or_else(|| invalid(format!("Mappings have no {}", path.join("."))))
    }

    fn text(&self, argument: &Value) -> Result<String> {
        let resolved = self.value(argument)?;
        resolved.as_ref().and_then(text).ok_or_else(|| invalid(format!("text expected, found {argument}")))
    }

    fn texts(&self, argument: &Value) -> Result<Vec<String>> {
        let resolved = self.value(argument)?.unwrap_or_default();
        let items =
            resolved.as_array().ok_or_else(|| invalid(format!("a list expected, found {argument}")))?;
        items
            .iter()
            .map(|item| text(item).ok_or_else(|| invalid(format!("text expected, found {item}"))))
            .collect()
    }
}

/// A scalar as text: a parameter that looks like a number is one or the other depending on its quotes.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The name a resource has in this account, such as a table's.
pub(super) fn physical_name(id: &str) -> String {
    format!("{STACK}-{id}")
}

pub(super) fn function_arn(name: &str) -> String {
    arn("lambda", &format!("function:{name}"))
}

pub(crate) fn secret_arn(name: &str) -> String {
    arn("secretsmanager", &format!("secret:{name}"))
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

fn pseudo_parameter(name: &str) -> Option<String> {
    Some(match name {
        "AWS::StackName" => STACK.to_owned(),
        "AWS::StackId" => arn("cloudformation", &format!("stack/{STACK}/local")),
        "AWS::Region" => REGION.to_owned(),
        "AWS::AccountId" => ACCOUNT.to_owned(),
        "AWS::Partition" => "aws".to_owned(),
        "AWS::URLSuffix" => "amazonaws.com".to_owned(),
        "AWS::NotificationARNs" => String::new(),
        _ => return None,
    })
}

/// An object that is one call of an intrinsic function. `Condition` counts only with a name: IAM has a key of that name too.
fn expression(entries: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = entries.iter().next().filter(|_| entries.len() == 1)?;
    let is_call = name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.is_string());
    is_call.then_some((name, argument))
}

fn parts<'v, const N: usize>(name: &str, argument: &'v Value) -> Result<[&'v Value; N]> {
    // `Fn::GetAtt` may be written as one text in the long form too, but nobody does; a list is what every function takes.
    let items: Vec<&Value> = argument.as_array().into_iter().flatten().collect();
    items.try_into().map_err(|_| invalid(format!("{name} takes a list of {N}, found {argument}")))
}

fn invalid(message: String) -> TemplateError {
    TemplateError::Invalid(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = r#"
Parameters:
  Stage: { Type: String }
  Regions: { Type: CommaDelimitedList }
Mappings: { Sizes: { small: { memory: 256 } } }
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsTest: !And [!Not [!Condition IsProd], !Or [!Equals [a, b], !Equals ["1", 1]]]
  Loop: !Condition Loop
Resources:
  Users: { Type: "AWS::DynamoDB::Table" }
  Secret: { Type: "AWS::SecretsManager::Secret" }
  Alarm: { Type: "AWS::CloudWatch::Alarm", Condition: IsProd }
  Probe: { Type: "Custom::Probe" }
  Used: { Type: "AWS::SSM::Parameter", Properties: { Value: !If [IsProd, prod, !GetAtt Users.Arn] } }
"#;

    fn resolved(expression: &str) -> Result<Option<Value>> {
        let template = super::super::yaml::parse(TEMPLATE)?;
        let parameters = BTreeMap::from([
            ("Stage".to_owned(), "dev".to_owned()),
            ("Regions".to_owned(), "IN, US".to_owned()),
        ]);
        Resolver::new(template.as_object().unwrap(), &parameters)
            .value(&super::super::yaml::parse(expression)?)
    }

    fn error(expression: &str) -> String {
        resolved(expression).unwrap_err().to_string()
    }

    #[test]
    fn every_intrinsic_function_resolves() {
        let expected = [
            ("!Ref Users", json!("rollcall-Users")),
            ("!Ref Regions", json!(["IN", "US"])),
            ("!Ref Secret", json!("arn:aws:secretsmanager:us-east-1:000000000000:secret:rollcall-Secret")),
            ("!GetAtt Users.Arn", json!("arn:aws:dynamodb:us-east-1:000000000000:table/rollcall-Users")),
            ("!GetAtt Probe.Anything", json!("rollcall-Probe-Anything")),
            (
                "!Sub '${Used.Value}/index/a'",
                json!("arn:aws:dynamodb:us-east-1:000000000000:table/rollcall-Users/index/a"),
            ),
            (
                "!Sub '${Stage}/${Users.Arn}/${!kept}'",
                json!("dev/arn:aws:dynamodb:us-east-1:000000000000:table/rollcall-Users/${kept}"),
            ),
            ("!Sub ['${a}-${AWS::StackName}', { a: !Ref Stage }]", json!("dev-rollcall")),
            ("!Join ['-', [a, !Ref Stage]]", json!("a-dev")),
            ("!Select [1, !Split [',', 'a,b']]", json!("b")),
            ("!FindInMap [Sizes, small, memory]", json!(256)),
            ("!If [IsProd, 1, !If [IsTest, 2, 3]]", json!(2)),
            ("{ kept: 1, dropped: !Ref 'AWS::NoValue' }", json!({ "kept": 1 })),
        ];
        for (expression, value) in expected {
            assert_eq!(resolved(expression).unwrap(), Some(value), "{expression}");
        }
    }

    #[test]
    fn what_the_template_does_not_define_is_an_error() {
        assert_eq!(
            error("!Ref Userz"),
            "the template is broken: Userz is referred to, but the template does not define it"
        );
        assert_eq!(error("!Sub '${Userz}'"), error("!Ref Userz"));
        assert!(error("!If [Nope, 1, 2]").contains("there is no condition Nope"));
        assert!(error("!If [Loop, 1, 2]").contains("depends on itself"));
        assert!(error("!Ref Alarm").contains("its condition does not hold"));
    }
}
