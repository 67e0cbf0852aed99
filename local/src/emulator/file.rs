//! Files that are written anew as a whole, small ones of JSON above all.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde::{Serialize, de::DeserializeOwned};

/// What the file holds; the default when there is none.
pub(crate) fn load<T: Default + DeserializeOwned>(path: Option<&Path>) -> io::Result<T> {
    match path.map(std::fs::read) {
        None => Ok(T::default()),
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Some(text) => Ok(serde_json::from_slice(&text?)?),
    }
}

/// Makes `value` what the file holds.
pub(crate) fn replace<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    rewrite(path, &serde_json::to_vec_pretty(value)?)
}

/// Writes aside, readable by nobody else, and renames: a crash leaves the old file or the new one.
pub(crate) fn rewrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&aside)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(aside, path)
}
