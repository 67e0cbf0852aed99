//! The pages in a real browser: the admin panel, the documentation, and the local stack's own.

mod cors;
mod docs;
mod inbox;
mod list;
mod looks;
mod record;
mod session;
