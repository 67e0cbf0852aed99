//! libphonenumber's metadata, read a country calling code at a time: that of all countries takes milliseconds and megabytes,
//! which an instance that starts does not have.
//!
//! `metadata.bin` begins with a line for each calling code (the code, the length of its metadata in bytes, its regions), then an
//! empty line, then their metadata in that order, each a `PhoneMetadataCollection` of libphonenumber's. What is only for
//! display is left out. A test makes the file of the crate's own, and fails when it was out of date.

use std::{
    collections::BTreeMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use prost::Message;
use rlibphonenumber::{PhoneMetadataCollection, PhoneNumberUtil};

static FILE: &[u8] = include_bytes!("metadata.bin");
/// An instance that has met so many calling codes reads the metadata of all: each set of rules has expressions of its own, which
/// together would be more than that.
const MANY: usize = 8;

/// The metadata of one country calling code.
struct Country<'a> {
    code: i32,
    regions: &'a str,
    metadata: &'static [u8],
}

/// The rules for the numbers of a country calling code, if there is such a code.
pub(super) fn of_code(code: i32) -> Option<&'static PhoneNumberUtil> {
    // For as long as the instance lives.
    static READ: Mutex<BTreeMap<i32, &'static PhoneNumberUtil>> = Mutex::new(BTreeMap::new());
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(rules) = read.get(&code) {
        return Some(rules);
    }
    let country = countries().find(|country| country.code == code)?;
    if read.len() == MANY {
        return of_all();
    }
    let rules: &'static PhoneNumberUtil = Box::leak(Box::new(rules(country.metadata)?));
    read.insert(code, rules);
    Some(rules)
}

/// The rules for a number in international form, by the digits after its plus. No code is the beginning of another (ITU-T
/// E.164), and the longest have three digits.
pub(super) fn of_international(digits: impl Iterator<Item = char>) -> Option<&'static PhoneNumberUtil> {
    let mut code = 0;
    digits.take(3).find_map(|digit| {
        code = code * 10 + i32::try_from(digit.to_digit(10)?).ok()?;
        of_code(code)
    })
}

/// The calling code of a region.
pub(super) fn code_of(region: &str) -> Option<i32> {
    let country = countries().find(|country| country.regions.split(' ').any(|of_it| of_it == region))?;
    Some(country.code)
}

/// The rules for the numbers of all countries.
pub(super) fn of_all() -> Option<&'static PhoneNumberUtil> {
    // Collections one after the other are one collection: protobuf joins what is repeated.
    static ALL: LazyLock<Option<PhoneNumberUtil>> = LazyLock::new(|| rules(parts()?.1));
    ALL.as_ref()
}

fn rules(metadata: &[u8]) -> Option<PhoneNumberUtil> {
    PhoneNumberUtil::new_for_metadata(PhoneMetadataCollection::decode(metadata).ok()?).ok()
}

fn countries() -> impl Iterator<Item = Country<'static>> {
    let (lines, mut rest) = parts().unwrap_or_default();
    lines.lines().map_while(move |line| {
        let mut words = line.splitn(3, ' ');
        let (code, length, regions) = (words.next()?, words.next()?, words.next()?);
        let (metadata, after) = rest.split_at_checked(length.parse().ok()?)?;
        rest = after;
        Some(Country { code: code.parse().ok()?, regions, metadata })
    })
}

/// The lines, and the metadata behind them.
fn parts() -> Option<(&'static str, &'static [u8])> {
    let end = FILE.windows(2).position(|bytes| bytes == b"\n\n")?;
    Some((str::from_utf8(&FILE[..end]).ok()?, &FILE[end + 2..]))
}

#[cfg(test)]
mod tests {
    use std::{fmt::Write, fs, path::PathBuf, process::Command};

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
    fn the_metadata_is_that_of_the_crate() {
        let mut by_code: BTreeMap<i32, PhoneMetadataCollection> = BTreeMap::new();
        for mut region in of_the_crate().metadata {
            without_display(&mut region);
            by_code.entry(region.country_code()).or_default().metadata.push(region);
        }
        let (mut lines, mut metadata) = (String::new(), Vec::new());
        for (code, collection) in by_code {
            let regions: Vec<_> = collection.metadata.iter().map(|region| region.id.as_str()).collect();
            writeln!(lines, "{code} {} {}", collection.encoded_len(), regions.join(" ")).unwrap();
            collection.encode(&mut metadata).unwrap();
        }
        let made = [lines.as_bytes(), b"\n", &metadata].concat();

        if made != FILE {
            fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/phone/metadata.bin"), made).unwrap();
            panic!("metadata.bin was out of date and has been made anew");
        }
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
