//! libphonenumber's metadata, read a country calling code at a time: that of all countries takes milliseconds and megabytes,
//! which an instance that starts does not have.
//!
//! `metadata.bin` holds it in the order of the codes, each a `PhoneMetadataCollection` of libphonenumber's without what is only for
//! display. `countries.txt` has a line for each: the code, the length of its metadata in bytes, what [`Country::is_plain`] goes
//! by (`-` for what it cannot use), and its regions, the main one first. A test makes both files of the crate's own, and fails when
//! they were out of date.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use prost::Message;
use rlibphonenumber::{PhoneMetadataCollection, PhoneNumberUtil, Region};

const COUNTRIES: &str = include_str!("countries.txt");
static METADATA: &[u8] = include_bytes!("metadata.bin");
/// An instance that has met so many calling codes reads the metadata of all: each set of rules has expressions of its own, which
/// together would be more than that.
const MANY: usize = 8;

/// A country calling code.
#[derive(Clone, Copy)]
pub(super) struct Country {
    pub code: &'static str,
    /// How many digits a number has, with commas between, if the national prefix is nothing but digits.
    lengths: &'static str,
    national_prefix: &'static str,
    international_prefix: &'static str,
    regions: &'static str,
    metadata: &'static [u8],
}

impl Country {
    /// The calling code with which a number in international form begins, by the digits after its plus. No code is the beginning
    /// of another (ITU-T E.164).
    pub fn of_international(digits: &str) -> Option<Self> {
        countries().find(|country| digits.starts_with(country.code))
    }

    /// The calling code of a region.
    pub fn of_region(region: &str) -> Option<Self> {
        countries().find(|country| country.regions().any(|of_it| of_it == region))
    }

    /// Whether these digits after the code can be read in one way only: they are as many as a number has, and no prefix is among
    /// them.
    pub fn is_plain(&self, digits: &str) -> bool {
        digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
            && !digits.starts_with(self.national_prefix)
            && self.lengths.split(',').any(|length| length.parse() == Ok(digits.len()))
    }

    /// The same of digits without the code, written in one of its regions.
    pub fn is_plain_at_home(&self, region: Region, digits: &str) -> bool {
        // The other regions of a code have prefixes of their own.
        self.regions().next().is_some_and(|main| Region::try_from(main) == Ok(region))
            && self.international_prefix.starts_with('0')
            && !digits.starts_with(self.code)
            && self.is_plain(digits)
    }

    /// The rules for its numbers.
    pub fn rules(&self) -> Option<&'static PhoneNumberUtil> {
        // For as long as the instance lives.
        static READ: Mutex<BTreeMap<&str, &'static PhoneNumberUtil>> = Mutex::new(BTreeMap::new());
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rules) = read.get(self.code) {
            return Some(rules);
        }
        if read.len() == MANY {
            return of_all();
        }
        let rules: &'static PhoneNumberUtil = Box::leak(Box::new(rules(self.metadata)?));
        read.insert(self.code, rules);
        Some(rules)
    }

    fn regions(&self) -> impl Iterator<Item = &'static str> {
        self.regions.split(' ')
    }
}

/// The rules for a number in international form, by the digits after its plus.
pub(super) fn of_international(digits: &str) -> Option<&'static PhoneNumberUtil> {
    Country::of_international(digits)?.rules()
}

/// The rules for the numbers of all countries.
pub(super) fn of_all() -> Option<&'static PhoneNumberUtil> {
    // Collections one after the other are one collection: protobuf joins what is repeated.
    static ALL: LazyLock<Option<PhoneNumberUtil>> = LazyLock::new(|| rules(METADATA));
    ALL.as_ref()
}

fn rules(metadata: &[u8]) -> Option<PhoneNumberUtil> {
    PhoneNumberUtil::new_for_metadata(PhoneMetadataCollection::decode(metadata).ok()?).ok()
}

