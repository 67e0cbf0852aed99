//! `cargo run -- check-deploy`: finds what would only fail, or go wrong unnoticed, once `sam deploy` has begun.

mod elf;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use local::Template;
use toml::{Table, Value};

use crate::commands::cli::CheckDeploy;

/// The C library of Amazon Linux 2023, the system of the runtime `provided.al2023`.
const GLIBC: (u32, u32) = (2, 34);
/// What a template's `Architecture` says, how `cargo lambda build` is told, and how an ELF file says it (`e_machine`).
const ARCHITECTURES: [(&str, &str, u16); 2] = [("x86_64", "--x86-64", 62), ("arm64", "--arm64", 183)];
/// Functions that are named in a message; the others have the same problem.
const NAMED: usize = 3;

/// Why a deployment should not begin: a sentence each.
type Problem = String;

/// Checks `samconfig.toml` and the functions that were built, and says what will be deployed.
pub(crate) fn check(root: &Path, asked: &CheckDeploy) -> Result<String, Problem> {
    let settings = settings(root, &asked.config_env)?;
    let text = |name: &str| {
        let value = settings.get(name).and_then(Value::as_str);
        value.ok_or_else(|| format!("samconfig.toml: [{}.deploy.parameters] has no {name}", asked.config_env))
    };
    if text("template_file")? != "template.yaml" {
        return Err("samconfig.toml: template_file must be template.yaml, which `sam build` does not change"
            .to_owned());
    }
    let (stack, region) = (text("stack_name")?, text("region")?);
    let overrides = overrides(settings.get("parameter_overrides"))?;
    let template = root.join("template.yaml");
    let values = Template::deployed_parameters(&template, &overrides)
        .map_err(|error| format!("samconfig.toml, {}: {error}", asked.config_env))?;
    let template = Template::load(&template, &overrides).map_err(|error| error.to_string())?;
    let architecture = values.get("Architecture").map_or("", String::as_str);
    let binaries: Vec<&str> = template.functions.iter().map(|function| function.binary.as_str()).collect();
    check_binaries(root, &binaries, architecture)?;
    Ok(format!("{} functions for {architecture} are ready for the stack {stack} in {region}", binaries.len()))
}

/// The table of `sam deploy` in one environment.
fn settings(root: &Path, environment: &str) -> Result<Table, Problem> {
    let file = fs::read_to_string(root.join("samconfig.toml"))
        .map_err(|error| format!("samconfig.toml cannot be read: {error}"))?;
    let file: Table = file.parse().map_err(|error| format!("samconfig.toml: {error}"))?;
    let settings =
        file.get(environment).and_then(|commands| commands.get("deploy")?.get("parameters")?.as_table());
    settings.cloned().ok_or_else(|| {
        let known: Vec<&str> =
            file.iter().filter(|(_, value)| value.is_table()).map(|(name, _)| name.as_str()).collect();
        format!("samconfig.toml has no environment {environment}; it has {}", known.join(", "))
    })
}

/// The parameters' values. SAM would pass a boolean on as `True`, which no parameter takes.
fn overrides(table: Option<&Value>) -> Result<BTreeMap<String, String>, Problem> {
    let expected =
        "samconfig.toml: parameter_overrides must be a table of texts, such as MailFromName = \"Rollcall\"";
    let table = table.and_then(Value::as_table).ok_or(expected)?;
    let pair = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
    table.iter().map(|entry| pair(entry).ok_or_else(|| expected.to_owned())).collect()
}

/// Lambda would find out at the first request: every answer would be 502.
fn check_binaries(root: &Path, binaries: &[&str], architecture: &str) -> Result<(), Problem> {
    let (_, option, machine) = ARCHITECTURES
        .iter()
        .find(|(name, ..)| *name == architecture)
        .ok_or_else(|| format!("there is no architecture {architecture}"))?;
    let mut problems: BTreeMap<Problem, Vec<&str>> = BTreeMap::new();
    for binary in binaries {
        let file = fs::read(root.join("target/lambda").join(binary).join("bootstrap"));
        if let Some(problem) = problem(file.ok().as_deref(), *machine) {
            problems.entry(problem).or_default().push(binary);
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    let mut message = String::new();
    for (problem, binaries) in problems {
        let named = binaries[..binaries.len().min(NAMED)].join(", ");
        let others = match binaries.len().saturating_sub(NAMED) {
            0 => String::new(),
            others => format!(" and {others} others"),
        };
        let _ = writeln!(message, "{problem}: {named}{others}");
    }
    Err(format!("{message}Build them: cargo lambda build --release --package functions {option}"))
}

/// What is wrong with a function's executable.
fn problem(file: Option<&[u8]>, machine: u16) -> Option<Problem> {
    let Some(file) = file else { return Some("target/lambda has no bootstrap".to_owned()) };
    let Some(needs) = elf::needs(file) else {
        return Some("bootstrap is no 64-bit Linux executable".to_owned());
    };
    if needs.machine != machine {
        let found = ARCHITECTURES.iter().find(|(.., machine)| *machine == needs.machine);
        return Some(format!("built for {}", found.map_or("another processor", |(name, ..)| name)));
    }
    (needs.glibc > GLIBC).then(|| {
        let ((major, minor), (has, at_most)) = (needs.glibc, GLIBC);
        format!("built for glibc {major}.{minor}, and provided.al2023 has {has}.{at_most}")
    })
}
