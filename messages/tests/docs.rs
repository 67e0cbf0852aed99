//! docs/messages.md has the texts as carriers register them.

use std::{fs, path::Path};

use messages::{Channel, Texts};

/// Where the table begins, which is the last of the document.
const BEGIN: &str = "| Purpose | Language | Text to register |\n| --- | --- | --- |\n";

#[test]
fn the_registered_texts_in_the_docs_are_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/messages.md");
    let document = fs::read_to_string(&path).unwrap();
    let (before, present) = document.split_once(BEGIN).unwrap();
    let (table, after) = present.split_once("\n\n").unwrap_or((present.trim_end(), ""));

    let texts = Texts::built_in();
    let mut rows: Vec<String> = texts
        .all()
        .filter(|(of, _)| of.channel == Channel::Sms)
        .map(|(of, _)| {
            let text = texts.registered(of.language, of.purpose, "rollcall").unwrap();
            format!("| `{}` | `{}` | `{text}` |", of.purpose, of.language)
        })
        .collect();
    rows.sort();
    let right = rows.join("\n");

    if table != right {
        let after = if after.is_empty() { String::new() } else { format!("\n{after}") };
        fs::write(&path, format!("{before}{BEGIN}{right}\n{after}")).unwrap();
        panic!("docs/messages.md was out of date and has been rewritten; run the test again");
    }
}
