//! What the functions of Rollcall have in common, and nothing that only one of them needs.
//!
//! An endpoint is a function of three things: the [`App`] (clients and settings), who calls ([`Anyone`], [`Caller`],
//! ...) and the [`Request`]. It gives a [`Reply`]. [`serve`] runs it on Lambda.

mod app;
pub mod aws;
mod caller;
pub mod claim;
pub mod config;
mod dynamo;
pub mod email;
pub mod http;
pub mod log;
pub mod login;
pub mod message;
pub mod otp;
pub mod password;
pub mod phone;
mod secret;
mod serve;
pub mod session;
pub mod throttle;
pub mod time;
pub mod token;
pub mod user;

pub use app::App;
pub use caller::{Anyone, Bearer, Caller, Shown, Who, shown};
pub use http::{Error, Form, Reply, Request, json, json_public, no_content};
pub use serve::serve;
