//! The emulator: what AWS does for Rollcall, in one process on a laptop.

mod body;
mod dynamodb;
mod file;
mod gateway;
mod inbox;
mod journal;
mod lambda;
mod logs;
mod port;
mod requests;
mod secrets;
mod services;
mod stack;
mod stream;
mod template;

pub use dynamodb::CallError;
pub use inbox::Message;
pub use lambda::InvokeError;
pub use stack::{Data, Options, Running, Stack, StartError};
pub use template::{
    Function, GatewayResponse, Route, Secret, StreamSource, Table, Template, TemplateError, upgrade_problems,
};
