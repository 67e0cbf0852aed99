//! Characters that look like others or like nothing, as people and their keyboards send them.

use unicode_normalization::UnicodeNormalization;

/// The zeros of the scripts whose digits keyboards and phones write. Each is followed by the other nine.
const ZEROS: [char; 34] = [
    '٠', '۰', '߀', '०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '෦', '๐', '໐', '༠', '၀', '႐', '០', '᠐', '᥆',
    '᧐', '᪀', '᪐', '᭐', '᮰', '᱀', '᱐', '꘠', '꣐', '꤀', '꧐', '꩐', '０',
];

/// Without regard to case and composition, letter by letter, so that a part of a text is folded like the whole. Capitals tell which
/// letters are one in another case where small ones do not: "ς" and "σ", "ß" and "ss".
pub(crate) fn folded(text: &str) -> String {
    let lowered = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<String>();
    let composed: String = text.nfkc().collect();
    lowered(&lowered(&composed).to_uppercase()).nfkc().collect()
}

/// Whether a character shows nothing: blanks, controls, and what Unicode calls default-ignorable.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || is_format(c)
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a character only says how its neighbours are shown: direction marks, joiners.
fn is_format(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A text of digits and punctuation in ASCII: digits of other scripts, hyphens and blanks become ASCII's, and characters for
/// direction go. All else stays, for the caller to refuse.
pub(crate) fn ascii_digits(text: &str) -> String {
    let ascii = |c: char| match c {
        _ if c.is_ascii() => c,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' => '-',
        '\u{ff0b}' => '+',
        _ if c.is_whitespace() => ' ',
        _ => digit(c).unwrap_or(c),
    };
    text.chars().filter(|c| !is_format(*c)).map(ascii).collect()
}

fn digit(c: char) -> Option<char> {
    let value = |zero: &char| u32::from(c).checked_sub(u32::from(*zero)).filter(|value| *value < 10);
    ZEROS.iter().find_map(value).and_then(|value| char::from_digit(value, 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_are_digits() {
        assert_eq!(ascii_digits("۹۸۸۱"), "9881");
        assert_eq!(ascii_digits("०१२३४५६७८९"), "0123456789");
        assert_eq!(ascii_digits("＋９１\u{a0}98811\u{2011}67671\u{202c}"), "+91 98811-67671");
        assert_eq!(ascii_digits("Ⅷ²a"), "Ⅷ²a");
    }

    #[test]
    fn what_shows_nothing_is_invisible() {
        for c in [' ', '\u{a0}', '\u{200b}', '\u{3164}', '\u{2800}', '\t'] {
            assert!(is_invisible(c), "{c:?}");
        }
        for c in ['a', '-', 'é', '名'] {
            assert!(!is_invisible(c), "{c:?}");
        }
    }

    #[test]
    fn a_fold_is_the_fold_of_itself() {
        for text in ["ΟΔΥΣΣΕΥΣ", "Strauß", "STRAUẞ", "ı", "İ", "Å"] {
            assert_eq!(folded(&folded(text)), folded(text));
        }
        assert_eq!((folded("ΟΔΥΣ"), folded("ΣΑΣ")), (folded("οδυς"), folded("σας")));
        assert!(folded("Οδυσσέας").contains(&folded("ΟΔΥΣ")));
    }
}
