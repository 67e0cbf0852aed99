//! What a dump cannot say of itself.

use jiff::tz::TimeZone;

use super::words::Field;

/// What a dump cannot say of itself.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether every e-mail address of an active user is verified of which no field says whether it is.
    pub emails_are_verified: bool,
    /// Whether every phone number of an active user is verified of which no field says whether it is. A number that is known to be
    /// a login identifier is in any case.
    pub phones_are_verified: bool,
    /// What users log in with. Without it, the values tell.
    pub login: Option<Login>,
    /// What inactive users are.
    pub inactive: Option<Inactive>,
    /// Whether the refresh tokens of the other system are to be taken here, for the users of this dump.
    pub refresh_tokens: bool,
    /// The username of the owner of employees that name none.
    pub owner: Option<String>,
    /// The region of phone numbers without a country code (ISO 3166-1 alpha-2); India, if none is given.
    pub region: Option<String>,
    /// Of times without an offset.
    pub timezone: TimeZone,
    /// Fields that have another meaning than their name says, or whose name says none.
    pub map: Vec<Mapping>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            emails_are_verified: false,
            phones_are_verified: false,
            login: None,
            inactive: None,
            refresh_tokens: false,
            owner: None,
            region: None,
            timezone: TimeZone::UTC,
            map: Vec::new(),
        }
    }
}

impl Settings {
    pub(crate) fn region(&self) -> &str {
        self.region.as_deref().unwrap_or("IN")
    }

    /// What a field means by the operator's word.
    pub(crate) fn mapped(&self, model: &str, column: &str) -> Option<Field> {
        let mapping = self.map.iter().find(|mapping| mapping.model == model && mapping.column == column);
        mapping.map(|mapping| mapping.field)
    }
}

/// What a user logs in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Login {
    /// A name of their choice.
    Username,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
}

/// What users are who are not active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inactive {
    /// They have not verified their address yet; then they become active.
    Pending,
    /// They may not log in.
    Disabled,
}

/// A field of the Django system, and the field of this system that it becomes.
#[derive(Debug, Clone)]
pub struct Mapping {
    pub(crate) model: String,
    pub(crate) column: String,
    pub(crate) field: Field,
}

impl std::str::FromStr for Mapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once('=').ok_or("expected APP.MODEL.FIELD=FIELD")?;
        let (model, column) = from.rsplit_once('.').ok_or("expected APP.MODEL.FIELD=FIELD")?;
        if !model.contains('.') || column.is_empty() {
            return Err("expected APP.MODEL.FIELD=FIELD".to_owned());
        }
        let field = Field::of_ours(to).ok_or_else(|| {
            let known: Vec<_> = Field::all_ours().collect();
            format!("unknown field {to}; expected one of {}", known.join(", "))
        })?;
        Ok(Self { model: model.to_lowercase(), column: column.to_owned(), field })
    }
}
