//! Benchmarks. Every figure is from one run on one machine, so compare the ratios and not the times.
//!
//! The workload: 1,000 policies of which 3 % match a request, 64 agents, contents sealed.
//! `write DIR COUNT` measures nothing: it writes a journal of so many decisions for others to read.
//! Words on the command line choose parts: `alone`, `saga`, `record`, `watched`, `http`, `call`, `evidence`, `lineage`, `mlflow`; none means all. Numbers choose how many callers.
//! `go=PROGRAM` names the check of a log by Go (`acceptance/outsiders/check.go`), to be timed beside ours. `mlflow=PROGRAM` and
//! `countersign=PROGRAM` name the two servers that are measured beside each other, `runs=COUNT` how many runs they are given.

mod cpu;
mod evidence;
mod http;
mod lineage;
mod machine;
mod mcp;
mod measure;
mod mlflow;
mod published;
mod raw;
mod workload;
mod write;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use control::Control;
use control::actions::Wish;
use measure::{Summary, line};
use workload::Kind;

// A decision allocates some hundred small values on one thread and frees them on another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| e.to_string());
    match runtime.and_then(|runtime| runtime.block_on(all())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

async fn all() -> Result<(), String> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, folder, count] = words.as_slice()
        && first == "write"
    {
        return write::run(Path::new(folder), count.parse().map_err(|_| format!("`{count}` is no count"))?).await;
    }
    let numbers: Vec<u32> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let named = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let go = named("go");
    let parts: Vec<&String> = words.iter().filter(|word| word.parse::<u32>().is_err() && !word.contains('=')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|word| *word == part);
    let callers = if numbers.is_empty() { vec![1, 16, 64, 256] } else { numbers };
    if wanted("mlflow") {
        beside_mlflow(named("countersign"), named("mlflow"), named("runs")).await?;
        // Nobody else is asked to make a workload that is not wanted.
        if parts.len() == 1 {
            return Ok(());
        }
    }
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    line("workload", &format!("{} policies, {} agents", workload::POLICIES, workload::AGENTS));
    let server = mcp::server().await?;
    if wanted("alone") {
        decide_alone(server)?;
    }
    let control = workload::control(folder.path(), server, workload::PLAIN).await?;
    if wanted("call") {
        added(&control, server, folder.path()).await?;
    }
    if wanted("saga") {
        steps_of_sagas(&control, server, folder.path()).await?;
    }
    for callers in callers.iter().copied().filter(|_| wanted("record")) {
        let raw = raw::group_commit(folder.path(), callers).await?;
        let cpu = cpu::Cpu::now();
        let road = decide_and_record(&control, callers).await?;
        let spent = cpu.since(road.count);
        let share = road.per_second * 100.0 / raw.per_second.max(1.0);
        line(&format!("raw group commit, {callers} callers"), &raw.to_string());
        line(&format!("decide and record, {callers} callers"), &format!("{road}  ({share:.0} % of raw)"));
        line("  of it processor time, per decision", &spent);
    }
    if wanted("watched") {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let watched = workload::control(folder.path(), server, Kind { watched: true, ..workload::PLAIN }).await?;
        for callers in callers.iter().copied() {
            let plain = decide_and_record(&control, callers).await?;
            let road = decide_and_record(&watched, callers).await?;
            let share = road.per_second * 100.0 / plain.per_second.max(1.0);
            line(&format!("the same without a baseline, {callers} callers"), &plain.to_string());
            line(&format!("decide and record, watched by one, {callers} callers"), &format!("{road}  ({share:.0} %)"));
        }
    }
    for callers in callers.iter().copied().filter(|_| wanted("http")) {
        let bare = http::bare(folder.path(), callers).await?;
        let cpu = cpu::Cpu::now();
        let road = http::decide(&control, callers).await?;
        let spent = cpu.since(road.count);
        let share = road.per_second * 100.0 / bare.per_second.max(1.0);
        line(&format!("bare row over HTTP, {callers} callers"), &bare.to_string());
        line(&format!("decide and record over HTTP, {callers} callers"), &format!("{road}  ({share:.0} % of bare)"));
        line("  of it processor time, per decision", &spent);
    }
    if wanted("evidence") {
        crate::evidence::all(&control, folder.path(), go).await?;
    }
    if wanted("lineage") {
        crate::lineage::all(&control).await?;
    }
    Ok(())
}

