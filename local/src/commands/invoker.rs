//! The functions that a command invokes: of the stack that runs in the folder, of one started for the command, or of a
//! deployed stack.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use aws_config::BehaviorVersion;
use aws_sdk_lambda::{Client, error::DisplayErrorContext, primitives::Blob};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use local::{Data, InvokeError, Options, Running, Stack};
use serde_json::Value;

use crate::commands::{cli::Arguments, compile::compile};

/// A local stack that can be invoked once it is started, if it does not run already.
pub(crate) struct LocalStack {
    running: Option<Running>,
    root: PathBuf,
    options: Options,
    release: bool,
}

impl LocalStack {
    /// Finds what is wrong before anything is asked or built.
    pub(crate) fn find(root: &Path, arguments: Arguments) -> Result<Self, Box<dyn Error>> {
        let release = arguments.release;
        let options = Options { port: 0, ..arguments.options(root) };
        let Data::Folder(folder) = &options.data else {
            return Err("with --memory nothing would be kept; leave it out".into());
        };
        let running = Running::find(folder)?;
        if running.is_none() {
            options.check()?;
        } else if release || is_changed(&options) {
            eprintln!("note: a stack is running; it goes by the options that it was started with");
        }
        Ok(Self { running, root: root.to_owned(), options, release })
    }

    pub(crate) async fn start(mut self) -> Result<Invoker, Box<dyn Error>> {
        if let Some(running) = self.running {
            return Ok(Invoker::Running(running));
        }
        self.options.binaries = compile(&self.root, self.release).await?;
        Ok(Invoker::Own(Stack::start(self.options).await?))
    }
}

/// Whether the options say anything about how a stack is to run.
fn is_changed(options: &Options) -> bool {
    !options.env.is_empty() || !options.parameters.is_empty() || options.dynamodb.is_some()
}

pub(crate) enum Invoker {
    Running(Running),
    Own(Stack),
    Deployed(Client),
}

impl Invoker {
    /// Lambda, with the operator's credentials and region.
    pub(crate) async fn deployed() -> Self {
        let https = Builder::new().tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build_https();
        let config = aws_config::defaults(BehaviorVersion::latest()).http_client(https).load().await;
        Self::Deployed(Client::new(&config))
    }

    pub(crate) async fn invoke(&self, function: &str, event: Value) -> Result<Value, String> {
        let answer = match self {
            Self::Running(stack) => stack.invoke(function, &event).await,
            Self::Own(stack) => stack.invoke(function, event).await,
            Self::Deployed(client) => invoke_deployed(client, function, &event).await,
        };
        answer.map_err(|error| match &error {
            InvokeError::Failed(reported) => {
                reported["errorMessage"].as_str().map_or_else(|| error.to_string(), str::to_owned)
            }
            error => error.to_string(),
        })
    }

    /// Stops a stack that was started for the command.
    pub(crate) async fn stop(self) {
        if let Self::Own(stack) = self {
            stack.stop().await;
        }
    }
}

async fn invoke_deployed(client: &Client, function: &str, event: &Value) -> Result<Value, InvokeError> {
    let unreachable = |error| InvokeError::Unreachable(DisplayErrorContext(&error).to_string());
    let invoked = client.invoke().function_name(function).payload(Blob::new(event.to_string()));
    let answer = invoked.send().await.map_err(unreachable)?;
    let payload = answer.payload.map(Blob::into_inner).unwrap_or_default();
    let payload = serde_json::from_slice(&payload).map_err(|_| InvokeError::BadAnswer)?;
    if answer.function_error.is_some() { Err(InvokeError::Failed(payload)) } else { Ok(payload) }
}
