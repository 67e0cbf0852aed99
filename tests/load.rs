//! Many clients at once, for a while: nothing fails, nothing is lost or done twice, and memory stays as it is. Where the machine
//! is too slow for them, or Lambda throttles, a request is refused with 503 and the time after which to ask again, and in no other
//! way.
//!
//! `LOAD_SECONDS=600 cargo test --profile stack --workspace --test api load:: -- --ignored --nocapture` is the full run.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{
    model::{employees_agree, users_agree},
    support::{
        Answer, Api, Client, Process, User,
        employee::{employee, path_of},
        poll, registration,
    },
};

const CLIENTS: u8 = 64;
/// How long they work, unless `LOAD_SECONDS` says otherwise.
const SECONDS: u64 = 30;
/// How often one request is sent that is refused for overload. An endpoint that refuses it each time does not work.
const MOST_REFUSALS: usize = 60;
/// In this part of the time the stack starts its instances and fills its caches.
const WARM_UP: f64 = 0.4;

/// How long each request to an endpoint took, and how many were refused because of overload.
#[derive(Default)]
struct Latencies {
    took: BTreeMap<&'static str, Vec<Duration>>,
    refused: usize,
}

impl Latencies {
    /// The answer to a request, which is sent again as long as it is refused for overload; and whether it was. Then it may
    /// have been done all the same.
    async fn of(&mut self, endpoint: &'static str, request: impl AsyncFn() -> Answer) -> (Answer, bool) {
        let mut again = false;
        for _ in 0..MOST_REFUSALS {
            let answer = request().await;
            if answer.status != 503 {
                assert!(answer.status < 500, "{endpoint}: {} {}", answer.status, answer.text);
                self.took.entry(endpoint).or_default().push(answer.took);
                return (answer, again);
            }
            answer.is(503, &json!({ "detail": "A server error occurred." }));
            let seconds = answer.header("retry-after").parse().expect(endpoint);
            again = true;
            self.refused += 1;
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
        panic!("{endpoint}: refused {MOST_REFUSALS} times in a row");
    }

    fn add(&mut self, other: Self) {
        for (endpoint, mut took) in other.took {
            self.took.entry(endpoint).or_default().append(&mut took);
        }
        self.refused += other.refused;
    }

    fn print(mut self, elapsed: Duration) {
        let count: usize = self.took.values().map(Vec::len).sum();
        println!("| Endpoint | Requests | p50 ms | p90 ms | p99 ms | most ms |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for (endpoint, took) in &mut self.took {
            took.sort_unstable();
            let percentile = |percent: usize| took[(took.len() - 1) * percent / 100].as_millis();
            let [half, most, nearly_all, all] = [50, 90, 99, 100].map(percentile);
            println!("| {endpoint} | {} | {half} | {most} | {nearly_all} | {all} |", took.len());
        }
        #[expect(clippy::cast_precision_loss, reason = "a count of requests fits a double")]
        let rate = count as f64 / elapsed.as_secs_f64();
        let (seconds, refused) = (elapsed.as_secs_f64(), self.refused);
        println!("{count} requests in {seconds:.0} s: {rate:.0} a second; {refused} were refused before");
    }
}

/// A client at an address of its own, and what it knows to be there.
struct Worker {
    number: u8,
    anyone: Client,
    name: String,
    user: User,
    profile: Value,
    employees: BTreeMap<String, Value>,
    made: u32,
    chance: fastrand::Rng,
    latencies: Latencies,
}

/// An employee's number, which nobody else's worker or user has.
fn phone(worker: u8, n: u32) -> String {
    format!("+91{}", 6_000_000_000_u64 + u64::from(worker) * 1_000_000 + u64::from(n))
}

async fn code_for(anyone: &Client, email: &str) -> String {
    // Nothing tells a client when a message has come: a person looks again.
    let messages = poll(|| async {
        let messages = anyone.get(&format!("/_local/messages?to={email}")).await;
        (messages.body != json!([])).then_some(messages.body)
    });
    let messages = messages.await;
    let text = messages[0]["body"].as_str().unwrap();
    text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect()
}

/// Registers, verifies and logs in. Gives the name, too: whoever was refused on the way may have been half served, and begins
/// again as somebody else.
async fn sign_up(anyone: &Client, name: &str, latencies: &mut Latencies) -> (String, User) {
    let mut name = name.to_owned();
    loop {
        let body = registration(&name);
        let register = async || anyone.post("/api/register", &body).await;
        let (answer, was_refused) = latencies.of("POST /api/register", register).await;
        if !was_refused {
            assert_eq!(answer.status, 201, "{}", answer.text);
            let otp = code_for(anyone, body["email"].as_str().unwrap()).await;
            let proof = json!({ "email": body["email"], "otp": otp });
            let verify = async || anyone.post("/api/otp/verify", &proof).await;
            let (answer, was_refused) = latencies.of("POST /api/otp/verify", verify).await;
            if !was_refused {
                answer.is(200, &json!({ "message": "Email verified successfully." }));
                let user = log_in(anyone, &name, latencies).await;
                return (name, user);
            }
        }
        name.push('a');
    }
}

async fn log_in(anyone: &Client, name: &str, latencies: &mut Latencies) -> User {
    let body = registration(name);
    let body = json!({ "email": body["email"], "password": body["password"] });
    let (answer, _) = latencies.of("POST /api/login", async || anyone.post("/api/login", &body).await).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    User::new(anyone, &answer.body)
}

impl Worker {
    async fn start(url: &str, number: u8) -> Self {
        let anyone = Client::new(url).at([127, 0, 1, number]);
        let mut latencies = Latencies::default();
        let (name, user) = sign_up(&anyone, &format!("worker{number}"), &mut latencies).await;
        let (profile, _) = latencies.of("GET /api/profile", async || user.get("/api/profile").await).await;
        assert_eq!(profile.status, 200, "{}", profile.text);
        let chance = fastrand::Rng::with_seed(number.into());
        let (employees, profile) = (BTreeMap::new(), profile.body);
        Self { number, anyone, name, user, profile, employees, made: 0, chance, latencies }
    }

