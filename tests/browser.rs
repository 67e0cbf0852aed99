//! The admin panel in a real browser.

mod list;
mod looks;
mod record;
mod session;
