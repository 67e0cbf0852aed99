//! What Rollcall needs on a computer of its own.
//!
//! - [`Stack`], the emulator: API Gateway, Lambda, `DynamoDB` and its streams, Secrets Manager, SES, SNS and Twilio, as far as the
//!   functions can tell, in one process. Routes, variables, tables and streams come from `template.yaml`, and the functions are the
//!   binaries that deploy.
//! - [`Dump`], the Django reader: the users and employees of a Django system, as the function `import` takes them.
//! - [`Import`], a run of the function `import` over a dump.
//! - [`Reindex`], a run of the function `reindex` over stored records.
//!
//! The operator's commands, `cargo run -- create-superuser` and others, are the modules of the program beside this library.

mod django;
mod emulator;
mod import;
mod reindex;

pub use django::{
    Dropped, Dump, DumpError, Entry, Inactive, Login, Mapping, NoRegion, Records, Refusal, Report, Settings,
    Source,
};
pub use emulator::{
    CallError, Data, Function, GatewayResponse, InvokeError, Message, Options, Route, Running, Secret, Stack,
    StartError, StreamSource, Table, Template, TemplateError, upgrade_problems,
};
pub use import::{Import, ImportError, Imported};
pub use reindex::Reindex;
