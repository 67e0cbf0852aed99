//! `check-deploy`: what it accepts, and what it finds before `sam deploy` would.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]
#![cfg(target_os = "linux")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use local::Template;
use tempfile::TempDir;

/// `e_machine` of an ELF file is here; its values for the two architectures of Lambda.
const MACHINE: usize = 0x12;
const X86_64: u8 = 62;
const ARM64: u8 = 183;

/// A project that is about to be deployed: the template, samconfig.toml as it is committed and then filled in, and each function as
/// an executable for `x86_64` that asks for glibc 2.17.
struct Project(TempDir);

impl Project {
    fn new() -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        fs::copy(root.join("template.yaml"), project.path("template.yaml")).unwrap();
        fs::copy(root.join("samconfig.toml"), project.path("samconfig.toml")).unwrap();
        let template = Template::load(&root.join("template.yaml"), &BTreeMap::new()).unwrap();
        let executable = executable(X86_64, "GLIBC_2.17");
        for function in template.functions {
            let folder = project.path("target/lambda").join(function.binary);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("bootstrap"), &executable).unwrap();
        }
        project
    }

    /// The same, with every placeholder replaced.
    fn filled_in() -> Self {
        let project = Self::new();
        project.edit("<none, or django for clients of a Django system>", "none");
        project.edit("<an e-mail address that SES has verified>", "no-reply@example.com");
        project.edit("<the country of phone numbers without a country code, such as US>", "US");
        project.edit("<who gets alarms>", "operators@example.com");
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn edit(&self, old: &str, new: &str) {
        let file = self.path("samconfig.toml");
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.contains(old), "{old}");
        fs::write(file, text.replace(old, new)).unwrap();
    }

    fn put(&self, function: &str, bootstrap: &[u8]) {
        fs::write(self.path("target/lambda").join(function).join("bootstrap"), bootstrap).unwrap();
    }

    /// What the command says of an environment.
    fn check(&self, environment: &str) -> Result<String, String> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_local"));
        command.args(["check-deploy", "--config-env", environment]).current_dir(self.0.path());
        let output = command.output().unwrap();
        let (said, complained) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        if output.status.success() { Ok(said) } else { Err(complained) }
    }
}

/// This test as if it were built for another processor and with another C library.
fn executable(machine: u8, glibc: &str) -> Vec<u8> {
    let mut file = fs::read(std::env::current_exe().unwrap()).unwrap();
    file[MACHINE] = machine;
    let name = b"GLIBC_2.";
    let places: Vec<usize> =
        file.windows(name.len()).enumerate().filter(|(_, part)| part == name).map(|(at, _)| at).collect();
    for at in places {
        let end = at + file[at..].iter().position(|byte| *byte == 0).unwrap_or_default();
        // A shorter name, such as GLIBC_2.9, stays: it is older than any that matters here.
        if end - at >= glibc.len() {
            file[at..at + glibc.len()].copy_from_slice(glibc.as_bytes());
            file[at + glibc.len()..end].fill(0);
        }
    }
    file
}

#[test]
fn a_filled_in_project_is_ready_in_every_environment() {
    let project = Project::filled_in();

    for (environment, stack) in
        [("default", "rollcall"), ("staging", "rollcall-staging"), ("production", "rollcall-production")]
    {
        let said = project.check(environment).unwrap();
        assert!(
            said.ends_with(&format!(" functions for x86_64 are ready for the stack {stack} in us-east-1\n")),
            "{said}"
        );
    }
}

#[test]
fn a_placeholder_that_is_left_is_named() {
    let project = Project::new();

    let error = project.check("default").unwrap_err();
    assert_eq!(
        error,
        "error: samconfig.toml, default: the parameter Compatibility must be one of django, none\n"
    );
    project.edit("Compatibility = \"<none, or django for clients of a Django system>\"\n", "");
    let error = project.check("default").unwrap_err();
    assert_eq!(error, "error: samconfig.toml, default: the parameter Compatibility needs a value\n");
}

#[test]
fn what_cloudformation_would_refuse_is_named() {
    for (old, new, complaint) in [
        (
            "no-reply@example.com",
            "nobody",
            "samconfig.toml, default: the parameter MailFrom must be an e-mail address",
        ),
        (
            "Architecture = \"x86_64\"",
            "Architecure = \"x86_64\"",
            "samconfig.toml, default: the template has no parameter Architecure;",
        ),
        (
            "Architecture = \"x86_64\"",
            "SmsProvider = \"twilio\"",
            "samconfig.toml, default: the parameters break the rule TwilioHasItsSecret:",
        ),
        (
            "Architecture = \"x86_64\"",
            "CorsCredentials = false",
            "samconfig.toml: parameter_overrides must be a table of",
        ),
        (
            "template.yaml",
            ".aws-sam/build/template.yaml",
            "samconfig.toml: template_file must be template.yaml",
        ),
        ("stack_name = \"rollcall\"\n", "", "samconfig.toml: [default.deploy.parameters] has no stack_name"),
        ("region = \"us-east-1\"\n", "", "samconfig.toml: [default.deploy.parameters] has no region"),
        ("version = 0.1", "version =", "samconfig.toml: TOML parse error"),
    ] {
        let project = Project::filled_in();
        project.edit(old, new);
        let error = project.check("default").unwrap_err();
        assert!(error.starts_with(&format!("error: {complaint}")), "{new}: {error}");
    }
}

#[test]
fn an_environment_that_is_not_there_is_named() {
    let error = Project::filled_in().check("test").unwrap_err();

    assert_eq!(error, "error: samconfig.toml has no environment test; it has default, production, staging\n");
}

#[test]
fn functions_for_another_processor_are_refused() {
    let project = Project::filled_in();
    project.put("api-login", &executable(ARM64, "GLIBC_2.17"));

    let error = project.check("default").unwrap_err();
    assert_eq!(
        error,
        "error: built for arm64: api-login\nBuild them: cargo lambda build --release --package functions --x86-64\n"
    );
}

#[test]
fn every_function_has_the_processor_of_the_parameter() {
    let project = Project::filled_in();
    project.edit("Architecture = \"x86_64\"", "Architecture = \"arm64\"");

    let error = project.check("default").unwrap_err();
    assert!(error.starts_with("error: built for x86_64: ") && error.contains(" others\n"), "{error}");
    assert!(error.ends_with("cargo lambda build --release --package functions --arm64\n"), "{error}");
}

#[test]
fn functions_for_a_newer_c_library_are_refused() {
    let project = Project::filled_in();
    project.put("api-login", &executable(X86_64, "GLIBC_2.34"));
    project.check("default").unwrap();
    project.put("api-login", &executable(X86_64, "GLIBC_2.35"));

    let error = project.check("default").unwrap_err();
    assert!(
        error.starts_with("error: built for glibc 2.35, and provided.al2023 has 2.34: api-login\n"),
        "{error}"
    );
}

#[test]
fn functions_that_were_not_built_are_named() {
    let project = Project::filled_in();
    project.put("api-login", b"#!/bin/sh\n");
    fs::remove_dir_all(project.path("target/lambda/health")).unwrap();

    let error = project.check("default").unwrap_err();
    assert!(error.contains("bootstrap is no 64-bit Linux executable: api-login\n"), "{error}");
    assert!(error.contains("target/lambda has no bootstrap: health\n"), "{error}");
}
