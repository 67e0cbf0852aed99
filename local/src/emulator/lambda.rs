//! Lambda: functions as pools of instances, each instance a process that handles one invocation at a time.

mod runtime_api;

use std::{
    collections::BTreeMap,
    io,
    os::fd::OwnedFd,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Bytes;
use serde_json::Value;
use tokio::{
    process::{Child, Command},
    sync::{Semaphore, SemaphorePermit, oneshot, watch},
    time,
};

use crate::emulator::{
    dynamodb::stopped,
    logs::{Logs, Pipe, lock},
    template::{Function, REGION},
};
use runtime_api::{RuntimeApi, Said, Work};

pub(crate) use runtime_api::trace_id;

/// The most instances of one function, unless the stack limits the account's concurrency; further invocations wait.
const INSTANCES: u32 = 8;
/// The longest an instance may take to ask for its first invocation. Lambda allows 10 seconds; a laptop may be compiling.
const INIT_TIMEOUT: Duration = Duration::from_secs(30);
/// What is running when the stack stops may take so long to finish.
const STOP_GRACE: Duration = Duration::from_millis(500);
/// The longest event of an invocation, in bytes (Lambda's quota for a synchronous one).
pub(crate) const EVENT_LIMIT: usize = 6 * 1024 * 1024;

/// The key ID and the secret key of everything here: whoever can reach loopback may do anything.
pub(crate) const CREDENTIALS: (&str, &str) = ("local", "local");

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// No function has this name or logical id.
    #[error("there is no function {0}")]
    Unknown(String),
    /// The account's concurrent executions are used up: Lambda's `TooManyRequestsException`.
    #[error("throttled: every concurrent execution of the account is in use")]
    Throttled,
    /// The event is longer than Lambda takes.
    #[error("the event is larger than {EVENT_LIMIT} bytes")]
    TooLarge,
    /// The function reported an error, or panicked: `{"errorType", "errorMessage"}`.
    #[error("the function failed: {0}")]
    Failed(Value),
    /// The process could not be started.
    #[error("the function cannot be started: {0}")]
    NotStarted(#[from] io::Error),
    /// The process ended before it answered.
    #[error("the function's process ended: {0}")]
    Exited(ExitStatus),
    /// It took longer than it may, and was killed.
    #[error("the function took longer than {} seconds", .0.as_secs_f64())]
    TimedOut(Duration),
    /// What it answered is not JSON.
    #[error("the function's answer is not JSON")]
    BadAnswer,
    /// The stack is stopping.
    #[error("the stack is stopping")]
    Stopping,
    /// A stack in another process did not take the invocation.
    #[error("the stack does not answer: {0}")]
    Unreachable(String),
}

/// An answer, and whether an instance was started for it.
#[derive(Debug)]
pub(crate) struct Invoked {
    pub(crate) result: Result<Bytes, InvokeError>,
    pub(crate) cold: bool,
}

/// How many invocations may run at once.
#[derive(Debug)]
pub(crate) struct Slots {
    free: Semaphore,
    count: u32,
    /// Whether an invocation waits for a slot. Otherwise it is throttled without one.
    waits: bool,
}

impl Slots {
    /// Those of one function, which keep the machine from being overrun.
    pub(crate) fn of_function() -> Arc<Self> {
        Arc::new(Self { free: Semaphore::new(INSTANCES as usize), count: INSTANCES, waits: true })
    }

    /// Those of all functions of an account, as Lambda limits them.
    pub(crate) fn of_account(count: u32) -> Arc<Self> {
        Arc::new(Self { free: Semaphore::new(count as usize), count, waits: false })
    }

    async fn take(&self) -> Result<SemaphorePermit<'_>, InvokeError> {
        if self.waits {
            self.free.acquire().await.map_err(|_| InvokeError::Stopping)
        } else {
            self.free.try_acquire().map_err(|_| InvokeError::Throttled)
        }
    }
}

