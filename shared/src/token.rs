//! JSON Web Tokens with SimpleJWT's claims, signed with ES256.

mod issuer;
mod key;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

pub use issuer::Issuer;
pub(crate) use key::Keys;
pub use key::{Jwk, SigningKey, published};

use crate::{
    config,
    error::{Error, TokenFault},
    id::Id,
};

/// An `iat` so far ahead is a clock that is off, not a forgery. Seconds.
const SKEW: u64 = 60;
/// Our longest token has some 800 bytes, and 4,800 when it tells all that it can of a user with the longest names.
pub(crate) const LONGEST: usize = 8_192;

/// What a token says. Its `user_id` and `sid` are the user's and the session's ids; times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Access or refresh.
    pub token_type: Kind,
    /// The token is dead from this second on.
    pub exp: u64,
    /// When it was made.
    pub iat: u64,
    /// Its own id: 32 hexadecimal digits.
    pub jti: String,
    /// Whose it is.
    #[serde(serialize_with = "serialize_user_id")]
    pub user_id: Id,
    /// The stack that made it: see [`Issuer`].
    pub iss: String,
    /// For whom it is, if that is said: see [`Issuer`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aud: Vec<String>,
    /// Its session.
    pub sid: Uuid,
    /// Whether they were staff when it was made. It gives no right: it says which list is worth reading before it is known
    /// who asks.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub staff: bool,
}

/// As text or, with the parameter `UserIdClaim`, an integer as a number. Tokens of both forms are accepted.
fn serialize_user_id<S: Serializer>(id: &Id, serializer: S) -> Result<S::Ok, S::Error> {
    if config::optional("USER_ID_CLAIM").as_deref() == Some("number") {
        id.serialize(serializer)
    } else {
        serializer.collect_str(id)
    }
}

/// The two kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Goes with every request, in the `Authorization` header.
    Access,
    /// Goes to the token endpoint alone, for new tokens.
    Refresh,
}

impl Kind {
    /// The `typ` in a token's header: that of RFC 9068 for an access token, and another one for a refresh token.
    fn media_type(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Refresh => "rt+jwt",
        }
    }
}

/// A refresh and an access token, on their way to their user.
// They cannot be printed.
#[derive(Serialize)]
pub struct Pair {
    /// For new tokens.
    pub refresh: String,
    /// For requests.
    pub access: String,
}

/// A text that reads like one of our tokens. Nothing in it is to be believed until [`Unverified::verify`] says so; until
/// then it only tells which key to read.
pub struct Unverified {
    text: String,
    pub(crate) kid: String,
}

impl Unverified {
    /// Reads a token's parts; [`TokenFault::Invalid`] when they are not ours.
    pub fn read(text: &str) -> Result<Self, TokenFault> {
        if text.len() > LONGEST {
            return Err(TokenFault::Invalid);
        }
        let token =
            jsonwebtoken::dangerous::insecure_decode::<Claims>(text).map_err(|_| TokenFault::Invalid)?;
        let kid = token.header.kid.filter(|kid| key::is_kid(kid)).ok_or(TokenFault::Invalid)?;
        if token.header.alg != Algorithm::ES256 {
            return Err(TokenFault::Invalid);
        }
        Ok(Self { text: text.to_owned(), kid })
    }

    /// The claims, once signature, algorithm, issuer, audience, times and kind are right. `now` is in seconds since 1970.
    pub fn verify(
        &self,
        key: &DecodingKey,
        issuer: &Issuer,
        now: u64,
        kind: Option<Kind>,
    ) -> Result<Claims, TokenFault> {
        let mut rules = Validation::new(Algorithm::ES256);
        // Our own clock decides, below.
        rules.validate_exp = false;
        rules.set_required_spec_claims(&["exp", "iss"]);
        // The issuer knows which names and audiences are its own, below.
        rules.validate_aud = false;
        let claims =
            jsonwebtoken::decode::<Claims>(&self.text, key, &rules).map_err(|_| TokenFault::Invalid)?.claims;
        if !issuer.accepts(&claims) || claims.iat > now + SKEW {
            return Err(TokenFault::Invalid);
        }
        if claims.exp <= now {
            return Err(TokenFault::Expired);
        }
        if kind.is_some_and(|kind| kind != claims.token_type) {
            return Err(TokenFault::WrongType);
        }
        Ok(claims)
    }
}

