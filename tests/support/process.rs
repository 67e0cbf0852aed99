//! A stack in a process of its own: to be killed, or to be weighed.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use super::{Api, unlimited};

/// The variable that tells the child process where to keep its data.
const FOLDER: &str = "ROLLCALL_TEST_FOLDER";

/// This very program, told to run one test alone. It ends with what started it.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
}

impl Process {
    /// One whose stack has started.
    pub(crate) fn start(folder: &Path) -> Self {
        let mut process = Self::spawn(folder);
        let mut lines = BufReader::new(process.child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find_map(|line| Some(line.split_once("Listening on ")?.1.to_owned()));
        // After a minute it says that it takes long, and would end if nobody read that.
        std::thread::spawn(|| lines.for_each(drop));
        process.url = url.expect("the stack starts");
        process
    }

    /// One whose stack is about to start, or to fail to.
    pub(crate) fn spawn(folder: &Path) -> Self {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "support::process::a_process_with_a_stack_in_it", "--ignored", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, url: String::new() }
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
    let api = Api::kept_in(Path::new(&folder), &unlimited()).await;
    println!("Listening on {}", api.stack.url());
    std::future::pending::<()>().await;
}
