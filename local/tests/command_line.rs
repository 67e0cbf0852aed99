//! What the command line refuses: one clear line on standard error and an exit code that is not zero, before anything is built.

#![expect(clippy::unwrap_used, reason = "a test may panic, and so may what it calls")]

use std::{
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

fn local(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_local")).current_dir(folder).args(arguments).output().unwrap()
}

fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let output = local(folder, arguments);
    assert!(!output.status.success(), "{arguments:?}");
    assert!(output.stdout.is_empty(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    let error = refusal(root(), &["--memory", "--port", &port]);

    assert!(error.starts_with(&format!("error: port {port} cannot be used: ")), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn a_parameter_that_is_unknown_or_out_of_bounds_is_named() {
    for (parameter, complaint) in [
        ("Nope=1", "error: the template has no parameter Nope; it has "),
        ("Policy=lax", "error: the parameter Policy must be one of strict, seeds"),
        ("OtpLifetimeSeconds=5", "error: the parameter OtpLifetimeSeconds must be at least 60"),
    ] {
        let error = refusal(root(), &["--memory", "--port", "0", "--parameter", parameter]);

        assert!(error.starts_with(complaint), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_bad_option_is_named() {
    for (arguments, complaint) in
        [(["--bogus", "1"], "unexpected argument '--bogus'"), (["--env", "FOO"], "expected NAME=VALUE")]
    {
        let error = refusal(root(), &arguments);
        assert!(error.lines().next().unwrap().contains(complaint), "{error}");
    }
}

#[test]
fn a_broken_template_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("template.yaml"), "Resources: { Api: [").unwrap();

    let error = refusal(folder.path(), &["--memory", "--port", "0"]);

    assert!(error.starts_with("error: ") && error.contains("template"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn texts_are_checked_and_printed_as_carriers_register_them() {
    let output = local(root(), &["check-messages", "messages/texts", "--stack", "acme"]);

    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    let registered = "en/verify_phone:      {#var#} is your Acme code. It can be used once and expires in {#var#} min. Do not share it.\n";
    assert!(printed.contains(registered), "{printed}");
}

#[test]
fn a_text_that_cannot_be_used_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("en/sms")).unwrap();
    std::fs::write(folder.path().join("en/sms/log_in.txt"), "Acme").unwrap();

    let error = refusal(root(), &["check-messages", folder.path().to_str().unwrap()]);

    assert!(error.starts_with("en/sms/log_in.txt: {code} is missing\nerror: "), "{error}");
}
