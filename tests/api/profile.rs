//! `/api/profile`.

mod read;
mod update;
