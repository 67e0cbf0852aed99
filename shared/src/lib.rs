//! What the functions of Rollcall have in common, and nothing that only one of them needs.
//!
//! An endpoint is a function of three things: the [`App`] (clients and settings), who calls ([`Anyone`], [`Caller`],
//! ...) and the [`Request`]. It gives a [`Reply`]. [`serve`] runs it on Lambda.

mod app;
pub mod audit;
pub mod aws;
mod caller;
pub mod client;
pub mod compatibility;
pub mod config;
mod deadline;
mod deliver;
pub mod document;
mod dynamo;
pub mod email;
pub mod employee;
pub mod error;
pub mod fields;
mod form;
pub mod http;
mod id;
pub mod ids;
pub mod imported;
pub mod log;
pub mod login;
pub mod login_code;
pub mod message;
pub mod otp;
pub mod page;
mod parameters;
pub mod password;
pub mod phone;
mod precondition;
pub mod recovery;
pub mod registration;
pub mod reindex;
mod secret;
pub mod send_code;
mod serve;
pub mod session;
pub mod throttle;
pub mod time;
pub mod token;
pub(crate) mod unicode;
pub mod user;

pub use app::App;
pub use caller::{
    Anyone, AnyoneWith, Authorized, Beside, Caller, CallerWith, Checks, Claimed, EditBeside, EmployeeBody,
    NewEmployee, OwnOrStaff, Staff, StaffOn, VerifiedToken, Viewer, Who, authorize, verify_legacy,
    verify_token,
};
pub use deliver::deliver;
pub use http::{
    Error, Form, Html, Published, Reply, Request, csp_hash, json, json_in_version, json_linked, json_public,
    no_content,
};
pub use serve::serve;
