//! The published log checked as a stranger checks it: by our verifier, and by Go's own implementation of such logs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use evidence::walk::Walk;
use ledger::recover::{LOG, Place};
use tlog::TilePath;
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;

use crate::evidence::{rate, text};
use crate::measure::{self, line};

/// Is how often each check runs; they take turns, and the median counts.
const ROUNDS: usize = 3;

/// Measures the checks of a journal's published log, one core each.
///
/// # Errors
///
/// A log that does not hold, or a program for Go that does not run or disagrees.
pub fn check(place: &Place, go: Option<&str>) -> Result<(), String> {
    let (folder, key) = (place.data.join(LOG), place.keys.log.verifier());
    let (mut ours, mut walked, mut theirs, mut size) = (vec![], vec![], vec![], 0);
    for _ in 0..ROUNDS {
        let begun = measure::now();
        size = hashes(&folder, &key)?;
        ours.push(measure::since(begun));
        let begun = measure::now();
        records(&folder, &key)?;
        walked.push(measure::since(begun));
        if let Some(program) = go {
            theirs.push(by_go(program, &folder, &key, size)?);
        }
    }
    let ours = median(ours);
    line("the published log checked, hashes and tiles, one core", &rate(size, ours));
    line("  with every record read and walked", &rate(size, median(walked)));
    if go.is_some() {
        let theirs = median(theirs);
        let times = theirs.as_secs_f64() / ours.as_secs_f64().max(1e-9);
        line("  by Go's x/mod/sumdb, one core", &format!("{}  (ours is {times:.1} times as fast)", rate(size, theirs)));
    }
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn opened(folder: &Path, key: &VerifierKey) -> Result<Checkpoint, String> {
    let note = std::fs::read(folder.join("checkpoint")).map_err(text)?;
    Ok(Checkpoint::open(&note, key).map_err(text)?.0)
}

fn reader(folder: &Path) -> impl Fn(&TilePath) -> Option<Vec<u8>> + '_ {
    |path| std::fs::read(folder.join(path.to_string())).ok()
}

fn hashes(folder: &Path, key: &VerifierKey) -> Result<u64, String> {
    let checkpoint = opened(folder, key)?;
    tlog::check_tree(checkpoint.size, &checkpoint.root, reader(folder)).map_err(text)?;
    Ok(checkpoint.size)
}

fn records(folder: &Path, key: &VerifierKey) -> Result<(), String> {
    let checkpoint = opened(folder, key)?;
    let mut walk = Walk::new();
    let mut wrong = None;
    let visit = |_: u64, entry: &[u8]| wrong = wrong.take().or(walk.take(entry).err());
    tlog::check_tree_with(checkpoint.size, &checkpoint.root, reader(folder), visit).map_err(text)?;
    wrong.map_or(Ok(()), |error| Err(error.to_string()))
}

fn by_go(program: &str, folder: &Path, key: &VerifierKey, size: u64) -> Result<Duration, String> {
    let output = Command::new(program).arg("--time").arg(key.to_string()).arg(folder).output().map_err(text)?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.trim().split_once(' ') {
        Some((checked, nanoseconds)) if checked == size.to_string() => {
            nanoseconds.parse().map(Duration::from_nanos).map_err(text)
        }
        _ => Err(format!("Go does not accept the log: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