/// An access and a refresh token, in the order in which SimpleJWT answers a refresh.
#[derive(Serialize)]
pub struct Refreshed {
    /// For requests.
    access: String,
    /// For new tokens, in place of the one that was shown.
    refresh: String,
}

impl From<Pair> for Refreshed {
    fn from(Pair { refresh, access }: Pair) -> Self {
        Self { access, refresh }
    }
}

/// A token in a body: any text. What is wrong with it is told in a token's words, not a field's.
#[must_use]
pub fn text(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(text.to_owned())
}

/// What the tokens of a session have in common.
pub(crate) struct Draft {
    pub user_id: Id,
    pub sid: Uuid,
    pub staff: bool,
    /// When they are made, in seconds since 1970.
    pub now: u64,
}

/// A new token id: 32 hexadecimal digits, random.
pub(crate) fn new_jti() -> String {
    Uuid::new_v4().simple().to_string()
}

/// The claims of an access token, and what it tells of its user besides. Nothing here reads that again.
#[derive(Serialize)]
struct Telling<'a> {
    #[serde(flatten)]
    claims: &'a Claims,
    /// The id of the user as text, where RFC 7519 has it.
    sub: String,
    #[serde(flatten)]
    told: &'a Map<String, Value>,
}

impl Draft {
    /// A refresh token with this id, which dies at `exp`.
    pub fn refresh(&self, key: &SigningKey, jti: &str, exp: u64) -> Result<String, Error> {
        key.sign(Kind::Refresh, &self.claims(key, Kind::Refresh, jti.to_owned(), exp))
    }

    /// An access token, which dies at `exp` and tells these fields of its user.
    pub fn access(&self, key: &SigningKey, exp: u64, told: &Map<String, Value>) -> Result<String, Error> {
        let claims = self.claims(key, Kind::Access, new_jti(), exp);
        key.sign(Kind::Access, &Telling { claims: &claims, sub: self.user_id.to_string(), told })
    }