    async fn work(mut self, until: Instant) -> Self {
        while Instant::now() < until {
            self.step().await;
        }
        self
    }

    /// One thing of many, and whether the answer agrees with what is known.
    async fn step(&mut self) {
        let Self { number, anyone, name, user, profile, employees, made, chance, latencies } = self;
        let known: Vec<String> = employees.keys().cloned().collect();
        let known = (!known.is_empty()).then(|| known[chance.usize(..known.len())].clone());
        match (chance.u8(..100), known) {
            (0..2, _) => {
                *made += 1;
                sign_up(anyone, &format!("worker{number}x{made}"), latencies).await;
            }
            (2..4, _) => {
                *user = log_in(anyone, name, latencies).await;
            }
            (4..14, _) => {
                let refresh = async || user.try_refresh().await;
                let (answer, was_refused) = latencies.of("POST /api/token/refresh", refresh).await;
                *user = if was_refused && answer.status == 401 {
                    // It was done unheard, and a token that is used a second time ends its session.
                    log_in(anyone, name, latencies).await
                } else {
                    assert_eq!(answer.status, 200, "{}", answer.text);
                    User::new(anyone, &answer.body)
                };
            }
            (14..30, _) => {
                let read = async || user.get("/api/profile").await;
                let (mut answer, _) = latencies.of("GET /api/profile", read).await;
                profile["last_login"] = answer.body["last_login"].take();
                answer.body["last_login"] = profile["last_login"].clone();
                answer.is(200, profile);
            }
            (30..35, _) => {
                let change = json!({ "address": format!("{} Main Street", chance.u16(..)) });
                let patch = async || user.patch("/api/profile", &change).await;
                let (answer, _) = latencies.of("PATCH /api/profile", patch).await;
                assert_eq!((answer.status, &answer.body["address"]), (200, &change["address"]));
                *profile = answer.body;
            }
            (35..50, _) => {
                let results = list(user, latencies).await;
                let newest: Vec<&Value> = employees.values().rev().take(20).collect();
                assert_eq!(results, json!(newest));
            }
            (50..65, Some(id)) => {
                let path = path_of(&employees[&id]);
                let read = async || user.get(&path).await;
                let (answer, _) = latencies.of("GET /api/employees/{id}", read).await;
                answer.is(200, &employees[&id]);
            }
            (65..80, Some(id)) => {
                let change = json!({ "job_title": format!("Grade {}", chance.u16(..)) });
                let path = path_of(&employees[&id]);
                let change_it = async || user.patch(&path, &change).await;
                let (answer, _) = latencies.of("PATCH /api/employees/{id}", change_it).await;
                assert_eq!((answer.status, &answer.body["job_title"]), (200, &change["job_title"]));
                employees.insert(id, answer.body);
            }
            (80..85, Some(id)) => {
                let path = path_of(&employees[&id]);
                let delete = async || user.delete(&path).await;
                let (answer, was_refused) = latencies.of("DELETE /api/employees/{id}", delete).await;
                assert!(answer.status == 204 || was_refused && answer.status == 404, "{}", answer.text);
                employees.remove(&id);
            }
            _ => {
                *made += 1;
                let body = employee(&phone(*number, *made));
                let create = async || user.post("/api/employees", &body).await;
                let (answer, was_refused) = latencies.of("POST /api/employees", create).await;
                let made = if was_refused && answer.status == 400 {
                    // It was made unheard: its number is taken.
                    list(user, latencies).await[0].take()
                } else {
                    assert_eq!(answer.status, 201, "{}", answer.text);
                    answer.body
                };
                assert_eq!(made["phone_number"], body["phone_number"]);
                employees.insert(made["id"].as_str().unwrap().to_owned(), made);
            }
        }
    }
}

/// The newest employees of a user.
async fn list(user: &User, latencies: &mut Latencies) -> Value {
    let read = async || user.get("/api/employees").await;
    let (mut answer, _) = latencies.of("GET /api/employees", read).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["results"].take()
}

/// Resident memory in KiB.
#[derive(Debug)]
struct Memory {
    stack: u64,
    /// The largest of the functions' instances.
    function: u64,
}

impl Memory {
    /// Of a stack, and of the processes that it has started.
    fn of(stack: u32) -> Self {
        let mut memory = Self { stack: 0, function: 0 };
        for process in fs::read_dir("/proc").unwrap() {
            // It may be gone by now.
            let Ok(status) = fs::read_to_string(process.unwrap().path().join("status")) else { continue };
            let number = |name: &str| -> u64 {
                let value = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
                value.trim().trim_end_matches(" kB").parse().unwrap_or_default()
            };
            let resident = number("VmRSS:");
            if number("Pid:") == u64::from(stack) {
                memory.stack = resident;
            } else if number("PPid:") == u64::from(stack) {
                memory.function = memory.function.max(resident);
            }
        }
        memory
    }
}

/// Shows what the functions have complained of when the test fails.
struct Complaints<'a>(&'a Path);

