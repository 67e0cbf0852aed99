//! Where tokens come from and for whom they are: their claims `iss` and `aud` (RFC 7519, RFC 9068).

use super::{Claims, Kind};
use crate::{Error, config};

/// The names of this stack in tokens, and the services to which it addresses access tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// What may stand in `iss`. The first is what new tokens have. The stack's own name is always among them: it is that of earlier
    /// releases, and the default.
    names: Vec<String>,
    /// What stands in the `aud` of access tokens beside the issuer.
    services: Vec<String>,
}

impl Issuer {
    /// Reads `TokenIssuer` and `TokenAudience`, which may be empty or absent.
    pub(crate) fn from_env() -> Result<Self, Error> {
        let listed = |name| config::optional(name).map(|text| list(&text)).unwrap_or_default();
        Ok(Self::new(&config::text("ISSUER")?, listed("TOKEN_ISSUER"), listed("TOKEN_AUDIENCE")))
    }

    /// The issuer of a stack, with its other names and its services.
    #[must_use]
    pub fn new(stack: &str, mut names: Vec<String>, services: Vec<String>) -> Self {
        if names.iter().all(|name| name != stack) {
            names.push(stack.to_owned());
        }
        Self { names, services }
    }

    /// The `iss` of new tokens.
    #[must_use]
    pub fn name(&self) -> &str {
        self.names.first().map(String::as_str).unwrap_or_default()
    }

    /// The same if it is a URL, at which other services find what they verify tokens with.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        Some(self.name()).filter(|name| name.contains("://"))
    }

    /// The `aud` of new tokens. Access tokens have none while neither a URL nor a service is configured: services that were
    /// written for tokens without one may refuse it.
    pub(super) fn audience(&self, kind: Kind) -> Vec<String> {
        if kind == Kind::Access && self.url().is_none() && self.services.is_empty() {
            return Vec::new();
        }
        let services = self.services.iter().filter(|_| kind == Kind::Access);
        [addressee(kind, self.name())].into_iter().chain(services.cloned()).collect()
    }

    /// Whether a token comes from here, and is for this API: by its `aud`, if it has one. Those of earlier releases have none.
    pub(super) fn accepts(&self, claims: &Claims) -> bool {
        let is_addressed = |name: &String| claims.aud.contains(&addressee(claims.token_type, name));
        self.names.contains(&claims.iss) && (claims.aud.is_empty() || self.names.iter().any(is_addressed))
    }
}

/// The addressee of a kind of tokens: the whole API, or the one endpoint that exchanges them. So no service takes a refresh token for
/// an access token, even if it does not know the two kinds.
fn addressee(kind: Kind, issuer: &str) -> String {
    match kind {
        Kind::Access => issuer.to_owned(),
        Kind::Refresh => format!("{issuer}/api/token/refresh"),
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://accounts.example.com";

    fn issuer(names: &str, services: &str) -> Issuer {
        Issuer::new("rollcall", list(names), list(services))
    }

    #[test]
    fn the_first_name_is_that_of_new_tokens() {
        for (names, name, url) in [
            ("", "rollcall", None),
            (URL, URL, Some(URL)),
            ("rollcall, https://accounts.example.com", "rollcall", None),
            ("https://accounts.example.com,rollcall", URL, Some(URL)),
        ] {
            let issuer = issuer(names, "");
            assert_eq!((issuer.name(), issuer.url()), (name, url), "{names}");
        }
    }

    #[test]
    fn access_tokens_are_for_the_issuer_and_its_services_and_refresh_tokens_for_one_endpoint() {
        for (names, services, access) in [
            ("", "", vec![]),
            ("", "orders", vec!["rollcall", "orders"]),
            (URL, "", vec![URL]),
            (URL, "orders, stock", vec![URL, "orders", "stock"]),
        ] {
            let issuer = issuer(names, services);
            assert_eq!(issuer.audience(Kind::Access), access);
            assert_eq!(issuer.audience(Kind::Refresh), [format!("{}/api/token/refresh", issuer.name())]);
        }
    }
}
