//! The texts of e-mails and text messages: one file for each language, channel and purpose (`texts/en/sms/log_in.txt`), built into
//! the functions that send. An operator's folder of the same shape can replace any of them. docs/messages.md describes the files.
//!
//! - [`Texts`] finds the text of a message, in a language, and fills it in.
//! - [`Texts::load`] replaces texts by an operator's, as far as these pass the checks that the built-in ones pass.
//! - [`Texts::registered`] is a text message as carriers register it.

mod check;
mod fill;
mod folder;
mod mail;
mod sms;

pub use folder::Problem;
pub use mail::Mail;

/// How a message goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// An e-mail: a subject in the first line, a blank line, and the text.
    Mail,
    /// A text message.
    Sms,
}

impl Channel {
    /// The name of its folders.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Mail => "mail",
            Self::Sms => "sms",
        }
    }
}

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// A tag of [`LANGUAGES`].
    pub language: &'static str,
    /// How it goes out.
    pub channel: Channel,
    /// Such as `log_in`. A text of a purpose that begins with `notice_` has no code.
    pub purpose: &'static str,
}

impl Use {
    /// The file below the folder of messages.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}/{}/{}.txt", self.language, self.channel.folder(), self.purpose)
    }

    fn has_code(&self) -> bool {
        !self.purpose.starts_with("notice_")
    }
}

/// Lists the languages and purposes, and builds in the text of each in each.
macro_rules! texts {
    (languages: [$($language:literal)*], mail: $mail:tt, sms: $sms:tt) => {
        /// The languages that have texts, as primary language subtags (BCP 47).
        pub const LANGUAGES: &[&str] = &[$($language),*];

        const BUILT_IN: &[&[(Use, &str)]] = &[$(of_language!($language, $mail, $sms)),*];
    };
}

macro_rules! of_language {
    ($language:literal, [$($mail:literal)*], [$($sms:literal)*]) => {
        &[
            $(text!($language, Mail, "mail", $mail),)*
            $(text!($language, Sms, "sms", $sms),)*
        ]
    };
}

macro_rules! text {
    ($language:literal, $channel:ident, $folder:literal, $purpose:literal) => {
        (
            Use { language: $language, channel: Channel::$channel, purpose: $purpose },
            include_str!(concat!("../texts/", $language, "/", $folder, "/", $purpose, ".txt")),
        )
    };
}

texts! {
    languages: ["de" "en" "es"],
    mail: [
        "verify_email"
        "reset_password"
        "log_in"
        "notice_email_change"
        "notice_email_changed"
        "notice_phone_changed"
        "notice_phone_removed"
        "notice_password_changed"
        "notice_username_changed"
        "notice_staff_rights"
        "notice_user_deleted"
    ],
    sms: ["verify_phone" "sign_up" "reset_password" "log_in" "notice_phone_changed"]
}

/// What a text can say of a message.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// The name of the stack; a text begins it with a capital letter.
    pub stack: &'a str,
    /// The code; empty for a notice.
    pub code: &'a str,
    /// For how many seconds the code can still be used. Texts give it in minutes, rounded up.
    pub seconds: u64,
}

impl Values<'_> {
    fn minutes(&self) -> String {
        self.seconds.div_ceil(60).to_string()
    }
}

/// The text for every use.
#[derive(Debug, Clone)]
pub struct Texts(Vec<(Use, String)>);

impl Texts {
    /// The texts of this release.
    #[must_use]
    pub fn built_in() -> Self {
        let texts = BUILT_IN.iter().copied().flatten();
        Self(texts.map(|(of, text)| (*of, text.trim().to_owned())).collect())
    }

    /// The uses, each with its text as it is in its file.
    pub fn all(&self) -> impl Iterator<Item = (Use, &str)> {
        self.0.iter().map(|(of, text)| (*of, text.as_str()))
    }

    /// The mail of a purpose in a language of [`LANGUAGES`]; `None` when there is no such text.
    #[must_use]
    pub fn mail(&self, language: &str, purpose: &str, values: Values) -> Option<Mail> {
        Some(Mail::of(language, self.find(language, Channel::Mail, purpose)?, values))
    }

    /// The text message of a purpose in a language of [`LANGUAGES`], of one segment; `None` when there is no such text.
    #[must_use]
    pub fn sms(&self, language: &str, purpose: &str, values: Values) -> Option<String> {
        Some(sms::of(self.find(language, Channel::Sms, purpose)?, values))
    }

    /// A text message as it is registered with carriers (India's DLT): character by character what [`Texts::sms`] makes, with
    /// `{#var#}` in place of the code and the minutes. `None` when there is no such text.
    #[must_use]
    pub fn registered(&self, language: &str, purpose: &str, stack: &str) -> Option<String> {
        Some(sms::registered(self.find(language, Channel::Sms, purpose)?, stack))
    }

    fn find(&self, language: &str, channel: Channel, purpose: &str) -> Option<&str> {
        let is_it = |of: &Use| (of.language, of.channel, of.purpose) == (language, channel, purpose);
        self.0.iter().find(|(of, _)| is_it(of)).map(|(_, text)| text.as_str())
    }
}

/// The language of [`LANGUAGES`] that a language tag names, also one with a region: `de` for `de`, `de-AT` and `DE_at`.
#[must_use]
pub fn language(tag: &str) -> Option<&'static str> {
    let primary = tag.split(['-', '_']).next().unwrap_or_default();
    LANGUAGES.iter().copied().find(|language| language.eq_ignore_ascii_case(primary))
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_text_passes_the_checks() {
        for (of, text) in Texts::built_in().all() {
            assert_eq!(check::problems(of, text), [] as [String; 0], "{}", of.path());
        }
    }

    #[test]
    fn every_file_is_built_in() {
        let (texts, problems) = Texts::load(concat!(env!("CARGO_MANIFEST_DIR"), "/texts").as_ref());
        assert_eq!(problems, []);
        assert!(texts.all().eq(Texts::built_in().all()));
    }

    #[test]
    fn a_language_tag_may_name_a_region() {
        for (tag, expected) in
            [("de", Some("de")), ("de-AT", Some("de")), ("ES_mx", Some("es")), ("fr", None), ("", None)]
        {
            assert_eq!(language(tag), expected, "{tag}");
        }
    }
}
