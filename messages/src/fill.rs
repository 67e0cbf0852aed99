//! Placeholders: `{code}` and others, each of which is replaced once.

/// A piece of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// What stays as it is.
    Plain(&'a str),
    /// What was between `{` and `}`.
    Placeholder(&'a str),
    /// A `{` that nothing closes.
    Unclosed,
}

/// The pieces of a text, in their order.
pub fn parts(text: &str) -> Vec<Part<'_>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some((plain, after)) = rest.split_once('{') {
        parts.push(Part::Plain(plain));
        let Some((name, after)) = after.split_once('}') else {
            parts.push(Part::Unclosed);
            rest = after;
            continue;
        };
        parts.push(Part::Placeholder(name));
        rest = after;
    }
    parts.push(Part::Plain(rest));
    parts
}

/// The text with the values of its placeholders. What a value holds is not replaced again.
pub fn fill<'v>(text: &str, value: impl Fn(&str) -> &'v str) -> String {
    let filled = parts(text).into_iter().map(|part| match part {
        Part::Plain(plain) => plain,
        Part::Placeholder(name) => value(name),
        Part::Unclosed => "{",
    });
    filled.collect::<Vec<&str>>().concat()
}
