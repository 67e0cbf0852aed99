//! A stack in a process of its own: to be killed, or to be weighed.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use super::Api;

/// The variables that tell the child process where to keep its data, and how many functions run at once.
const FOLDER: &str = "ROLLCALL_TEST_FOLDER";
const CONCURRENCY: &str = "ROLLCALL_TEST_CONCURRENCY";

/// This very program, told to run one test alone. It ends with what started it.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

impl Process {
    /// One whose stack has started.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::started(Self::command(folder))
    }

    /// The same, where so many functions run at once.
    pub(crate) fn with_concurrency(executions: u32, folder: &Path) -> Self {
        let mut command = Self::command(folder);
        command.env(CONCURRENCY, executions.to_string());
        Self::started(command)
    }

    fn started(command: Command) -> Self {
        let mut process = Self::spawned(command);
        let mut lines = BufReader::new(process.child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find_map(|line| Some(line.split_once("Listening on ")?.1.to_owned()));
        // After a minute it says that it takes long, and would end if nobody read that.
        std::thread::spawn(|| lines.for_each(drop));
        process.url = url.expect("the stack starts");
        process
    }

    /// One whose stack is about to start, or to fail to.
    pub(crate) fn spawn(folder: &Path) -> Self {
        Self::spawned(Self::command(folder))
    }

    fn command(folder: &Path) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "support::process::a_process_with_a_stack_in_it", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped());
        command
    }

    fn spawned(mut command: Command) -> Self {
        Self { child: command.spawn().unwrap(), url: String::new() }
    }

    /// How it ended by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Process {
    /// SIGKILL: nothing in it gets to tidy up.
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "not a test: the process that others start"]
async fn a_process_with_a_stack_in_it() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    #[expect(clippy::disallowed_methods, reason = "the tests have no configuration")]
    let executions = std::env::var(CONCURRENCY).ok().map(|executions| executions.parse().unwrap());
    let api = Api::kept_with_concurrency(Path::new(&folder), executions).await;
    println!("Listening on {}", api.stack.url());
    std::future::pending::<()>().await;
}
