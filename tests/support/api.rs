//! A stack for one test.

use std::{
    ops::Deref,
    path::{Path, PathBuf},
};

use local::{Data, Message, Options, Stack, StartError};
use serde_json::{Value, json};
use shared::{Error, compatibility::Compatibility};

use super::{Client, PASSWORD, User, poll, registration};

/// The whole API, in memory and on free ports. It is a client, too: one that is nobody yet.
pub(crate) struct Api {
    pub(crate) stack: Stack,
    anyone: Client,
    /// For what a test itself reads and changes in the database.
    pub(super) database: reqwest::Client,
}

impl Deref for Api {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.anyone
    }
}

/// What a local run sets otherwise than a deployed stack.
const DEPLOYED: [(&str, &str); 2] = [("Compatibility", "none"), ("Policy", "strict")];

/// What is off by default; its own tests switch it off.
const SWITCHED_ON: [(&str, &str); 1] = [("LoginByCode", "both")];

/// The kind of ids of every stack of this run that does not choose one: `IDS=integer` runs tests with integers.
fn ids() -> Option<(&'static str, String)> {
    #[expect(clippy::disallowed_methods, reason = "the house rule is for functions")]
    std::env::var("IDS").ok().map(|ids| ("Ids", ids))
}

/// Whether the stacks of this run that do not choose otherwise have integer ids.
pub(super) fn has_integers() -> bool {
    ids().is_some_and(|(_, ids)| ids == "integer")
}

/// Text messages go by Twilio, with the secret that every local stack has.
pub(crate) const TWILIO: [(&str, &str); 2] = [
    ("SmsProvider", "twilio"),
    ("TwilioSecretArn", "arn:aws:secretsmanager:us-east-1:000000000000:secret:twilio"),
];

/// The parameters of a stack whose limits are out of the way of tests and tools.
pub(crate) fn unlimited() -> Vec<(&'static str, &'static str)> {
    include_str!("../no-limits.txt").lines().map(|line| line.split_once('=').unwrap()).collect()
}

