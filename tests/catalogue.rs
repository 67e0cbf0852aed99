//! One name for a function everywhere: its file, its binary, its resource, its sample event and its test.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use local::{Function, Template};

use crate::support::root;

/// A line of the catalogue at the top of `functions/Cargo.toml`.
struct Entry {
    binary: String,
    path: String,
    comment: String,
}

fn catalogue() -> Vec<Entry> {
    let manifest = std::fs::read_to_string(root().join("functions/Cargo.toml")).unwrap();
    let lines =
        manifest.lines().skip_while(|line| *line != "bin = [").skip(1).take_while(|line| *line != "]");
    let quoted = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!("{name} = \"")).expect(line);
        rest.split_once('"').unwrap().0.to_owned()
    };
    lines
        .map(|line| Entry {
            binary: quoted(line, "name"),
            path: quoted(line, "path"),
            comment: line.split_once("# ").expect(line).1.to_owned(),
        })
        .collect()
}

fn functions() -> Vec<Function> {
    Template::load(&root().join("template.yaml"), &BTreeMap::new()).unwrap().functions
}

/// The files below a folder, without their extension: `api/otp/verify`.
pub(crate) fn files(folder: &Path, extension: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let name = path.strip_prefix(folder).unwrap().with_extension("");
                found.insert(name.to_str().unwrap().to_owned());
            }
        }
    }
    found
}

/// `api/otp/verify` as a binary: `api-otp-verify`.
fn binary(file: &str) -> String {
    file.replace('/', "-")
}

/// `api-otp-verify` as a logical id: `ApiOtpVerify`.
fn logical_id(binary: &str) -> String {
    let capitalised = |word: &str| word[..1].to_uppercase() + &word[1..];
    binary.split('-').map(capitalised).collect()
}

#[test]
fn catalogue_files_resources_events_and_tests_agree() {
    let catalogue = catalogue();
    let binaries: BTreeSet<String> = catalogue.iter().map(|entry| entry.binary.clone()).collect();
    assert_eq!(binaries.len(), catalogue.len(), "a name is twice in the catalogue");

    for entry in &catalogue {
        assert_eq!(binary(entry.path.strip_suffix(".rs").unwrap()), entry.binary, "{}", entry.path);
    }
    let mut function_files = files(&root().join("functions"), "rs");
    function_files.remove("build");
    let named_after_files: BTreeSet<String> = function_files.iter().map(|file| binary(file)).collect();
    assert_eq!(named_after_files, binaries, "files of functions and catalogue");

    let resources: BTreeMap<String, String> =
        functions().into_iter().map(|function| (function.id, function.binary)).collect();
    let expected = binaries.iter().map(|binary| (logical_id(binary), binary.clone())).collect();
    assert_eq!(resources, expected, "resources of the template and catalogue");

    assert_eq!(files(&root().join("events"), "json"), binaries, "sample events and catalogue");

    let tests = files(&root().join("tests"), "rs");
    let untested: Vec<&String> = function_files.difference(&tests).collect();
    assert_eq!(untested, [] as [&String; 0], "functions without a file of tests");
}

/// The methods and paths of a comment such as `PUT, PATCH /api/profile` or `GET /, GET /docs/{file}`.
fn named_routes(comment: &str) -> BTreeSet<(&str, &str)> {
    let (mut routes, mut methods) = (BTreeSet::new(), Vec::new());
    for word in comment.split([' ', ',']).filter(|word| !word.is_empty()) {
        if word.starts_with('/') {
            routes.extend(methods.drain(..).map(|method| (method, word)));
        } else {
            methods.push(word);
        }
    }
    routes
}

#[test]
fn catalogue_routes_and_first_lines_agree() {
    let functions: BTreeMap<String, Function> =
        functions().into_iter().map(|function| (function.binary.clone(), function)).collect();
    for entry in catalogue() {
        let function = &functions[&entry.binary];
        let text = std::fs::read_to_string(root().join("functions").join(&entry.path)).unwrap();
        let first_line = text.lines().next().unwrap();
        assert!(first_line.starts_with("//! "), "{}", entry.path);
        if function.routes.is_empty() {
            continue;
        }
        let routes: BTreeSet<(&str, &str)> =
            function.routes.iter().map(|route| (route.method.as_str(), route.path.as_str())).collect();
        assert_eq!(named_routes(&entry.comment), routes, "{}", entry.binary);
        let is_named =
            |(method, path): &(&str, &str)| first_line.contains(method) && first_line.contains(path);
        assert!(routes.iter().all(is_named), "{first_line}");
    }
}