    fn claims(&self, key: &SigningKey, token_type: Kind, jti: String, exp: u64) -> Claims {
        Claims {
            token_type,
            exp,
            iat: self.now,
            jti,
            user_id: self.user_id,
            iss: key.issuer.name().to_owned(),
            aud: key.issuer.audience(token_type),
            sid: self.sid,
            staff: self.staff,
        }
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;
    use crate::secret::Secret;

    const NOW: u64 = 1_800_000_000;

    const URL: &str = "https://accounts.example.com";

    /// The stack `rollcall`, whose tokens have this `iss`.
    fn issuer(name: &str) -> Issuer {
        Issuer::new("rollcall", vec![name.to_owned()], Vec::new())
    }

    fn key() -> SigningKey {
        key_of("a secret of the tests")
    }

    fn key_of(secret: &str) -> SigningKey {
        SigningKey::derive(&Secret::of(secret), &issuer("rollcall")).unwrap()
    }

    fn claims() -> Claims {
        Claims {
            token_type: Kind::Access,
            exp: NOW + 900,
            iat: NOW,
            jti: new_jti(),
            user_id: Id::new().0,
            iss: "rollcall".into(),
            aud: Vec::new(),
            sid: Uuid::now_v7(),
            staff: false,
        }
    }

    fn check(text: &str, key: &SigningKey) -> Result<Claims, TokenFault> {
        check_by(&issuer("rollcall"), text, key)
    }

    fn check_by(issuer: &Issuer, text: &str, key: &SigningKey) -> Result<Claims, TokenFault> {
        let public = key.public().decoding_key().unwrap();
        Unverified::read(text)?.verify(&public, issuer, NOW, Some(Kind::Access))
    }

    #[test]
    fn what_was_signed_is_read_back() {
        let (key, claims) = (key(), claims());
        assert_eq!(check(&key.sign(Kind::Access, &claims).unwrap(), &key), Ok(claims));
    }

    #[test]
    fn a_token_has_simplejwts_claims_and_names_its_key() {
        let (key, claims) = (key(), claims());
        let token = key.sign(Kind::Access, &claims).unwrap();
        let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
        let header: Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
        let body: Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
        assert_eq!(header, json!({ "typ": "at+jwt", "alg": "ES256", "kid": key.kid() }));
        assert_eq!(
            body,
            json!({ "token_type": "access", "exp": NOW + 900, "iat": NOW, "jti": claims.jti,
                "user_id": claims.user_id.to_string(), "iss": "rollcall", "sid": claims.sid.to_string() })
        );
        assert_eq!(claims.jti.len(), 32);
    }

    #[test]
    fn times_are_strict_ahead_and_behind() {
        let key = key();
        let with =
            |exp, iat| check(&key.sign(Kind::Access, &Claims { exp, iat, ..claims() }).unwrap(), &key).err();
        assert_eq!(with(NOW + 1, NOW), None);
        assert_eq!(with(NOW, NOW - 900), Some(TokenFault::Expired));
        assert_eq!(with(NOW + 900, NOW + 60), None);
        assert_eq!(with(NOW + 900, NOW + 61), Some(TokenFault::Invalid));
    }

    #[test]
    fn another_kind_issuer_or_key_is_refused() {
        let key = key();
        let with = |claims: Claims| check(&key.sign(claims.token_type, &claims).unwrap(), &key).err();
        assert_eq!(with(Claims { token_type: Kind::Refresh, ..claims() }), Some(TokenFault::WrongType));
        assert_eq!(with(Claims { iss: "another".into(), ..claims() }), Some(TokenFault::Invalid));
        let other = key_of("another secret");
        assert_eq!(check(&other.sign(Kind::Access, &claims()).unwrap(), &key), Err(TokenFault::Invalid));
    }

    #[test]
    fn the_stack_and_the_url_are_one_issuer_and_no_other_audience_is_ours() {
        let key = key();
        let refresh = format!("{URL}/api/token/refresh");
        for (iss, aud, accepted) in [
            ("rollcall", vec![], true),
            (URL, vec![], true),
            (URL, vec![URL], true),
            (URL, vec!["rollcall"], true),
            ("rollcall", vec![URL, "orders"], true),
            (URL, vec!["orders"], false),
            (URL, vec![&*refresh], false),
            ("https://another.example.com", vec![URL], false),
        ] {
            let claims = Claims {
                iss: iss.into(),
                aud: aud.iter().map(|name| (*name).to_owned()).collect(),
                ..claims()
            };
            let token = key.sign(Kind::Access, &claims).unwrap();
            assert_eq!(check_by(&issuer(URL), &token, &key).is_ok(), accepted, "{iss} {aud:?}");
        }
    }

    #[test]
    fn forgeries_are_refused() {
        let key = key();
        let good = key.sign(Kind::Access, &claims()).unwrap();
        let mut parts = good.split('.');
        let (header, body, signature) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());

        let none = encode(json!({ "typ": "JWT", "alg": "none", "kid": key.kid() }));
        // HS256 with the public key as its secret: the classic confusion.
        let mut confused = Header::new(Algorithm::HS256);
        confused.kid = Some(key.kid().to_owned());
        let public = key.public();
        let hs256 = jsonwebtoken::encode(
            &confused,
            &claims(),
            &EncodingKey::from_secret(&public.uncompressed().unwrap()),
        )
        .unwrap();
        let mut without_jti = json!(claims());
        without_jti.as_object_mut().unwrap().remove("jti");
        let hostile = encode(json!({ "typ": "JWT", "alg": "ES256", "kid": "../../etc/passwd" }));

        for token in [
            format!("{none}.{body}."),
            format!("{none}.{body}.{signature}"),
            format!("{header}.{body}."),
            format!("{header}.{body}"),
            format!("{header}.{body}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
            format!("{header}.{}.{signature}", encode(json!(claims()))),
            format!("{header}.{}.{signature}", encode(without_jti)),
            format!("{hostile}.{body}.{signature}"),
            hs256,
            String::new(),
            "..".into(),
            "a.b.c".into(),
            "x".repeat(1_000_000),
        ] {
            assert_eq!(check(&token, &key), Err(TokenFault::Invalid), "{token:.80}");
        }
    }

    #[test]
    fn one_secret_gives_one_key_and_another_secret_another() {
        assert_eq!(key().kid(), key().kid());
        assert_ne!(key().kid(), key_of("another secret").kid());
        // The thumbprint of RFC 7638 is 43 characters of base64url.
        assert_eq!(key().kid().len(), 43);
    }
}