/// The same, under the policy of the Django systems.
pub(crate) fn unlimited_seeds() -> Vec<(&'static str, &'static str)> {
    [("Policy", "seeds")].into_iter().chain(unlimited()).collect()
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn options(data: Data, template: &Path, env: &[(&str, &str)], parameters: &[(&str, &str)]) -> Options {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    // The template of an earlier release lacks some parameters.
    let text = std::fs::read_to_string(template).unwrap();
    let is_known = |name: &str| text.contains(&format!("\n  {name}:\n"));
    let deployed = DEPLOYED.iter().chain(&SWITCHED_ON).filter(|(name, _)| is_known(name));
    let ids = ids().filter(|(name, _)| is_known(name));
    Options {
        port: 0,
        data,
        env: env.iter().map(owned).collect(),
        parameters: ids
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain(deployed.copied())
            .chain(parameters.iter().copied())
            .map(|pair| owned(&pair))
            .collect(),
        dynamodb: None,
        concurrency: None,
        binaries: Path::new(env!("CARGO_BIN_EXE_health")).parent().unwrap().to_owned(),
        template: template.to_owned(),
        carriers: None,
        terminal: false,
    }
}

/// How a stack answers; as for new clients when its template, of an earlier release, does not say.
fn compatibility(stack: &Stack) -> Compatibility {
    let variable =
        |name: &'static str| stack.setting(name).map(str::to_owned).ok_or_else(|| Error::internal(name));
    Compatibility::read(&variable).unwrap_or_else(|_| Compatibility::none())
}

impl Api {
    /// As it deploys, with every parameter's default but for [`SWITCHED_ON`].
    pub(crate) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// As the Django systems were.
    pub(crate) async fn seeds() -> Self {
        Self::with(&[("Policy", "seeds")]).await
    }

    /// With other parameters.
    pub(crate) async fn with(parameters: &[(&str, &str)]) -> Self {
        Self::with_env(&[], parameters).await
    }

    /// With other parameters, and variables for every function.
    pub(crate) async fn with_env(env: &[(&str, &str)], parameters: &[(&str, &str)]) -> Self {
        Self::on(Data::Memory, &root().join("template.yaml"), env, parameters).await
    }

    /// With integer ids, and other parameters.
    pub(crate) async fn with_integers(parameters: &[(&str, &str)]) -> Self {
        Self::with(&[&[("Ids", "integer")], parameters].concat()).await
    }

    /// With integer ids that tokens hold as numbers.
    pub(crate) async fn with_number_claims() -> Self {
        Self::with_integers(&[("UserIdClaim", "number")]).await
    }

    /// With carriers that know these texts, each by its template id.
    pub(crate) async fn with_carriers(registered: &[(&str, &str)], parameters: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("registered.txt");
        let lines: Vec<String> = registered.iter().map(|(id, text)| format!("{id} {text}\n")).collect();
        std::fs::write(&file, lines.concat()).unwrap();
        let options = options(Data::Memory, &root().join("template.yaml"), &[], parameters);
        Self::run(Options { carriers: Some(file), ..options }).await
    }

    /// With codes that live for a second, which is shorter than a person could ask for.
    pub(crate) async fn with_codes_of_a_second() -> Self {
        let template = std::fs::read_to_string(root().join("template.yaml")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("template.yaml");
        std::fs::write(&file, template.replace("MinValue: 60", "MinValue: 1")).unwrap();
        Self::on(Data::Memory, &file, &[], &[("OtpLifetimeSeconds", "1")]).await
    }

    /// With data that is there again after a restart.
    pub(crate) async fn kept_in(folder: &Path, parameters: &[(&str, &str)]) -> Self {
        Self::on(Data::Folder(folder.to_owned()), &root().join("template.yaml"), &[], parameters).await
    }

    /// The same, for a folder that may be refused.
    pub(crate) async fn try_kept_in(folder: &Path, parameters: &[(&str, &str)]) -> Result<Stack, StartError> {
        let template = root().join("template.yaml");
        Stack::start(options(Data::Folder(folder.to_owned()), &template, &[], parameters)).await
    }

    /// With other binaries, their template and these variables, and no limit in anybody's way.
    pub(crate) async fn of(binaries: &Path, template: &Path, env: &[(&str, &str)]) -> Self {
        let options = options(Data::Memory, template, env, &unlimited());
        Self::run(Options { binaries: binaries.to_owned(), ..options }).await
    }

    /// Where so many functions run at once, and Lambda throttles the rest.
    pub(crate) async fn with_concurrency(executions: u32, parameters: &[(&str, &str)]) -> Self {
        let options = options(Data::Memory, &root().join("template.yaml"), &[], parameters);
        Self::run(Options { concurrency: Some(executions), ..options }).await
    }

    pub(crate) async fn on(
        data: Data,
        template: &Path,
        env: &[(&str, &str)],
        parameters: &[(&str, &str)],
    ) -> Self {
        Self::run(options(data, template, env, parameters)).await
    }

    /// The same with data in a folder, and no limit of the API's own.
    pub(super) async fn kept_with_concurrency(folder: &Path, executions: Option<u32>) -> Self {
        let data = Data::Folder(folder.to_owned());
        let options = options(data, &root().join("template.yaml"), &[], &unlimited());
        Self::run(Options { concurrency: executions, ..options }).await
    }

    async fn run(options: Options) -> Self {
        let stack = Stack::start(options).await.unwrap();
        let anyone = Client::new(stack.url()).expecting(&compatibility(&stack));
        let database = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { stack, anyone, database }
    }

    /// A user who has registered as `name`, and what the API said of them.
    pub(crate) async fn registered(&self, name: &str) -> Value {
        let answer = self.post("/api/register", &registration(name)).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.body
    }

    /// The same, with an e-mail address that is proven.
    pub(crate) async fn verified(&self, name: &str) -> Value {
        let user = self.registered(name).await;
        self.verify(user["email"].as_str().unwrap()).await;
        user
    }

    /// Proves an address with the code that was sent to it.
    pub(crate) async fn verify(&self, email: &str) {
        self.verify_by(self, email).await;
    }

    /// The same by a user, who has to be signed in when it is to replace their present address.
    pub(crate) async fn verify_by(&self, user: &Client, email: &str) {
        let otp = self.code_for(email).await;
        let answer = user.post("/api/otp/verify", &json!({ "email": email, "otp": otp })).await;
        answer.is(200, &json!({ "message": "Email verified successfully." }));
    }

    /// A user who has registered as `ada` and logged in.
    pub(crate) async fn signed_in(&self) -> User {
        self.registered("ada").await;
        self.log_in("ada").await
    }

    /// A staff user, `admin`, signed in.
    pub(crate) async fn staff(&self) -> User {
        let superuser = json!({ "username": "admin", "email": "admin@example.com", "password": PASSWORD });
        self.stack.invoke("create-superuser", superuser).await.unwrap();
        self.log_in("admin").await
    }

    /// The newest message to an address; waits for the first.
    pub(crate) async fn message_to(&self, address: &str) -> Message {
        self.stack.message(address, 0).await.expect("a message");
        self.stack.messages(address).pop().unwrap()
    }

    /// The code in the newest message to an address; waits for the first.
    pub(crate) async fn code_for(&self, address: &str) -> String {
        code_in(&self.message_to(address).await)
    }

    /// The code in the message to an address that comes after the first `after`.
    pub(crate) async fn code_after(&self, address: &str, after: usize) -> String {
        code_in(&self.stack.message(address, after).await.expect("a message"))
    }

    /// How many messages an address has got, once everything that was to be sent before this call has been.
    pub(crate) async fn mails_to(&self, address: &str) -> usize {
        // Messages go out in order: when this one has come, so have those before it.
        let fence = format!("fence-{}@example.com", uuid::Uuid::new_v4().simple());
        self.put_item("Otps", &notice_to(&fence)).await;
        self.message_to(&fence).await;
        self.stack.messages(address).len()
    }

    /// How many text messages a number has got, once everything that was to be sent before this call has been.
    pub(crate) async fn texts_to(&self, number: &str) -> usize {
        let fence = format!("+1{:010}", uuid::Uuid::new_v4().as_u128() % 10_000_000_000);
        self.put_item("Otps", &code_to(&fence)).await;
        self.message_to(&fence).await;
        self.stack.messages(number).len()
    }

    /// Waits until so many deliveries have failed, to be tried again: nothing tells when a function has logged something.
    pub(crate) async fn has_failed_to_send(&self, times: usize) {
        let message = "a message was not sent and will be tried again";
        let failures = || self.logged().iter().filter(|line| line["message"] == message).count();
        poll(async || (failures() >= times).then_some(())).await;
    }

    /// The first record of a stream that could not be delivered while its code lived: nothing tells when the queue gets it, so
    /// that one asks, as its alarm does.
    pub(crate) async fn given_up(&self) -> Value {
        let given_up = poll(async || self.stack.undelivered().into_iter().next()).await;
        assert_eq!(given_up["requestContext"]["condition"], "RecordAgeExceeded");
        given_up
    }

    /// What the functions have logged, line by line.
    pub(crate) fn logged(&self) -> Vec<Value> {
        self.stack.logs().iter().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    /// Of each audit event of a kind: who made the change, the user and the employee whose record it is, and the fields.
    pub(crate) fn changes(&self, act: &str) -> Value {
        let events = self.audited(act).into_iter();
        events
            .map(|event| json!([event["actor_id"], event["user_id"], event["employee_id"], event["fields"]]))
            .collect()
    }

    /// The audit events of a kind.
    pub(crate) fn audited(&self, act: &str) -> Vec<Value> {
        self.logged().into_iter().filter(|line| line["audit"] == act).collect()
    }
}

fn code_in(message: &Message) -> String {
    let digits = message.body.chars().skip_while(|c| !c.is_ascii_digit());
    let code: String = digits.take_while(char::is_ascii_digit).collect();
    assert_eq!(code.len(), 6, "{}", message.body);
    code
}

/// A record of the Otps table that makes `deliver` send a message without a code.
fn notice_to(address: &str) -> Value {
    let nonce = uuid::Uuid::new_v4().simple().to_string();
    json!({
        "pk": { "S": format!("notice_email_change#{nonce}") },
        "purpose": { "S": "notice_email_change" },
        "channel": { "S": "email" },
        "to": { "S": address },
        "user_id": { "S": uuid::Uuid::now_v7().to_string() },
        "nonce": { "S": nonce },
        "digits": { "N": "6" },
        "attempts_left": { "N": "3" },
        "expires": { "N": "4102444800" },
    })
}

/// A record of the Otps table that makes `deliver-sms` send a code.
fn code_to(number: &str) -> Value {
    let mut record = notice_to(number);
    record["pk"] = json!({ "S": format!("verify_phone#{number}") });
    record["purpose"] = json!({ "S": "verify_phone" });
    record["channel"] = json!({ "S": "sms" });
    record
}
