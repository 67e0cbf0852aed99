//! docs/architecture.md draws the modules of `shared` and their one direction. The drawing is the truth: an import against it
//! fails here, and so does a circle of more than two files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use crate::support::root;

/// An import: the file that has it, the file that defines what is imported, and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Import {
    from: String,
    to: String,
    name: String,
}

/// The files of a crate by their module paths (`crate::user::claim`), each with what it uses.
struct Source {
    modules: BTreeMap<String, Module>,
}

struct Module {
    file: String,
    /// The code without comments, text and unit tests.
    code: String,
    /// What a `use` brings into scope: its name here, its full path, and whether it is handed on.
    uses: Vec<Use>,
}

#[derive(Debug, Clone)]
struct Use {
    name: String,
    path: Vec<String>,
    is_public: bool,
}

impl Source {
    /// Reads the files, each given by its path below `src` and its text.
    fn of(files: &BTreeMap<String, String>) -> Self {
        let names: BTreeSet<String> = files.keys().map(|file| module_of(file)).collect();
        let modules = files.iter().map(|(file, text)| {
            let (module, code) = (module_of(file), code_of(text));
            let uses = uses_of(&code, &module, &names);
            (module, Module { file: file.clone(), code, uses })
        });
        Self { modules: modules.collect() }
    }

    /// The file that defines what a path names, and whether the path names the whole module.
    fn resolve(&self, path: &[String]) -> Option<(&str, bool)> {
        self.resolve_within(path, 0)
    }

    fn resolve_within(&self, path: &[String], depth: usize) -> Option<(&str, bool)> {
        if path.first().map(String::as_str) != Some("crate") || depth > 8 {
            return None;
        }
        let mut at = "crate".to_owned();
        for (index, part) in path.iter().enumerate().skip(1) {
            let child = format!("{at}::{part}");
            if self.modules.contains_key(&child) {
                at = child;
                continue;
            }
            let module = self.modules.get(&at)?;
            if let Some(used) = module.uses.iter().find(|used| used.name == *part) {
                let target: Vec<_> = used.path.iter().chain(&path[index + 1..]).cloned().collect();
                return self.resolve_within(&target, depth + 1);
            }
            return Some((&module.file, false));
        }
        Some((&self.modules.get(&at)?.file, true))
    }

    /// Every import of every file. A re-export is none: who imports it imports from the file that defines it.
    fn imports(&self) -> BTreeSet<Import> {
        let mut imports = BTreeSet::new();
        for module in self.modules.values() {
            for used in module.uses.iter().filter(|used| !used.is_public) {
                let (paths, is_module) = match self.resolve(&used.path) {
                    None => continue,
                    Some((_, false)) => (vec![used.path.clone()], false),
                    // A module is imported for what is then named of it.
                    Some((_, true)) => (members(&module.code, &used.name, &used.path), true),
                };
                for path in paths {
                    let Some((to, names_module)) = self.resolve(&path) else { continue };
                    if to != module.file && !(is_module && names_module) {
                        let (from, to) = (module.file.clone(), to.to_owned());
                        imports.insert(Import { from, to, name: path.last().cloned().unwrap_or_default() });
                    }
                }
            }
            for path in inline_paths(&module.code) {
                let Some((to, false)) = self.resolve(&path) else { continue };
                if to != module.file {
                    let (from, to) = (module.file.clone(), to.to_owned());
                    imports.insert(Import { from, to, name: path.last().cloned().unwrap_or_default() });
                }
            }
        }
        imports
    }
}

/// The paths that code spells out where it needs them, such as `crate::time::now()`. Those of a re-export are none.
fn inline_paths(code: &str) -> Vec<Vec<String>> {
    let lines = code.lines().filter(|line| {
        let line = line.trim_start();
        !(line.starts_with("pub use ") || line.starts_with("pub(crate) use "))
    });
    let words = |line: &str| {
        let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        line.split(|c| !is_part(c)).map(str::to_owned).collect::<Vec<_>>()
    };
    let paths = lines.flat_map(words).filter(|word| word.starts_with("crate::"));
    let paths =
        paths.map(|path| path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect());
    paths.filter(|path: &Vec<_>| path.len() > 1).collect()
}

/// `user/claim.rs` is `crate::user::claim`.
fn module_of(file: &str) -> String {
    match file.trim_end_matches(".rs") {
        "lib" => "crate".to_owned(),
        path => format!("crate::{}", path.replace('/', "::")),
    }
}

