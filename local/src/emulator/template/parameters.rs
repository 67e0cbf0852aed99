//! Template parameters: their defaults, and the constraints that `CloudFormation` holds them to.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use super::{TemplateError, resolve::text};

/// Where the local run differs from a deployed stack. It shows the Django systems: their own sample requests and clients have to
/// work on a laptop, where mails have a sender without SES having verified one, and texts to any country cost nothing.
const LOCAL_DEFAULTS: [(&str, &str); 4] = [
    ("Compatibility", "django"),
    ("Policy", "seeds"),
    ("MailFrom", "no-reply@example.com"),
    ("SmsAllowedRegions", ""),
];

/// The value of every parameter the template declares in a local stack: what was given, else the local or the declared default.
pub(super) fn local(
    declared: &Map<String, Value>,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, TemplateError> {
    let is_declared = |(name, _): &(&str, &str)| declared.contains_key(*name);
    let defaults = LOCAL_DEFAULTS.iter().copied().filter(is_declared);
    let mut values: BTreeMap<String, String> =
        defaults.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    values.extend(given.clone());
    deployed(declared, &values)
}

/// The same in a deployed stack: what was given, else the declared default.
pub(super) fn deployed(
    declared: &Map<String, Value>,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, TemplateError> {
    if let Some(name) = given.keys().find(|name| !declared.contains_key(*name)) {
        let known = declared.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        return Err(TemplateError::UnknownParameter { name: name.clone(), known });
    }
    declared.iter().map(|(name, rules)| Ok((name.clone(), one(name, rules, given.get(name))?))).collect()
}

fn one(name: &str, rules: &Value, given: Option<&String>) -> Result<String, TemplateError> {
    let value = given
        .cloned()
        .or_else(|| rules.get("Default").and_then(text))
        .ok_or_else(|| TemplateError::Parameter(name.to_owned(), "needs a value".to_owned()))?;
    match complaint(rules, &value)? {
        None => Ok(value),
        Some(broken) => {
            let explained = rules.get("ConstraintDescription").and_then(text).unwrap_or(broken);
            Err(TemplateError::Parameter(name.to_owned(), explained))
        }
    }
}

/// The first constraint that `value` breaks, in words. A list is held to them item by item, as on AWS.
fn complaint(rules: &Value, value: &str) -> Result<Option<String>, TemplateError> {
    let kind = rules.get("Type").and_then(Value::as_str).unwrap_or("String");
    let items: Vec<&str> = if kind == "CommaDelimitedList" || kind.starts_with("List<") {
        value.split(',').map(str::trim).collect()
    } else {
        vec![value]
    };
    for item in items {
        let broken = match kind {
            "Number" | "List<Number>" => number_complaint(rules, item),
            _ => length_complaint(rules, item),
        };
        if let Some(broken) = broken.or_else(|| allowed_complaint(rules, item)) {
            return Ok(Some(broken));
        }
        if let Some(pattern) = rules.get("AllowedPattern").and_then(Value::as_str)
            && !whole(pattern)?.is_match(item)
        {
            return Ok(Some(format!("must match {pattern}")));
        }
    }
    Ok(None)
}

fn number_complaint(rules: &Value, item: &str) -> Option<String> {
    let Some(number) = item.parse::<f64>().ok().filter(|number| number.is_finite()) else {
        return Some("must be a number".to_owned());
    };
    if let Some(least) = limit(rules, "MinValue").filter(|least| number < *least) {
        return Some(format!("must be at least {least}"));
    }
    limit(rules, "MaxValue").filter(|most| number > *most).map(|most| format!("must be at most {most}"))
}

fn length_complaint(rules: &Value, item: &str) -> Option<String> {
    let length = f64::from(u32::try_from(item.chars().count()).unwrap_or(u32::MAX));
    if let Some(least) = limit(rules, "MinLength").filter(|least| length < *least) {
        return Some(format!("must have at least {least} characters"));
    }
    limit(rules, "MaxLength")
        .filter(|most| length > *most)
        .map(|most| format!("must have at most {most} characters"))
}

fn allowed_complaint(rules: &Value, item: &str) -> Option<String> {
    let allowed: Vec<String> = rules.get("AllowedValues")?.as_array()?.iter().filter_map(text).collect();
    (!allowed.iter().any(|value| value == item)).then(|| format!("must be one of {}", allowed.join(", ")))
}

fn limit(rules: &Value, name: &str) -> Option<f64> {
    rules.get(name).and_then(text)?.parse().ok()
}

/// `AllowedPattern` has to match the whole value.
fn whole(pattern: &str) -> Result<Regex, TemplateError> {
    Regex::new(&format!("^(?:{pattern})$"))
        .map_err(|error| TemplateError::Invalid(format!("AllowedPattern {pattern} cannot be read: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(rules: &Value, given: Option<&str>) -> Result<String, String> {
        one("P", rules, given.map(str::to_owned).as_ref()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_number_stays_within_its_bounds() {
        let rules = json!({ "Type": "Number", "Default": 6, "MinValue": 4, "MaxValue": 9 });

        assert_eq!(value(&rules, None).unwrap(), "6");
        assert_eq!(value(&rules, Some("9")).unwrap(), "9");
        assert_eq!(value(&rules, Some("3")).unwrap_err(), "the parameter P must be at least 4");
        assert_eq!(value(&rules, Some("10")).unwrap_err(), "the parameter P must be at most 9");
        assert_eq!(value(&rules, Some("six")).unwrap_err(), "the parameter P must be a number");
        assert_eq!(value(&rules, Some("NaN")).unwrap_err(), "the parameter P must be a number");
    }

    #[test]
    fn a_pattern_has_to_match_the_whole_value() {
        let rules = json!({ "Type": "String", "AllowedPattern": "[A-Z]{2}" });

        assert_eq!(value(&rules, Some("IN")).unwrap(), "IN");
        assert!(value(&rules, Some("IND")).is_err());
        assert_eq!(value(&rules, None).unwrap_err(), "the parameter P needs a value");
    }

    #[test]
    fn each_item_of_a_list_is_held_to_the_rules() {
        let rules = json!({ "Type": "CommaDelimitedList", "AllowedValues": ["a", "b"] });

        assert_eq!(value(&rules, Some("a, b")).unwrap(), "a, b");
        assert_eq!(value(&rules, Some("a,c")).unwrap_err(), "the parameter P must be one of a, b");
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_the_known_ones() {
        let declared =
            json!({ "A": { "Type": "String", "Default": "" }, "B": { "Type": "String", "Default": "" } });
        let given = BTreeMap::from([("C".to_owned(), "1".to_owned())]);

        let error = deployed(declared.as_object().unwrap(), &given).unwrap_err();

        assert_eq!(error.to_string(), "the template has no parameter C; it has A, B");
    }

    #[test]
    fn the_local_run_is_lenient_unless_told_otherwise() {
        let declared = json!({ "Policy": { "Type": "String", "AllowedValues": ["strict", "seeds"], "Default": "strict" } });
        let declared = declared.as_object().unwrap();
        let strict = BTreeMap::from([("Policy".to_owned(), "strict".to_owned())]);

        assert_eq!(local(declared, &BTreeMap::new()).unwrap()["Policy"], "seeds");
        assert_eq!(local(declared, &strict).unwrap()["Policy"], "strict");
        assert_eq!(deployed(declared, &BTreeMap::new()).unwrap()["Policy"], "strict");
    }
}
