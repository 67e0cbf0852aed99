//! `/api/sessions`.

mod delete;
mod limit;
mod list;
