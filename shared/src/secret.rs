//! The stack's secret, from which the signing key and the key of the codes are derived. Only functions that sign tokens
//! or derive codes may read it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, KeyType, Salt},
    hmac,
};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::{App, Error, aws, config};

/// A rotation is seen by a warm instance after at most so long.
const FRESH: Duration = Duration::from_mins(5);

/// What an instance has fetched.
#[derive(Default)]
pub(crate) struct Secrets {
    fetched: Mutex<Option<Fetched>>,
}

struct Fetched {
    at: Instant,
    client: aws_sdk_secretsmanager::Client,
    versions: Arc<Versions>,
}

/// The versions of the secret that are valid.
pub(crate) struct Versions {
    pub current: Secret,
    /// What was current before the last rotation, if there was one.
    pub previous: Option<Secret>,
}

/// One version of the secret. It cannot be printed.
pub(crate) struct Secret(Zeroizing<String>);

impl App {
    /// The valid versions of the secret, at most five minutes old.
    pub(crate) async fn secret(&self) -> Result<Arc<Versions>, Error> {
        self.secret_since(FRESH).await
    }

    /// The valid versions of the secret, at most so old. When they cannot be fetched again, those at hand serve on.
    pub(crate) async fn secret_since(&self, oldest: Duration) -> Result<Arc<Versions>, Error> {
        let mut fetched = self.secrets.fetched.lock().await;
        let client = match &*fetched {
            Some(known) if known.at.elapsed() < oldest => return Ok(known.versions.clone()),
            Some(known) => known.client.clone(),
            None => aws::secrets_manager()?,
        };
        match (fetch(&client).await, &*fetched) {
            (Ok(versions), _) => {
                let versions = Arc::new(versions);
                *fetched = Some(Fetched { at: Instant::now(), client, versions: versions.clone() });
                Ok(versions)
            }
            (Err(error), Some(known)) => {
                tracing::warn!(%error, "the secret could not be fetched again");
                Ok(known.versions.clone())
            }
            (Err(error), None) => Err(error),
        }
    }
}

/// The present text of another secret.
pub(crate) async fn text(id: &str) -> Result<Zeroizing<String>, Error> {
    let found =
        aws::secrets_manager()?.get_secret_value().secret_id(id).send().await.map_err(Error::from_aws)?;
    found.secret_string.map(Zeroizing::new).ok_or_else(|| Error::internal("the secret has no text"))
}

async fn fetch(client: &aws_sdk_secretsmanager::Client) -> Result<Versions, Error> {
    let id = config::text("SECRET_ID")?;
    let stage = |stage: &str| client.get_secret_value().secret_id(&id).version_stage(stage).send();
    let (current, previous) = futures_util::join!(stage("AWSCURRENT"), stage("AWSPREVIOUS"));
    let current = current.map_err(Error::from_aws)?;
    let current = current.secret_string.ok_or_else(|| Error::internal("the secret has no text"))?;
    let previous = match previous {
        Ok(previous) => previous.secret_string,
        // It was never rotated.
        Err(error) if error.as_service_error().is_some_and(aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError::is_resource_not_found_exception) => None,
        Err(error) => return Err(Error::from_aws(error)),
    };
    Ok(Versions { current: Secret(current.into()), previous: previous.map(|text| Secret(text.into())) })
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

    /// The key from which one-time codes are made.
    pub fn code_key(&self) -> Result<hmac::Key, Error> {
        Ok(hmac::Key::new(hmac::HMAC_SHA256, self.derive(&[b"one-time codes"])?.as_slice()))
    }

    #[cfg(test)]
    pub fn of(text: &str) -> Self {
        Self(text.to_owned().into())
    }
}
