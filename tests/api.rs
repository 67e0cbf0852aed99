//! `/api`.

mod employees;
mod login;
mod logout;
mod otp;
mod password;
mod profile;
mod register;
mod root;
mod sessions;
mod token;
mod users;
