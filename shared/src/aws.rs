//! Clients of AWS, made to start fast and never to hang.
//!
//! They are built from what the Lambda runtime gives a function (a region and keys in the environment), without the
//! profile files and metadata services that a default configuration looks for, and they trust the roots that AWS
//! publishes for its own endpoints instead of reading the operating system's certificate store at every start.

use std::{
    error::Error as StdError,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_dynamodb::config::{
    BehaviorVersion, HttpClient, Region, RuntimeComponents, SharedHttpClient,
    interceptors::InterceptorContext,
    retry::{ClassifyRetry, RetryAction, RetryConfig},
    timeout::TimeoutConfig,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use aws_types::SdkConfig;
use hyper_util::client::legacy::Error as CallError;
use serde::Deserialize;

use crate::{Error, config, time::Stamp};

/// <https://www.amazontrust.com/repository/>: the five roots to which the certificates of AWS endpoints chain.
const AMAZON_ROOTS: &[u8] = include_bytes!("aws/roots.pem");

/// A connection that was not used for so long may be dead: the other side, or a router between, may have given it up while
/// this instance was frozen, and a call on it would fail.
const QUIET: Duration = Duration::from_secs(20);

/// A client of DynamoDB; `AWS_ENDPOINT_URL_DYNAMODB` points it elsewhere.
pub fn dynamodb() -> Result<aws_sdk_dynamodb::Client, Error> {
    let settings = aws_sdk_dynamodb::Config::from(&settings("AWS_ENDPOINT_URL_DYNAMODB")?);
    Ok(aws_sdk_dynamodb::Client::from_conf(settings.to_builder().retry_classifier(Passing).build()))
}

/// What the SDK does not try again although it passes: a write that met a transaction, and an answer that cannot be read.
/// Every call can be repeated: it recognises its own first success.
#[derive(Debug)]
struct Passing;

impl ClassifyRetry for Passing {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default, rename = "__type")]
            exception: String,
        }
        let failed = matches!(context.output_or_error(), Some(Err(_)));
        let body = context.response().filter(|_| failed).and_then(|response| response.body().bytes());
        match body.map(serde_json::from_slice) {
            Some(Ok(Answer { exception })) if !exception.ends_with("TransactionConflictException") => {
                RetryAction::NoActionIndicated
            }
            Some(_) => RetryAction::transient_error(),
            None => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "what passes"
    }
}

/// A client of Secrets Manager; `AWS_ENDPOINT_URL_SECRETS_MANAGER` points it elsewhere.
pub fn secrets_manager() -> Result<aws_sdk_secretsmanager::Client, Error> {
    Ok(aws_sdk_secretsmanager::Client::new(&settings("AWS_ENDPOINT_URL_SECRETS_MANAGER")?))
}

/// A client of SES; `AWS_ENDPOINT_URL_SESV2` points it elsewhere.
pub fn ses() -> Result<aws_sdk_sesv2::Client, Error> {
    let settings = aws_sdk_sesv2::Config::from(&sender_settings("AWS_ENDPOINT_URL_SESV2")?);
    Ok(aws_sdk_sesv2::Client::from_conf(settings.to_builder().retry_classifier(OnlyConnecting).build()))
}

/// A client of SNS; `AWS_ENDPOINT_URL_SNS` points it elsewhere.
pub fn sns() -> Result<aws_sdk_sns::Client, Error> {
    let settings = aws_sdk_sns::Config::from(&sender_settings("AWS_ENDPOINT_URL_SNS")?);
    Ok(aws_sdk_sns::Client::from_conf(settings.to_builder().retry_classifier(OnlyConnecting).build()))
}

/// Five seconds: nobody waits for a message, and the stream brings it again if it fails. There is a second attempt for
/// [`OnlyConnecting`].
fn sender_settings(endpoint: &'static str) -> Result<SdkConfig, Error> {
    let five_seconds = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_timeout(Duration::from_secs(5))
        .build();
    let settings = settings(endpoint)?.into_builder();
    let twice = RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(50));
    Ok(settings.timeout_config(five_seconds).retry_config(twice).build())
}

/// An attempt that found no connection has sent nothing, and is made again. After any other a second one could send a message
/// twice.
#[derive(Debug)]
struct OnlyConnecting;

impl ClassifyRetry for OnlyConnecting {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(error)) = context.output_or_error() else { return RetryAction::NoActionIndicated };
        let mut cause = error.as_connector_error().map(|error| error as &(dyn StdError + 'static));
        while let Some(error) = cause {
            if error.downcast_ref().is_some_and(CallError::is_connect) {
                return RetryAction::transient_error();
            }
            cause = error.source();
        }
        RetryAction::RetryForbidden
    }

    fn name(&self) -> &'static str {
        "only connecting"
    }
}

fn settings(endpoint: &'static str) -> Result<SdkConfig, Error> {
    let mut settings = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(config::text("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials()?))
        .http_client(https()?)
        .timeout_config(timeouts())
        .retry_config(retries());
    settings.set_endpoint_url(config::optional(endpoint).or_else(|| config::optional("AWS_ENDPOINT_URL")));
    Ok(settings.build())
}

/// Lambda puts the function role's keys in the environment; they hold for as long as the instance lives.
fn credentials() -> Result<Credentials, Error> {
    Ok(Credentials::new(
        config::text("AWS_ACCESS_KEY_ID")?,
        config::text("AWS_SECRET_ACCESS_KEY")?,
        config::optional("AWS_SESSION_TOKEN"),
        None,
        "lambda",
    ))
}

fn https() -> Result<Https, Error> {
    let trust = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    let tls = TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .map_err(|error| Error::internal(format!("the trust store: {error}")))?;
    Ok(Https { tls, pool: Mutex::default() })
}

/// The SDK's HTTP client, whose own pool ages connections by a clock that stands still while Lambda freezes the instance. This
/// one gives its connections up when the last call is too long ago by the wall clock.
#[derive(Debug)]
struct Https {
    tls: TlsContext,
    /// What has the connections, and when it was last used.
    pool: Mutex<Option<(Stamp, SharedHttpClient)>>,
}

impl HttpClient for Https {
    /// Asked for at every attempt of a call.
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = pool.take().filter(|(used, _)| used.is_younger_than(QUIET));
        let client = in_use.map_or_else(|| self.connect(), |(_, client)| client);
        *pool = Some((Stamp::now(), client.clone()));
        client.http_connector(settings, components)
    }
}

impl Https {
    fn connect(&self) -> SharedHttpClient {
        let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        builder.tls_context(self.tls.clone()).build_https()
    }
}

/// The SDK has no timeout of its own: a call that hangs would hang the request.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_millis(500))
        .operation_attempt_timeout(Duration::from_millis(700))
        .operation_timeout(Duration::from_secs(3))
        .build()
}

/// Four attempts, with jitter, within the operation's three seconds.
fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(4)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500))
}
