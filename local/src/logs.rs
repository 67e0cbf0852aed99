//! What the functions write: every line is kept, appended to `.local/functions.log`, and shown when it is a warning or worse.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::net::unix::pipe;

/// Lines kept for [`Logs::lines`]; a stack that runs for days forgets the oldest.
const KEPT_LINES: usize = 100_000;

/// The lines of every function.
#[derive(Debug)]
pub(crate) struct Logs {
    lines: Mutex<VecDeque<String>>,
    file: Option<File>,
    terminal: bool,
}

impl Logs {
    /// `folder` gets the log file; `terminal` shows what deserves attention.
    pub(crate) fn open(folder: Option<&Path>, terminal: bool) -> io::Result<Self> {
        let append =
            |folder: &Path| OpenOptions::new().create(true).append(true).open(folder.join("functions.log"));
        Ok(Self { lines: Mutex::default(), file: folder.map(append).transpose()?, terminal })
    }

    /// Every line any function wrote in this run, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        lock(&self.lines).iter().cloned().collect()
    }

    /// A line that a function wrote.
    pub(crate) fn line(&self, function: &str, line: &str) {
        let mut lines = lock(&self.lines);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line.to_owned());
        if let Some(mut file) = self.file.as_ref() {
            // A full disk must not stop the stack.
            let _ = writeln!(file, "{function} {line}");
        }
        if self.terminal && deserves_attention(line) {
            self.notice(&format!("{function}: {line}"));
        }
    }

    /// A line of the stack's own for the terminal. Control characters would let a log line repaint the screen.
    pub(crate) fn notice(&self, line: &str) {
        if self.terminal {
            eprintln!("{}", line.replace(|c: char| c.is_control() && c != '\t', " "));
        }
    }
}

/// Functions log JSON; a line that is none comes from a panic or a library.
fn deserves_attention(line: &str) -> bool {
    let parsed: Option<Value> = serde_json::from_str(line).ok();
    match parsed.as_ref().filter(|line| line.is_object()) {
        Some(json) => matches!(json["level"].as_str(), Some("WARN" | "ERROR")),
        None => !line.trim().is_empty(),
    }
}

/// One output stream of an instance.
///
/// A function writes its lines before it answers, so whoever has the answer may ask for the lines: [`Pipe::drain`] reads what
/// is there without waiting for the reactor to notice it.
#[derive(Debug)]
pub(crate) struct Pipe {
    function: String,
    logs: Arc<Logs>,
    reader: Mutex<Reader>,
}

#[derive(Debug)]
struct Reader {
    file: File,
    partial: Vec<u8>,
}

impl Pipe {
    /// Follows `output` until its other end is closed.
    pub(crate) fn follow(output: OwnedFd, function: &str, logs: &Arc<Logs>) -> io::Result<Arc<Self>> {
        let file = File::from(output.try_clone()?);
        // This makes the pipe non-blocking, for both handles.
        let readiness = pipe::Receiver::from_owned_fd(output)?;
        let reader = Mutex::new(Reader { file, partial: Vec::new() });
        let pipe = Arc::new(Self { function: function.to_owned(), logs: Arc::clone(logs), reader });
        tokio::spawn(Arc::clone(&pipe).run(readiness));
        Ok(pipe)
    }

    async fn run(self: Arc<Self>, readiness: pipe::Receiver) {
        let mut buffer = [0; 4096];
        while readiness.readable().await.is_ok() {
            let mut reader = lock(&self.reader);
            match readiness.try_read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => self.feed(&mut reader, &buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => break,
            }
        }
        let mut reader = lock(&self.reader);
        if !reader.partial.is_empty() {
            self.feed(&mut reader, b"\n");
        }
    }

    /// Reads everything that has been written up to now.
    pub(crate) fn drain(&self) {
        let mut reader = lock(&self.reader);
        let mut buffer = [0; 4096];
        loop {
            match reader.file.read(&mut buffer) {
                Ok(length) if length > 0 => self.feed(&mut reader, &buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => return,
            }
        }
    }

    fn feed(&self, reader: &mut Reader, bytes: &[u8]) {
        reader.partial.extend_from_slice(bytes);
        while let Some(end) = reader.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = reader.partial.drain(..=end).collect();
            self.logs.line(&self.function, String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']));
        }
    }
}

/// No code here panics while it holds a lock, and a poisoned log would still be a log.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_errors_and_panics_deserve_attention() {
        assert!(deserves_attention(r#"{"level":"WARN","message":"slow"}"#));
        assert!(deserves_attention("thread 'main' panicked at src/main.rs:1:1:"));
        assert!(!deserves_attention(r#"{"level":"INFO","message":"signed in"}"#));
        assert!(!deserves_attention(""));
    }
}
