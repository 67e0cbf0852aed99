//! Functions as Lambda leaves them after it has frozen their instances.

use std::{fs::File, os::unix::fs::FileExt, process::Command};

use tempfile::TempDir;

use super::{Api, Proxied, root};

/// Moves the wall clock of functions and leaves their monotonic clocks as they are.
pub(crate) struct Freezer {
    folder: TempDir,
    /// What `frozen.c` reads: two numbers.
    file: File,
    frozen_for: i64,
}

impl Freezer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(folder.path().join("frozen.so"))
            .arg(root().join("tests/support/frozen.c"))
            .status()
            .unwrap();
        assert!(compiled.success());
        let file = File::create_new(folder.path().join("frozen")).unwrap();
        file.set_len(16).unwrap();
        Self { folder, file, frozen_for: 0 }
    }

    /// Lets so many seconds pass in which the instances are frozen.
    pub(crate) fn freeze(&mut self, seconds: i64) {
        self.frozen_for += seconds;
        self.file.write_all_at(&self.frozen_for.to_ne_bytes(), 0).unwrap();
    }

    /// The next connection of a function to this port is refused.
    pub(crate) fn refuse_next_connection_to(&self, port: u16) {
        self.file.write_all_at(&i64::from(port).to_ne_bytes(), 8).unwrap();
    }

    /// Whether a connection is still to be refused.
    pub(crate) fn is_to_refuse(&self) -> bool {
        let mut port = [0; 8];
        self.file.read_exact_at(&mut port, 8).unwrap();
        port != [0; 8]
    }
}

impl Api {
    /// With other parameters, instances that can be frozen, and proxies between them and what they depend on.
    pub(crate) async fn that_freezes(parameters: &[(&str, &str)]) -> (Proxied, Freezer) {
        let freezer = Freezer::new();
        let path = |name: &str| freezer.folder.path().join(name).to_str().unwrap().to_owned();
        let (shim, file) = (path("frozen.so"), path("frozen"));
        let frozen = [("LD_PRELOAD", shim.as_str()), ("FROZEN", file.as_str())];
        let api =
            Proxied::before(async |env| Self::with_env(&[env, &frozen].concat(), parameters).await).await;
        (api, freezer)
    }
}
