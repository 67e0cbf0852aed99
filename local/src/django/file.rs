//! The bytes of a dump, as records.
//!
//! A dump comes as it was made: compressed by `dumpdata --output dump.json.gz`, in UTF-16 by PowerShell's `>`, with a byte order
//! mark, after lines that a settings module printed, with `NaN` as Python writes it. A file that cannot be read is refused as a
//! whole, with the place and the reason: half a dump would import half of the users.

use std::{collections::HashMap, io::Read};

use flate2::read::MultiGzDecoder;
use serde_json::{Deserializer, Map, Value};

/// Why a file is not a dump, and where.
#[derive(Debug, thiserror::Error)]
#[error("this is not what dumpdata writes as JSON or JSON Lines: {0}")]
pub struct DumpError(String);

/// One record of a dump.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Object {
    pub(crate) model: String,
    #[serde(default)]
    pub(crate) pk: Value,
    pub(crate) fields: Map<String, Value>,
}

/// The first bytes of other compressed files, and what decompresses them.
const COMPRESSED: [(&[u8], &str); 4] =
    [(b"BZh", "bunzip2"), (b"\xfd7zXZ\0", "unxz"), (b"PK\x03\x04", "unzip"), (b"\x5d\0\0", "unlzma")];

/// Parses a dump in JSON or JSON Lines.
pub(crate) fn parse(bytes: &[u8]) -> Result<Vec<Object>, DumpError> {
    let unpacked = decompress(bytes)?;
    let text = without_nan(decode(unpacked.as_deref().unwrap_or(bytes))?);
    let start = start(&text)?;
    let mut objects =
        if text[start..].starts_with('[') { array(&text, start)? } else { lines(&text, start)? };
    if objects.is_empty() {
        return Err(DumpError("there are no records in it".to_owned()));
    }
    for object in &mut objects {
        object.model.make_ascii_lowercase();
    }
    refuse_repeated(&objects)?;
    Ok(objects)
}

fn decompress(bytes: &[u8]) -> Result<Option<Vec<u8>>, DumpError> {
    if let Some((_, tool)) = COMPRESSED.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(DumpError(format!("the file is compressed; decompress it with {tool} first")));
    }
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(None);
    }
    let mut unpacked = Vec::new();
    let read = MultiGzDecoder::new(bytes).read_to_end(&mut unpacked);
    read.map_err(|error| {
        DumpError(format!("the gzip data is damaged after {} bytes: {error}", unpacked.len()))
    })?;
    Ok(Some(unpacked))
}

/// UTF-8 or UTF-16, with or without a byte order mark.
fn decode(bytes: &[u8]) -> Result<String, DumpError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(DumpError("the file is empty".to_owned()));
    }
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            Err(DumpError("the file is in UTF-32; convert it to UTF-8".to_owned()))
        }
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [first, 0, ..] if *first != 0 => utf16(bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => utf16(bytes, u16::from_be_bytes),
        _ => {
            let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
            std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
                let before = &bytes[..error.valid_up_to()];
                let place = place(&String::from_utf8_lossy(before), before.len());
                DumpError(format!(
                    "{place}: neither UTF-8 nor UTF-16; if the file is in another encoding, such as Windows-1252, convert it to UTF-8"
                ))
            })
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, DumpError> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text = String::with_capacity(pairs.len());
    for decoded in char::decode_utf16(pairs.iter().map(|pair| unit(*pair))) {
        match decoded {
            Ok(character) => text.push(character),
            Err(_) => return Err(DumpError(format!("{}: not UTF-16", place(&text, text.len())))),
        }
    }
    if rest.is_empty() {
        Ok(text.trim_start_matches('\u{feff}').to_owned())
    } else {
        Err(DumpError("the file is in UTF-16 and ends in the middle of a character".to_owned()))
    }
}

