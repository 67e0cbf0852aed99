//! What SNS and Twilio have in common, and what tests make of them.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use axum::http::StatusCode;

use super::carriers::Carriers;
use crate::emulator::logs::lock;

/// The longest text, in characters: both providers cut it into segments up to here.
pub(super) const SMS_LIMIT: usize = 1600;

/// Whether the number is one that a provider would dial: E.164, and not shorter than any number in use.
pub(super) fn is_phone_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (7..=15).contains(&digits.len())
            && !digits.starts_with('0')
            && digits.bytes().all(|digit| digit.is_ascii_digit())
    })
}

/// How often an SMS was to be sent, and what tests put out of order.
#[derive(Debug, Default)]
pub(crate) struct Sms {
    /// What SNS's messages have to be like, if carriers are to drop any.
    pub(super) carriers: Option<Carriers>,
    attempts: AtomicUsize,
    refuses: AtomicBool,
    /// How Twilio answers next: status and error code.
    twilio_answers: Mutex<VecDeque<(u16, u32)>>,
}

impl Sms {
    pub(crate) fn new(carriers: Option<Carriers>) -> Self {
        Self { carriers, ..Self::default() }
    }

    pub(super) fn count_attempt(&self) {
        self.attempts.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn attempts(&self) -> usize {
        self.attempts.load(Ordering::Relaxed)
    }

    pub(crate) fn refuse(&self, refuse: bool) {
        self.refuses.store(refuse, Ordering::Relaxed);
    }

    pub(super) fn is_refused(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }

    pub(crate) fn twilio_answers(&self, answers: Vec<(u16, u32)>) {
        lock(&self.twilio_answers).extend(answers);
    }

    /// What Twilio answers instead of sending, if it was put out of order. A success among the answers sends as ever.
    pub(super) fn twilio_refusal(&self) -> Option<(u16, u32)> {
        if self.is_refused() {
            return Some((503, 20503));
        }
        let told = lock(&self.twilio_answers).pop_front();
        told.filter(|(status, _)| !StatusCode::from_u16(*status).is_ok_and(|status| status.is_success()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_is_written_as_in_e_164() {
        for number in ["+919876543210", "+15005550006", "+2901234", "+123456789012345"] {
            assert!(is_phone_number(number), "{number}");
        }
        for number in [
            "919876543210",
            "+0919876543",
            "+91 9876543210",
            "+91-9876",
            "+1234",
            "+1234567890123456",
            "+",
            "",
        ] {
            assert!(!is_phone_number(number), "{number}");
        }
    }
}
