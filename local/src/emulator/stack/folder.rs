//! The folder of a stack: who uses it, and how another process finds the stack that does.

use std::{
    collections::BTreeMap,
    fs::{DirBuilder, File, TryLockError},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{StartError, upgrade::Marker};
use crate::emulator::{file, lambda::InvokeError, services::invoke::FUNCTION_ERROR};

/// Locked while a stack uses the folder.
const LOCK: &str = "lock";
/// Says where the stack listens. A stack that was killed leaves it behind, but not the lock.
const NOTICE: &str = "stack.json";
/// The functions' environment, for a function that runs beside the stack: `cargo lambda watch --env-file .local/env`.
const SETTINGS: &str = "env";

/// A folder that this stack uses, and no other.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Makes the folder, for its owner only, and keeps a second stack out of it: both would deliver every message.
    pub(super) fn occupy(path: &Path) -> Result<Self, StartError> {
        Marker::find(path)?;
        let unusable = |error| unusable(path, error);
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        let lock = File::create(path.join(LOCK)).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(unusable(io::Error::other("another stack runs in it")));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        let folder = Self { path: path.to_owned(), lock };
        folder.remove_notice();
        Ok(folder)
    }

    /// Lets [`Running::find`] find the stack, and functions that are run by other tools.
    pub(super) fn announce(
        &self,
        aws_url: &str,
        settings: &BTreeMap<String, String>,
    ) -> Result<(), StartError> {
        let unusable = |error| unusable(&self.path, error);
        let lines: io::Result<String> = settings.iter().map(|(name, value)| setting(name, value)).collect();
        let lines = lines.map_err(unusable)?;
        file::rewrite(&self.path.join(SETTINGS), lines.as_bytes()).map_err(unusable)?;
        let running = Running { aws_url: aws_url.to_owned() };
        file::replace(&self.path.join(NOTICE), &running).map_err(unusable)
    }

    fn remove_notice(&self) {
        // There may be none, and without the lock nobody reads it.
        for file in [NOTICE, SETTINGS] {
            let _ = std::fs::remove_file(self.path.join(file));
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        self.remove_notice();
        // Closing the file is not enough: a process that is just being started has a copy of it for a moment.
        let _ = self.lock.unlock();
    }
}

/// A stack that runs in a folder, in whichever process.
#[derive(Debug, Serialize, Deserialize)]
pub struct Running {
    aws_url: String,
}

impl Running {
    /// The stack that runs in the folder now, if one does.
    pub fn find(folder: &Path) -> Result<Option<Self>, StartError> {
        let unusable = |error| unusable(folder, error);
        let lock = match File::open(folder.join(LOCK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            lock => lock.map_err(unusable)?,
        };
        match lock.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::WouldBlock) => {
                let running: Option<Self> = file::load(Some(&folder.join(NOTICE))).map_err(unusable)?;
                let busy = || unusable(io::Error::other("a stack is just starting or stopping in it"));
                running.ok_or_else(busy).map(Some)
            }
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// Invokes a function as [`super::Stack::invoke`] does.
    pub async fn invoke(&self, function: &str, event: &Value) -> Result<Value, InvokeError> {
        let unreachable = |error: reqwest::Error| InvokeError::Unreachable(error.to_string());
        let client = reqwest::Client::builder().no_proxy().build().map_err(unreachable)?;
        let request = client
            .post(format!("{}/2015-03-31/functions/{function}/invocations", self.aws_url))
            .header("authorization", "AWS4-HMAC-SHA256")
            .body(event.to_string());
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status().as_u16();
        let has_failed = response.headers().contains_key(FUNCTION_ERROR);
        let body = response.text().await.map_err(unreachable)?;
        let answer: Value = serde_json::from_str(&body).map_err(|_| InvokeError::BadAnswer)?;
        match status {
            200 if has_failed => Err(InvokeError::Failed(answer)),
            200 => Ok(answer),
            404 => Err(InvokeError::Unknown(function.to_owned())),
            _ => Err(InvokeError::Unreachable(answer["message"].as_str().unwrap_or_default().to_owned())),
        }
    }
}

/// A line of the environment file. Its readers agree on what is between quotes when nothing has to be escaped, and on little else.
fn setting(name: &str, value: &str) -> io::Result<String> {
    let quotes = [('\'', "'\\\r\n"), ('"', "\"$\\\r\n")];
    let fitting = quotes.iter().find(|(_, special)| !value.contains(|c| special.contains(c)));
    let (quote, _) = fitting.ok_or_else(|| {
        io::Error::other(format!("the value of {name} has characters that no environment file can hold"))
    })?;
    Ok(format!("{name}={quote}{value}{quote}\n"))
}

pub(super) fn unusable(folder: &Path, error: io::Error) -> StartError {
    StartError::Folder(folder.display().to_string(), error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_written_as_every_reader_reads_it_or_not_at_all() {
        for (value, line) in [
            ("", "A=''\n"),
            ("a $b \"c\" #d", "A='a $b \"c\" #d'\n"),
            ("O'Neil <a@b.c>", "A=\"O'Neil <a@b.c>\"\n"),
        ] {
            assert_eq!(setting("A", value).unwrap(), line);
        }
        for value in ["a\\b", "a\nb", "a\rb", "'$", "'\""] {
            assert!(setting("A", value).is_err(), "{value}");
        }
    }
}
