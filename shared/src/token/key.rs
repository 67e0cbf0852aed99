//! Signing keys: derived from the secret by those who may read it, published in DynamoDB for everybody else.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Mutex as AsyncMutex;
use zeroize::Zeroizing;

use super::{Issuer, Kind};
use crate::{
    Error, config,
    dynamo::{BatchGet, Db, Item, Query, Write, from_item, key2, n, number, s, to_item},
    secret::{Secret, Secrets},
    time::{self, Stamp},
};

/// The partition of the public keys in the Tokens table.
const PARTITION: &str = "keys";
/// A published key is taken from memory for so long, and published again after it.
const FRESH: Duration = Duration::from_mins(5);
/// For so long it is remembered that there is no key of an id. A key is published before it signs: only one that had been
/// deleted after its last token, and is published again, may be waited for so long.
const ABSENT: Duration = Duration::from_secs(30);
/// Of at most so many ids: anybody can name some.
const MOST_ABSENT: usize = 1_000;
/// A key outlives the last token that it signed by so many seconds.
const MARGIN: u64 = 86_400;

/// A public key as `/.well-known/jwks.json` shows it (RFC 7517, RFC 7518 section 6.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// `EC`.
    kty: String,
    /// `P-256`.
    crv: String,
    /// A coordinate of the point, in base64url.
    x: String,
    /// The other coordinate.
    y: String,
    /// `sig`.
    #[serde(rename = "use")]
    usage: String,
    /// `ES256`.
    alg: String,
    /// What the header of a token names it by.
    kid: String,
}

/// A private key, and the public one that goes with it. It cannot be printed.
pub struct SigningKey {
    pair: EcdsaKeyPair,
    public: Jwk,
    /// In whose name it signs.
    pub(super) issuer: Issuer,
}

/// What an instance remembers of keys.
#[derive(Default)]
pub(crate) struct Keys {
    known: Mutex<HashMap<String, (Stamp, Arc<DecodingKey>)>>,
    absent: Mutex<HashMap<String, Stamp>>,
    signing: AsyncMutex<Option<Signing>>,
}

/// The key that signs, and the secret from which it was derived.
struct Signing {
    key: Arc<SigningKey>,
    secret: Arc<Secret>,
    published: Stamp,
}

/// Whether a text can be the id of a key: what a token claims goes into a read, so only our own form does.
pub(super) fn is_kid(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl SigningKey {
    /// The key of a secret: always the same one.
    pub(crate) fn derive(secret: &Secret, issuer: &Issuer) -> Result<Self, Error> {
        // A private key is a number from 1 to the order of the curve. One derivation in 2^32 falls outside, is refused,
        // and the next one serves.
        let pair = (0..8_u8)
            .find_map(|attempt| {
                let scalar = secret.derive(&[b"ES256 signing key", &[attempt]]).ok()?;
                EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &rfc5915(&scalar)).ok()
            })
            .ok_or_else(|| Error::internal("no signing key could be derived"))?;
        let public = Jwk::new(pair.public_key().as_ref())?;
        Ok(Self { issuer: issuer.clone(), pair, public })
    }

    /// A token of a kind, by RFC 7515, section 5.1: three parts in base64url, of which the third signs the others. (`jsonwebtoken` would
    /// read the private key anew for each.)
    pub(crate) fn sign(&self, kind: Kind, claims: &impl Serialize) -> Result<String, Error> {
        let header = json!({ "typ": kind.media_type(), "alg": self.public.alg, "kid": self.public.kid });
        let claims =
            serde_json::to_vec(claims).map_err(|error| Error::internal(format!("claims: {error}")))?;
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = self.pair.sign(&SystemRandom::new(), token.as_bytes());
        let signature = signature.map_err(|_| Error::internal("a token that cannot be signed"))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    #[cfg(test)]
    pub(crate) fn kid(&self) -> &str {
        &self.public.kid
    }

    #[cfg(test)]
    pub(crate) fn public(&self) -> &Jwk {
        &self.public
    }
}

/// An elliptic-curve private key on P-256, in the form of RFC 5915, without the parts that follow from the others.
fn rfc5915(scalar: &[u8; 32]) -> Zeroizing<Vec<u8>> {
    // It never grows: what it had grown out of would not be wiped.
    let mut der = Zeroizing::new(Vec::with_capacity(51));
    der.extend_from_slice(&[0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20]);
    der.extend_from_slice(scalar);
    der.extend_from_slice(&[0xA0, 0x0A, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]);
    der
}

impl Jwk {
    /// From an uncompressed point: the byte 4, then x and y of 32 bytes each.
    fn new(point: &[u8]) -> Result<Self, Error> {
        let (Some(x), Some(y), 65) = (point.get(1..33), point.get(33..65), point.len()) else {
            return Err(Error::internal("a public key of another form"));
        };
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        // RFC 7638, section 3.2: the required members, in this order, without blanks.
        let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()));
        Ok(Self {
            kty: "EC".into(),
            crv: "P-256".into(),
            x,
            y,
            usage: "sig".into(),
            alg: "ES256".into(),
            kid,
        })
    }

    pub(crate) fn decoding_key(&self) -> Result<DecodingKey, Error> {
        DecodingKey::from_ec_components(&self.x, &self.y)
            .map_err(|error| Error::internal(format!("a public key: {error}")))
    }

    /// The point, uncompressed.
    #[cfg(test)]
    pub(crate) fn uncompressed(&self) -> Option<Vec<u8>> {
        let (x, y) = (URL_SAFE_NO_PAD.decode(&self.x).ok()?, URL_SAFE_NO_PAD.decode(&self.y).ok()?);
        Some([vec![4], x, y].concat())
    }
}