/// A function and its instances.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) function: Function,
    binary: PathBuf,
    environment: BTreeMap<String, String>,
    slots: Arc<Slots>,
    idle: Mutex<Vec<Instance>>,
    logs: Arc<Logs>,
    /// Told after every invocation: it may have written something that a stream hands on.
    finished: watch::Sender<()>,
    stop: watch::Receiver<bool>,
}

/// The function with this name, ARN, logical id or binary.
pub(crate) fn find<'a>(pools: &'a [Arc<Pool>], name: &str) -> Option<&'a Arc<Pool>> {
    pools.iter().find(|pool| pool.function.is_called(name))
}

impl Pool {
    /// `environment` is what the stack adds to the function's own variables.
    pub(crate) fn new(
        function: Function,
        binary: PathBuf,
        environment: BTreeMap<String, String>,
        slots: Arc<Slots>,
        logs: Arc<Logs>,
        finished: watch::Sender<()>,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new(Self { function, binary, environment, slots, idle: Mutex::default(), logs, finished, stop })
    }

    /// Invokes the function. The invocation runs to its end even when the caller loses interest, as on AWS.
    pub(crate) async fn invoke(self: &Arc<Self>, event: Bytes) -> Invoked {
        let pool = Arc::clone(self);
        let running = tokio::spawn(async move { pool.run(event).await });
        running.await.unwrap_or(Invoked { result: Err(InvokeError::Stopping), cold: false })
    }

