//! What a text has to be, a built-in one and an operator's.

use crate::{
    Channel, Use,
    fill::{Part, parts},
    mail, sms,
};

/// The most bytes of a text. A mail of more is no mail that says one thing.
pub const LONGEST: usize = 20_000;
/// The most characters of a subject that mail programs show.
const SUBJECT: usize = 150;

const OF_CODES: [&str; 3] = ["code", "minutes", "stack"];
const OF_NOTICES: [&str; 1] = ["stack"];

/// What is wrong with a text, in words; nothing when it can be sent.
pub fn problems(of: Use, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let known: &[&str] = if of.has_code() { &OF_CODES } else { &OF_NOTICES };
    for part in parts(text) {
        match part {
            Part::Placeholder(name) if !known.contains(&name) => {
                let known: Vec<String> = known.iter().map(|name| format!("{{{name}}}")).collect();
                problems.push(format!("{{{name}}} is not a placeholder here: use {}", known.join(", ")));
            }
            Part::Unclosed => problems.push("{ begins a placeholder, and } is missing".to_owned()),
            Part::Placeholder(_) | Part::Plain(_) => {}
        }
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        problems.push("it has a control character, such as a tab".to_owned());
    }
    let body = match of.channel {
        Channel::Mail => {
            let (subject, body) = mail::split(text);
            problems.extend(of_mail(text, subject, body));
            body
        }
        Channel::Sms => {
            problems.extend(of_sms(text));
            text
        }
    };
    if of.has_code() && !parts(body).contains(&Part::Placeholder("code")) {
        problems.push("{code} is missing".to_owned());
    }
    problems
}

fn of_mail(text: &str, subject: &str, body: &str) -> Vec<String> {
    let mut problems = Vec::new();
    if subject.chars().count() > SUBJECT {
        problems.push(format!("the subject, its first line, has more than {SUBJECT} characters"));
    }
    if body.is_empty() || text.lines().nth(1).is_some_and(|line| !line.trim().is_empty()) {
        problems.push("it has to be a subject in the first line, a blank line, and the text".to_owned());
    }
    problems
}

fn of_sms(text: &str) -> Option<String> {
    let longest = sms::longest(text);
    (!sms::is_one_segment(&longest)).then(|| {
        format!(
            "with the longest values it is more than one segment (160 characters of the GSM alphabet, or 70 when a single \
             character is not in it): {longest:?}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(channel: Channel, purpose: &'static str, text: &str) -> Vec<String> {
        problems(Use { language: "en", channel, purpose }, text)
    }

    #[test]
    fn a_text_has_known_placeholders_and_its_code() {
        let sms = |text: &str| of(Channel::Sms, "log_in", text);
        assert_eq!(sms("{code} for {stack}, {minutes} min"), [] as [String; 0]);
        assert_eq!(sms("your code"), ["{code} is missing"]);
        assert_eq!(
            sms("{#var#} is your code, {code}"),
            ["{#var#} is not a placeholder here: use {code}, {minutes}, {stack}"]
        );
        assert_eq!(sms("{code} {"), ["{ begins a placeholder, and } is missing"]);
        assert_eq!(sms("{code}\tis it"), ["it has a control character, such as a tab"]);
    }

    #[test]
    fn a_notice_has_no_code() {
        let notice = |text: &str| of(Channel::Mail, "notice_email_change", text);
        assert_eq!(notice("{stack}: news\n\nIt is about to change."), [] as [String; 0]);
        assert_eq!(notice("news\n\n{code}"), ["{code} is not a placeholder here: use {stack}"]);
    }

    #[test]
    fn a_mail_is_a_subject_a_blank_line_and_a_text() {
        let mail = |text: &str| of(Channel::Mail, "log_in", text);
        assert_eq!(mail("{code} is your code\n\n{code}"), [] as [String; 0]);
        let shape = "it has to be a subject in the first line, a blank line, and the text";
        assert_eq!(mail("subject\n{code}"), [shape]);
        assert_eq!(mail("{code}"), [shape, "{code} is missing"]);
        let long = format!("{}\n\n{{code}}", "s".repeat(151));
        assert_eq!(mail(&long), ["the subject, its first line, has more than 150 characters"]);
    }

    #[test]
    fn a_text_message_is_one_segment_with_the_longest_values() {
        let sms = |text: String| of(Channel::Sms, "log_in", &text).len();
        assert_eq!(sms(format!("{{code}}{}", "x".repeat(152))), 0);
        assert_eq!(sms(format!("{{code}}{}", "x".repeat(153))), 1);
        assert_eq!(sms(format!("{{code}}{{stack}}{}", "x".repeat(132))), 0);
        assert_eq!(sms(format!("{{code}}{{stack}}{}", "x".repeat(133))), 1);
        assert_eq!(sms(format!("{{code}}{}", "ह".repeat(62))), 0);
        assert_eq!(sms(format!("{{code}}{}", "ह".repeat(63))), 1);
    }
}
