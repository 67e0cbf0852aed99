//! `/api/otp`.

mod resend;
mod verify;
