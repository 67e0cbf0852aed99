//! Refresh tokens of the Django system that users came from, taken while `LegacyJwtSecretArn` is set: so nobody has to log in again
//! on the day of the move.
//!
//! Such a token stands for one session here, whose id is made of the token's, and which begins when the token is first shown. A
//! record beside the session (`legacy#<session>`) lasts as long as the token: a session that has ended does not begin again, even
//! when its own record is gone.

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;
use uuid::{Builder, Uuid};

use super::token::VerifiedToken;
use crate::{
    App, Error, Request,
    audit::{self, Event},
    config,
    dynamo::{BatchGet, Db, Item, Write, key2, n},
    error::TokenFault,
    id, session, time,
    token::{self, Claims, Kind},
    user::{self, token_user},
};

/// What SimpleJWT writes in a refresh token, as far as it matters here.
#[derive(Deserialize)]
struct LegacyClaims {
    token_type: String,
    exp: u64,
    #[serde(default)]
    iat: u64,
    jti: String,
    /// A text or, before SimpleJWT 5.5, often a number.
    user_id: Value,
}

/// A refresh token of the other system, with the session for which it stands, once that has begun.
pub struct LegacyToken {
    /// As if it were ours.
    pub token: VerifiedToken,
    /// Whether it was shown before.
    is_used: bool,
}

/// Whether a text is signed as the tokens of another system are, and such tokens are taken here.
fn is_legacy(text: &str) -> bool {
    config::optional("LEGACY_JWT_SECRET_ID").is_some()
        && text.len() <= token::LONGEST
        && jsonwebtoken::decode_header(text).is_ok_and(|header| header.alg == Algorithm::HS256)
}

/// Verifies a refresh token of the other system; `None` for any other text, and where none are taken.
pub async fn verify_legacy(app: &App, text: &str) -> Result<Option<LegacyToken>, Error> {
    if !is_legacy(text) {
        return Ok(None);
    }
    let secret = app.secrets.legacy_jwt_secret().await?;
    let legacy = decode(text, secret.as_bytes(), time::seconds(time::now())).map_err(Error::TokenNotValid)?;
    let user = token_user::find(&app.db, &legacy.user).await?;
    let user_id = user.ok_or(Error::TokenNotValid(TokenFault::Invalid))?;
    let claims = Claims {
        token_type: Kind::Refresh,
        exp: legacy.exp,
        iat: legacy.iat,
        sid: legacy.session(),
        jti: legacy.jti,
        user_id,
        iss: app.issuer.name().to_owned(),
        aud: Vec::new(),
        staff: false,
    };
    LegacyToken::load(app, claims).await.map(Some)
}

/// What a token says that is right.
#[derive(Debug, PartialEq, Eq)]
struct Decoded {
    user: String,
    jti: String,
    iat: u64,
    exp: u64,
}

fn decode(text: &str, secret: &[u8], now: u64) -> Result<Decoded, TokenFault> {
    let mut rules = Validation::new(Algorithm::HS256);
    // Our own clock decides.
    rules.validate_exp = false;
    rules.validate_aud = false;
    let key = DecodingKey::from_secret(secret);
    let LegacyClaims { token_type, exp, iat, jti, user_id } =
        jsonwebtoken::decode::<LegacyClaims>(text, &key, &rules).map_err(|_| TokenFault::Invalid)?.claims;
    if exp <= now {
        return Err(TokenFault::Expired);
    }
    if token_type != "refresh" {
        return Err(TokenFault::WrongType);
    }
    let user = match user_id {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => return Err(TokenFault::Invalid),
    };
    if jti.is_empty() {
        return Err(TokenFault::Invalid);
    }
    Ok(Decoded { user, jti, iat: iat.min(now), exp })
}

impl Decoded {
    /// The id of the session, with the time at which the token was made: a user's sessions lie in this order.
    fn session(&self) -> Uuid {
        let mut random = [0; 10];
        random.copy_from_slice(&digest(&SHA256, self.jti.as_bytes()).as_ref()[..10]);
        Builder::from_unix_timestamp_millis(self.iat.saturating_mul(1_000), &random).into_uuid()
    }
}

