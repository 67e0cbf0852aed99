//! A list of the newest items, in memory and, if there is a folder, in a file with a line of JSON for each.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Mutex,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::emulator::{file, logs::lock};

/// Older items are forgotten.
const KEPT: usize = 10_000;

/// The list: the inbox, and the queue of what could not be delivered.
#[derive(Debug)]
pub(crate) struct Journal<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    file: Option<JournalFile>,
}

#[derive(Debug)]
struct JournalFile {
    path: PathBuf,
    file: File,
    lines: usize,
}

impl<T: Clone + Serialize + DeserializeOwned> Journal<T> {
    /// Goes on where the file ends. A line cut short by a crash is passed over.
    pub(crate) fn open(path: Option<&Path>) -> io::Result<Self> {
        let mut state = State { items: VecDeque::new(), file: None };
        if let Some(path) = path {
            let mut file = JournalFile::open(path.to_owned())?;
            let text = std::fs::read_to_string(path)?;
            if !text.is_empty() && !text.ends_with('\n') {
                file.file.write_all(b"\n")?;
            }
            file.lines = text.lines().count();
            state.items = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            state.file = Some(file);
            state.forget()?;
        }
        Ok(Self { state: Mutex::new(state) })
    }

    pub(crate) fn push(&self, item: T) {
        let mut state = lock(&self.state);
        // A full disk must not stop the stack; the item is still in memory.
        let _ = state.file.as_mut().map(|file| file.append(&item));
        state.items.push_back(item);
        let _ = state.forget();
    }

    /// Every item, oldest first.
    pub(crate) fn items(&self) -> Vec<T> {
        lock(&self.state).items.iter().cloned().collect()
    }
}

impl<T: Serialize> State<T> {
    /// Keeps the newest items, and writes the file anew when half of it is forgotten.
    fn forget(&mut self) -> io::Result<()> {
        let surplus = self.items.len().saturating_sub(KEPT);
        self.items.drain(..surplus);
        match &mut self.file {
            Some(file) if file.lines >= 2 * KEPT => file.replace(&self.items),
            _ => Ok(()),
        }
    }
}

impl JournalFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok(Self { path, file, lines: 0 })
    }

    fn append(&mut self, item: &impl Serialize) -> io::Result<()> {
        self.lines += 1;
        self.file.write_all(format!("{}\n", serde_json::to_string(item)?).as_bytes())
    }

    fn replace<T: Serialize>(&mut self, items: &VecDeque<T>) -> io::Result<()> {
        let mut text = String::new();
        for item in items {
            text += &serde_json::to_string(item)?;
            text.push('\n');
        }
        file::rewrite(&self.path, text.as_bytes())?;
        *self = Self::open(self.path.clone())?;
        self.lines = items.len();
        Ok(())
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

    #[test]
    fn a_journal_keeps_the_newest_items() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = Journal::<usize>::open(Some(&path)).unwrap();

        for item in 0..3 * KEPT {
            journal.push(item);
        }

        let newest: Vec<usize> = (2 * KEPT..3 * KEPT).collect();
        assert_eq!(journal.items(), newest);
        assert_eq!(Journal::<usize>::open(Some(&path)).unwrap().items(), newest);
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!((KEPT..2 * KEPT).contains(&lines), "{lines}");
    }
}
