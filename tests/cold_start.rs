//! The first request of a function as Lambda gives it: with the share of a processor that its memory buys, and over TLS. How long
//! it takes, and that no call is made twice because an attempt was given up.
//!
//! The functions are those that ship. In copies of them, one of Amazon's roots is replaced by that of a test authority: nothing that
//! is built knows it. Everything is slow from the start of the process on; Lambda gives a whole processor until the function asks for
//! its first event, so that its figures are better.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use local::{Function, Template};
use tempfile::TempDir;

use crate::{
    benchmarks::{is_plain, median},
    depth::budgets,
    support::{
        Api, Instance, root,
        tls::{Authority, BehindTls},
    },
};

/// How many cold starts are measured of each function, unless `COLD_STARTS` says otherwise.
const STARTS: usize = 5;
/// Lambda gives a whole processor for so many MB: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
const WHOLE_PROCESSOR: u64 = 1_769;
/// The microseconds in which a group gets its share.
const PERIOD: u64 = 20_000;
/// Where groups can be made; `CGROUP` names another folder, such as one that systemd has delegated.
const VERSION_1: &str = "/sys/fs/cgroup/cpu";
const VERSION_2: &str = "/sys/fs/cgroup";

/// Processes that get a share of a processor between them. Dropping it removes the group.
struct Group(PathBuf);

impl Group {
    fn of(function: &Function) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the tests have no configuration")]
        let parent = std::env::var("CGROUP").map_or_else(|_| default_parent(), PathBuf::from);
        let folder = parent.join(format!("rollcall-{}-{}", std::process::id(), function.binary));
        let quota = quota(function);
        let write = |name: &str, text: String| {
            let file = folder.join(name);
            fs::write(&file, text).unwrap_or_else(|error| {
                panic!("{}: {error}. This takes root, or CGROUP with a folder of one's own", file.display())
            });
        };
        fs::create_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        if folder.join("cpu.cfs_quota_us").exists() {
            write("cpu.cfs_period_us", PERIOD.to_string());
            write("cpu.cfs_quota_us", quota.to_string());
        } else {
            write("cpu.max", format!("{quota} {PERIOD}"));
        }
        Self(folder)
    }
}

/// The microseconds of a period for which a function has a processor.
fn quota(function: &Function) -> u64 {
    PERIOD * function.memory.min(WHOLE_PROCESSOR) / WHOLE_PROCESSOR
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its last process may be just ending. An empty group does no harm.
        let _ = fs::remove_dir(&self.0);
    }
}

fn default_parent() -> PathBuf {
    let version_1 = Path::new(VERSION_1);
    if version_1.join("cpu.cfs_quota_us").exists() || version_1.join("cgroup.procs").exists() {
        return version_1.to_owned();
    }
    // Groups below the root have a processor's share only where it is switched on.
    let _ = fs::write(Path::new(VERSION_2).join("cgroup.subtree_control"), "+cpu");
    PathBuf::from(VERSION_2)
}

/// The functions that ship, each behind a script that puts it into its group.
struct Slow {
    folder: TempDir,
    _groups: Vec<Group>,
}

impl Slow {
    fn new(functions: &[Function], authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        let built = root().join("target/lambda");
        let groups = functions.iter().map(|function| {
            let group = Group::of(function);
            let name = &function.binary;
            let binary = fs::read(built.join(name).join("bootstrap"));
            let binary = binary.expect("run `cargo lambda build --release --package functions` first");
            executable(&real.join(name), &trusting(binary, &authority.root()));
            let (procs, real) = (group.0.join("cgroup.procs"), real.join(name));
            let script = format!("#!/bin/sh\necho $$ >{} && exec {}\n", procs.display(), real.display());
            executable(&folder.path().join(name), script.as_bytes());
            group
        });
        let groups = groups.collect();
        Self { folder, _groups: groups }
    }
}