impl LegacyToken {
    async fn load(app: &App, claims: Claims) -> Result<Self, Error> {
        let (mut batch, marker) = (BatchGet::default(), marker_key(&claims));
        batch.want(&app.db.tables.tokens, marker.clone());
        let (token, mut found) = VerifiedToken::load(app, claims, batch).await?;
        Ok(Self { token, is_used: found.take(&app.db.tables.tokens, &marker).is_some() })
    }

    /// The token with its session, which begins if the token is shown for the first time. It does not when the user's sessions were
    /// all ended since the import, by a new password or otherwise.
    pub async fn begin(self, app: &App, request: &Request) -> Result<VerifiedToken, Error> {
        let VerifiedToken { claims, account, session } = &self.token;
        let Some(account) = account.as_ref().filter(|account| account.user.is_active) else {
            return Ok(self.token);
        };
        if session.is_some() || self.is_used || !account.is_as_imported() {
            return Ok(self.token);
        }
        let client = request.client();
        let session = session::begin(account, account.epoch, client)?;
        let session = session.standing_for(claims.sid, &claims.jti, claims.exp);
        let writes = vec![marker(&app.db, claims).if_new(), session.write(&app.db)?.if_new()];
        if app.db.transact(writes).await? {
            user::note_login(&app.db, account, &client.network(), time::now(), None).await;
            audit::user(Event::LegacyTokenExchanged, account.user.id, request.ip());
        }
        // If not, another request with this token was faster.
        Ok(Self::load(app, self.token.claims).await?.token)
    }

    /// Ends its session, also one that has not begun. False when it was ended before it began.
    pub async fn end(&self, app: &App) -> Result<bool, Error> {
        let claims = &self.token.claims;
        let is_new = marker(&app.db, claims).if_new().send(&app.db).await?.is_written();
        // A session that has begun has a record.
        Ok(session::end(&app.db, claims.user_id, claims.sid).await? || is_new)
    }
}

/// Where it is kept that a token was shown.
fn marker_key(claims: &Claims) -> Item {
    key2(id::pk(claims.user_id), format!("legacy#{}", claims.sid))
}

fn marker(db: &Db, claims: &Claims) -> Write {
    let mut marker = marker_key(claims);
    marker.insert("expires".to_owned(), n(claims.exp));
    Write::put(&db.tables.tokens, marker)
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    use super::*;

    const NOW: u64 = 1_800_000_000;
    const SECRET: &[u8] = b"django-insecure-of-the-tests";

    fn signed(claims: &Value, secret: &[u8]) -> String {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret))
            .unwrap()
    }

    fn claims(user: impl Into<Value>) -> Value {
        let user: Value = user.into();
        json!({ "token_type": "refresh", "exp": NOW + 60, "iat": NOW - 60, "jti": "a1", "user_id": user })
    }

    #[test]
    fn a_token_is_read_with_a_number_or_a_text_for_its_user() {
        let decoded = |user: Value| decode(&signed(&claims(user), SECRET), SECRET, NOW).unwrap();
        assert_eq!(decoded(json!(7)), decoded(json!("7")));
        assert_eq!(decoded(json!(7)).user, "7");
        assert_eq!(decoded(json!(7)).session(), decoded(json!(8)).session());
    }

    #[test]
    fn what_is_not_right_is_refused() {
        let with = |change: Value| {
            let mut claims = claims("7");
            claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            decode(&signed(&claims, SECRET), SECRET, NOW).err()
        };
        assert_eq!(with(json!({})), None);
        assert_eq!(with(json!({ "exp": NOW })), Some(TokenFault::Expired));
        assert_eq!(with(json!({ "token_type": "access" })), Some(TokenFault::WrongType));
        for wrong in [json!({ "user_id": null }), json!({ "jti": "" })] {
            assert_eq!(with(wrong), Some(TokenFault::Invalid));
        }
        let other = decode(&signed(&claims("7"), b"another"), SECRET, NOW);
        assert_eq!(other, Err(TokenFault::Invalid));
    }
}
