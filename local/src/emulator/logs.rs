//! What the functions write: every line is kept, appended to `.local/functions.log`, and shown when it is a warning or worse.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use tokio::net::unix::pipe;

/// Lines kept for [`Logs::lines`]; a stack that runs for days forgets the oldest.
const KEPT_LINES: usize = 10_000;
/// A log file longer than this, in bytes, is put aside; the one that was aside before is gone then.
const FILE_LIMIT: u64 = 10 * 1024 * 1024;

/// The lines of every function.
#[derive(Debug)]
pub(crate) struct Logs {
    kept: Mutex<Kept>,
    terminal: bool,
}

#[derive(Debug)]
struct Kept {
    lines: VecDeque<String>,
    file: Option<LogFile>,
}

/// `functions.log`, and before it `functions.log.1`.
#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Logs {
    /// `folder` gets the log file; `terminal` shows what deserves attention.
    pub(crate) fn open(folder: Option<&Path>, terminal: bool) -> io::Result<Self> {
        let file = folder.map(|folder| LogFile::open(folder.join("functions.log"))).transpose()?;
        Ok(Self { kept: Mutex::new(Kept { lines: VecDeque::new(), file }), terminal })
    }

    /// Every line any function wrote in this run, oldest first.
    pub(crate) fn lines(&self) -> Vec<String> {
        lock(&self.kept).lines.iter().cloned().collect()
    }

    /// A line that a function wrote.
    pub(crate) fn line(&self, function: &str, line: &str) {
        let mut kept = lock(&self.kept);
        if kept.lines.len() == KEPT_LINES {
            kept.lines.pop_front();
        }
        kept.lines.push_back(line.to_owned());
        if let Some(file) = &mut kept.file {
            // A full disk must not stop the stack.
            let _ = file.append(&format!("{function} {line}\n"));
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

impl LogFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let length = file.metadata()?.len();
        Ok(Self { path, file, length })
    }

    fn append(&mut self, line: &str) -> io::Result<()> {
        if self.length >= FILE_LIMIT {
            std::fs::rename(&self.path, self.path.with_extension("log.1"))?;
            *self = Self::open(self.path.clone())?;
        }
        self.file.write_all(line.as_bytes())?;
        self.length += line.len() as u64;
        Ok(())
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
    fn a_log_that_has_grown_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let (log, aside) = (folder.path().join("functions.log"), folder.path().join("functions.log.1"));
        let line = "x".repeat(1024 * 1024);

        for _ in 0..3 {
            let logs = Logs::open(Some(folder.path()), false).unwrap();
            for _ in 0..7 {
                logs.line("probe", &line);
            }
        }

        let length = |path: &Path| std::fs::metadata(path).unwrap().len() / (1024 * 1024);
        assert_eq!((length(&log), length(&aside)), (1, 10));
    }

    #[test]
    fn warnings_errors_and_panics_deserve_attention() {
        assert!(deserves_attention(r#"{"level":"WARN","message":"slow"}"#));
        assert!(deserves_attention("thread 'main' panicked at src/main.rs:1:1:"));
        assert!(!deserves_attention(r#"{"level":"INFO","message":"signed in"}"#));
        assert!(!deserves_attention(""));
    }
}
