//! Text messages of one segment.
//!
//! A segment holds 160 characters of the GSM 7-bit alphabet (3GPP TS 23.038), of which those of the extension table count twice. A
//! text with a single other character goes out in UCS-2, of which a segment holds 70 UTF-16 units. Each further segment is paid for.

use crate::{Values, capitalised, fill::fill};

/// The values that take the most room: eight digits, and a day.
const LONGEST: Values = Values { stack: "", code: "88888888", seconds: 86_400 };
/// What is left at least for the name of the stack, of which more is cut off.
const LEAST_NAME: &str = "Rollcall-accounts-eu";

/// The basic alphabet, without the escape to the extension table.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// A template with these values.
pub fn of(template: &str, values: Values) -> String {
    with(template, &name(template, values.stack), values.code, &values.minutes())
}

/// A template with the longest values, and as much of a name as has room at least.
pub fn longest(template: &str) -> String {
    with(template, LEAST_NAME, LONGEST.code, &LONGEST.minutes())
}

/// The same with `{#var#}` for each value that changes from message to message.
pub fn registered(template: &str, stack: &str) -> String {
    with(template, &name(template, stack), "{#var#}", "{#var#}")
}

fn with(template: &str, name: &str, code: &str, minutes: &str) -> String {
    fill(template, |placeholder| match placeholder {
        "code" => code,
        "minutes" => minutes,
        _ => name,
    })
}

/// The name of the stack, as much of it as one segment has room for beside the longest values: the same in every message.
fn name(template: &str, stack: &str) -> String {
    let is_plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == ' ';
    let mut name: String = capitalised(stack).chars().filter(is_plain).collect();
    while !name.is_empty() && !is_one_segment(&with(template, &name, LONGEST.code, &LONGEST.minutes())) {
        name.pop();
    }
    name
}

/// Whether a text message costs one segment.
pub fn is_one_segment(text: &str) -> bool {
    match septets(text) {
        Some(septets) => septets <= 160,
        None => text.encode_utf16().count() <= 70,
    }
}

/// The length in the GSM 7-bit alphabet; `None` when a character is not in it.
fn septets(text: &str) -> Option<usize> {
    let of = |c: char| match c {
        c if BASIC.contains(c) => Some(1),
        c if EXTENSION.contains(c) => Some(2),
        _ => None,
    };
    text.chars().map(of).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Channel, LANGUAGES, Texts};

    #[test]
    fn every_built_in_text_is_one_segment_of_gsm_characters_whatever_the_values() {
        for (of_text, template) in Texts::built_in().all().filter(|(of, _)| of.channel == Channel::Sms) {
            for stack in ["rollcall", &"s".repeat(128), "étage-📱", ""] {
                let text = of(template, Values { stack, ..LONGEST });
                assert!(is_one_segment(&text) && septets(&text).is_some(), "{}: {text}", of_text.path());
            }
        }
    }

    #[test]
    fn segments_are_counted_as_carriers_do() {
        assert_eq!(BASIC.chars().count(), 127);
        assert!(is_one_segment(&"ñ".repeat(160)) && !is_one_segment(&"ñ".repeat(161)));
        assert!(is_one_segment(&"€".repeat(80)) && !is_one_segment(&"€".repeat(81)));
        assert!(is_one_segment(&"ó".repeat(70)) && !is_one_segment(&"ó".repeat(71)));
        assert!(is_one_segment(&"📱".repeat(35)) && !is_one_segment(&"📱".repeat(36)));
    }

    #[test]
    fn a_registered_text_is_the_text_that_is_sent() {
        let texts = Texts::built_in();
        for language in LANGUAGES {
            for purpose in ["verify_phone", "sign_up", "reset_password", "log_in"] {
                for stack in ["rollcall", &"s".repeat(128)] {
                    let registered = texts.registered(language, purpose, stack).unwrap();
                    let values = Values { stack, code: "{#var#}", seconds: 600 };
                    let sent = texts.sms(language, purpose, values).unwrap();
                    assert_eq!(registered, sent.replace(" 10 ", " {#var#} "));
                }
            }
        }
    }
}
