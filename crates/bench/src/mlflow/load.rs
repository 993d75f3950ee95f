//! What the client asks of both servers: it makes runs, logs, reads and searches, and keeps what must be alike.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answers::Answer;
use super::servers::{Server, ms};
use super::table::Row;
use crate::http::Client;
use crate::measure::{self, Summary};

/// Is how many callers write at once, each over one connection.
const CALLERS: usize = 8;

/// Is how many points are logged one by one, over all callers.
const POINTS: u32 = 2_000;

/// Is how many points one caller alone logs.
const ALONE: u32 = 400;

/// Is how many batches of 1,000 points one caller alone logs, so many that what a server does beside it counts by its share.
const BATCHES: u32 = 200;

/// Is how many of them go to the same run.
const BATCHES_A_RUN: u32 = 20;

/// Is how often each thing is read.
const READS: u32 = 50;

/// Is by how much processor time for a write is to be less.
const WRITES: Option<f64> = Some(20.0);

/// Is by how much processor time and latency of a search are to be less.
const SEARCHES: Option<f64> = Some(10.0);

/// Is when the first run began, in milliseconds since the epoch.
const BEGAN: u64 = 1_760_000_000_000;

/// Are the searches: what is looked for, in what order, and how many are wanted.
const SEARCHED: [(&str, &str, &[&str], u32); 5] = [
    ("search by a metric", "metrics.m0 > 0.9", &["metrics.m1 DESC"], 100),
    (
        "search by a parameter and a tag",
        "params.optimizer = 'adam' AND tags.team = 'team-3'",
        &["attributes.start_time DESC"],
        100,
    ),
    (
        "search by status, metric and pattern",
        "attributes.status = 'RUNNING' AND metrics.m2 <= 0.25 AND params.rate LIKE '0.0%'",
        &["params.rate ASC", "metrics.m3 ASC"],
        100,
    ),
    ("search without a filter, 100 runs", "", &[], 100),
    ("search without a filter, 1,000 runs", "", &[], 1_000),
];

/// Is the load of one server.
pub struct Load {
    runs: u32,
    experiment: String,
    ids: Vec<String>,
    /// What the server answered, as far as both must answer the same.
    pub answers: Vec<Answer>,
}

/// Is what many requests took.
struct Cost {
    cpu_ms: f64,
    times: Summary,
}

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Returns a number below `bound` that follows from two others, and looks like none.
fn mixed(n: u32, k: u32, bound: u32) -> u32 {
    let mixed = (u64::from(n) * 7_919 + u64::from(k) * 104_729 + 12_345).wrapping_mul(2_654_435_761) >> 7;
    u32::try_from(mixed % u64::from(bound.max(1))).unwrap_or_default()
}

fn metric(n: u32, k: u32) -> Value {
    json!({ "key": format!("m{k}"), "value": f64::from(mixed(n, k, 10_000)) / 10_000.0, "timestamp": BEGAN + u64::from(n), "step": 1 })
}

fn new_run(experiment: &str, n: u32) -> Value {
    let team = json!({ "key": "team", "value": format!("team-{}", mixed(n, 20, 8)) });
    // No two began at once, so that their order is certain.
    let started = BEGAN + u64::from(mixed(n, 21, 1_000)) * 1_000_000 + u64::from(n);
    json!({ "experiment_id": experiment, "run_name": format!("run-{n}"), "user_id": "ana", "start_time": started, "tags": [team] })
}

fn batch(run: &str, n: u32) -> Value {
    let metrics: Vec<Value> = (0..10).map(|k| metric(n, k)).collect();
    let optimizer = ["adam", "sgd", "lamb"].get(usize::try_from(n % 3).unwrap_or_default());
    let params = json!([
        { "key": "optimizer", "value": optimizer },
        { "key": "rate", "value": format!("0.{:03}", mixed(n, 22, 1_000)) },
        { "key": "layers", "value": mixed(n, 23, 64).to_string() },
        { "key": "seed", "value": n.to_string() },
    ]);
    let tags = json!([{ "key": "commit", "value": format!("{:08x}", mixed(n, 24, u32::MAX)) }]);
    json!({ "run_id": run, "metrics": metrics, "params": params, "tags": tags })
}

fn loss(run: &str, step: u32) -> Value {
    let value = 1.0 / (1.0 + f64::from(step));
    json!({ "run_id": run, "key": "loss", "value": value, "timestamp": BEGAN + u64::from(step), "step": step })
}