/// The code without comments and without its unit tests, which may import what they like.
fn code_of(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// What the `use` items of a module bring into scope.
fn uses_of(code: &str, module: &str, modules: &BTreeSet<String>) -> Vec<Use> {
    let mut uses = Vec::new();
    for item in code.split(';') {
        let Some(at) = item.rfind("use ").filter(|at| is_item(&item[..*at])) else { continue };
        let start = item[..at].rsplit('\n').next().unwrap_or_default();
        let is_public = start.contains("pub");
        for path in expand(&item[at + 4..]) {
            let (path, name) = match path.split_once(" as ") {
                Some((path, name)) => (path.to_owned(), name.to_owned()),
                None => (path.clone(), path.rsplit("::").next().unwrap_or_default().to_owned()),
            };
            let path = absolute(&path, module, modules);
            let name = if name == "self" { path.last().cloned().unwrap_or_default() } else { name };
            uses.push(Use { name, path, is_public });
        }
    }
    uses
}

/// Whether an item begins after this: at the beginning of a line, or after its visibility.
fn is_item(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default().trim();
    line.is_empty() || line == "pub" || line.starts_with("pub(")
}

/// `a::{b, c::{d, e}}` is `a::b`, `a::c::d` and `a::c::e`.
fn expand(tree: &str) -> Vec<String> {
    let tree = tree.split_whitespace().collect::<Vec<_>>().join(" ");
    let Some((head, rest)) = tree.split_once('{') else { return vec![tree.trim().to_owned()] };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut parts, mut part) = (0, Vec::new(), String::new());
    for c in inner.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if c == ',' && depth == 0 {
            parts.push(std::mem::take(&mut part));
        } else {
            part.push(c);
        }
    }
    parts.push(part);
    let parts = parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty());
    parts.flat_map(expand).map(|part| format!("{}{part}", head.trim())).collect()
}

/// A path from the root of the crate; one of another crate stays as it is.
fn absolute(path: &str, module: &str, modules: &BTreeSet<String>) -> Vec<String> {
    let mut parts: Vec<String> = path.split("::").map(|part| part.trim().to_owned()).collect();
    if parts.last().is_some_and(|part| part == "self") {
        parts.pop();
    }
    let mut at: Vec<String> = module.split("::").map(str::to_owned).collect();
    let is_child = parts.first().is_some_and(|part| modules.contains(&format!("{module}::{part}")));
    match parts.first().map(String::as_str) {
        Some("super") => {
            while parts.first().is_some_and(|part| part == "super") {
                parts.remove(0);
                at.pop();
            }
            at.into_iter().chain(parts).collect()
        }
        Some("self") => at.into_iter().chain(parts.into_iter().skip(1)).collect(),
        _ if is_child => at.into_iter().chain(parts).collect(),
        _ => parts,
    }
}

/// What the code names of an imported module: `claim::Name` and the like, as paths.
fn members(code: &str, name: &str, path: &[String]) -> Vec<Vec<String>> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let pattern = format!("{name}::");
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(&pattern) {
        if code[..at].ends_with(|c| is_word(c) || c == ':') {
            continue;
        }
        let mut full = path.to_vec();
        let rest = &code[at + pattern.len()..];
        full.extend(
            rest.split("::")
                .map_while(|part| {
                    let word: String = part.chars().take_while(|c| is_word(*c)).collect();
                    (!word.is_empty()).then_some(word)
                })
                .take(1),
        );
        found.insert(full);
    }
    found.into_iter().collect()
}

/// The drawing: which files are in which module, and which modules a module may import.
#[derive(Debug, Default)]
struct Drawing {
    modules: BTreeMap<String, BTreeSet<String>>,
    arrows: BTreeSet<(String, String)>,
}

impl Drawing {
    /// Reads the first Mermaid diagram of a document. `store["session · throttle · user/"]` is a module with its files and
    /// folders, `store --> values` an arrow.
    fn read(document: &str) -> Self {
        let mut drawing = Self::default();
        let diagram = document.split("```mermaid").nth(1).unwrap_or_default();
        for line in diagram.split("```").next().unwrap_or_default().lines().map(str::trim) {
            if let Some((from, to)) = line.split_once(" --> ") {
                for to in to.split(" & ") {
                    drawing.arrows.insert((from.to_owned(), to.to_owned()));
                }
            } else if let Some((id, label)) = line.split_once("[\"") {
                let label = label.trim_end_matches("\"]");
                let files = label.split("<br/>").skip(1).flat_map(|line| line.split('·'));
                let files = files.map(|file| file.trim().to_owned()).filter(|file| !file.is_empty());
                drawing.modules.insert(id.to_owned(), files.collect());
            }
        }
        drawing
    }

