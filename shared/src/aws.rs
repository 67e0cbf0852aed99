//! Clients of AWS, made to start fast and never to hang.
//!
//! They are built from what the Lambda runtime gives a function (a region and keys in the environment), without the
//! profile files and metadata services that a default configuration looks for, and they trust the roots that AWS
//! publishes for its own endpoints instead of reading the operating system's certificate store at every start. Where an
//! endpoint has a certificate of another root, they go by that store after all.

use std::{
    error::Error as StdError,
    io,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
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
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
};
use aws_types::SdkConfig;
use hyper_util::client::legacy::Error as CallError;
use rustls::CertificateError;
use serde::Deserialize;

use crate::{Error, config, log, time::Stamp};

/// <https://www.amazontrust.com/repository/>: the five roots to which the certificates of AWS endpoints chain.
const AMAZON_ROOTS: &[u8] = include_bytes!("aws/roots.pem");

/// Whether a certificate has come of another root, so that the clients of this instance trust the operating system's roots, too: in a
/// sovereign cloud, or when AWS has a new root.
static TRUSTS_SYSTEM: AtomicBool = AtomicBool::new(false);

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
        .use_fips(config::optional("AWS_USE_FIPS_ENDPOINT").is_some_and(|value| value == "true"))
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
    let amazon = TrustStore::empty().with_pem_certificate(AMAZON_ROOTS);
    // The store is read when the first connection is made with it.
    let system = amazon.clone().with_native_roots(true);
    let context = |trust| {
        let tls = TlsContext::builder().with_trust_store(trust).build();
        tls.map_err(|error| Error::internal(format!("the trust store: {error}")))
    };
    Ok(Https { amazon: context(amazon)?, system: context(system)?, pool: Mutex::default() })
}

/// The SDK's HTTP client, whose own pool ages connections by a clock that stands still while Lambda freezes the instance. This
/// one gives its connections up when the last call is too long ago by the wall clock.
#[derive(Debug)]
struct Https {
    amazon: TlsContext,
    system: TlsContext,
    pool: Mutex<Option<Pool>>,
}

/// What has the connections.
#[derive(Debug)]
struct Pool {
    used: Stamp,
    trusts_system: bool,
    client: SharedHttpClient,
}

impl HttpClient for Https {
    /// Asked for at every attempt of a call.
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let trusts_system = TRUSTS_SYSTEM.load(Ordering::Relaxed);
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let in_use = pool.take().filter(|pool| pool.used.is_younger_than(QUIET));
        let in_use = in_use.filter(|pool| pool.trusts_system == trusts_system);
        let client = in_use.map_or_else(|| self.connect(trusts_system), |pool| pool.client);
        let connector = Connector(client.http_connector(settings, components));
        *pool = Some(Pool { used: Stamp::now(), trusts_system, client });
        SharedHttpConnector::new(connector)
    }
}

impl Https {
    fn connect(&self, trusts_system: bool) -> SharedHttpClient {
        let tls = if trusts_system { &self.system } else { &self.amazon };
        let builder = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc));
        builder.tls_context(tls.clone()).build_https()
    }
}

/// Notices a certificate of an unknown root. The next attempt of the call, which has sent nothing yet, is made with the system's
/// roots.
#[derive(Debug)]
struct Connector(SharedHttpConnector);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let call = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let answer = call.await;
            if let Err(error) = &answer
                && has_unknown_issuer(error)
                && !TRUSTS_SYSTEM.swap(true, Ordering::Relaxed)
            {
                log::failed_call(
                    "the certificate of an endpoint is of none of Amazon's five roots",
                    "the operating system's roots are trusted from now on",
                );
            }
            answer
        })
    }
}

/// Whether a connection failed because no root that is trusted has signed the certificate.
fn has_unknown_issuer(error: &(dyn StdError + 'static)) -> bool {
    let tls = error.downcast_ref();
    if matches!(tls, Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer))) {
        return true;
    }
    // The source of an I/O error is that of the error in it, which would be missed.
    let within = error.downcast_ref().and_then(io::Error::get_ref);
    within
        .map(|error| error as &(dyn StdError + 'static))
        .or_else(|| error.source())
        .is_some_and(has_unknown_issuer)
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