fn countries() -> impl Iterator<Item = Country> {
    let mut rest = METADATA;
    COUNTRIES.lines().map_while(move |line| {
        let mut words = line.splitn(6, ' ');
        let (code, size, lengths) = (words.next()?, words.next()?, words.next()?);
        let (national_prefix, international_prefix, regions) = (words.next()?, words.next()?, words.next()?);
        let (metadata, after) = rest.split_at_checked(size.parse().ok()?)?;
        rest = after;
        Some(Country { code, lengths, national_prefix, international_prefix, regions, metadata })
    })
}

#[cfg(test)]
mod tests {
    use std::{
        fmt::Write,
        fs,
        path::{Path, PathBuf},
        process::Command,
    };

    use super::*;

    /// What a command prints.
    fn output(command: &mut Command) -> String {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The metadata in the crate's source, which it does not give away.
    fn of_the_crate() -> PhoneMetadataCollection {
        let version = output(Command::new(env!("CARGO")).arg("-vV"));
        let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let packages = output(Command::new(env!("CARGO")).args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--filter-platform",
            host,
        ]));
        let packages: serde_json::Value = serde_json::from_str(&packages).unwrap();
        let mut packages = packages["packages"].as_array().unwrap().iter();
        let package = packages.find(|package| package["name"] == "rlibphonenumber").unwrap();
        let manifest = PathBuf::from(package["manifest_path"].as_str().unwrap());
        let file = manifest.with_file_name("src/generated/metadata/metadata.bin");
        PhoneMetadataCollection::decode(&*fs::read(file).unwrap()).unwrap()
    }

    #[test]
    #[expect(deprecated, reason = "it is empty once a util has taken it over, and none has")]
    fn the_metadata_is_that_of_the_crate() {
        let mut by_code: BTreeMap<i32, PhoneMetadataCollection> = BTreeMap::new();
        for mut region in of_the_crate().metadata {
            without_display(&mut region);
            by_code.entry(region.country_code()).or_default().metadata.push(region);
        }
        let (mut countries, mut metadata) = (String::new(), Vec::new());
        for (code, mut collection) in by_code {
            collection.metadata.sort_by_key(|region| !region.main_country_for_code());
            let main = &collection.metadata[0];
            let has_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            let word = |text: &str| if has_digits(text) && !text.is_empty() { text } else { "-" }.to_owned();
            let lengths = &main.general_desc.as_ref().unwrap().possible_length;
            let lengths: Vec<_> = lengths.iter().map(ToString::to_string).collect();
            let national_prefix = without_anchors(main.national_prefix_for_parsing());
            let words = [
                code.to_string(),
                collection.encoded_len().to_string(),
                if has_digits(national_prefix) { lengths.join(",") } else { "-".to_owned() },
                word(national_prefix),
                word(without_anchors(main.international_prefix())),
            ];
            let regions: Vec<_> = collection.metadata.iter().map(|region| region.id.as_str()).collect();
            writeln!(countries, "{} {}", words.join(" "), regions.join(" ")).unwrap();
            collection.encode(&mut metadata).unwrap();
        }

        if countries != COUNTRIES || metadata != METADATA {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/phone");
            fs::write(folder.join("countries.txt"), countries).unwrap();
            fs::write(folder.join("metadata.bin"), metadata).unwrap();
            panic!("countries.txt and metadata.bin were out of date and have been made anew");
        }
    }

    /// An expression as libphonenumber has it: the crate's matches the whole of a text.
    fn without_anchors(expression: &str) -> &str {
        let bare = expression.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"));
        bare.unwrap_or(expression)
    }

    #[expect(deprecated, reason = "what a util takes over is marked so, for it is empty afterwards")]
    fn without_display(region: &mut rlibphonenumber::PhoneMetadata) {
        region.number_format.clear();
        region.intl_number_format.clear();
        let kinds = [
            &mut region.general_desc,
            &mut region.fixed_line,
            &mut region.mobile,
            &mut region.toll_free,
            &mut region.premium_rate,
            &mut region.shared_cost,
            &mut region.personal_number,
            &mut region.voip,
            &mut region.pager,
            &mut region.uan,
            &mut region.voicemail,
            &mut region.no_international_dialling,
        ];
        for kind in kinds.into_iter().flatten() {
            kind.example_number = None;
        }
    }
}
