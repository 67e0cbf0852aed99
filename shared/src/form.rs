//! The fields of an input, such as the body of a request: each is parsed at the door, and all complaints go back together.

pub(crate) mod lenient;

use serde_json::{Map, Value};

use crate::error::{Error, FieldErrors};

const REQUIRED: &str = "This field is required.";
const NULL: &str = "This field may not be null.";
pub(crate) const BLANK: &str = "This field may not be blank.";
const NOT_TEXT: &str = "Not a valid string.";
const NUL_CHARACTER: &str = "Null characters are not allowed.";
pub(crate) const NOT_BOOLEAN: &str = "Must be a valid boolean.";

/// What a body says of a field that may be empty.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Nothing: it stays as it is.
    #[default]
    Keep,
    /// That it is to be empty.
    Clear,
    /// What it is to hold.
    Set(T),
}

impl<T> Patch<T> {
    /// What the field is to hold, if the body says so.
    pub fn set(self) -> Option<T> {
        match self {
            Self::Keep | Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// The same, by reference.
    pub fn as_set(&self) -> Option<&T> {
        match self {
            Self::Keep | Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Whether the body says anything.
    pub fn is_given(&self) -> bool {
        !matches!(self, Self::Keep)
    }
}

/// The fields of a body, and what was wrong with those read so far.
///
/// A reader gives `None` when a field is absent or wrong; when it is wrong, a complaint stays behind, so that a handler
/// reads every field before [`Form::check`] tells the client all complaints at once.
#[derive(Default)]
pub struct Form {
    fields: Map<String, Value>,
    complaints: FieldErrors,
}

impl Form {
    pub(crate) fn new(fields: Map<String, Value>) -> Self {
        Self { fields, complaints: FieldErrors::new() }
    }

    /// The fields of a JSON object that came another way than in a request.
    pub fn of(value: Value) -> Result<Self, Error> {
        object(value).map(Self::new)
    }

    /// Whether the field is there as blank text.
    #[must_use]
    pub fn is_given_blank(&self, name: &str) -> bool {
        let text = self.fields.get(name).and_then(Value::as_str);
        text.is_some_and(|text| text.trim().is_empty())
    }

    /// Whether the field is absent, `null` or blank text.
    #[must_use]
    pub fn is_none(&self, name: &str) -> bool {
        self.is_given_blank(name) || self.fields.get(name).is_none_or(Value::is_null)
    }

    /// Whether the body has the field at all.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// A field that must be there and not blank.
    pub fn required<T, E: ToString>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.demanded(name)?.not_blank(name, parse)
    }

    /// A field that may be absent, but not blank.
    pub fn not_blank<T, E: ToString>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        self.filled(name, text.trim(), parse)
    }

    /// A text that may be absent or blank, of at most `longest` characters.
    pub fn free_text(&mut self, name: &'static str, longest: usize) -> Option<String> {
        let text = self.text(name)?;
        self.parsed(name, text.trim(), |text| at_most(longest, text).map(str::to_owned))
    }

    /// One of these texts, or a blank one; it may be absent.
    pub fn choice(&mut self, name: &'static str, choices: &[&str]) -> Option<String> {
        let text = self.text(name)?;
        let choice = |text: &str| if text.is_empty() { Ok(String::new()) } else { one_of(choices, text) };
        self.parsed(name, text.trim(), choice)
    }

    /// A field that may be absent, or `null` or blank for none.
    pub fn nullable<T, E: ToString>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Patch<T> {
        if self.fields.get(name).is_some_and(Value::is_null) {
            return Patch::Clear;
        }
        let Some(text) = self.text(name) else { return Patch::Keep };
        match text.trim() {
            "" => Patch::Clear,
            text => self.parsed(name, text, parse).map_or(Patch::Keep, Patch::Set),
        }
    }

    /// True or false, as JSON or in one of the words that Django REST Framework takes for them.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        let flag = match self.fields.get(name)? {
            Value::Bool(flag) => Ok(*flag),
            Value::String(text) => boolean(text.trim()).ok_or(NOT_BOOLEAN),
            Value::Number(number) => boolean(&number.to_string()).ok_or(NOT_BOOLEAN),
            Value::Null => Err(NULL),
            Value::Array(_) | Value::Object(_) => Err(NOT_BOOLEAN),
        };
        flag.map_err(|complaint| self.complain(name, complaint)).ok()
    }

    /// A field that must be there and is taken as it stands, blanks at its ends included: a password.
    pub fn secret<T, E: ToString>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.demanded(name)?.text(name)?;
        self.filled(name, &text, parse)
    }

    /// Leaves a complaint about a field.
    pub fn complain(&mut self, name: &'static str, complaint: impl Into<String>) {
        self.complaints.entry(name).or_default().push(complaint.into());
    }

    /// Leaves complaints that were found elsewhere.
    pub fn complain_all(&mut self, complaints: FieldErrors) {
        for (name, complaints) in complaints {
            self.complaints.entry(name).or_default().extend(complaints);
        }
    }

    /// Whether nothing was wrong so far.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.complaints.is_empty()
    }

    /// 400 with every complaint, if there is one.
    pub fn check(&mut self) -> Result<(), Error> {
        if self.complaints.is_empty() { Ok(()) } else { Err(self.complaints()) }
    }

    /// 400 with every complaint so far.
    pub fn complaints(&mut self) -> Error {
        Error::Invalid(std::mem::take(&mut self.complaints))
    }

    /// The form, if it has the field.
    fn demanded(&mut self, name: &'static str) -> Option<&mut Self> {
        if self.has(name) {
            return Some(self);
        }
        self.complain(name, REQUIRED);
        None
    }

    fn filled<T, E: ToString>(
        &mut self,
        name: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if text.is_empty() {
            self.complain(name, BLANK);
            return None;
        }
        self.parsed(name, text, parse)
    }

    /// The field as Django REST Framework's `CharField` takes it: a number is taken as its text.
    fn text(&mut self, name: &'static str) -> Option<String> {
        let text = match self.fields.get(name)? {
            Value::String(text) => Ok(text.clone()),
            // A fraction is no text, and what has more digits than 64 bits hold was rounded.
            Value::Number(number) if number.is_f64() => Err(NOT_TEXT),
            Value::Number(number) => Ok(number.to_string()),
            Value::Null => Err(NULL),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(NOT_TEXT),
        };
        match text {
            Ok(text) if text.contains('\0') => self.complain(name, NUL_CHARACTER),
            Ok(text) => return Some(text),
            Err(complaint) => self.complain(name, complaint),
        }
        None
    }

    fn parsed<T, E: ToString>(
        &mut self,
        name: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(text).map_err(|complaint| self.complain(name, complaint.to_string())).ok()
    }
}

