//! Building the functions with the cargo that runs this.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use tokio::process::Command;

/// Why there are no binaries.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    /// Cargo could not be run.
    #[error("cargo cannot be run: {0}")]
    Cargo(#[from] std::io::Error),
    /// Cargo has said why.
    #[error("the functions do not build")]
    Failed,
    /// It built nothing.
    #[error("the package functions has no binaries")]
    Nothing,
}

/// Builds every function of the workspace in `root`, and gives the folder with the binaries.
///
/// With all packages selected, as for `cargo run` and `cargo test`, no dependency is compiled for one of them alone. In a release
/// the functions have only what they ask for themselves, as they deploy.
///
/// Cargo's progress and errors go to stderr as ever; on stdout it tells where the binaries are, wherever its configuration puts them.
pub(crate) async fn compile(root: &Path, release: bool) -> Result<PathBuf, CompileError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(["build", "--bins", "--message-format", "json-render-diagnostics"]);
    command.args(if release { &["--package", "functions", "--release"][..] } else { &["--workspace"] });
    let cargo = command.current_dir(root).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let output = cargo.wait_with_output().await?;
    if !output.status.success() {
        return Err(CompileError::Failed);
    }
    binaries_folder(&String::from_utf8_lossy(&output.stdout)).ok_or(CompileError::Nothing)
}

fn binaries_folder(messages: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut executables = messages.filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
    executables.next()?.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_tells_where_the_binaries_are() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n{\"executable\":\"/t/debug/api-login\"}\n{}";

        assert_eq!(binaries_folder(messages), Some(PathBuf::from("/t/debug")));
        assert_eq!(binaries_folder(""), None);
    }
}
