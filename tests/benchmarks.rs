//! What every function costs beside the smallest one that reads an item (`tests/smallest`), in one run: the size of its
//! binary, its memory, its cold start, a cold request, and the time of a warm one.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use local::{Function, Template};
use tempfile::TempDir;

use crate::{
    depth::{Row, budgets},
    support::{Api, Client, Instance, Proxied, root},
};

/// How many cold starts, and how many warm requests, are measured of each function.
const COLD: usize = 25;
const WARM: usize = 40;
const SMALLEST: &str = "smallest";

/// What a function may cost: of the smallest function's cold start, megabytes, megabytes before any password is hashed, and of
/// the smallest function's processor time.
const GOALS: Costs =
    Costs { start: 0.6, size: 8.0, memory: 10.0, cpu: 3.0, cold: f64::INFINITY, wall: f64::INFINITY };

/// The function as it stands in a template.
const SMALLEST_FUNCTION: &str = "  Smallest:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: target/lambda/smallest/
      Events:
        Get: { Type: Api, Properties: { RestApiId: !Ref Api, Path: /smallest, Method: GET } }

";

/// A function's binary in megabytes, its resident memory in megabytes, and milliseconds: from the request that starts it to
/// the first answer that it has of DynamoDB (its own answer, when it asks nothing), to its own answer, and the wall time and
/// processor time of a warm request.
#[derive(Debug, Clone, Copy)]
struct Costs {
    size: f64,
    memory: f64,
    start: f64,
    cold: f64,
    wall: f64,
    cpu: f64,
}

