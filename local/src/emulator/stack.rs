//! The stack: everything that a deployment would have, in one process and its children.

mod folder;
mod ids;
mod upgrade;

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::watch, task::JoinSet, time};

use crate::emulator::{
    dynamodb::{self, CallError, DynamoDb, stopped},
    gateway::{self, Gateway},
    inbox::{self, Inbox, Message},
    journal::Journal,
    lambda::{self, InvokeError, Pool, Slots},
    logs::{Logs, lock},
    port::Port,
    requests::Requests,
    secrets::Secrets,
    services::{self, Services, Sms, carriers::Carriers, ses, twilio},
    stream::{self, Mapping, Positions},
    template::{Secret, Template, TemplateError, secret_arn},
};

use folder::Folder;
pub use folder::Running;
use upgrade::{Marker, RELEASE, Upgrade};

/// How long [`Stack::message`] waits: far longer than a delivery takes, even when it is retried.
const MESSAGE_TIMEOUT: Duration = Duration::from_mins(1);

/// Where the data of a stack lives.
#[derive(Debug, Clone)]
pub enum Data {
    /// Gone with the stack.
    Memory,
    /// Kept in this folder, which is made if need be: the database, the secret, the inbox, the streams' positions, the logs.
    Folder(PathBuf),
}

/// What to run, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The gateway's port on loopback; 0 for any that is free.
    pub port: u16,
    /// Where the data lives.
    pub data: Data,
    /// Variables for every function; they win over the template's.
    pub env: BTreeMap<String, String>,
    /// Values of template parameters.
    pub parameters: BTreeMap<String, String>,
    /// Another `DynamoDB` endpoint than the embedded database, such as `http://127.0.0.1:8000`.
    pub dynamodb: Option<String>,
    /// The folder with the functions' binaries.
    pub binaries: PathBuf,
    /// The template.
    pub template: PathBuf,
    /// How many invocations may run at once, of all functions together; further ones are throttled as Lambda does. Without it,
    /// each function has a few instances for which invocations wait.
    pub concurrency: Option<u32>,
    /// The texts that are registered with India's carriers, if carriers are to drop what SNS takes: a line for each, with its
    /// template id.
    pub carriers: Option<PathBuf>,
    /// Whether to show requests, warnings and errors on stderr.
    pub terminal: bool,
}

/// Why a stack does not start; a line for the person who started it.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The template, or a parameter, is wrong.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The port is taken, or may not be used.
    #[error("port {0} cannot be used: {1}")]
    Port(u16, io::Error),
    /// Functions without a binary.
    #[error("these functions have no binary in {1}: {0}")]
    NoBinary(String, String),
    /// The folder is in use or cannot be written.
    #[error("the folder {0} cannot be used: {1}")]
    Folder(String, io::Error),
    /// A newer release wrote the folder: the folder and that release.
    #[error(
        "{0} was written by release {1}, and this is {RELEASE}; nothing was changed. Update, or keep the data elsewhere"
    )]
    NewerFolder(String, String),
    /// The folder's marker is broken: its file and the reason.
    #[error(
        "{0} is broken ({1}); nothing was changed. If no release after {RELEASE} has used the folder, delete that file, and the next start upgrades the data again"
    )]
    Marker(String, io::Error),
    /// A table in the folder has keys that no update can change: the folder and the table.
    #[error(
        "{0} was made from another version of the template (the table {1} has other keys, which no update can change); nothing was changed. Move that folder away to begin with an empty one"
    )]
    OtherKeys(String, String),
    /// The data has ids of another kind than the parameters ask for: where it is, the kind it has, and the kind asked for.
    #[error(
        "{0} has records whose ids are of the kind {1}, and the parameters ask for {2}, which nothing can change; nothing was changed. Add --parameter Ids={1}, or move the data away to begin without any"
    )]
    OtherIds(String, &'static str, &'static str),
    /// The records of an earlier release cannot be rewritten: the folder and the reason.
    #[error("{0} cannot be upgraded: {1}; the next start tries it again")]
    Upgrade(String, String),
    /// The file of registered texts cannot be read.
    #[error("the registered texts in {0} cannot be read: {1}")]
    Carriers(String, io::Error),
    /// The embedded database does not open.
    #[error("the database cannot be opened: {0}")]
    Database(String),
    /// `--dynamodb` leads nowhere, or a table there cannot be made or has another shape.
    #[error("DynamoDB: {0}")]
    DynamoDb(#[from] CallError),
}

/// A running stack. Dropping it stops it; [`Stack::stop`] also waits until every process is gone.
#[derive(Debug)]
pub struct Stack {
    url: String,
    dynamodb_url: String,
    aws_url: String,
    services: Arc<Services>,
    logs: Arc<Logs>,
    undelivered: Arc<Journal<Value>>,
    mappings: Mutex<JoinSet<()>>,
    stop: watch::Sender<bool>,
    upgraded: Option<String>,
    /// The environment of the functions.
    settings: BTreeMap<String, String>,
    /// Occupied for as long.
    _folder: Option<Folder>,
}