    /// The module of a file: a folder's name ends with `/` and means its front (`user.rs`), too.
    fn module(&self, file: &str) -> Option<&str> {
        let path = file.trim_end_matches(".rs");
        let is_in = |part: &str| match part.strip_suffix('/') {
            Some(folder) => path == folder || path.starts_with(part),
            None => path == part,
        };
        // `http/html` in one module and `http/` in another: the longer name decides.
        let all = self.modules.iter().flat_map(|(id, parts)| parts.iter().map(move |part| (id, part)));
        let fitting = all.filter(|(_, part)| is_in(part)).max_by_key(|(_, part)| part.len());
        fitting.map(|(id, _)| id.as_str())
    }

    /// Whether a module may import another: along its arrows, however far.
    fn allows(&self, from: &str, to: &str) -> bool {
        let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
        while let Some(at) = next.pop() {
            if at == to {
                return true;
            }
            if seen.insert(at) {
                next.extend(self.arrows.iter().filter(|(a, _)| a == at).map(|(_, b)| b.as_str()));
            }
        }
        false
    }

    /// What is wrong, in words: with the drawing itself, or with imports against it.
    fn faults(&self, files: impl Iterator<Item = String>, imports: &BTreeSet<Import>) -> Vec<String> {
        let mut faults = Vec::new();
        for (from, to) in &self.arrows {
            if self.allows(to, from) {
                faults.push(format!("The drawing has arrows from {from} to {to} and back."));
            }
        }
        for file in files.filter(|file| file != "lib.rs" && self.module(file).is_none()) {
            faults.push(format!("shared/src/{file} is in no module of the drawing."));
        }
        for Import { from, to, name } in imports {
            let (Some(above), Some(below)) = (self.module(from), self.module(to)) else { continue };
            if !self.allows(above, below) {
                faults.push(format!(
                    "shared/src/{from} imports `{name}` of shared/src/{to}: no arrow leads from {above} to {below}."
                ));
            }
        }
        let used = |from: &str, to: &str| {
            let (from, to) = (Some(from), Some(to));
            imports.iter().any(|import| self.module(&import.from) == from && self.module(&import.to) == to)
        };
        for (from, to) in self.arrows.iter().filter(|(from, to)| !used(from, to)) {
            faults.push(format!("The drawing has an arrow from {from} to {to}, but no import follows it."));
        }
        faults
    }
}

/// The sets of more than two files that import each other in a circle.
fn circles(imports: &BTreeSet<Import>) -> Vec<BTreeSet<&str>> {
    let mut reach: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for import in imports {
        reach.entry(&import.from).or_default().insert(&import.to);
    }
    loop {
        let mut grown = false;
        for file in reach.keys().copied().collect::<Vec<_>>() {
            let further: BTreeSet<&str> =
                reach[file].iter().filter_map(|next| reach.get(next)).flatten().copied().collect();
            let all = reach.entry(file).or_default();
            let before = all.len();
            all.extend(further);
            grown |= all.len() > before;
        }
        if !grown {
            break;
        }
    }
    let reaches = |a: &str, b: &str| reach.get(a).is_some_and(|to| to.contains(b));
    let circles: BTreeSet<BTreeSet<&str>> = reach
        .keys()
        .map(|file| {
            reach.keys().filter(|other| reaches(file, other) && reaches(other, file)).copied().collect()
        })
        .collect();
    circles.into_iter().filter(|circle: &BTreeSet<&str>| circle.len() > 2).collect()
}

/// Every Rust file below a folder, by its path within it.
fn rust_files(folder: &Path, prefix: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() {
            files.extend(rust_files(&path, &format!("{prefix}{name}/")));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.insert(format!("{prefix}{name}"), fs::read_to_string(&path).unwrap());
        }
    }
    files
}

fn shared() -> BTreeMap<String, String> {
    rust_files(&root().join("shared/src"), "")
}

#[test]
fn every_import_follows_the_drawing() {
    let files = shared();
    let document = fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let faults = Drawing::read(&document).faults(files.keys().cloned(), &Source::of(&files).imports());
    assert!(faults.is_empty(), "docs/architecture.md and the code disagree:\n{}", faults.join("\n"));
}

