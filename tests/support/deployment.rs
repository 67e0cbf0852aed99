//! An API that is deployed, at `API_URL`; without that, a local stack that stands for one. Only what a client sees of it is used.

use std::{collections::BTreeSet, io::Write, ops::Deref, sync::Mutex, time::Duration};

use serde_json::{Value, json};
use tokio::{process::Command, time};
use uuid::Uuid;

use super::{Api, Client, PASSWORD, PATIENCE, User, root};

/// SES takes mail to it from anybody, delivers it to nobody and reports no bounce.
const SIMULATOR: &str = "success@simulator.amazonses.com";
/// A mailbox tells nobody that it has got something.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// The API, and what of the world around it can be seen. It is a client, too: one that is nobody yet.
pub(crate) struct Deployment {
    anyone: Client,
    messages: Option<Messages>,
    /// Of every name that is made here: others use the same API, and earlier runs have.
    run: String,
    mailbox: String,
    phone: Option<String>,
    staff: Option<(String, String)>,
    /// The codes that were read, each of which works once.
    read: Mutex<BTreeSet<String>>,
}

/// How messages are read.
enum Messages {
    /// In the inbox of a local stack.
    Stack(Box<Api>),
    /// By a command of the tester's, which is given an address and prints the newest message to it.
    Command(String),
}

impl Deref for Deployment {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.anyone
    }
}

fn setting(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the house rule is for functions")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Deployment {
    /// The API that the environment names, or a local stack.
    pub(crate) async fn start() -> Self {
        let Some(url) = setting("API_URL") else { return Self::of(Api::start().await).await };
        Self {
            anyone: Client::new(url.trim_end_matches('/')),
            messages: setting("API_MESSAGES").map(Messages::Command),
            run: run(),
            mailbox: setting("API_MAILBOX").unwrap_or_else(|| SIMULATOR.to_owned()),
            phone: setting("API_PHONE"),
            staff: setting("API_STAFF_USERNAME").zip(setting("API_STAFF_PASSWORD")),
            read: Mutex::default(),
        }
    }

    /// A local stack, all of which can be seen.
    pub(crate) async fn of(api: Api) -> Self {
        api.staff().await;
        let number = Uuid::new_v4().as_u128() % 100_000;
        Self {
            anyone: api.clone(),
            messages: Some(Messages::Stack(Box::new(api))),
            run: run(),
            mailbox: "tester@example.com".to_owned(),
            phone: Some(format!("+9198811{number:05}")),
            staff: Some(("admin".to_owned(), PASSWORD.to_owned())),
            read: Mutex::default(),
        }
    }

    /// The local stack that stands for a deployment.
    pub(crate) fn stack(&self) -> &Api {
        match &self.messages {
            Some(Messages::Stack(api)) => api,
            _ => panic!("this is no local stack"),
        }
    }

    /// A name that nobody has.
    pub(crate) fn name(&self, who: &str) -> String {
        format!("{who}-{}", self.run)
    }

    /// Their address, whose mail comes to the tester.
    pub(crate) fn email(&self, who: &str) -> String {
        let (user, domain) = self.mailbox.split_once('@').expect("API_MAILBOX is an e-mail address");
        format!("{user}+{}@{domain}", self.name(who))
    }

    /// Somebody who has registered, with more fields than they have to give.
    pub(crate) async fn registered(&self, who: &str, more: Value) -> Value {
        let mut body = json!({ "username": self.name(who), "email": self.email(who), "password": PASSWORD });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = self.post("/api/register", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body
    }

    /// A session of somebody new.
    pub(crate) async fn signed_in(&self, who: &str) -> User {
        self.registered(who, json!({})).await;
        self.log_in(&self.name(who)).await
    }

    /// Whether messages can be read; says so if not.
    pub(crate) fn reads_messages(&self) -> bool {
        self.messages.is_some() || skip("what needs a code", "API_MESSAGES")
    }

    /// A phone number of the tester's; says so if there is none.
    pub(crate) fn phone(&self) -> Option<&str> {
        if self.phone.is_none() {
            skip("what needs a phone", "API_PHONE");
        }
        self.phone.as_deref()
    }

    /// For how many minutes a journey leaves the deployment alone; says so if for none.
    pub(crate) fn silence() -> Option<u64> {
        let minutes = setting("API_SILENCE")
            .map(|minutes| minutes.parse().expect("API_SILENCE is a number of minutes"));
        if minutes.is_none() {
            skip("what takes a silence", "API_SILENCE");
        }
        minutes
    }

    /// A session of a staff user; says so if there is none.
    pub(crate) async fn staff(&self) -> Option<User> {
        let Some((name, password)) = &self.staff else {
            skip("what staff do", "API_STAFF_USERNAME and API_STAFF_PASSWORD");
            return None;
        };
        Some(self.log_in_with(name, password).await)
    }

    /// The code in the next message to an address; waits for it.
    pub(crate) async fn code_for(&self, address: &str) -> String {
        let code = time::timeout(PATIENCE, async {
            match self.messages.as_ref().expect("a journey that reads messages asks first") {
                Messages::Stack(api) => self.code_in_stack(api, address).await,
                Messages::Command(command) => self.code_by(command, address).await,
            }
        });
        code.await.unwrap_or_else(|_| panic!("no code has come to {address}"))
    }

    async fn code_in_stack(&self, api: &Api, address: &str) -> String {
        let mut after = 0;
        loop {
            let message = api.stack.message(address, after).await.expect("a message");
            if let Some(code) = self.unread(&message.body) {
                return code;
            }
            after += 1;
        }
    }

    async fn code_by(&self, command: &str, address: &str) -> String {
        loop {
            let mut shell = Command::new("sh");
            shell.args(["-c", command, "sh", address]).current_dir(root());
            let output = shell.output().await.unwrap();
            assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
            if let Some(code) = self.unread(&String::from_utf8_lossy(&output.stdout)) {
                return code;
            }
            time::sleep(BETWEEN_LOOKS).await;
        }
    }

    /// The code in a message, unless there is none or it was read before.
    fn unread(&self, message: &str) -> Option<String> {
        let words = message.split(|c: char| !c.is_ascii_digit());
        let code = words.into_iter().find(|word| (4..=9).contains(&word.len()))?;
        self.read.lock().unwrap().insert(code.to_owned()).then(|| code.to_owned())
    }
}

fn run() -> String {
    Uuid::new_v4().simple().to_string()[..8].to_owned()
}

/// Says that something is not tried, past the test harness, which would keep it to itself.
#[expect(clippy::explicit_write, reason = "the harness keeps what `eprintln!` prints")]
fn skip(what: &str, setting: &str) -> bool {
    writeln!(std::io::stderr(), "skipped: {what}, for want of {setting}").unwrap();
    false
}
