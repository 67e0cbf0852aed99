//! The local stack: what AWS does for Rollcall, in one process on a laptop.
//!
//! API Gateway, Lambda, `DynamoDB` and its streams, Secrets Manager, SES, SNS and Twilio, as far as the functions can tell. Routes,
//! variables, tables and streams come from `template.yaml`, and the functions are the binaries that deploy.

mod body;
mod compile;
mod django;
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

pub use compile::{CompileError, compile};
pub use django::{Dump, DumpError, Entry, Login, Refusal, Settings, Source};
pub use dynamodb::CallError;
pub use inbox::Message;
pub use lambda::InvokeError;
pub use stack::{Data, Options, Running, Stack, StartError};
pub use template::{Function, GatewayResponse, Route, Secret, StreamSource, Table, Template, TemplateError};
