//! A running instance of a function, as the system sees it.

use std::{fs, path::Path, process::Command, time::Duration};

use super::Api;

/// A process of one of this program's stacks.
pub(crate) struct Instance(u32);

impl Instance {
    /// The instances of a function in all of them.
    pub(crate) fn of(binary: &str) -> Vec<Self> {
        let mut found = Vec::new();
        for task in fs::read_dir("/proc/self/task").unwrap() {
            // A thread may be gone by now.
            let children = fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
            found.extend(children.split_whitespace().map(|id| Self(id.parse().unwrap())));
        }
        found.retain(|process| process.runs(binary));
        found
    }

    fn runs(&self, binary: &str) -> bool {
        let line = fs::read_to_string(format!("/proc/{}/cmdline", self.0)).unwrap_or_default();
        line.trim_end_matches('\0').rsplit('/').next() == Some(binary)
    }

    /// Whether this stack has started it.
    pub(crate) fn is_in(&self, api: &Api) -> bool {
        let variables = fs::read(format!("/proc/{}/environ", self.0)).unwrap_or_default();
        let aws = format!("AWS_ENDPOINT_URL={}", api.stack.aws_url());
        variables.split(|byte| *byte == 0).any(|variable| variable == aws.as_bytes())
    }

    /// Resident memory, in bytes.
    pub(crate) fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0)).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
    }

    /// The processor time that it has used, in milliseconds: whatever else the machine does, its own work takes as much.
    pub(crate) fn cpu(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.0)).unwrap();
        let of = |path: &Path| {
            let text = fs::read_to_string(path.join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<u64>().ok()).unwrap_or_default()
        };
        let nanoseconds: u64 = tasks.map(|task| of(&task.unwrap().path())).sum();
        Duration::from_nanos(nanoseconds).as_secs_f64() * 1e3
    }

    /// Kills every instance of a function, and waits until they are gone.
    pub(crate) fn kill_all(binary: &str) {
        Self::of(binary).into_iter().for_each(Self::kill);
    }

    /// Kills it, and gives it no rest until it is gone.
    fn kill(self) {
        let file = format!("/proc/{}/stat", self.0);
        Command::new("kill").args(["-9", &self.0.to_string()]).status().unwrap();
        // Z: it has ended, and its parent has not asked yet.
        while fs::read_to_string(&file).is_ok_and(|stat| !stat.contains(") Z ")) {
            std::thread::yield_now();
        }
    }
}