impl Options {
    /// Finds what is wrong before anything is built or started: the template, the parameters, the port.
    pub fn check(&self) -> Result<(), StartError> {
        Template::load(&self.template, &self.parameters)?;
        self.carriers()?;
        self.folder().map(Marker::find).transpose()?;
        std::net::TcpListener::bind(("127.0.0.1", self.port))
            .map_err(|error| StartError::Port(self.port, error))?;
        Ok(())
    }

    fn carriers(&self) -> Result<Option<Carriers>, StartError> {
        let load = |file: &PathBuf| {
            Carriers::load(file).map_err(|error| StartError::Carriers(file.display().to_string(), error))
        };
        self.carriers.as_ref().map(load).transpose()
    }

    fn folder(&self) -> Option<&Path> {
        match &self.data {
            Data::Memory => None,
            Data::Folder(folder) => Some(folder),
        }
    }
}

impl Stack {
    /// Starts everything; the stack answers when this returns.
    #[expect(clippy::too_many_lines, reason = "it reads in the order in which things start")]
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let template = Template::load(&options.template, &options.parameters)?;
        check_binaries(&template, &options.binaries)?;
        let carriers = options.carriers()?;
        let gateway_port = open(options.port).await?;
        let aws_port = open(0).await?;

        let folder = options.folder();
        let occupied = folder.map(Folder::occupy).transpose()?;
        let unusable =
            |error| StartError::Folder(folder.unwrap_or(Path::new("")).display().to_string(), error);
        let file = |name: &str| folder.map(|folder| folder.join(name));
        let logs = Arc::new(Logs::open(folder, options.terminal).map_err(unusable)?);
        let inbox = Arc::new(Inbox::open(file("inbox.jsonl").as_deref()).map_err(unusable)?);
        let undelivered = Arc::new(Journal::open(file("undelivered.jsonl").as_deref()).map_err(unusable)?);
        let positions = Arc::new(Positions::open(file("streams.json")).map_err(unusable)?);
        let others = [twilio::secret(), legacy_jwt_secret()];
        let declared: Vec<Secret> = template.secrets.into_iter().chain(others).collect();
        let secrets = Secrets::open(file("secrets.json"), &declared).map_err(unusable)?;

        let embedded = folder.filter(|_| options.dynamodb.is_none());
        let marker = embedded.map(Marker::begin).transpose()?;
        let (stop, stopping) = watch::channel(false);
        let dynamodb_url = match &options.dynamodb {
            Some(url) => url.clone(),
            None => dynamodb::serve_embedded(folder, stopping.clone()).await.map_err(StartError::Database)?,
        };
        let database = DynamoDb::new(&dynamodb_url)?;
        database.ping().await?;
        let place = folder.map_or(dynamodb_url.clone(), |folder| folder.display().to_string());
        let kept_ids = ids::check(&database, &template.functions, &place).await?;
        let upgrade = Upgrade::tables(embedded.zip(marker), &database, &template.tables).await?;
        let streams = database.streams(&template.tables).await?;

        let aws_url = aws_port.url();
        let kept_ids = kept_ids.map(|kind| ("IDS".to_owned(), kind.to_owned()));
        let environment = endpoints(&dynamodb_url, &aws_url)
            .into_iter()
            .chain(kept_ids)
            .chain(options.env.clone())
            .collect();
        let finished = watch::Sender::new(());
        let account = options.concurrency.map(Slots::of_account);
        let pools: Vec<Arc<Pool>> = template
            .functions
            .iter()
            .map(|function| {
                let binary = options.binaries.join(&function.binary);
                let environment = BTreeMap::clone(&environment);
                Pool::new(
                    function.clone(),
                    binary,
                    environment,
                    account.clone().unwrap_or_else(Slots::of_function),
                    Arc::clone(&logs),
                    finished.clone(),
                    stopping.clone(),
                )
            })
            .collect();