/// Returns a batch of a thousand points.
fn thousand(run: &str, from: u32) -> Value {
    let point = |step: u32| json!({ "key": "long", "value": f64::from(step), "timestamp": BEGAN + u64::from(step), "step": step });
    json!({ "run_id": run, "metrics": (from..from + 1_000).map(point).collect::<Vec<_>>() })
}

impl Load {
    /// Makes the experiment.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub async fn begin(server: &Server, runs: u32) -> Result<Self, String> {
        let mut client = Client::connect(server.address).await?;
        let made = client.ask(&server.post("experiments/create", &json!({ "name": "bench" })), "experiment_id").await?;
        let made: Value = serde_json::from_str(made).map_err(text)?;
        let experiment = made.get("experiment_id").and_then(Value::as_str).ok_or("the experiment has no id")?;
        Ok(Self { runs, experiment: experiment.to_owned(), ids: Vec::new(), answers: Vec::new() })
    }

    fn run(&self, n: u32) -> Result<&str, String> {
        let id = self.ids.get(usize::try_from(n).map_err(text)?);
        id.map(String::as_str).ok_or_else(|| format!("there is no run {n}"))
    }

    /// Makes all runs, and logs.
    ///
    /// # Errors
    ///
    /// What the server says.
    pub async fn write(&mut self, server: &Server, rows: &mut Vec<Row>) -> Result<(), String> {
        let what = format!("create a run, {CALLERS} callers");
        let create = (0..self.runs).map(|n| server.post("runs/create", &new_run(&self.experiment, n)));
        let (made, cost) = many(server, create.collect(), CALLERS).await?;
        self.ids = made.iter().map(|body| run_id(body)).collect::<Result<_, _>>()?;
        cost.rows(&what, WRITES, None, rows);
        let ids = (0..).zip(&self.ids);
        let batches = ids.map(|(n, id)| server.post("runs/log-batch", &batch(id, n))).collect();
        done(server, &format!("log-batch of 15, {CALLERS} callers"), batches, CALLERS, rows).await?;
        // As when so many train at once, each a run of its own.
        let trained = u32::try_from(CALLERS).map_err(text)?;
        let points =
            (0..POINTS).map(|n| Ok(server.post("runs/log-metric", &loss(self.run(n % trained)?, n / trained))));
        let points = points.collect::<Result<_, String>>()?;
        done(server, &format!("log-metric, {CALLERS} callers"), points, CALLERS, rows).await?;
        let points = (0..ALONE).map(|n| Ok(server.post("runs/log-metric", &loss(self.run(trained)?, n))));
        done(server, "log-metric, one caller", points.collect::<Result<_, String>>()?, 1, rows).await?;
        let long = (0..BATCHES).map(|n| {
            let (run, from) = (self.run(trained + 1 + n / BATCHES_A_RUN)?, n % BATCHES_A_RUN * 1_000);
            Ok(server.post("runs/log-batch", &thousand(run, from)))
        });
        done(server, "log-batch of 1,000 points, one caller", long.collect::<Result<_, String>>()?, 1, rows).await
    }

    /// Reads and searches.
    ///
    /// # Errors
    ///
    /// What the server says; a search that finds another thing the second time.
    pub async fn read(&mut self, server: &Server, rows: &mut Vec<Row>) -> Result<(), String> {
        for (what, filter, order, limit) in SEARCHED {
            let wish = json!({ "experiment_ids": [self.experiment], "filter": filter, "order_by": order, "max_results": limit });
            let (body, cost) = again(server, server.post("runs/search", &wish)).await?;
            let answer = Answer::runs(what, &body)?;
            if answer.len() == 0 {
                return Err(format!("{what}: nothing was found"));
            }
            self.answers.push(answer);
            cost.rows(what, SEARCHES, SEARCHES, rows);
        }
        let (body, cost) = again(server, server.get(&format!("runs/get?run_id={}", self.run(0)?))).await?;
        self.answers.push(Answer::run("get a run", &body)?);
        cost.rows("get a run", None, None, rows);
        let trained = u32::try_from(CALLERS).map_err(text)?;
        let wanted = (0..trained)
            .map(|n| (n, "loss", POINTS / trained))
            .chain([(trained, "loss", ALONE)])
            .chain((0..BATCHES / BATCHES_A_RUN).map(|n| (trained + 1 + n, "long", BATCHES_A_RUN * 1_000)));
        for (n, key, points) in wanted {
            self.history(server, n, key, points).await?;
        }
        Ok(())
    }

    /// Demands that all points of a metric are there.
    async fn history(&mut self, server: &Server, n: u32, key: &str, points: u32) -> Result<(), String> {
        let mut client = Client::connect(server.address).await?;
        let path = format!("metrics/get-history?run_id={}&metric_key={key}&max_results=25000", self.run(n)?);
        let what = format!("history of {key} of run {n}");
        let answer = Answer::points(&what, client.ask(&server.get(&path), "metrics").await?)?;
        if answer.len() != usize::try_from(points).map_err(text)? {
            return Err(format!("{what}: {} points of {points} are there", answer.len()));
        }
        self.answers.push(answer);
        Ok(())
    }
}

