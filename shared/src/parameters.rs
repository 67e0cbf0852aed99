//! The query of a request.

use crate::{
    Error,
    form::{NOT_BOOLEAN, boolean},
};

/// The parameters of a query, decoded, and the URL that they were given with.
#[derive(Debug, Clone, Default)]
pub struct Parameters {
    pub(crate) url: String,
    pub(crate) pairs: Vec<(String, String)>,
}

impl Parameters {
    /// A parameter that is not empty. Of one that is given twice, the last counts, as in Django.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().rfind(|(given, _)| given == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// A parameter that is true or false, as Django REST Framework reads them; 400 for anything else.
    pub fn flag(&self, name: &'static str) -> Result<Option<bool>, Error> {
        let flag = |text| boolean(text).ok_or_else(|| Error::field(name, NOT_BOOLEAN));
        self.get(name).map(flag).transpose()
    }
}