impl Drop for Complaints<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let lines = fs::read_to_string(self.0.join("functions.log")).unwrap_or_default();
            lines
                .lines()
                .filter(|line| !line.contains(r#""level":"INFO""#))
                .for_each(|line| println!("{line}"));
        }
    }
}

#[tokio::test]
#[ignore = "a long run: .ci/long-runs"]
async fn many_clients_at_once_lose_nothing_and_memory_stays_as_it_is() {
    bear(Process::start).await;
}

/// A new account of AWS, whose ten concurrent executions are fewer than its clients.
#[tokio::test]
#[ignore = "a long run: .ci/long-runs"]
async fn many_clients_of_a_new_account_are_refused_in_one_way_and_lose_nothing() {
    let refused = bear(|folder| Process::with_concurrency(10, folder)).await;
    assert!(refused > 0);
}

/// Has a stack bear the load; gives the number of refusals.
async fn bear(start: impl FnOnce(&Path) -> Process) -> usize {
    #[expect(clippy::disallowed_methods, reason = "the tests have no configuration")]
    let seconds = std::env::var("LOAD_SECONDS").map_or(SECONDS, |seconds| seconds.parse().expect("a number"));
    let folder = tempfile::tempdir().unwrap();
    let _complaints = Complaints(folder.path());
    let process = start(folder.path());
    let began = Instant::now();
    let workers = join_all((0..CLIENTS).map(|number| Worker::start(&process.url, number))).await;
    let until = Instant::now() + Duration::from_secs(seconds);
    let warm = async {
        tokio::time::sleep(Duration::from_secs(seconds).mul_f64(WARM_UP)).await;
        Memory::of(process.id())
    };
    let work = join_all(workers.into_iter().map(|worker| worker.work(until)));
    let (workers, warm) = futures_util::join!(work, warm);
    let (elapsed, end) = (began.elapsed(), Memory::of(process.id()));
    drop(process);

    println!("Resident KiB after the warm-up: {warm:?}, at the end: {end:?}");
    let api = Api::kept_in(folder.path(), &[]).await;
    let (users, records) = (api.items("Users").await, api.items("Employees").await);
    let kept = records.keys().filter(|key| key.starts_with("employee#")).count();
    assert_eq!(kept, workers.iter().map(|worker| worker.employees.len()).sum::<usize>());
    let mut latencies = Latencies::default();
    for worker in workers {
        for (id, employee) in &worker.employees {
            let record = &records[&format!("employee#{id}")];
            for name in ["owner", "phone_number", "updated_at"] {
                assert_eq!(record[name]["S"], employee[name]);
            }
        }
        let address = &users[&format!("user#{}", worker.user.id())]["address"]["S"];
        assert_eq!(address, &worker.profile["address"]);
        latencies.add(worker.latencies);
    }
    api.staff().await;
    employees_agree(&api).await;
    users_agree(&api).await;
    let refused = latencies.refused;
    latencies.print(elapsed);
    assert!(end.stack < warm.stack + warm.stack / 2, "the stack grows");
    assert!(end.function < warm.function + warm.function / 4, "a function grows");
    refused
}