    /// Invokes the function with a value, and reads its answer as one.
    pub(crate) async fn invoke_with(self: &Arc<Self>, event: &Value) -> Result<Value, InvokeError> {
        let answer = self.invoke(Bytes::from(event.to_string())).await.result?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).map_err(|_| InvokeError::BadAnswer)
    }

    async fn run(&self, event: Bytes) -> Invoked {
        if event.len() > EVENT_LIMIT {
            return Invoked { result: Err(InvokeError::TooLarge), cold: false };
        }
        let _slot = match self.slots.take().await {
            Ok(slot) => slot,
            Err(error) => return Invoked { result: Err(error), cold: false },
        };
        let patience_ends = async {
            stopped(self.stop.clone()).await;
            time::sleep(STOP_GRACE).await;
        };
        let invoked = tokio::select! {
            biased;
            invoked = self.run_on_instance(event) => invoked,
            () = patience_ends => Invoked { result: Err(InvokeError::Stopping), cold: false },
        };
        self.finished.send_replace(());
        invoked
    }

    async fn run_on_instance(&self, event: Bytes) -> Invoked {
        let (mut instance, cold) = match self.instance().await {
            Ok(instance) => instance,
            Err(error) => return Invoked { result: Err(error), cold: true },
        };
        let result = instance.invoke(event, self.function.timeout).await;
        if matches!(result, Ok(_) | Err(InvokeError::Failed(_))) {
            lock(&self.idle).push(instance);
        } else {
            instance.end().await;
        }
        Invoked { result, cold }
    }

    /// The instance used last if one is idle, or a new one; and whether it is new.
    async fn instance(&self) -> Result<(Instance, bool), InvokeError> {
        if *self.stop.borrow() {
            return Err(InvokeError::Stopping);
        }
        while let Some(mut instance) = self.idle_instance() {
            // It may have ended after its last answer. The invocation must not suffer for it.
            match instance.ready().await {
                Ok(()) => return Ok((instance, false)),
                Err(_) => instance.end().await,
            }
        }
        let mut instance = Instance::start(self).await?;
        match instance.ready().await {
            Ok(()) => Ok((instance, true)),
            Err(error) => {
                instance.end().await;
                Err(error)
            }
        }
    }

    fn idle_instance(&self) -> Option<Instance> {
        lock(&self.idle).pop()
    }

    /// Waits until no instance is left. The stop signal must have been given.
    pub(crate) async fn stop(&self) {
        // Invocations that still run hear the signal; those that wait for a slot find it given.
        let all_slots = self.slots.free.acquire_many(self.slots.count).await;
        let idle: Vec<Instance> = lock(&self.idle).drain(..).collect();
        for instance in idle {
            instance.end().await;
        }
        drop(all_slots);
    }

    /// Exactly what Lambda gives a function, so that nothing of this machine leaks into it.
    fn variables(&self, runtime_api: &str) -> BTreeMap<String, String> {
        let name = self.function.binary.as_str();
        let mut variables = BTreeMap::from(
            [
                // On AWS the token is its role's: here, too, it tells who calls.
                ("AWS_SESSION_TOKEN", name),
                ("AWS_DEFAULT_REGION", REGION),
                ("AWS_LAMBDA_FUNCTION_NAME", name),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &self.function.memory.to_string()),
                ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{name}")),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
                ("AWS_LAMBDA_RUNTIME_API", runtime_api),
                ("_HANDLER", "bootstrap"),
                ("LANG", "en_US.UTF-8"),
                ("TZ", ":UTC"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        variables.extend(self.settings());
        variables
    }

    /// What the function needs wherever it runs: keys, a region, and the variables of the template and of the stack.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        let (key_id, secret_key) = CREDENTIALS;
        let mut settings = BTreeMap::from(
            [("AWS_ACCESS_KEY_ID", key_id), ("AWS_SECRET_ACCESS_KEY", secret_key), ("AWS_REGION", REGION)]
                .map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        settings.extend(self.function.environment.clone());
        settings.extend(self.environment.clone());
        settings
    }
}

/// A process that runs a function's binary. Dropping it kills the process.
#[derive(Debug)]
struct Instance {
    process: Child,
    api: RuntimeApi,
    pipes: Vec<Arc<Pipe>>,
}

impl Instance {
    async fn start(pool: &Pool) -> Result<Self, InvokeError> {
        let api = RuntimeApi::start(pool.function.arn(), pool.function.timeout).await?;
        let mut process = Command::new(&pool.binary)
            .env_clear()
            .envs(pool.variables(&api.address.to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // The terminal's Ctrl-C is for the stack, which then stops its functions itself.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let mut outputs: Vec<OwnedFd> = Vec::new();
        outputs.extend(process.stdout.take().map(tokio::process::ChildStdout::into_owned_fd).transpose()?);
        outputs.extend(process.stderr.take().map(tokio::process::ChildStderr::into_owned_fd).transpose()?);
        let pipes = outputs.into_iter().map(|output| Pipe::follow(output, &pool.function.binary, &pool.logs));
        let pipes = pipes.collect::<io::Result<Vec<_>>>()?;
        api.reads(pipes.clone());
        Ok(Self { process, api, pipes })
    }

    /// Waits until the process asks for work: an instance's start does not count as working time.
    async fn ready(&mut self) -> Result<(), InvokeError> {
        // Asked of the system: the runtime learns of an end only when it has waited for events again.
        if let Some(status) = self.process.try_wait()? {
            return Err(InvokeError::Exited(status));
        }
        tokio::select! {
            biased;
            status = self.process.wait() => Err(InvokeError::Exited(status?)),
            ready = time::timeout(INIT_TIMEOUT, self.api.ready()) => ready.map_err(|_| InvokeError::TimedOut(INIT_TIMEOUT)),
        }
    }

    async fn invoke(&mut self, event: Bytes, timeout: Duration) -> Result<Bytes, InvokeError> {
        let (reply, answer) = oneshot::channel();
        if self.api.work.send(Work { event, reply }).await.is_err() {
            return Err(InvokeError::Stopping);
        }
        tokio::select! {
            biased;
            said = time::timeout(timeout, answer) => match said {
                Ok(Ok(Said::Answer(body))) => Ok(body),
                Ok(Ok(Said::Error(error))) => Err(InvokeError::Failed(error)),
                Ok(Err(_)) => Err(InvokeError::Stopping),
                Err(_) => Err(InvokeError::TimedOut(timeout)),
            },
            status = self.process.wait() => Err(InvokeError::Exited(status?)),
        }
    }

    /// Kills the process, waits for its end and keeps its last words.
    async fn end(mut self) {
        // It may have ended by itself.
        let _ = self.process.kill().await;
        for pipe in &self.pipes {
            pipe.drain();
        }
    }
}
