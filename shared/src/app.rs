//! What an instance keeps between requests: clients, names of tables, and what it has fetched or derived.

use std::sync::Arc;

use crate::{
    Error,
    compatibility::{self, Compatibility},
    dynamo::{BatchGet, Db, Tables, key, key2},
    ids::{Ids, NewId, Numbered},
    otp::Codes,
    password::Hasher,
    secret::Secrets,
    token::{Issuer, Keys, SigningKey},
};

/// The parts of a function. Built once for an instance, before its first request; nothing in it calls out before it is
/// used, and what a function never names is not linked into it.
pub struct App {
    /// The tables.
    pub db: Db,
    /// What clients of a Django system get otherwise.
    pub compatibility: Compatibility,
    /// In whose name tokens are signed.
    pub issuer: Issuer,
    pub(crate) keys: Keys,
    pub(crate) secrets: Secrets,
    /// Gives ids to new users and employees.
    pub ids: Ids,
    /// Hashes passwords.
    pub hasher: Hasher,
}

impl App {
    /// Reads the environment. An error here ends the instance before it takes a request.
    pub fn from_env() -> Result<Self, Error> {
        let compatibility = Compatibility::from_env()?;
        Ok(Self {
            db: Db::from_env()?,
            ids: Ids::new(compatibility.ids == compatibility::Ids::Integer),
            compatibility,
            issuer: Issuer::from_env()?,
            keys: Keys::default(),
            secrets: Secrets::default(),
            hasher: Hasher::default(),
        })
    }

    /// The id of a new user or employee.
    pub async fn new_id(&self, of: Numbered) -> Result<NewId, Error> {
        self.ids.next(&self.db, of).await
    }

    /// The key that signs tokens, published for everybody who verifies them.
    pub async fn signing_key(&self) -> Result<Arc<SigningKey>, Error> {
        self.keys.signing_key(&self.db, &self.secrets, &self.issuer).await
    }

    /// What codes are checked with.
    #[must_use]
    pub fn codes(&self) -> Codes<'_> {
        Codes { db: &self.db, secrets: &self.secrets }
    }

    /// Whether every table answers.
    pub async fn tables_answer(&self) -> Result<(), Error> {
        let Tables { users, employees, tokens, otps, throttles } = &self.db.tables;
        let mut probes = BatchGet::default();
        for table in [users, employees, otps, throttles] {
            probes.want(table, key("health"));
        }
        probes.want(tokens, key2("health", "health"));
        probes.send(&self.db).await.map(drop)
    }
}