        let services = Arc::new(Services {
            secrets,
            inbox: Arc::clone(&inbox),
            pools: pools.clone(),
            refuses_mail: AtomicBool::new(false),
            configuration_sets: ses::configuration_sets(&template.resources),
            sms: Sms::new(carriers),
        });
        tokio::spawn(aws_port.serve(services::router(Arc::clone(&services)), stopped(stopping.clone())));
        let upgraded = upgrade.records(&pools).await?;
        if let Some(line) = &upgraded {
            logs.notice(line);
        }
        let mut mappings = JoinSet::new();
        for pool in &pools {
            for source in &pool.function.streams {
                let Some(stream_arn) = streams.get(&source.table).cloned() else { continue };
                mappings.spawn(stream::run(Arc::new(Mapping {
                    database: database.clone(),
                    stream_arn,
                    source: source.clone(),
                    function: Arc::clone(pool),
                    positions: Arc::clone(&positions),
                    undelivered: Arc::clone(&undelivered),
                    logs: Arc::clone(&logs),
                    finished: finished.subscribe(),
                    stop: stopping.clone(),
                })));
            }
        }
        let url = gateway_port.url();
        let requests = Arc::new(Requests::new());
        let gateway = Gateway::new(&pools, template.responses, Arc::clone(&logs), Arc::clone(&requests));
        let pages = inbox::router(inbox, requests, stopping.clone());
        let api = gateway::router(gateway, template.minimum_compression);
        tokio::spawn(gateway_port.serve_with_api(pages, api, stopped(stopping.clone())));
        // A variable means the same to every function that has it.
        let settings = pools.iter().flat_map(|pool| pool.settings()).collect();
        occupied.as_ref().map(|folder| folder.announce(&aws_url, &settings)).transpose()?;
        Ok(Self {
            url,
            dynamodb_url,
            aws_url,
            services,
            logs,
            undelivered,
            mappings: Mutex::new(mappings),
            stop,
            upgraded,
            settings,
            _folder: occupied,
        })
    }

    /// Where the gateway listens, such as `http://127.0.0.1:3000`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the database listens.
    #[must_use]
    pub fn dynamodb_url(&self) -> &str {
        &self.dynamodb_url
    }

    /// Where the stand-ins for Secrets Manager, SES, SNS, Twilio and Lambda listen.
    #[must_use]
    pub fn aws_url(&self) -> &str {
        &self.aws_url
    }

    /// What was done to bring the data of an earlier release, or of another template, up to date.
    #[must_use]
    pub fn upgraded(&self) -> Option<&str> {
        self.upgraded.as_deref()
    }

    /// An environment variable of the functions.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// The messages sent to an address so far, oldest first.
    #[must_use]
    pub fn messages(&self, to: &str) -> Vec<Message> {
        self.services.inbox.messages(Some(to))
    }

    /// The message to an address that comes after the first `after` ones; waits for it up to a minute.
    pub async fn message(&self, to: &str, after: usize) -> Option<Message> {
        time::timeout(MESSAGE_TIMEOUT, self.services.inbox.next(to, after)).await.ok()
    }

    /// Puts SES out of order, or in order again.
    pub fn refuse_mail(&self, refuse: bool) {
        self.services.refuses_mail.store(refuse, Ordering::Relaxed);
    }

    /// Puts SNS and Twilio out of order, or in order again.
    pub fn refuse_sms(&self, refuse: bool) {
        self.services.sms.refuse(refuse);
    }

    /// How Twilio answers its next calls, one after the other, before it sends again: the status and the error code. An answer
    /// of 2xx lets a call through.
    pub fn twilio_answers(&self, answers: Vec<(u16, u32)>) {
        self.services.sms.twilio_answers(answers);
    }

    /// How often SNS and Twilio were asked to send an SMS, whether they did or not.
    #[must_use]
    pub fn sms_attempts(&self) -> usize {
        self.services.sms.attempts()
    }

    /// Every line that any function has written in this run. A line written before an answer is here once the answer is.
    #[must_use]
    pub fn logs(&self) -> Vec<String> {
        self.logs.lines()
    }

    /// What the streams' on-failure destination has received.
    #[must_use]
    pub fn undelivered(&self) -> Vec<Value> {
        self.undelivered.items()
    }

    /// Invokes a function by its name, its ARN, its logical id or its binary's name.
    pub async fn invoke(&self, function: &str, event: Value) -> Result<Value, InvokeError> {
        let pool = lambda::find(&self.services.pools, function);
        pool.ok_or_else(|| InvokeError::Unknown(function.to_owned()))?.invoke_with(&event).await
    }

    /// Stops everything and waits until every instance is gone.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let mut mappings = std::mem::take(&mut *lock(&self.mappings));
        while mappings.join_next().await.is_some() {}
        for pool in &self.services.pools {
            pool.stop().await;
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

async fn open(port: u16) -> Result<Port, StartError> {
    Port::open(port).await.map_err(|error| StartError::Port(port, error))
}

/// Where the SDKs of the functions find their services. A service that has no stand-in fails here and never reaches AWS.
fn endpoints(dynamodb: &str, aws: &str) -> BTreeMap<String, String> {
    BTreeMap::from([
        ("AWS_ENDPOINT_URL_DYNAMODB".to_owned(), dynamodb.to_owned()),
        ("AWS_ENDPOINT_URL".to_owned(), aws.to_owned()),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(), aws.to_owned()),
        ("AWS_ENDPOINT_URL_SESV2".to_owned(), aws.to_owned()),
        ("AWS_ENDPOINT_URL_SNS".to_owned(), aws.to_owned()),
        ("TWILIO_API_URL".to_owned(), aws.to_owned()),
    ])
}

fn check_binaries(template: &Template, folder: &Path) -> Result<(), StartError> {
    let missing = template.functions.iter().map(|function| function.binary.as_str());
    let missing: Vec<&str> = missing.filter(|binary| !folder.join(binary).is_file()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(StartError::NoBinary(missing.join(", "), folder.display().to_string()))
}

/// A secret that `LegacyJwtSecretArn` can name, as if somebody had made it. `PutSecretValue` gives it the text of a Django system.
fn legacy_jwt_secret() -> Secret {
    const NAME: &str = "legacy-jwt";
    let value = Some(uuid::Uuid::new_v4().to_string());
    Secret { name: NAME.to_owned(), arn: secret_arn(NAME), value, generate: Value::Null }
}
