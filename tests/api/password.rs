//! `/api/password`.

mod forgot;
mod reset;
