//! In which version a record is to be changed.

use crate::Error;

/// What a client demands of a record before it changes it (RFC 9110, section 13.1.1): to be in a version it has seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Precondition(pub(crate) Option<String>);

impl Precondition {
    /// 412 when the record is in another version. A weak tag matches none.
    pub fn check(&self, version: u64) -> Result<(), Error> {
        let Some(tags) = &self.0 else { return Ok(()) };
        let tag = entity_tag(version);
        let holds = tags.split(',').map(str::trim).any(|wanted| wanted == "*" || wanted == tag);
        if holds { Ok(()) } else { Err(Error::PreconditionFailed) }
    }
}

/// The `ETag` of a version.
pub(crate) fn entity_tag(version: u64) -> String {
    format!("\"{version}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precondition_holds_for_the_version_it_names() {
        let holds = |header: &str| Precondition(Some(header.to_owned())).check(7).is_ok();
        for header in ["\"7\"", "*", "\"6\", \"7\"", " \"7\" "] {
            assert!(holds(header), "{header}");
        }
        for header in ["\"6\"", "7", "W/\"7\"", "", "\"77\""] {
            assert!(!holds(header), "{header}");
        }
        assert!(Precondition(None).check(7).is_ok());
    }
}
