//! `/api/users/{id}/password`.

mod forgot;
