//! Makes a module of every function's file, by the catalogue at the top of functions/Cargo.toml, so that a new endpoint appears in the
//! contract by itself.

use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// What functions include and their own build makes. Nobody serves it from here.
const MADE_BY_THE_FUNCTIONS: [&str; 8] = [
    "document.json",
    "patches.json",
    "collection.json",
    "collection-page.json",
    "collection-array.json",
    "endpoints.json",
    "swagger-ui-bundle.js",
    "swagger-ui.css",
];

fn main() -> Result<(), Box<dyn Error>> {
    // Only here do functions have what comes after `#[cfg(contract)]`: their binaries know nothing of it.
    println!("cargo::rustc-cfg=contract");
    let functions = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions").canonicalize()?;
    let catalogue = functions.join("Cargo.toml");
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", catalogue.display());

    let catalogue = fs::read_to_string(catalogue)?;
    let lines =
        catalogue.lines().skip_while(|line| *line != "bin = [").skip(1).take_while(|line| *line != "]");
    let (mut modules, mut declared) = (String::new(), String::new());
    for line in lines {
        let (name, path) = (quoted(line, "name")?, functions.join(quoted(line, "path")?));
        if !fs::read_to_string(&path)?.contains("#[cfg(contract)]\npub fn contract()") {
            return Err(
                format!("{} ends without its `contract()`: docs/add-an-endpoint.md", path.display()).into()
            );
        }
        let module = name.replace('-', "_");
        let path = path.to_str().ok_or("the path is no text")?;
        writeln!(modules, "#[path = {path:?}] #[allow(dead_code)] mod {module};")?;
        writeln!(declared, "({name:?}, {module}::contract().into()),")?;
    }
    let folder = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo names no folder")?);
    fs::write(
        folder.join("functions.rs"),
        format!(
            "{modules}pub(crate) fn declared() -> Vec<(&'static str, crate::Declared)> {{ vec![{declared}] }}"
        ),
    )?;
    for file in MADE_BY_THE_FUNCTIONS {
        fs::write(folder.join(file), file)?;
    }
    Ok(())
}

/// The value of a line of the catalogue, such as `name = "api-login"`.
fn quoted<'a>(line: &'a str, name: &str) -> Result<&'a str, String> {
    let value = line.split_once(&format!("{name} = \"")).and_then(|(_, rest)| rest.split_once('"'));
    value.map(|(value, _)| value).ok_or_else(|| format!("functions/Cargo.toml: no {name} in `{line}`"))
}
