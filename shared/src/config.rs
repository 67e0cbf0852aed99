//! The environment, read in one place. Names and defaults are declared once, in `template.yaml`.

use crate::Error;

/// A variable's text. [`Error::Internal`] names it when it is absent: a fault of the template, not of the caller.
pub fn text(name: &'static str) -> Result<String, Error> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    std::env::var(name).map_err(|_| Error::internal(format!("the environment variable {name} is not set")))
}

/// A variable that need not be there.
#[must_use]
pub fn optional(name: &'static str) -> Option<String> {
    text(name).ok().filter(|value| !value.is_empty())
}

/// A whole number, such as a limit or a count of seconds.
pub fn number(name: &'static str) -> Result<u64, Error> {
    let value = text(name)?;
    value.parse().map_err(|_| Error::internal(format!("{name} is not a whole number: {value}")))
}

/// `true` or anything else.
pub fn flag(name: &'static str) -> Result<bool, Error> {
    Ok(text(name)? == "true")
}

/// Pages that anyone may see, as far as `PUBLIC_PAGES` says so.
#[derive(Debug, Clone, Copy)]
pub enum Pages {
    /// The documentation, for people and programs.
    Documentation,
    /// The admin panel.
    Admin,
}

impl Pages {
    /// [`Error::SwitchedOff`] where the stack does not publish them.
    pub fn are_public(self) -> Result<(), Error> {
        let name = match self {
            Self::Documentation => "documentation",
            Self::Admin => "admin",
        };
        let published = text("PUBLIC_PAGES")?;
        if published == "all" || published == name { Ok(()) } else { Err(Error::SwitchedOff) }
    }
}

/// Which of the two sets of rules holds, from `POLICY`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Every password rule; an unverified address is reserved only while its code lives, an unverified number not at all.
    Strict,
    /// What the Django systems' own sample requests need: only the length rule, addresses reserved for good.
    Seeds,
}

impl Policy {
    /// The policy of this stack.
    pub fn from_env() -> Result<Self, Error> {
        match text("POLICY")?.as_str() {
            "strict" => Ok(Self::Strict),
            "seeds" => Ok(Self::Seeds),
            other => Err(Error::internal(format!("POLICY is neither strict nor seeds: {other}"))),
        }
    }
}
