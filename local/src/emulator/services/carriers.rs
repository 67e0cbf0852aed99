//! What mobile carriers drop although SNS has taken it, as far as that can be known: AWS reports none of it.

use std::{collections::BTreeMap, io, path::Path};

use regex::Regex;

/// The texts that are registered with India's carriers (DLT), by their template id.
#[derive(Debug)]
pub(crate) struct Carriers(BTreeMap<String, String>);

/// Stands in a registered text for up to 30 characters.
const VARIABLE: &str = "{#var#}";

impl Carriers {
    /// Reads a file with a line for each registered text: its template id, a blank, and the text. An empty file has none.
    pub(crate) fn load(file: &Path) -> io::Result<Self> {
        let read = std::fs::read_to_string(file)?;
        let lines = read.lines().filter(|line| !line.trim().is_empty());
        let entry = |line: &str| {
            let (id, text) = line.split_once(' ').ok_or_else(|| {
                io::Error::new(io::ErrorKind::InvalidData, format!("no text after the template id {line}"))
            })?;
            Ok((id.to_owned(), text.to_owned()))
        };
        lines.map(entry).collect::<io::Result<_>>().map(Self)
    }

    /// Why a carrier drops a text message with these attributes, if it does.
    pub(super) fn complaint(
        &self,
        number: &str,
        text: &str,
        attributes: &BTreeMap<&str, &str>,
    ) -> Option<String> {
        // Canada shares the code, and its carriers ask for the same.
        if number.starts_with("+1") {
            let has_number = attributes.contains_key("AWS.MM.SMS.OriginationNumber");
            return (!has_number).then(|| {
                "The carrier dropped it: the United States need an origination number (SmsOriginationNumber)."
                    .to_owned()
            });
        }
        if !number.starts_with("+91") {
            return None;
        }
        let attributes = ["AWS.SNS.SMS.SenderID", "AWS.MM.SMS.EntityId", "AWS.MM.SMS.TemplateId"]
            .map(|name| attributes.get(name));
        let [Some(_), Some(_), Some(template)] = attributes else {
            return Some(
                "The carrier dropped it: India needs a sender, an entity and a template \
                 (SmsSenderId, SmsDltEntityId, SmsDltTemplateIds)."
                    .to_owned(),
            );
        };
        match self.0.get(*template) {
            None => Some(format!("The carrier dropped it: no text is registered as {template}.")),
            Some(registered) if !matches(registered, text) => {
                Some(format!("The carrier dropped it: registered as {template} is: {registered}"))
            }
            Some(_) => None,
        }
    }
}

/// Whether a text is a registered one, character by character.
fn matches(registered: &str, text: &str) -> bool {
    let fixed: Vec<String> = registered.split(VARIABLE).map(regex::escape).collect();
    Regex::new(&format!("^(?s){}$", fixed.join(".{0,30}"))).is_ok_and(|pattern| pattern.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTERED: &str = "{#var#} is your Rollcall code. It expires in {#var#} min.";
    const INDIA: &str = "+919876543210";

    fn carriers() -> Carriers {
        Carriers([("1107".to_owned(), REGISTERED.to_owned())].into())
    }

    fn complaint(number: &str, text: &str, attributes: &[(&str, &str)]) -> Option<String> {
        carriers().complaint(number, text, &attributes.iter().copied().collect())
    }

    #[test]
    fn a_text_has_to_be_the_registered_one_character_by_character() {
        let sent = |text: &str| {
            let attributes = [
                ("AWS.SNS.SMS.SenderID", "ROLCAL"),
                ("AWS.MM.SMS.EntityId", "1101"),
                ("AWS.MM.SMS.TemplateId", "1107"),
            ];
            complaint(INDIA, text, &attributes)
        };

        assert_eq!(sent("012345 is your Rollcall code. It expires in 10 min."), None);
        for other in [
            "012345 is your Rollcall code. It expires in 10 min",
            "012345 is your rollcall code. It expires in 10 min.",
            "012345 is your Rollcall code.  It expires in 10 min.",
            "0123456789012345678901234567890 is your Rollcall code. It expires in 10 min.",
        ] {
            assert!(sent(other).is_some_and(|said| said.ends_with(REGISTERED)), "{other}");
        }
    }

    #[test]
    fn india_and_the_united_states_ask_who_sends() {
        let text = "012345 is your Rollcall code. It expires in 10 min.";
        let from = [("AWS.MM.SMS.OriginationNumber", "+12025550100")];

        assert!(complaint("+12025550199", text, &[]).unwrap().contains("SmsOriginationNumber"));
        assert_eq!(complaint("+12025550199", text, &from), None);
        assert!(complaint(INDIA, text, &from).unwrap().contains("SmsDltEntityId"));
        assert!(complaint(INDIA, text, &[("AWS.MM.SMS.EntityId", "1101")]).is_some());
        assert_eq!(complaint("+442071838750", text, &[]), None);
    }

    #[test]
    fn a_line_is_an_id_and_a_text() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, format!("1107 {REGISTERED}\n\n1108 Another text\n")).unwrap();
        let loaded = Carriers::load(file.path()).unwrap();
        assert_eq!(loaded.0["1107"], REGISTERED);
        assert_eq!(loaded.0.len(), 2);

        std::fs::write(&file, "1107\n").unwrap();
        assert_eq!(
            Carriers::load(file.path()).unwrap_err().to_string(),
            "no text after the template id 1107"
        );
    }
}