/// The fields of an object; 400, with Python's name of the type, for anything else.
pub(crate) fn object(value: Value) -> Result<Map<String, Value>, Error> {
    let kind = match value {
        Value::Object(fields) => return Ok(fields),
        Value::Array(_) => "list",
        Value::String(_) => "str",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::Null => "NoneType",
    };
    Err(Error::field("non_field_errors", format!("Invalid data. Expected a dictionary, but got {kind}.")))
}

/// The words of Django REST Framework's `BooleanField`.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "on" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// The text, when it is one of these.
pub(crate) fn one_of(choices: &[&str], text: &str) -> Result<String, String> {
    if choices.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("\"{text}\" is not a valid choice."))
    }
}

/// The text, when it has no more than so many characters.
pub(crate) fn at_most(longest: usize, text: &str) -> Result<&str, String> {
    if text.chars().count() > longest {
        return Err(format!("Ensure this field has no more than {longest} characters."));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn form(fields: Value) -> Form {
        let Value::Object(fields) = fields else { panic!("not an object") };
        Form::new(fields)
    }

    fn complaints(form: &mut Form) -> Value {
        match form.check() {
            Err(Error::Invalid(fields)) => json!(fields),
            _ => json!({}),
        }
    }

    #[test]
    fn all_complaints_come_back_together() {
        let mut form = form(json!({ "b": null, "c": "  ", "d": true, "e": "a\0b", "f": "long" }));
        form.required("a", str::parse::<String>);
        form.required("b", str::parse::<String>);
        form.required("c", str::parse::<String>);
        form.required("d", str::parse::<String>);
        form.required("e", str::parse::<String>);
        form.free_text("f", 3);
        assert_eq!(
            complaints(&mut form),
            json!({
                "a": ["This field is required."],
                "b": ["This field may not be null."],
                "c": ["This field may not be blank."],
                "d": ["Not a valid string."],
                "e": ["Null characters are not allowed."],
                "f": ["Ensure this field has no more than 3 characters."],
            })
        );
    }

    #[test]
    fn a_number_is_taken_as_its_text_and_text_is_trimmed() {
        let mut form = form(json!({ "a": 42, "b": " x " }));
        assert_eq!(form.required("a", str::parse::<String>), Some("42".into()));
        assert_eq!(form.required("b", str::parse::<String>), Some("x".into()));
        assert_eq!(complaints(&mut form), json!({}));
    }

    #[test]
    fn a_password_keeps_its_blanks() {
        let mut form = form(json!({ "password": "  secret  ", "empty": "" }));
        assert_eq!(form.secret("password", str::parse::<String>), Some("  secret  ".into()));
        assert_eq!(form.secret("empty", str::parse::<String>), None);
        assert_eq!(complaints(&mut form), json!({ "empty": ["This field may not be blank."] }));
    }

    #[test]
    fn a_nullable_field_tells_absent_none_and_some_apart() {
        let mut form = form(json!({ "a": null, "b": "", "c": "x" }));
        assert_eq!(form.nullable("a", str::parse::<String>), Patch::Clear);
        assert_eq!(form.nullable("b", str::parse::<String>), Patch::Clear);
        assert_eq!(form.nullable("c", str::parse::<String>), Patch::Set("x".into()));
        assert_eq!(form.nullable("d", str::parse::<String>), Patch::Keep);
        assert_eq!(complaints(&mut form), json!({}));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            "[ \\t\0]*".prop_map(Value::from),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                proptest::collection::vec((any::<String>(), inner), 0..3)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        /// Whatever a field holds, it is either read or complained about, once and in one of the framework's words.
        #[test]
        fn a_field_is_read_or_complained_about(value in any_value(), reader in 0..6) {
            let mut form = form(json!({ "a": value.clone() }));
            let text = |text: &str| at_most(40, text).map(str::to_owned);
            let is_read = match reader {
                0 => form.required("a", text).is_some(),
                1 => form.not_blank("a", text).is_some(),
                2 => form.free_text("a", 40).is_some(),
                3 => form.nullable("a", text).is_given(),
                4 => form.flag("a").is_some(),
                _ => form.secret("a", text).is_some(),
            };
            match form.check() {
                Ok(()) => prop_assert!(is_read),
                Err(Error::Invalid(fields)) => {
                    let long = "Ensure this field has no more than 40 characters.";
                    let words = [NULL, BLANK, NOT_TEXT, NUL_CHARACTER, NOT_BOOLEAN, long];
                    prop_assert!(!is_read);
                    prop_assert_eq!(fields["a"].len(), 1);
                    prop_assert!(words.contains(&fields["a"][0].as_str()), "{}", fields["a"][0]);
                }
                Err(error) => prop_assert!(false, "{error}"),
            }
        }
    }
}
