//! One name for a function everywhere: its file, its binary, its resource, its sample event and its tests.

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

/// All of them: with every condition met.
fn functions() -> Vec<Function> {
    let parameters = BTreeMap::from([("CorsOrigins".to_owned(), "*".to_owned())]);
    Template::load(&root().join("template.yaml"), &parameters).unwrap().functions
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

/// Whether the module of `tests/` that a file belongs to names it: a file that no module names is not compiled.
fn is_compiled(test: &str) -> bool {
    let (module, name) = test.rsplit_once('/').unwrap_or(("main", test));
    let is_named_in = |module: &str| {
        let source = std::fs::read_to_string(root().join(format!("tests/{module}.rs"))).unwrap_or_default();
        source.contains(&format!("mod {name};")) || source.contains(&format!("{name}.rs\"]"))
    };
    is_named_in(module) || is_named_in("main")
}

#[test]
fn every_function_has_all_that_belongs_to_it() {
    let catalogue = catalogue();
    let binaries: BTreeSet<String> = catalogue.iter().map(|entry| entry.binary.clone()).collect();
    assert_eq!(binaries.len(), catalogue.len(), "a name is twice in the catalogue");
    let resources: BTreeMap<String, String> =
        functions().into_iter().map(|function| (function.binary, function.id)).collect();
    let mut sources = files(&root().join("functions"), "rs");
    sources.remove("build");
    let tests = files(&root().join("tests"), "rs");

    let mut complaints = Vec::new();
    for source in &sources {
        let name = binary(source);
        let id = logical_id(&name);
        if !catalogue.iter().any(|entry| entry.binary == name && entry.path == format!("{source}.rs")) {
            complaints
                .push(format!("functions/Cargo.toml has no line for `{name}` with the path `{source}.rs`"));
        }
        if resources.get(&name) != Some(&id) {
            complaints.push(format!("template.yaml has no function `{id}` with the code of `{name}`"));
        }
        if !tests.contains(source) {
            complaints.push(format!("tests/{source}.rs is missing: the tests of functions/{source}.rs"));
        } else if !is_compiled(source) {
            complaints.push(format!("tests/{source}.rs is not named by a module, so nothing runs its tests"));
        }
    }
    let known: BTreeSet<String> = sources.iter().map(|source| binary(source)).collect();
    for name in binaries.difference(&known) {
        complaints.push(format!("functions/Cargo.toml has a line for `{name}`, which has no file"));
    }
    for name in resources.keys().filter(|name| !known.contains(*name)) {
        complaints.push(format!("template.yaml has the function `{name}`, which has no file"));
    }
    for name in files(&root().join("events"), "json").difference(&known) {
        complaints.push(format!("events/{name}.json is of no function: delete it"));
    }
    assert!(complaints.is_empty(), "docs/add-an-endpoint.md says how:\n{}", complaints.join("\n"));
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
    let mut complaints = Vec::new();
    for Entry { binary, path, comment } in catalogue() {
        let text = std::fs::read_to_string(root().join("functions").join(&path)).unwrap();
        let first_line = text.lines().next().unwrap();
        if !first_line.starts_with("//! ") {
            complaints.push(format!("functions/{path} does not begin with what it is: `//! ...`"));
        }
        let Some(function) = functions.get(&binary).filter(|function| !function.routes.is_empty()) else {
            continue;
        };
        // It has every path: tests/preflight.rs.
        if binary == "preflight" {
            continue;
        }
        let routes: BTreeSet<(&str, &str)> =
            function.routes.iter().map(|route| (route.method.as_str(), route.path.as_str())).collect();
        if named_routes(&comment) != routes {
            complaints.push(format!(
                "the comment on `{binary}` in functions/Cargo.toml names other routes than template.yaml: {routes:?}"
            ));
        }
        for (method, path) in routes {
            if !first_line.contains(method) || !first_line.contains(path) {
                complaints.push(format!("the first line of {binary}'s file does not name {method} {path}"));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// A hash costs ten times what other requests cost: the gateway takes fewer of them, whatever `RequestsPerSecond` is.
#[test]
fn every_function_that_hashes_passwords_has_a_limit_of_its_own() {
    let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    let settings = template.split("- ResourcePath: ").skip(1);
    let limited = settings.filter(|setting| setting.contains("PasswordRequestsPerSecond]"));
    let limited: BTreeSet<String> =
        limited.map(|setting| format!("POST {}", setting.lines().next().unwrap())).collect();

    let hashing = functions().into_iter().filter(|function| function.memory == 1_024);
    let routes = hashing.flat_map(|function| function.routes);
    let routes: BTreeSet<String> = routes.map(|route| format!("{} {}", route.method, route.path)).collect();

    assert_eq!(limited, routes);
    assert_eq!(
        template.matches("ReservedConcurrentExecutions: !If [HasPasswordInstances").count(),
        routes.len()
    );
}
