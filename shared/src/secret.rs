//! The stack's secret, from which the signing key and the key of the codes are derived. Only functions that sign tokens
//! or derive codes may read it.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, KeyType, Salt},
    hmac,
};
use aws_sdk_secretsmanager::{Client, error::SdkError, operation::get_secret_value::GetSecretValueError};
use futures_util::join;
use tokio::sync::{Mutex, OnceCell};
use zeroize::Zeroizing;

use crate::{Error, aws, config, log, time::Stamp};

/// A rotation of the secret is seen by a warm instance after at most so long.
pub(crate) const FRESH: Duration = Duration::from_mins(5);

/// Nobody waits for Secrets Manager again so soon after it has failed, as long as a version is at hand.
const PAUSE: Duration = Duration::from_secs(10);

/// The variable that names the stack's secret.
const SECRET: &str = "SECRET_ID";

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// What an instance has fetched.
#[derive(Default)]
pub struct Secrets {
    client: OnceCell<Client>,
    current: Mutex<Option<Fetched>>,
    previous: Mutex<Option<Fetched>>,
    legacy_jwt: Mutex<Option<Fetched>>,
}

struct Fetched {
    at: Stamp,
    /// When it was last asked for, with success or without.
    asked: Stamp,
    version: Option<Arc<Secret>>,
}

impl Fetched {
    /// Whether it is not to be asked for again: it is not so old, or has just been asked for in vain.
    fn serves(&self, oldest: Duration) -> bool {
        self.at.is_younger_than(oldest) || self.asked.is_younger_than(PAUSE)
    }
}

/// The versions of the secret that are valid.
pub(crate) struct Versions {
    pub current: Arc<Secret>,
    /// What was current before the last rotation, if there was one.
    pub previous: Option<Arc<Secret>>,
}

/// One version of the secret. It cannot be printed.
pub(crate) struct Secret(Zeroizing<String>);

impl Secrets {
    /// The current version of the secret, at most five minutes old.
    pub async fn secret(&self) -> Result<Arc<Secret>, Error> {
        self.current(FRESH).await
    }

    /// What the Django system that users came from signs its tokens with, at most five minutes old.
    pub async fn legacy_jwt_secret(&self) -> Result<Arc<Secret>, Error> {
        let secret = self.version("LEGACY_JWT_SECRET_ID", CURRENT, &self.legacy_jwt, FRESH).await?;
        secret.ok_or_else(|| Error::internal("there is no secret"))
    }

    /// The valid versions of the secret, at most so old.
    pub async fn secrets_since(&self, oldest: Duration) -> Result<Versions, Error> {
        let previous = self.version(SECRET, PREVIOUS, &self.previous, oldest);
        let (current, previous) = join!(self.current(oldest), previous);
        Ok(Versions { current: current?, previous: previous? })
    }

    async fn current(&self, oldest: Duration) -> Result<Arc<Secret>, Error> {
        let current = self.version(SECRET, CURRENT, &self.current, oldest).await?;
        current.ok_or_else(|| Error::internal("there is no secret"))
    }

    /// A version of the secret that a variable names, if there is one. When it cannot be fetched again, the one at hand serves on.
    async fn version(
        &self,
        variable: &'static str,
        stage: &str,
        fetched: &Mutex<Option<Fetched>>,
        oldest: Duration,
    ) -> Result<Option<Arc<Secret>>, Error> {
        let mut fetched = fetched.lock().await;
        if let Some(known) = &*fetched
            && known.serves(oldest)
        {
            return Ok(known.version.clone());
        }
        match (self.fetch(variable, stage).await, &mut *fetched) {
            (Ok(version), _) => {
                let (now, version) = (Stamp::now(), version.map(Arc::new));
                *fetched = Some(Fetched { at: now, asked: now, version: version.clone() });
                Ok(version)
            }
            (Err(error), Some(known)) => {
                log::failed_call(&error.cause(), "the secret could not be fetched again");
                known.asked = Stamp::now();
                Ok(known.version.clone())
            }
            (Err(error), None) => Err(error),
        }
    }

    async fn fetch(&self, variable: &'static str, stage: &str) -> Result<Option<Secret>, Error> {
        let id = config::text(variable)?;
        let client = self.client.get_or_try_init(async || aws::secrets_manager()).await?;
        match client.get_secret_value().secret_id(id).version_stage(stage).send().await {
            Ok(answer) => {
                let text = answer.secret_string.ok_or_else(|| Error::internal("the secret has no text"))?;
                Ok(Some(Secret(text.into())))
            }
            // The secret was never rotated.
            Err(error) if stage == PREVIOUS && is_not_found(&error) => Ok(None),
            Err(error) => Err(Error::from_aws(error)),
        }
    }
}

fn is_not_found(error: &SdkError<GetSecretValueError>) -> bool {
    error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception)
}

/// The present text of another secret.
pub(crate) async fn text(id: &str) -> Result<Zeroizing<String>, Error> {
    let found =
        aws::secrets_manager()?.get_secret_value().secret_id(id).send().await.map_err(Error::from_aws)?;
    found.secret_string.map(Zeroizing::new).ok_or_else(|| Error::internal("the secret has no text"))
}

impl Secret {
    /// 32 bytes for one purpose (HKDF, RFC 5869): no key derived here says anything about another.
    pub fn derive(&self, purpose: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, Error> {
        struct Bytes32;
        impl KeyType for Bytes32 {
            fn len(&self) -> usize {
                32
            }
        }
        let mut key = Zeroizing::new([0; 32]);
        Salt::new(HKDF_SHA256, b"rollcall")
            .extract(self.0.as_bytes())
            .expand(purpose, Bytes32)
            .and_then(|okm| okm.fill(key.as_mut_slice()))
            .map_err(|_| Error::internal("HKDF failed"))?;
        Ok(key)
    }

    /// Its bytes, where they are a key themselves.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The key from which one-time codes are made.
    pub fn code_key(&self) -> Result<hmac::Key, Error> {
        Ok(hmac::Key::new(hmac::HMAC_SHA256, self.derive(&[b"one-time codes"])?.as_slice()))
    }

    #[cfg(test)]
    pub fn of(text: &str) -> Self {
        Self(text.to_owned().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_was_just_asked_for_in_vain_serves_on() {
        let ago = |seconds| Stamp::ago(Duration::from_secs(seconds));
        let fetched = |at, asked| Fetched { at: ago(at), asked: ago(asked), version: None };
        assert!(fetched(30, 30).serves(Duration::from_mins(1)));
        assert!(!fetched(90, 90).serves(Duration::from_mins(1)));
        assert!(fetched(90, 1).serves(Duration::from_mins(1)));
        assert!(!fetched(90, 60).serves(Duration::from_mins(1)));
    }
}