/// The key under which a public key is stored.
fn record_key(kid: &str) -> Item {
    key2(PARTITION, format!("key#{kid}"))
}

/// What an instance remembers of the id of a key.
enum Remembered {
    /// Its key.
    Key(Arc<DecodingKey>),
    /// That there is none.
    Absent,
    /// Nothing.
    Nothing,
}

impl Keys {
    /// What is remembered of an id.
    fn remembered(&self, kid: &str) -> Remembered {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, key)) = known.get(kid).filter(|(read, _)| read.is_younger_than(FRESH)) {
            return Remembered::Key(key.clone());
        }
        let absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_absent = absent.get(kid).is_some_and(|asked| asked.is_younger_than(ABSENT));
        if is_absent { Remembered::Absent } else { Remembered::Nothing }
    }

    fn remember(&self, kid: &str, key: Option<&Arc<DecodingKey>>) {
        if let Some(key) = key {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|_, (read, _)| read.is_younger_than(FRESH));
            known.insert(kid.to_owned(), (Stamp::now(), key.clone()));
        } else {
            let mut absent = self.absent.lock().unwrap_or_else(PoisonError::into_inner);
            if absent.len() == MOST_ABSENT {
                absent.clear();
            }
            absent.insert(kid.to_owned(), Stamp::now());
        }
    }
}

impl Keys {
    /// The key of an id, unless there is none or it is past its time. It is read alone: nothing else is worth a read for a token
    /// that anybody may have written.
    pub async fn verification_key(&self, db: &Db, kid: &str) -> Result<Option<Arc<DecodingKey>>, Error> {
        match self.remembered(kid) {
            Remembered::Key(key) => return Ok(Some(key)),
            Remembered::Absent => return Ok(None),
            Remembered::Nothing => {}
        }
        let mut batch = BatchGet::default();
        batch.want(&db.tables.tokens, record_key(kid));
        let item = batch.send(db).await?.take(&db.tables.tokens, &record_key(kid));
        let now = time::seconds(time::now());
        let item = item.filter(|item| number(item, "expires").is_some_and(|expires| expires > now));
        let key = item.map(|item| from_item::<Jwk>(item)?.decoding_key()).transpose()?.map(Arc::new);
        self.remember(kid, key.as_ref());
        Ok(key)
    }

    /// The key that signs now, published: an endpoint asks for it beside its reads, so that signing waits for nothing. It is
    /// derived and published once an instance in five minutes.
    pub async fn signing_key(
        &self,
        db: &Db,
        secrets: &Secrets,
        issuer: &Issuer,
    ) -> Result<Arc<SigningKey>, Error> {
        let secret = secrets.secret().await?;
        let mut signing = self.signing.lock().await;
        if let Some(known) = &*signing
            && known.published.is_younger_than(FRESH)
            && Arc::ptr_eq(&known.secret, &secret)
        {
            return Ok(known.key.clone());
        }
        let key = Arc::new(SigningKey::derive(&secret, issuer)?);
        publish(db, &key).await?;
        *signing = Some(Signing { key: key.clone(), secret, published: Stamp::now() });
        Ok(key)
    }
}

/// Makes sure that everybody can verify what `key` signs, for as long as any token that it signs lives:
/// `REFRESH_TOKEN_SECONDS` from now, and a day.
async fn publish(db: &Db, key: &SigningKey) -> Result<(), Error> {
    let refresh_seconds = config::number("REFRESH_TOKEN_SECONDS")?;
    let mut item = to_item(&key.public)?;
    item.extend(record_key(&key.public.kid));
    item.insert("expires".into(), n(time::seconds(time::now()) + refresh_seconds + MARGIN));
    Write::put(&db.tables.tokens, item).send(db).await.map(drop)
}

/// The public keys whose tokens may still live.
pub async fn published(db: &Db) -> Result<Vec<Jwk>, Error> {
    let now = time::seconds(time::now());
    let keys = Query::of(&db.tables.tokens, "pk = :keys").value("keys", s(PARTITION));
    let live = keys.filter("expires > :now").value("now", n(now)).send(db).await?;
    live.items.into_iter().map(from_item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_ids_without_a_key_are_remembered_and_no_more() {
        let keys = Keys::default();
        for n in 0..10 * MOST_ABSENT {
            let kid = n.to_string();
            assert!(matches!(keys.remembered(&kid), Remembered::Nothing));
            keys.remember(&kid, None);
            assert!(matches!(keys.remembered(&kid), Remembered::Absent));
        }
        assert!(keys.absent.lock().unwrap().len() <= MOST_ABSENT);
    }
}
