//! Services of AWS behind TLS, with certificates of an authority that nobody knows.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer};
use tempfile::TempDir;
use tokio::{
    io,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{Api, Proxied};

/// A certificate authority of its own.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { folder: tempfile::tempdir().unwrap(), issuer };
        std::fs::write(authority.file(), authority.root()).unwrap();
        authority
    }

    /// Its root certificate, as PEM.
    pub(crate) fn root(&self) -> String {
        self.issuer.pem()
    }

    /// The file with that.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("root.pem")
    }

    /// What a server at `localhost` needs.
    fn server(&self) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap()
    }
}

/// TLS in front of a server. Dropping it stops it.
pub(crate) struct Tls {
    url: String,
    counts: Arc<Counts>,
    _server: JoinSet<()>,
}

/// How many connections there were, and on how many the client trusted the certificate.
#[derive(Default)]
struct Counts {
    refused: AtomicUsize,
    trusted: AtomicUsize,
}

impl Tls {
    /// In front of a server at a URL.
    async fn before(server: &str, authority: &Authority) -> Self {
        let upstream = server.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
        let acceptor = TlsAcceptor::from(Arc::new(authority.server()));
        let counts = Arc::new(Counts::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, acceptor, upstream, Arc::clone(&counts)));
        Self { url, counts, _server: tasks }
    }

    /// The connections that the client gave up because it did not know the authority.
    pub(crate) fn refused(&self) -> usize {
        self.counts.refused.load(Ordering::Relaxed)
    }

    /// The others.
    pub(crate) fn trusted(&self) -> usize {
        self.counts.trusted.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, upstream: String, counts: Arc<Counts>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, upstream, counts) = (acceptor.clone(), upstream.clone(), Arc::clone(&counts));
        connections.spawn(async move {
            let Ok(mut client) = acceptor.accept(stream).await else {
                counts.refused.fetch_add(1, Ordering::Relaxed);
                return;
            };
            counts.trusted.fetch_add(1, Ordering::Relaxed);
            let mut server = TcpStream::connect(upstream).await.unwrap();
            // One of both has closed it.
            let _ = io::copy_bidirectional(&mut client, &mut server).await;
        });
    }
}

/// The whole API with TLS before DynamoDB and before the other services of AWS.
pub(crate) struct BehindTls {
    pub(crate) api: Proxied,
    pub(crate) dynamodb: Tls,
    pub(crate) services: Tls,
}

impl BehindTls {
    /// The API that `start` makes with these variables.
    pub(crate) async fn of(authority: &Authority, start: impl AsyncFnOnce(&[(&str, &str)]) -> Api) -> Self {
        let mut tls = None;
        let api = Proxied::before(async |env| {
            let url = |name: &str| env.iter().find(|(known, _)| *known == name).unwrap().1;
            let dynamodb = Tls::before(url("AWS_ENDPOINT_URL_DYNAMODB"), authority).await;
            let services = Tls::before(url("AWS_ENDPOINT_URL_SESV2"), authority).await;
            let env = [
                ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb.url.as_str()),
                ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &services.url),
                ("AWS_ENDPOINT_URL_SESV2", &services.url),
                ("AWS_ENDPOINT_URL_SNS", &services.url),
            ];
            let api = start(&env).await;
            tls = Some((dynamodb, services));
            api
        });
        let api = api.await;
        let (dynamodb, services) = tls.unwrap();
        Self { api, dynamodb, services }
    }
}

impl Api {
    /// With functions that are to call the endpoints of AWS that are validated for FIPS 140.
    pub(crate) async fn with_fips_endpoints() -> Self {
        Self::with_env(&[("AWS_USE_FIPS_ENDPOINT", "true")], &[]).await
    }

    /// Behind TLS with certificates of an authority, where the functions' operating system knows the roots in a file.
    pub(crate) async fn behind_tls(authority: &Authority, roots: &Path) -> BehindTls {
        let roots = roots.to_str().unwrap();
        BehindTls::of(authority, async |env| {
            Self::with_env(&[env, &[("SSL_CERT_FILE", roots)]].concat(), &[]).await
        })
        .await
    }
}