/// Python writes a float that is no number without quotes. It becomes an empty text of the same length, so that places stay.
fn without_nan(mut text: String) -> String {
    const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];
    if !WORDS.iter().any(|word| text.contains(word)) {
        return text;
    }
    let bytes = text.as_bytes();
    let (mut found, mut at, mut in_text) = (Vec::new(), 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            b'-' | b'I' | b'N' if !in_text => {
                if let Some(word) = WORDS.iter().find(|word| bytes[at..].starts_with(word.as_bytes())) {
                    found.push((at, word.len()));
                    at += word.len() - 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    for (at, length) in found {
        text.replace_range(at..at + length, &format!("{:length$}", "\"\""));
    }
    text
}

/// Where the JSON begins: what a settings module printed may come before it, as lines of their own.
fn start(text: &str) -> Result<usize, DumpError> {
    let begins = |rest: &str| {
        let after = |open: char| rest.strip_prefix(open).map(str::trim_start);
        after('[').is_some_and(|rest| rest.starts_with(['{', ']']))
            || after('{').is_some_and(|rest| rest.starts_with('"'))
    };
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        if begins(&text[at + indent..]) {
            return Ok(at + indent);
        }
        at += line.len();
    }
    Err(DumpError("no line begins with the [ or { of a dump".to_owned()))
}

fn array(text: &str, start: usize) -> Result<Vec<Object>, DumpError> {
    let mut values = Deserializer::from_str(&text[start..]).into_iter::<Vec<Object>>();
    let objects = match values.next() {
        Some(Ok(objects)) => objects,
        Some(Err(error)) => return Err(malformed(text, start, &error)),
        None => Vec::new(),
    };
    let end = start + values.byte_offset();
    let rest = text[end..].trim_start();
    if rest.is_empty() {
        return Ok(objects);
    }
    let place = place(text, text.len() - rest.len());
    let is_dump = rest.starts_with(['[', '{']);
    let what = if is_dump { "a second dump begins here" } else { "there is more text after the dump" };
    Err(DumpError(format!("{place}: {what}")))
}

fn lines(text: &str, start: usize) -> Result<Vec<Object>, DumpError> {
    let mut objects = Vec::new();
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        if !line.trim().is_empty() {
            if line.trim_start().starts_with('[') {
                return Err(DumpError(format!("{}: a second dump begins here", place(text, at))));
            }
            objects.push(serde_json::from_str(line).map_err(|error| malformed(text, at, &error))?);
        }
        at += line.len();
    }
    Ok(objects)
}

/// Two dumps in one file, or a file that was put together by hand: which of two records holds cannot be known.
fn refuse_repeated(objects: &[Object]) -> Result<(), DumpError> {
    let mut seen = HashMap::new();
    for (number, object) in objects.iter().enumerate().filter(|(_, object)| !object.pk.is_null()) {
        if let Some(first) = seen.insert((&object.model, object.pk.to_string()), number) {
            return Err(DumpError(format!(
                "record {}: {} {} is already record {}; does the file hold two dumps?",
                number + 1,
                object.model,
                object.pk,
                first + 1
            )));
        }
    }
    Ok(())
}

/// What the parser says of a text that begins at an offset, with the place in the file.
fn malformed(text: &str, start: usize, error: &serde_json::Error) -> DumpError {
    let lines_before = text[..start].matches('\n').count();
    let column = error.column()
        + if error.line() == 1 { start - text[..start].rfind('\n').map_or(0, |at| at + 1) } else { 0 };
    let reason = error.to_string();
    let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason);
    DumpError(format!("line {}, column {column}: {reason}", lines_before + error.line()))
}