#[test]
fn no_more_than_two_files_import_each_other_in_a_circle() {
    let imports = Source::of(&shared()).imports();
    let circles = circles(&imports);
    let within = |import: &&Import| {
        circles.iter().any(|all| all.contains(import.from.as_str()) && all.contains(import.to.as_str()))
    };
    let imports: Vec<_> = imports
        .iter()
        .filter(within)
        .map(|Import { from, to, name }| format!("{from} imports `{name}` of {to}"))
        .collect();
    assert!(imports.is_empty(), "files of shared/src import each other in a circle:\n{}", imports.join("\n"));
}

#[test]
fn no_endpoint_holds_a_caller_that_is_not_checked() {
    let caller = fs::read_to_string(root().join("shared/src/caller.rs")).unwrap();
    assert!(!caller.contains("pub use token::Bearer") && !caller.contains("pub use token::{Bearer"));
    for (file, text) in rust_files(&root().join("functions"), "") {
        let named = code_of(&text).split(|c: char| !c.is_alphanumeric()).any(|word| word == "Bearer");
        assert!(!named, "functions/{file} names `Bearer`, a caller that is not checked");
    }
}

mod checker {
    use super::*;

    const DOCUMENT: &str = "```mermaid\nflowchart TD\nhigh[\"High<br/>login · user/\"]\nlow[\"Low<br/>store\"]\nhigh --> low\n```";

    fn files(files: &[(&str, &str)]) -> BTreeMap<String, String> {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    fn faults(code: &[(&str, &str)]) -> Vec<String> {
        let files = files(code);
        Drawing::read(DOCUMENT).faults(files.keys().cloned(), &Source::of(&files).imports())
    }

    const LIB: (&str, &str) = ("lib.rs", "mod login;\nmod store;\nmod user;\n");
    const DOWN: (&str, &str) = ("login.rs", "use crate::{store::{get, put}, user};\n");

    #[test]
    fn an_import_along_an_arrow_is_allowed() {
        let store = ("store.rs", "// use crate::login::login;\npub fn get() {}\n");
        assert_eq!(faults(&[LIB, DOWN, store, ("user.rs", "")]), [""; 0]);
    }

    #[test]
    fn an_import_against_the_arrows_is_named() {
        let store = ("store.rs", "use crate::login::login;\n");
        let expected =
            "shared/src/store.rs imports `login` of shared/src/login.rs: no arrow leads from low to high.";
        assert_eq!(faults(&[LIB, DOWN, store, ("user.rs", "")]), [expected]);
    }

    #[test]
    fn a_path_in_the_middle_of_code_is_an_import() {
        let store = ("store.rs", "pub fn get() { crate::login::login(); }\n");
        let login = ("login.rs", "use crate::store::get;\npub fn login() {}\n");
        let expected =
            "shared/src/store.rs imports `login` of shared/src/login.rs: no arrow leads from low to high.";
        assert_eq!(faults(&[LIB, login, store, ("user.rs", "")]), [expected]);
    }

    #[test]
    fn a_re_export_is_an_import_of_the_file_that_defines_it() {
        let front = ("user.rs", "mod record;\npub use record::User;\n");
        let record = ("user/record.rs", "pub struct User;\n");
        for store in ["use crate::user::User;\n", "use crate::user;\nfn f(_: user::User) {}\n"] {
            let code = files(&[LIB, front, record, ("store.rs", store), ("login.rs", "")]);
            let imports = Source::of(&code).imports();
            let import = imports.iter().find(|import| import.from == "store.rs").unwrap();
            assert_eq!(import.to, "user/record.rs");
        }
    }

    #[test]
    fn a_file_that_is_not_drawn_is_named() {
        let faults = faults(&[LIB, DOWN, ("store.rs", ""), ("new.rs", "")]);
        assert_eq!(faults, ["shared/src/new.rs is in no module of the drawing."]);
    }

    #[test]
    fn an_arrow_without_an_import_is_named() {
        let faults = faults(&[LIB, ("login.rs", ""), ("store.rs", "")]);
        assert_eq!(faults, ["The drawing has an arrow from high to low, but no import follows it."]);
    }

    #[test]
    fn a_circle_of_three_is_found_and_one_of_two_is_not() {
        let import = |from: &str, to: &str| Import { from: from.into(), to: to.into(), name: "x".into() };
        let two = BTreeSet::from([import("a", "b"), import("b", "a"), import("b", "c")]);
        assert!(circles(&two).is_empty());
        let three = BTreeSet::from([import("a", "b"), import("b", "c"), import("c", "a")]);
        assert_eq!(circles(&three), [BTreeSet::from(["a", "b", "c"])]);
    }
}
