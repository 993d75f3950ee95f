//! The table: each figure of both servers, and their ratio beside the goal.

use std::io::Write as _;
use std::time::Duration;

use crate::measure::Summary;

/// Is one figure of one server.
#[derive(Debug, Clone)]
pub struct Row {
    what: String,
    figure: f64,
    unit: &'static str,
    /// Is how many times less ours is to be.
    goal: Option<f64>,
}

impl Row {
    fn new(what: &str, figure: f64, unit: &'static str, goal: Option<f64>) -> Self {
        Self { what: what.to_owned(), figure, unit, goal }
    }

    /// Is how long a start took.
    pub fn start(what: &str, took: Duration) -> Self {
        Self::new(what, took.as_secs_f64() * 1e3, "ms", Some(20.0))
    }

    /// Is memory, given in kilobytes.
    pub fn memory(what: &str, kilobytes: u32) -> Self {
        Self::new(what, f64::from(kilobytes) / 1024.0, "MiB", Some(10.0))
    }

    /// Is a number of things.
    pub fn count(what: &str, count: u32) -> Self {
        Self::new(what, f64::from(count), "", None)
    }

    /// Is processor time for each request.
    pub fn cpu(what: &str, ms: f64, goal: Option<f64>) -> Self {
        Self::new(&format!("{what}, processor time"), ms, "CPU-ms", goal)
    }

    /// Is how long half of the requests took at most.
    pub fn latency(what: &str, summary: &Summary, goal: Option<f64>) -> Self {
        Self::new(&format!("{what}, latency (p50)"), summary.p50.as_secs_f64() * 1e3, "ms", goal)
    }
}

/// Prints both columns.
pub fn print(runs: u32, theirs: &[Row], ours: &[Row]) {
    let mut out = std::io::stdout().lock();
    let head = format!("beside MLflow's server, {runs} runs");
    let _ = writeln!(out, "{head:<66} {:>12} {:>12} {:>8} {:>6}", "MLflow", "ours", "ratio", "goal");
    for (theirs, ours) in theirs.iter().zip(ours) {
        let what = format!("{} {}", theirs.what, theirs.unit);
        let ratio = theirs.figure / ours.figure.max(1e-6);
        let goal = theirs.goal.map_or_else(String::new, |goal| format!("{goal:.0}"));
        let missed = if theirs.goal.is_some_and(|goal| ratio < goal) { "  MISSED" } else { "" };
        let _ =
            writeln!(out, "{what:<66} {:>12.3} {:>12.3} {ratio:>8.1} {goal:>6}{missed}", theirs.figure, ours.figure);
    }
}