fn executable(path: &Path, content: &[u8]) {
    let mut file = fs::File::create_new(path).unwrap();
    file.write_all(content).unwrap();
    file.set_permissions(fs::Permissions::from_mode(0o755)).unwrap();
}

/// The binary with another root in place of one that it has, if it has any.
fn trusting(mut binary: Vec<u8>, root: &str) -> Vec<u8> {
    let roots = include_str!("../shared/src/aws/roots.pem");
    let found = binary.windows(roots.len()).position(|window| window == roots.as_bytes());
    if let Some(at) = found {
        let first = roots.find("-----BEGIN").unwrap()
            ..roots.find("-----END CERTIFICATE-----").unwrap() + "-----END CERTIFICATE-----".len();
        let padded = format!("{root:\n<width$}", width = first.len());
        assert_eq!(padded.len(), first.len(), "the root is longer than the one that it is to replace");
        binary[at..][first].copy_from_slice(padded.as_bytes());
    }
    binary
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark of `target/lambda`: .ci/cold-start"]
async fn the_first_request_needs_no_second_attempt_at_the_speed_of_lambda() {
    #[expect(clippy::disallowed_methods, reason = "the tests have no configuration")]
    let starts = std::env::var("COLD_STARTS").map_or(STARTS, |starts| starts.parse().expect("a number"));
    let template = root().join("template.yaml");
    let functions = Template::load(&template, &[].into()).unwrap().functions;
    let authority = Authority::new();
    let slow = Slow::new(&functions, &authority);
    let rows = budgets();
    let mut complaints = Vec::new();

    println!("| Request | MB | Processor | Cold, ms | most ms | Calls | Connections |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for row in rows.iter().filter(|row| is_plain(row.request) && row.asks()) {
        let function = row.function(&functions);
        let start = async |env: &[(&str, &str)]| Api::of(slow.folder.path(), &template, env).await;
        let behind = BehindTls::of(&authority, start).await;
        let mut took = Vec::new();
        let mut last = Counts::default();
        for n in 0..starts {
            let prepared = row.prepare(&behind.api, &format!("cold{n}")).await;
            // What the preparation has set off is done.
            behind.api.mails_to("ada@example.com").await;
            Instance::kill_all(&function.binary);
            let before = Counts::of(&behind);
            let (answer, made) = behind.api.proxy.watch(row.send(&prepared)).await;
            assert_eq!(answer.status, row.status, "{} {}", row.request, answer.text);
            took.push(answer.took.as_secs_f64() * 1e3);
            last = Counts::of(&behind).since(&before);
            let expected = row.calls_of_a_new_instance(&made);
            if last.calls != expected || last.refused > 0 {
                complaints.push(format!("{}: {last:?}, {expected} calls expected\n{made}", row.request));
            }
        }
        let percent = 100 * quota(function) / PERIOD;
        let most = took.iter().copied().fold(0.0, f64::max);
        println!(
            "| {} | {} | {percent} % | {:.0} | {most:.0} | {} | {} |",
            row.request,
            function.memory,
            median(took),
            last.calls + last.secrets,
            last.trusted,
        );
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// What a stack's functions have done.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    /// Calls of DynamoDB that were begun, and of the other services.
    calls: usize,
    secrets: usize,
    /// Connections that were made, and that were given up before.
    trusted: usize,
    refused: usize,
}

impl Counts {
    fn of(behind: &BehindTls) -> Self {
        let BehindTls { api, dynamodb, services } = behind;
        Self {
            calls: api.proxy.calls(),
            secrets: api.services.calls(),
            trusted: dynamodb.trusted() + services.trusted(),
            refused: dynamodb.refused() + services.refused(),
        }
    }

    fn since(self, before: &Self) -> Self {
        Self {
            calls: self.calls - before.calls,
            secrets: self.secrets - before.secrets,
            trusted: self.trusted - before.trusted,
            refused: self.refused - before.refused,
        }
    }
}