/// Measures our tracking server beside MLflow's, if both programs are named.
async fn beside_mlflow(ours: Option<&str>, theirs: Option<&str>, runs: Option<&str>) -> Result<(), String> {
    let (Some(countersign), Some(mlflow)) = (ours, theirs) else {
        line("beside MLflow's server", "not measured: `countersign=` and `mlflow=` name no programs");
        return Ok(());
    };
    let runs = runs.map_or(Ok(mlflow::RUNS), |runs| runs.parse().map_err(|_| format!("`{runs}` is no count")))?;
    mlflow::all(&mlflow::Wish { countersign, mlflow, runs }).await
}

/// Measures a decision without its record, first permitted at the first rung, then asked through all three.
fn decide_alone(server: SocketAddr) -> Result<(), String> {
    let (views, snapshot) = workload::views(server)?;
    for (name, tool) in [("first rung permits", "bench.read_item"), ("through all three rungs", "bench.write_item")] {
        let proposals: Vec<_> = (0..workload::AGENTS).map(|n| workload::proposal(n, tool)).collect::<Result<_, _>>()?;
        let mut turn = 0usize;
        let summary = Summary::of(20_000, || {
            if let Some(proposal) = proposals.get(turn % proposals.len()) {
                std::hint::black_box(control::gather::prepare(&views, &snapshot, proposal, None));
            }
            turn += 1;
        });
        line(&format!("decide alone, {name}"), &summary.to_string());
    }
    Ok(())
}

/// Measures what the gateway adds to a `tools/call`, beside what two syncs and a millisecond would.
async fn added(control: &Arc<Control>, server: SocketAddr, folder: &Path) -> Result<(), String> {
    let sync = raw::sync(folder)?;
    let [direct, through] = mcp::call(control, server).await?;
    let us = |time: Duration| format!("p50 {:>9.1} µs", time.as_secs_f64() * 1e6);
    line("one sync", &sync.to_string());
    line("tools/call, direct", &direct.to_string());
    line("tools/call, through Countersign", &through.to_string());
    line("  added", &us(through.p50.saturating_sub(direct.p50)));
    line("  two syncs and 1 ms", &us(sync.p50 * 2 + Duration::from_millis(1)));
    Ok(())
}

/// Measures what a step of a saga takes beside the same call by itself, and what two syncs and a millisecond would.
async fn steps_of_sagas(control: &Arc<Control>, server: SocketAddr, folder: &Path) -> Result<(), String> {
    let sync = raw::sync(folder)?;
    let [_, alone] = mcp::call(control, server).await?;
    let step = mcp::saga(control).await?;
    let us = |time: Duration| format!("p50 {:>9.1} µs", time.as_secs_f64() * 1e6);
    line("one sync", &sync.to_string());
    line("tools/call by itself", &alone.to_string());
    line("tools/call as a step of a saga", &us(step.p50));
    line("  more", &us(step.p50.saturating_sub(alone.p50)));
    line("  two syncs and 1 ms", &us(sync.p50 * 2 + Duration::from_millis(1)));
    Ok(())
}

async fn decide_and_record(control: &Arc<Control>, callers: u32) -> Result<Summary, String> {
    let each = (40_000 / callers).clamp(200, 4_000);
    let started = measure::now();
    let mut tasks = Vec::new();
    for caller in 0..callers {
        let control = control.clone();
        tasks.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for _ in 0..each {
                let begun = measure::now();
                let wish: Wish = workload::wish(caller % workload::AGENTS, "bench.read_item")?;
                let decided = control.decide_once(wish, false).await.map_err(|r| r.message)?;
                if decided.permit.is_none() {
                    return Err("the workload's action was not permitted".to_owned());
                }
                times.push(measure::since(begun));
            }
            Ok(times)
        }));
    }
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await.map_err(|e| e.to_string())??);
    }
    Ok(Summary::from_times(times, measure::since(started)))
}