fn place(text: &str, offset: usize) -> String {
    let before = &text[..offset.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1) + 1;
    format!("line {line}, column {column}")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;

    use super::*;

    const ONE: &str = r#"[{"model": "Auth.User", "pk": 1, "fields": {"username": "josé"}}]"#;

    fn names(bytes: &[u8]) -> Vec<String> {
        parse(bytes)
            .unwrap()
            .into_iter()
            .map(|object| object.fields["username"].as_str().unwrap().to_owned())
            .collect()
    }

    fn refusal(bytes: &[u8]) -> String {
        let complaint = parse(bytes).unwrap_err().to_string();
        complaint.strip_prefix("this is not what dumpdata writes as JSON or JSON Lines: ").unwrap().to_owned()
    }

    #[test]
    fn a_dump_is_read_as_it_was_made() {
        let utf16 = |unit: fn(u16) -> [u8; 2], mark: &str| {
            format!("{mark}{ONE}").encode_utf16().flat_map(unit).collect::<Vec<u8>>()
        };
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(ONE.as_bytes()).unwrap();
        for bytes in [
            ONE.as_bytes().to_vec(),
            format!("\u{feff}{ONE}").into_bytes(),
            utf16(u16::to_le_bytes, "\u{feff}"),
            utf16(u16::to_be_bytes, "\u{feff}"),
            utf16(u16::to_le_bytes, ""),
            utf16(u16::to_be_bytes, ""),
            gzip.finish().unwrap(),
            format!("[settings] loaded .env\r\n{{not JSON}}\n  {ONE}\n\n").into_bytes(),
            ONE.trim_matches(['[', ']']).as_bytes().to_vec(),
        ] {
            assert_eq!(names(&bytes), ["josé"], "{bytes:?}");
        }
        assert_eq!(parse(ONE.as_bytes()).unwrap()[0].model, "auth.user");
    }

    #[test]
    fn numbers_that_are_none_are_empty_and_texts_that_read_like_them_stay() {
        let text = r#"{"model":"a.b","pk":1,"fields":{"a":NaN,"b":-Infinity,"c":[Infinity],"d":"NaN \" Infinity","e":-1}}"#;
        let fields = &parse(text.as_bytes()).unwrap()[0].fields;
        assert_eq!(
            serde_json::json!(fields),
            serde_json::json!({
                "a": "", "b": "", "c": [""], "d": "NaN \" Infinity", "e": -1,
            })
        );
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_the_place_and_the_reason() {
        let record = r#"{"model": "auth.user", "pk": 1, "fields": {}}"#;
        let other = record.replace('1', "2");
        for (text, reason) in [
            (" \n", "the file is empty".to_owned()),
            ("[]", "there are no records in it".to_owned()),
            ("CREATE TABLE", "no line begins with the [ or { of a dump".to_owned()),
            (&format!("[{record}][{other}]"), "line 1, column 48: a second dump begins here".to_owned()),
            (&format!("[{record}]\n[{other}]"), "line 2, column 1: a second dump begins here".to_owned()),
            (&format!("{record}\n[{other}]"), "line 2, column 1: a second dump begins here".to_owned()),
            (&format!("[{record}] done"), "line 1, column 49: there is more text after the dump".to_owned()),
            (
                &format!("{record}\n{record}"),
                "record 2: auth.user 1 is already record 1; does the file hold two dumps?".to_owned(),
            ),
            (
                &format!("x\n[{record},\n{{\"pk\": 2, \"fields\": {{}}}}]"),
                "line 3, column 23: missing field `model`".to_owned(),
            ),
            (
                &format!("x\n{record}\n{{\"model\": 7}}"),
                "line 3, column 11: invalid type: integer `7`, expected a string".to_owned(),
            ),
        ] {
            assert_eq!(refusal(text.as_bytes()), reason, "{text}");
        }
        let cut = refusal(&format!("[{record}, ").into_bytes());
        assert!(cut.starts_with("line 1, column 48: EOF"), "{cut}");
    }

    #[test]
    fn another_encoding_or_compression_is_refused() {
        let latin = ONE.replace("josé", "jos\u{0}").replace('\u{0}', "?").into_bytes();
        let latin: Vec<u8> = latin.into_iter().map(|byte| if byte == b'?' { 0xe9 } else { byte }).collect();
        assert!(
            refusal(&latin).starts_with("line 1, column 61: neither UTF-8 nor UTF-16"),
            "{}",
            refusal(&latin)
        );
        assert!(refusal(b"\xff\xfe[\0\x00\xd8").contains("not UTF-16"));
        assert!(refusal(b"\xff\xfe[\0{\0 ").contains("ends in the middle of a character"));
        assert!(refusal(b"\xff\xfe\0\0[\0\0\0").contains("UTF-32"));
        assert!(refusal(b"\x1f\x8b\x08garbage").starts_with("the gzip data is damaged"));
        assert!(refusal(b"BZh91AY").contains("bunzip2"));
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[\\[{}\\]\":,aN\\\\ \n-]{0,60}") {
            let _ = parse(text.as_bytes());
        }
    }
}
