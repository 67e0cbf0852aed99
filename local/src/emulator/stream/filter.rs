//! Event filtering: which records of a stream, and which events of EventBridge, a function wants.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html>

use serde_json::Value;

/// Whether the record matches one of the patterns, or there are none.
pub(crate) fn wanted(patterns: &[Value], record: &Value) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, Some(record)))
}

/// An object asks for all of its fields; a list for one of its alternatives. A field that holds a list has to hold one of them.
fn matches(pattern: &Value, value: Option<&Value>) -> bool {
    match pattern {
        Value::Object(fields) => fields.iter().all(|(name, pattern)| {
            if name == "$or" {
                pattern
                    .as_array()
                    .is_some_and(|patterns| patterns.iter().any(|pattern| matches(pattern, value)))
            } else {
                matches(pattern, value.and_then(|value| value.get(name)))
            }
        }),
        Value::Array(alternatives) => match value {
            Some(Value::Array(items)) if !items.is_empty() => {
                items.iter().any(|item| alternatives.iter().any(|alternative| meets(alternative, Some(item))))
            }
            value => alternatives.iter().any(|alternative| meets(alternative, value)),
        },
        _ => false,
    }
}

/// One alternative: a value, or an operator such as `{"prefix": "a"}`.
fn meets(alternative: &Value, value: Option<&Value>) -> bool {
    let Some((operator, operand)) = alternative.as_object().and_then(|operators| operators.iter().next())
    else {
        return value == Some(alternative);
    };
    let text = value.and_then(Value::as_str);
    let operand_text = operand.as_str().unwrap_or_default();
    match operator.as_str() {
        "exists" => operand.as_bool() == Some(value.is_some()),
        "prefix" => text.is_some_and(|text| text.starts_with(operand_text)),
        "suffix" => text.is_some_and(|text| text.ends_with(operand_text)),
        "equals-ignore-case" => text.is_some_and(|text| text.to_lowercase() == operand_text.to_lowercase()),
        "anything-but" => value.is_some_and(|value| match operand {
            Value::Array(refused) => !refused.contains(value),
            Value::Object(_) => !meets(operand, Some(value)),
            refused => refused != value,
        }),
        "numeric" => number(value).is_some_and(|number| numeric(operand, number)),
        _ => false,
    }
}

/// `DynamoDB` writes numbers as text; filters compare them as what they are.
fn number(value: Option<&Value>) -> Option<f64> {
    let value = value?;
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

/// Such as `[">", 0, "<=", 5]`.
fn numeric(comparisons: &Value, number: f64) -> bool {
    let comparisons = comparisons.as_array().map(Vec::as_slice).unwrap_or_default();
    comparisons.chunks(2).all(|comparison| {
        let (Some(operator), Some(bound)) =
            (comparison[0].as_str(), comparison.get(1).and_then(Value::as_f64))
        else {
            return false;
        };
        match operator {
            "=" => (number - bound).abs() < f64::EPSILON,
            "<" => number < bound,
            "<=" => number <= bound,
            ">" => number > bound,
            ">=" => number >= bound,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record() -> Value {
        json!({
            "eventName": "INSERT",
            "dynamodb": { "NewImage": { "channel": { "S": "email" }, "tries": { "N": "3" } }, "Keys": { "pk": { "S": "otp#1" } } },
        })
    }

    #[test]
    fn a_pattern_asks_for_every_field_and_one_alternative_each() {
        let image = |pattern: Value| json!({ "dynamodb": { "NewImage": pattern } });
        let wanted_patterns = [
            json!({ "eventName": ["INSERT", "MODIFY"], "dynamodb": { "NewImage": { "channel": { "S": ["email"] } } } }),
            image(json!({ "channel": { "S": [{ "prefix": "em" }] } })),
            image(json!({ "channel": { "S": [{ "suffix": "il" }] } })),
            image(json!({ "channel": { "S": [{ "equals-ignore-case": "EMAIL" }] } })),
            image(json!({ "channel": { "S": [{ "anything-but": ["sms"] }] } })),
            image(json!({ "channel": { "S": [{ "anything-but": { "prefix": "sm" } }] } })),
            image(json!({ "channel": { "S": [{ "exists": true }] }, "notice": [{ "exists": false }] })),
            image(json!({ "tries": { "N": [{ "numeric": [">", 2, "<=", 3] }] } })),
            json!({ "$or": [{ "eventName": ["REMOVE"] }, { "eventName": ["INSERT"] }] }),
            json!({}),
        ];
        for pattern in wanted_patterns {
            assert!(wanted(std::slice::from_ref(&pattern), &record()), "{pattern}");
        }
        let unwanted_patterns = [
            json!({ "eventName": ["REMOVE"] }),
            json!({ "eventName": ["INSERT"], "dynamodb": { "NewImage": { "channel": { "S": ["sms"] } } } }),
            image(json!({ "channel": { "S": [{ "anything-but": "email" }] } })),
            image(json!({ "channel": { "S": [{ "exists": false }] } })),
            image(json!({ "tries": { "N": [{ "numeric": [">", 3] }] } })),
            image(json!({ "missing": { "S": ["email"] } })),
            image(json!({ "channel": { "S": [{ "no-such-operator": 1 }] } })),
        ];
        for pattern in unwanted_patterns {
            assert!(!wanted(std::slice::from_ref(&pattern), &record()), "{pattern}");
        }
    }

    #[test]
    fn patterns_are_alternatives_and_none_means_everything() {
        let patterns = [json!({ "eventName": ["REMOVE"] }), json!({ "eventName": ["INSERT"] })];

        assert!(wanted(&patterns, &record()));
        assert!(wanted(&[], &record()));
    }
}