fn run_id(body: &str) -> Result<String, String> {
    let body: Value = serde_json::from_str(body).map_err(text)?;
    let id = body.get("run").and_then(|run| run.get("info")?.get("run_id")?.as_str());
    id.map(str::to_owned).ok_or_else(|| "a run has no id".to_owned())
}

impl Cost {
    fn of(server: &Server, cpu_before: u64, times: Summary, wall: f64) -> Result<Self, String> {
        let spent = ms(server.family.cpu_ms().saturating_sub(cpu_before))? - server.idle * wall;
        let count = u32::try_from(times.count.max(1)).map_err(text)?;
        Ok(Self { cpu_ms: spent.max(0.0) / f64::from(count), times })
    }

    fn rows(&self, what: &str, cpu: Option<f64>, latency: Option<f64>, rows: &mut Vec<Row>) {
        rows.push(Row::cpu(what, self.cpu_ms, cpu));
        rows.push(Row::latency(what, &self.times, latency));
    }
}

/// Sends writes that answer with nothing.
async fn done(
    server: &Server,
    what: &str,
    requests: Vec<String>,
    callers: usize,
    rows: &mut Vec<Row>,
) -> Result<(), String> {
    let (bodies, cost) = many(server, requests, callers).await?;
    if let Some(said) = bodies.iter().find(|body| body.trim() != "{}") {
        return Err(format!("{what}: {said}"));
    }
    cost.rows(what, WRITES, None, rows);
    Ok(())
}

/// Sends requests, each caller every so many of them, and returns the answers in the order of the requests.
async fn many(server: &Server, requests: Vec<String>, callers: usize) -> Result<(Vec<String>, Cost), String> {
    let requests = Arc::new(requests);
    let (begun, before) = (measure::now(), server.family.cpu_ms());
    let mut tasks = Vec::new();
    for caller in 0..callers {
        let (requests, address) = (requests.clone(), server.address);
        tasks.push(tokio::spawn(async move {
            let mut client = Client::connect(address).await?;
            let mut told = Vec::new();
            for (n, request) in requests.iter().enumerate().skip(caller).step_by(callers) {
                let one = measure::now();
                let body = client.ask(request, "").await?.to_owned();
                told.push((n, measure::since(one), body));
            }
            Ok::<_, String>(told)
        }));
    }
    let mut told = Vec::new();
    for task in tasks {
        told.extend(task.await.map_err(text)??);
    }
    let wall = measure::since(begun);
    told.sort_unstable_by_key(|(n, ..)| *n);
    let times = Summary::from_times(told.iter().map(|(_, time, _)| *time).collect(), wall);
    let cost = Cost::of(server, before, times, wall.as_secs_f64())?;
    Ok((told.into_iter().map(|(.., body)| body).collect(), cost))
}

/// Asks the same again and again, and demands the same answer each time.
async fn again(server: &Server, request: String) -> Result<(String, Cost), String> {
    let mut client = Client::connect(server.address).await?;
    let first = client.ask(&request, "").await?.to_owned();
    let (begun, before) = (measure::now(), server.family.cpu_ms());
    let mut times = Vec::new();
    for _ in 0..READS {
        let one = measure::now();
        let same = client.ask(&request, "").await? == first;
        times.push(measure::since(one));
        if !same {
            return Err("the same request was answered otherwise".to_owned());
        }
    }
    let wall = measure::since(begun);
    let cost = Cost::of(server, before, Summary::from_times(times, wall), wall.as_secs_f64())?;
    Ok((first, cost))
}
