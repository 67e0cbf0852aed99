//! A list that only grows, in memory and, if there is a folder, in a file with a line of JSON for each item.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::Mutex,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::logs::lock;

/// The list: the inbox, and the queue of what could not be delivered.
#[derive(Debug)]
pub(crate) struct Journal<T> {
    items: Mutex<Vec<T>>,
    file: Option<File>,
}

impl<T: Clone + Serialize + DeserializeOwned> Journal<T> {
    /// Goes on where the file ends. A line cut short by a crash is passed over.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else { return Ok(Self { items: Mutex::default(), file: None }) };
        let file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        let text = std::fs::read_to_string(path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            (&file).write_all(b"\n")?;
        }
        let items = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(Self { items: Mutex::new(items), file: Some(file) })
    }

    pub(crate) fn push(&self, item: T) {
        let mut items = lock(&self.items);
        if let (Some(mut file), Ok(line)) = (self.file.as_ref(), serde_json::to_string(&item)) {
            // A full disk must not stop the stack; the item is still in memory.
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
        items.push(item);
    }

    /// Every item, oldest first.
    pub(crate) fn items(&self) -> Vec<T> {
        lock(&self.items).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_goes_on_after_a_crash_in_the_middle_of_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(&path, "\"one\"\n\"tw").unwrap();

        Journal::<String>::open(Some(&path)).unwrap().push("three".to_owned());

        assert_eq!(Journal::<String>::open(Some(&path)).unwrap().items(), ["one", "three"]);
    }
}
