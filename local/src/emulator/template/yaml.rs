//! YAML with `CloudFormation`'s short forms, read into JSON with the long forms.
//!
//! `!Ref Users` becomes `{"Ref": "Users"}`, `!GetAtt Users.Arn` becomes `{"Fn::GetAtt": ["Users", "Arn"]}`, and every other
//! tag `!Name` becomes `{"Fn::Name": …}`, so that whoever resolves a template knows one spelling only.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Number, Value, json};

use super::TemplateError;

/// Reads the one document of a template.
pub(super) fn parse(text: &str) -> Result<Value, TemplateError> {
    let documents = Yaml::load_from_str(text).map_err(|error| TemplateError::Yaml(error.to_string()))?;
    match documents.as_slice() {
        [document] => value(document),
        others => Err(TemplateError::Yaml(format!("expected one document, found {}", others.len()))),
    }
}

fn value(node: &Yaml) -> Result<Value, TemplateError> {
    match node {
        Yaml::Value(scalar) => Ok(scalar_value(scalar)),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(entries) => entries
            .iter()
            .map(|(name, node)| Ok((key(name)?, value(node)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
        Yaml::Tagged(tag, node) => Ok(long_form(&tag.suffix, value(node)?)),
        Yaml::Representation(text, ..) => Ok(Value::from(text.as_ref())),
        Yaml::Alias(_) | Yaml::BadValue => Err(TemplateError::Yaml("a value that cannot be read".to_owned())),
    }
}

fn scalar_value(scalar: &Scalar) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(flag) => json!(flag),
        Scalar::Integer(number) => json!(number),
        Scalar::FloatingPoint(number) => {
            Number::from_f64(number.into_inner()).map_or(Value::Null, Value::Number)
        }
        Scalar::String(text) => json!(text),
    }
}

fn key(node: &Yaml) -> Result<String, TemplateError> {
    match value(node)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(flag) => Ok(flag.to_string()),
        other => Err(TemplateError::Yaml(format!("a key that is not text: {other}"))),
    }
}

fn long_form(tag: &str, argument: Value) -> Value {
    match (tag, argument) {
        ("Ref" | "Condition", argument) => json!({ tag: argument }),
        ("GetAtt", Value::String(path)) => {
            let (resource, attribute) = path.split_once('.').unwrap_or((&path, ""));
            json!({ "Fn::GetAtt": [resource, attribute] })
        }
        (_, argument) => json!({ format!("Fn::{tag}"): argument }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_forms_become_long_forms() {
        let text = "a: !Ref Users\nb: !GetAtt Users.Arn\nc: !Sub x${y}\nd: !If [C, !Ref A, 1]\ne: !Equals [\"1\", 1]";
        let expected = json!({
            "a": { "Ref": "Users" },
            "b": { "Fn::GetAtt": ["Users", "Arn"] },
            "c": { "Fn::Sub": "x${y}" },
            "d": { "Fn::If": ["C", { "Ref": "A" }, 1] },
            "e": { "Fn::Equals": ["1", 1] },
        });

        assert_eq!(parse(text).unwrap(), expected);
    }

    #[test]
    fn what_is_not_yaml_is_an_error() {
        assert!(parse("a: [1").is_err());
        assert!(parse("").is_err());
    }
}