#[tokio::test]
#[ignore = "a benchmark of `target/lambda`: docs/measurements.md"]
async fn functions_cost_little_more_than_the_smallest() {
    let (folder, template) = with_the_smallest();
    let functions = Template::load(&template, &[].into()).unwrap().functions;
    let smallest = Subject::smallest(&functions);
    let rows = budgets();
    let rows: Vec<&Row> = rows.iter().filter(|row| is_plain(row.request)).collect();

    println!("The time in which passwords are hashed is left out.\n");
    println!(
        "| Request | Binary, MB | Memory, MB | First read, ms | of smallest | Cold, ms | of smallest | Warm, ms | CPU, ms | of smallest |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let (mut seen, mut complaints) = (BTreeSet::new(), Vec::new());
    for row in rows {
        let subject = Subject::of(row, &functions);
        let starts = if row.asks() {
            Some(subject.starts_beside(&smallest, folder.path(), &template).await)
        } else {
            None
        };
        let (costs, base) = subject.beside(&smallest, folder.path(), &template, starts).await;
        if seen.is_empty() {
            println!("{}", base.line("the smallest function", &base));
        }
        println!("{}", costs.line(row.request, &base));
        seen.insert(subject.function.binary.clone());
        complaints.extend(costs.complaints(row.request, &base));
    }
    let served = functions.iter().filter(|function| !function.routes.is_empty());
    let served: BTreeSet<String> = served.map(|function| function.binary.clone()).collect();
    seen.insert(SMALLEST.to_owned());
    assert_eq!(seen, served, "a function that was not measured");
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// A function and a request for it; the smallest has none of the table's.
struct Subject<'a> {
    function: &'a Function,
    row: Option<&'a Row>,
}

impl<'a> Subject<'a> {
    fn of(row: &'a Row, functions: &'a [Function]) -> Self {
        Self { function: row.function(functions), row: Some(row) }
    }

    fn smallest(functions: &'a [Function]) -> Self {
        let function = functions.iter().find(|function| function.binary == SMALLEST).unwrap();
        Self { function, row: None }
    }

    /// Sends the request as the user `name`, after what has to be done before; `between` is called when that is done. Gives
    /// the milliseconds of the request, and those of them in which a password was hashed.
    async fn ask(&self, api: &Api, name: &str, between: impl FnOnce()) -> (f64, f64) {
        let answer = if let Some(row) = self.row {
            let prepared = row.prepare(api, name).await;
            between();
            row.send(&prepared).await
        } else {
            between();
            api.get("/smallest").await
        };
        assert_eq!(
            answer.status,
            self.row.map_or(200, |row| row.status),
            "{} {:?}",
            answer.text,
            api.stack.logs().last()
        );
        // The smallest function logs nothing.
        let logged =
            self.row.and_then(|_| api.logged().into_iter().rfind(|line| line["message"] == "request"));
        let hash = logged.and_then(|line| line["hash_ms"].as_f64()).unwrap_or_default();
        (answer.took.as_secs_f64() * 1e3, hash)
    }

    /// How long it takes from the request that starts it to the first answer that it has of DynamoDB, and how long the smallest
    /// does in turns with it. Both ask through the proxy that sees the answer.
    async fn starts_beside(&self, smallest: &Self, folder: &Path, template: &Path) -> (f64, f64) {
        let api = Proxied::before(async |env| Api::of(folder, template, env).await).await;
        let (mut starts, mut base) = (Vec::new(), Vec::new());
        for n in 0..COLD {
            starts.push(self.start(&api, &format!("start{n}")).await);
            base.push(smallest.start(&api, "").await);
        }
        drop(api);
        for binary in [&self.function.binary, SMALLEST] {
            while !Instance::of(binary).is_empty() {
                tokio::task::yield_now().await;
            }
        }
        (median(starts), median(base))
    }

    async fn start(&self, api: &Proxied, name: &str) -> f64 {
        let mut began = None;
        let end = || {
            Instance::kill_all(&self.function.binary);
            began = Some((Instant::now(), api.proxy.calls()));
        };
        self.ask(api, name, end).await;
        let (began, calls) = began.unwrap();
        let answered = api.proxy.calls_since(calls).first_answered().expect("a call that was answered");
        (answered - began).as_secs_f64() * 1e3
    }

    /// What it costs, and what the smallest costs in turns with it.
    async fn beside(
        &self,
        smallest: &Self,
        folder: &Path,
        template: &Path,
        starts: Option<(f64, f64)>,
    ) -> (Costs, Costs) {
        let api = &Api::of(folder, template, &[]).await;
        let (mut cold, mut cold_base, mut memory) = (Vec::new(), Vec::new(), 0.0_f64);
        for n in 0..COLD {
            let end = || Instance::kill_all(&self.function.binary);
            let (took, hash) = self.ask(api, &format!("cold{n}"), end).await;
            cold.push(took - hash);
            memory = memory.max(self.memory(api, hash > 0.0).await);
            let end = || Instance::kill_all(SMALLEST);
            cold_base.push(smallest.ask(api, "", end).await.0);
        }
        let (mut warm, mut warm_base) = (Warm::default(), Warm::default());
        for n in 0..WARM {
            warm.add(self, api, &format!("warm{n}")).await;
            warm_base.add(smallest, api, "").await;
        }
        let size =
            |subject: &Self| megabytes(fs::metadata(folder.join(&subject.function.binary)).unwrap().len());
        let costs = Costs {
            size: size(self),
            memory,
            start: starts.map_or(median(cold.clone()), |(own, _)| own),
            cold: median(cold),
            wall: median(warm.wall),
            cpu: median(warm.cpu),
        };
        let base = Costs {
            size: size(smallest),
            memory: megabytes(Instance::of(SMALLEST)[0].memory()),
            start: starts.map_or(median(cold_base.clone()), |(_, smallest)| smallest),
            cold: median(cold_base),
            wall: median(warm_base.wall),
            cpu: median(warm_base.cpu),
        };
        (costs, base)
    }

    /// The resident memory of the instance that has just answered. One that has hashed a password keeps the memory for the
    /// next; it is asked for something that it refuses before, as a new instance.
    async fn memory(&self, api: &Api, hashes: bool) -> f64 {
        if !hashes {
            return megabytes(Instance::of(&self.function.binary)[0].memory());
        }
        Instance::kill_all(&self.function.binary);
        let path = self.row.unwrap().request.split_once(' ').unwrap().1;
        let client: &Client = api;
        let answer = client.post(path, &serde_json::json!({})).await;
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        megabytes(Instance::of(&self.function.binary)[0].memory())
    }
}

/// Warm requests: the milliseconds of each as its client waits for it, and of the processor, without those of a hash.
#[derive(Default)]
struct Warm {
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

impl Warm {
    async fn add(&mut self, subject: &Subject<'_>, api: &Api, name: &str) {
        let mut before = 0.0;
        let cpu = || Instance::of(&subject.function.binary).iter().map(Instance::cpu).sum::<f64>();
        let (wall, hash) = subject.ask(api, name, || before = cpu()).await;
        self.wall.push(wall - hash);
        self.cpu.push(cpu() - before - hash);
    }
}

impl Costs {
    fn line(&self, request: &str, base: &Self) -> String {
        let Self { size, memory, start, cold, wall, cpu } = self;
        let (of_start, of_cold, of_cpu) = (start / base.start, cold / base.cold, cpu / base.cpu);
        format!(
            "| {request} | {size:.2} | {memory:.1} | {start:.1} | {of_start:.2} | {cold:.1} | {of_cold:.2} | {wall:.2} | {cpu:.2} | {of_cpu:.2} |"
        )
    }

    fn complaints(&self, request: &str, base: &Self) -> Vec<String> {
        let checks: [(&str, f64, f64); 4] = [
            ("of the smallest function's time to the first answer", self.start / base.start, GOALS.start),
            ("MB of binary", self.size, GOALS.size),
            ("MB of memory", self.memory, GOALS.memory),
            ("processor time of the smallest function's", self.cpu / base.cpu, GOALS.cpu),
        ];
        let over = checks.into_iter().filter(|(_, is, goal)| is > goal);
        over.map(|(what, is, goal)| format!("{request}: {is:.2} {what}, the goal is {goal}")).collect()
    }
}

/// Whether the request is the ordinary one of its endpoint.
pub(crate) fn is_plain(request: &str) -> bool {
    request.split(' ').count() == 2 && !request.contains('?')
}

pub(crate) fn median(mut of: Vec<f64>) -> f64 {
    of.sort_by(f64::total_cmp);
    of[of.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "no binary is so large")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// A folder with all that `cargo lambda build --release` has made and the smallest function, and a template with both.
fn with_the_smallest() -> (TempDir, PathBuf) {
    let built = root().join("target/lambda");
    let smallest = root().join("target/smallest");
    let cargo = Command::new(env!("CARGO"))
        .args([
            "build",
            "--release",
            "--locked",
            "--manifest-path",
            "tests/smallest/Cargo.toml",
            "--target-dir",
        ])
        .arg(&smallest)
        .current_dir(root())
        .status();
    assert!(cargo.unwrap().success());

    let folder = tempfile::tempdir().unwrap();
    for function in fs::read_dir(&built).expect("run `cargo lambda build --release` first") {
        let function = function.unwrap();
        symlink(function.path().join("bootstrap"), folder.path().join(function.file_name())).unwrap();
    }
    symlink(smallest.join("release").join(SMALLEST), folder.path().join(SMALLEST)).unwrap();
    let template = fs::read_to_string(root().join("template.yaml")).unwrap();
    let file = folder.path().join("template.yaml");
    fs::write(&file, template.replacen("\nOutputs:", &format!("\n{SMALLEST_FUNCTION}Outputs:"), 1)).unwrap();
    (folder, file)
}
