//! `/api/sessions`.

mod delete;
mod list;
