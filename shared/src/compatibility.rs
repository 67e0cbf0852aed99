//! Where clients of a Django system need other answers than new clients. Each setting has a parameter of its own; `auto` leaves it to
//! `Compatibility`.

use crate::{Error, config};

#[expect(clippy::struct_excessive_bools, reason = "they are settings of the template")]
/// How this stack answers. The same for every request of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compatibility {
    /// The form in which lists are shown.
    pub lists: ListFormat,
    /// Whether lists begin with the oldest record, as Django's do, unless a request says otherwise.
    pub oldest_first: bool,
    /// Whether a refresh gives a new refresh token and uses the old one up (`ROTATE_REFRESH_TOKENS` of SimpleJWT).
    pub rotates_refresh_tokens: bool,
    /// The ids of new users and employees.
    pub ids: Ids,
    /// Whether the claim `user_id` is a JSON number, as SimpleJWT before 5.4 writes it. It is only with integer ids.
    pub user_id_is_number: bool,
    /// Whether every user can list and load every employee.
    pub employees_visible_to_all: bool,
    /// Whether every user can list and load every user.
    pub users_visible_to_all: bool,
    /// What an access token says of its user beside their id.
    pub access_token_claims: Vec<UserClaim>,
    /// The words that may stand before the token in `Authorization`, such as `Bearer`.
    pub auth_header_types: Vec<String>,
}

/// The form of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListFormat {
    /// A page with links, by cursors.
    Cursor,
    /// A numbered page with the number of all records.
    Page,
    /// All records, as an array.
    Array,
}

/// The kind of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// `UUIDv7`s.
    Uuid,
    /// 1, 2, 3, …
    Integer,
}

/// A field of a user that access tokens can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are the fields of the API")]
pub enum UserClaim {
    Username,
    Email,
    PhoneNumber,
    FirstName,
    LastName,
    IsStaff,
}

impl UserClaim {
    const ALL: [Self; 6] =
        [Self::Username, Self::Email, Self::PhoneNumber, Self::FirstName, Self::LastName, Self::IsStaff];

    /// The name of the field, and of the claim.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::PhoneNumber => "phone_number",
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::IsStaff => "is_staff",
        }
    }
}

impl Compatibility {
    /// The settings of this stack.
    pub fn from_env() -> Result<Self, Error> {
        Self::read(&config::text)
    }

    /// For new clients.
    #[must_use]
    pub fn none() -> Self {
        Self {
            lists: ListFormat::Cursor,
            oldest_first: false,
            rotates_refresh_tokens: true,
            ids: Ids::Uuid,
            user_id_is_number: false,
            employees_visible_to_all: false,
            users_visible_to_all: false,
            access_token_claims: Vec::new(),
            auth_header_types: vec!["Bearer".to_owned()],
        }
    }

    /// For clients of a Django system.
    #[must_use]
    pub fn django() -> Self {
        Self {
            lists: ListFormat::Array,
            oldest_first: true,
            rotates_refresh_tokens: false,
            ids: Ids::Integer,
            employees_visible_to_all: true,
            users_visible_to_all: true,
            ..Self::none()
        }
    }

