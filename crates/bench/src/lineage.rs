//! The graph of lineage over HTTP: 100,000 jobs, each of which reads what six of the stage before have written.

use std::net::SocketAddr;
use std::sync::Arc;

use control::Control;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use types::AgentId;

use crate::http::Client;
use crate::measure::{self, Summary, line};

/// Is how many jobs a stage has.
const WIDE: u32 = 1_000;

/// Is how many stages there are.
const STAGES: u32 = 100;

/// Is how many datasets of the stage before a job reads: so many that a graph of depth 20 has just less than 5,000 nodes.
const READ: u32 = 6;

/// Is how many answers are measured.
const ANSWERS: u32 = 200;

fn text<E: std::fmt::Display>(error: E) -> String {
    error.to_string()
}

/// Measures how fast the events of the graph are taken, and how fast a graph is answered: one within the bound, and one that is cut at it.
///
/// # Errors
///
/// What the server, the socket or the disk say.
pub async fn all(control: &Arc<Control>) -> Result<(), String> {
    let begun = measure::now();
    let taking = control.clone();
    tokio::task::spawn_blocking(move || take(&taking)).await.map_err(text)??;
    let took = measure::since(begun).as_secs_f64();
    line("lineage, events taken in batches of 1,000", &format!("{:>9.0}/s", f64::from(WIDE * STAGES) / took));
    let (router, _) = api::router(control.clone(), api::ApiConfig::default());
    let token = crate::workload::key(control, AgentId::new("agent-0").map_err(text)?).await?.token;
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(text)?;
    let address = listener.local_addr().map_err(text)?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = axum::serve(listener, router).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(serving.into_future());
    for (name, depth, wanted) in
        [("depth 20", 20, "\"truncated\":false"), ("depth 100, cut", 100, "\"truncated\":true")]
    {
        let (nodes, summary) = answers(address, &token, depth, wanted).await?;
        line(&format!("lineage of 100,000 jobs, {name}, {nodes} nodes"), &summary.to_string());
    }
    drop(stop);
    server.await.map_err(text)?.map_err(text)
}

fn take(control: &Control) -> Result<(), String> {
    let tracking = control.tracking().map_err(|refusal| refusal.message)?;
    for stage in 0..STAGES {
        let events: Vec<Value> = (0..WIDE).map(|n| event(stage, n)).collect();
        let taken = tracking.take_lineage_batch(&Value::from(events).to_string()).map_err(|refusal| refusal.message)?;
        taken.into_iter().try_for_each(|event| event.map(|_| ())).map_err(|refusal| refusal.message)?;
    }
    Ok(())
}

fn event(stage: u32, n: u32) -> Value {
    let dataset = |stage: u32, n: u32| {
        let fields = [json!({ "name": "id", "type": "BIGINT" }), json!({ "name": "amount", "type": "DOUBLE" })];
        let schema = json!({ "_producer": "p", "_schemaURL": "s", "fields": fields });
        json!({ "namespace": "bench", "name": format!("set-{stage}-{}", n % WIDE), "facets": { "schema": schema } })
    };
    let read = (0..READ).filter(|_| stage > 0).map(|more| dataset(stage.saturating_sub(1), n + more));
    json!({
        "eventType": "COMPLETE",
        "eventTime": "2026-01-02T03:04:05Z",
        "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": { "runId": format!("00000000-0000-4000-8000-{:012x}", u64::from(stage) * u64::from(WIDE) + u64::from(n)) },
        "job": { "namespace": "bench", "name": format!("job-{stage}-{n}") },
        "inputs": read.collect::<Vec<_>>(),
        "outputs": [dataset(stage, n)],
    })
}

/// Asks for the graphs around jobs in the middle, and returns how many nodes the last answer had.
async fn answers(address: SocketAddr, token: &str, depth: u32, wanted: &str) -> Result<(usize, Summary), String> {
    let mut client = Client::connect(address).await?;
    let mut times = Vec::new();
    let mut nodes = 0;
    let begun = measure::now();
    for n in 0..ANSWERS {
        let job = format!("job-{}-{}", STAGES / 2, n * 4 % WIDE);
        let request = format!(
            "GET /api/v1/lineage?nodeId=job:bench:{job}&depth={depth} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\r\n"
        );
        let one = measure::now();
        nodes = client.ask(&request, wanted).await?.matches("\"inEdges\"").count();
        times.push(measure::since(one));
    }
    Ok((nodes, Summary::from_times(times, measure::since(begun))))
}
