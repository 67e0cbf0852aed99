//! Parameters and the rules about them. An operator deploys with the parameters of the last deployment, and `CloudFormation`
//! refuses whatever no longer fits.

use serde_json::Value;

use super::object;

/// Why a deployment with the parameters of the last one is refused.
pub(super) fn problems(last: &Value, next: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, before) in object(&last["Parameters"]) {
        let after = &next["Parameters"][name];
        let narrowed = if after.is_null() {
            vec!["the parameter is gone. CloudFormation refuses a deployment that still sets it.".to_owned()]
        } else {
            narrowings(before, after)
        };
        problems.extend(narrowed.into_iter().map(|problem| format!("{name}: {problem}")));
    }
    let added = object(&next["Parameters"])
        .filter(|(name, after)| last["Parameters"][*name].is_null() && after["Default"].is_null());
    problems.extend(added.map(|(name, _)| {
        format!("{name}: a new parameter needs a Default. CloudFormation refuses a deployment that does not set it.")
    }));
    problems.extend(rule_problems(last, next));
    problems
}

/// Which values a parameter no longer takes.
fn narrowings(before: &Value, after: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    if before["Type"] != after["Type"] {
        problems.push("Type changed. CloudFormation refuses values that do not have the new one.".to_owned());
    }
    if after["Default"].is_null() && !before["Default"].is_null() {
        problems.push(
            "the Default is gone. CloudFormation refuses a deployment that does not set it.".to_owned(),
        );
    }
    if let Some(pattern) = after["AllowedPattern"].as_str() {
        problems.extend(pattern_problem(before["AllowedPattern"].as_str(), pattern));
    }
    for limit in ["MinValue", "MinLength", "MaxValue", "MaxLength"] {
        let Some(new) = number(&after[limit]) else { continue };
        let is_stricter = |old| if limit.starts_with("Min") { new > old } else { new < old };
        if number(&before[limit]).is_none_or(is_stricter) {
            problems
                .push(format!("{limit} is {new} now. CloudFormation refuses stacks with a value beyond it."));
        }
    }
    problems.extend(value_problems(&before["AllowedValues"], &after["AllowedValues"]));
    problems
}

/// A pattern that is the old one with an alternative behind it takes all that the old one takes. Of any other, who can say?
fn pattern_problem(before: Option<&str>, after: &str) -> Option<String> {
    let is_wider = |before: &str| after == before || after.starts_with(&format!("{before}|"));
    let changed = "AllowedPattern changed. CloudFormation refuses values that do not match the new one.";
    (!before.is_some_and(is_wider)).then(|| changed.to_owned())
}

fn value_problems(before: &Value, after: &Value) -> Vec<String> {
    let Some(allowed) = after.as_array() else { return Vec::new() };
    let Some(before) = before.as_array() else {
        return vec!["AllowedValues is new. CloudFormation refuses stacks with any other value.".to_owned()];
    };
    let dropped = before.iter().filter(|value| !allowed.contains(value));
    let problems = dropped.map(|value| {
        format!("the value {value} is no longer allowed. CloudFormation refuses stacks that have it.")
    });
    problems.collect()
}

/// Limits may be written as text, too.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// A rule that is about new parameters only has nothing to refuse: no stack has set them.
fn rule_problems(last: &Value, next: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, after) in object(&next["Rules"]) {
        let before = &last["Rules"][name];
        if !before.is_null() && before["RuleCondition"] != after["RuleCondition"] {
            problems.push(format!(
                "{name}: the RuleCondition changed. CloudFormation refuses stacks that now break the rule."
            ));
        }
        let condition = &after["RuleCondition"];
        let added = assertions(after).filter(|assertion| !assertions(before).any(|old| old == *assertion));
        let binding = added.filter(|assertion| {
            mentions(assertion, &last["Parameters"]) || mentions(condition, &last["Parameters"])
        });
        problems.extend(binding.map(|assertion| {
            format!("{name}: the assertion {assertion} is new. CloudFormation refuses stacks that break it.")
        }));
    }
    problems
}

fn assertions(rule: &Value) -> impl Iterator<Item = &Value> {
    rule["Assertions"].as_array().into_iter().flatten().map(|assertion| &assertion["Assert"])
}

/// Whether an expression has the name of one of the parameters in it.
fn mentions(expression: &Value, parameters: &Value) -> bool {
    match expression {
        Value::String(text) => parameters.get(text).is_some(),
        Value::Array(values) => values.iter().any(|value| mentions(value, parameters)),
        Value::Object(values) => values.values().any(|value| mentions(value, parameters)),
        _ => false,
    }
}