    /// The same of any environment.
    pub fn read(variable: &Variable<'_>) -> Result<Self, Error> {
        let auto = match variable("COMPATIBILITY")?.as_str() {
            "none" => Self::none(),
            "django" => Self::django(),
            other => return Err(Error::internal(format!("COMPATIBILITY cannot be {other}"))),
        };
        let lists =
            [("cursor", ListFormat::Cursor), ("page", ListFormat::Page), ("array", ListFormat::Array)];
        let ids = [("uuid", Ids::Uuid), ("integer", Ids::Integer)];
        let flag = [("true", true), ("false", false)];
        Ok(Self {
            lists: choice(variable, "LIST_FORMAT", lists, auto.lists)?,
            oldest_first: choice(
                variable,
                "ORDERING",
                [("newest", false), ("oldest", true)],
                auto.oldest_first,
            )?,
            rotates_refresh_tokens: choice(
                variable,
                "ROTATE_REFRESH_TOKENS",
                flag,
                auto.rotates_refresh_tokens,
            )?,
            ids: choice(variable, "IDS", ids, auto.ids)?,
            user_id_is_number: choice(
                variable,
                "USER_ID_CLAIM",
                [("string", false), ("number", true)],
                auto.user_id_is_number,
            )?,
            employees_visible_to_all: choice(
                variable,
                "EMPLOYEES_VISIBLE_TO",
                [("owner", false), ("all", true)],
                auto.employees_visible_to_all,
            )?,
            users_visible_to_all: choice(
                variable,
                "USERS_VISIBLE_TO",
                [("self", false), ("all", true)],
                auto.users_visible_to_all,
            )?,
            access_token_claims: claims(&variable("ACCESS_TOKEN_CLAIMS")?)?,
            auth_header_types: words(&variable("AUTH_HEADER_TYPES")?),
        })
    }
}

/// Gives the text of a variable of the environment.
pub type Variable<'a> = dyn Fn(&'static str) -> Result<String, Error> + 'a;

/// One of a setting's values, or with `auto` what `Compatibility` makes of it.
fn choice<T: Copy, const N: usize>(
    variable: &Variable<'_>,
    name: &'static str,
    values: [(&str, T); N],
    auto: T,
) -> Result<T, Error> {
    let value = variable(name)?;
    let found = values.into_iter().chain([("auto", auto)]).find(|(known, _)| *known == value);
    found.map(|(_, value)| value).ok_or_else(|| Error::internal(format!("{name} cannot be {value}")))
}

fn claims(list: &str) -> Result<Vec<UserClaim>, Error> {
    let known = |name: String| {
        let claim = UserClaim::ALL.into_iter().find(|claim| claim.name() == name);
        claim.ok_or_else(|| Error::internal(format!("ACCESS_TOKEN_CLAIMS cannot have {name}")))
    };
    words(list).into_iter().map(known).collect()
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(compatibility: &str, given: &[(&str, &str)]) -> Result<Compatibility, Error> {
        let variable = |name: &'static str| {
            let default = match name {
                "COMPATIBILITY" => compatibility,
                "USER_ID_CLAIM" => "string",
                "ACCESS_TOKEN_CLAIMS" => "",
                "AUTH_HEADER_TYPES" => "Bearer",
                _ => "auto",
            };
            let given = given.iter().find(|(given, _)| *given == name);
            Ok(given.map_or(default, |(_, value)| value).to_owned())
        };
        Compatibility::read(&variable)
    }

    #[test]
    fn one_parameter_sets_all_that_are_left_to_it() {
        assert_eq!(read("none", &[]).unwrap(), Compatibility::none());
        assert_eq!(read("django", &[]).unwrap(), Compatibility::django());
    }

    #[test]
    fn each_can_be_set_alone() {
        let read = |name, value| read("django", &[(name, value)]).unwrap();
        let django = Compatibility::django;
        assert_eq!(read("LIST_FORMAT", "page"), Compatibility { lists: ListFormat::Page, ..django() });
        assert_eq!(read("IDS", "uuid"), Compatibility { ids: Ids::Uuid, ..django() });
        assert_eq!(
            read("ACCESS_TOKEN_CLAIMS", "email, is_staff").access_token_claims,
            [UserClaim::Email, UserClaim::IsStaff]
        );
        assert_eq!(read("AUTH_HEADER_TYPES", "Bearer,JWT").auth_header_types, ["Bearer", "JWT"]);
    }

    #[test]
    fn what_nobody_knows_is_refused() {
        for (name, value) in
            [("COMPATIBILITY", "flask"), ("LIST_FORMAT", "pages"), ("ACCESS_TOKEN_CLAIMS", "password")]
        {
            let error = read("none", &[(name, value)]).unwrap_err();
            assert!(error.for_operator().contains(name), "{}", error.for_operator());
        }
    }
}
