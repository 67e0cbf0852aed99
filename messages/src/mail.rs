//! E-mails: plain text, and HTML that is made from it.

use crate::{Values, capitalised, fill::fill};

/// An e-mail, ready to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as an HTML document.
    pub html: String,
}

impl Mail {
    /// A template (the subject, a blank line, and the text) with these values.
    pub(crate) fn of(language: &str, template: &str, values: Values) -> Self {
        let (subject, body) = split(template);
        let (stack, minutes) = (capitalised(values.stack), values.minutes());
        let plain = |text: &str| {
            fill(text, |name| match name {
                "code" => values.code,
                "minutes" => &minutes,
                _ => &stack,
            })
        };
        let (escaped_stack, code) = (escaped(&stack), shown(values.code));
        let html = |text: &str| {
            fill(&escaped(text), |name| match name {
                "code" => &code,
                "minutes" => &minutes,
                _ => &escaped_stack,
            })
        };
        let paragraphs = body.split("\n\n").map(|paragraph| html(paragraph.trim()).replace('\n', "<br>"));
        let paragraphs = paragraphs.collect::<Vec<_>>().join("</p><p>");
        Self {
            subject: plain(subject),
            text: format!("{}\n", plain(body)),
            html: format!(
                "<!doctype html><html lang=\"{language}\"><body style=\"font-family:sans-serif\"><p>{paragraphs}</p></body></html>"
            ),
        }
    }
}

/// The subject and the text of a template.
pub fn split(template: &str) -> (&str, &str) {
    let (subject, body) = template.split_once('\n').unwrap_or((template, ""));
    (subject.trim(), body.trim())
}

/// A code as it stands out in HTML, on a line of its own.
fn shown(code: &str) -> String {
    let style = "display:block;margin-top:.5em;font-size:2em;letter-spacing:.2em";
    format!("<b style=\"{style}\">{}</b>", escaped(code))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: Values = Values { stack: "r&d", code: "012345", seconds: 61 };

    #[test]
    fn a_mail_is_its_template_as_text_and_as_html() {
        let mail = Mail::of("de", "{stack} <1>\n\nCode {code}\n\n{minutes} Min.\n\"ab\" {code}", VALUES);
        assert_eq!(mail.subject, "R&d <1>");
        assert_eq!(mail.text, "Code 012345\n\n2 Min.\n\"ab\" 012345\n");
        let code = shown("012345");
        let paragraphs = format!("<p>Code {code}</p><p>2 Min.<br>&quot;ab&quot; {code}</p>");
        assert!(
            mail.html.contains("lang=\"de\"") && mail.html.contains(&paragraphs) && code.contains(">012345<"),
            "{}",
            mail.html
        );
    }

    #[test]
    fn no_value_is_taken_for_html_or_for_a_placeholder() {
        let mail = Mail::of("en", "{stack}\n\n{stack} & {code}", Values { stack: "<b>{code}", ..VALUES });
        assert_eq!(mail.text, "<b>{code} & 012345\n");
        assert!(mail.html.contains("<p>&lt;b&gt;{code} &amp; <b style"), "{}", mail.html);
    }
}
