//! Journeys over HTTP, as a client makes them: each test has a stack of its own, with the functions' real binaries.
//!
//! The folders mirror those of the functions; what holds for all of them is next to this file.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may panic, and so may what it calls"
)]

#[path = "../fuzz/src/lib.rs"]
mod fuzz;
mod support;

mod admin;
mod api;
mod auth;
mod authorizer;
mod browser;
#[path = "create-superuser.rs"]
mod create_superuser;
mod deliver;
mod docs;
mod health;
mod import;
mod importing;
#[path = "well-known/jwks.rs"]
mod jwks;
#[path = "mail-events.rs"]
mod mail_events;
mod notices;
mod openapi;
#[path = "well-known/openid-configuration.rs"]
mod openid_configuration;
mod otp;
#[path = "postman-collection.rs"]
mod postman_collection;

mod access_tokens;
mod alarms;
mod architecture;
mod benchmarks;
mod capacity;
mod catalogue;
mod claims;
mod cold_start;
mod corpus;
mod cors;
mod deploying;
mod deployment;
mod depth;
mod events;
mod faults;
mod fields;
mod frozen;
mod ids;
mod issuer;
mod killed;
mod lists;
mod load;
mod messages;
mod model;
mod multipart;
mod on_aws;
mod overload;
mod policies;
mod preflight;
mod proxies;
mod records;
mod reindex;
mod releases;
mod requests;
mod restoring;
mod rotation;
mod security;
mod seeds;
mod throttle;
mod tls;
mod tools;
mod upgrade;
