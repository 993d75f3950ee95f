//! The published log checked as a stranger checks it: by our verifier, and by Go's own implementation of such logs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use evidence::walk::Walk;
use ledger::recover::{LOG, Place};
use tlog::checkpoint::Checkpoint;
use tlog::key::VerifierKey;
use tlog::proof::verify_inclusion;
use tlog::{Hash, TilePath, TileReader, leaf_hash, prove_inclusion};

use crate::evidence::{rate, text};
use crate::measure::{self, line};

/// Is how often each check runs; they take turns, and the median counts.
const ROUNDS: usize = 3;

/// Is which records are proved one by one: every so many.
const EVERY: u64 = 7;

/// Measures the checks of a journal's published log, one core each.
///
/// # Errors
///
/// A log that does not hold, or a program for Go that does not run or disagrees.
pub fn check(place: &Place, go: Option<&str>) -> Result<(), String> {
    let (folder, key) = (place.data.join(LOG), place.keys.log.verifier());
    let (mut ours, mut walked, mut theirs, mut size) = (vec![], vec![], vec![], 0);
    let (mut proved, mut proved_by_go, mut proofs) = (vec![], vec![], 0);
    let included = Included::of(&folder, &key)?;
    for _ in 0..ROUNDS {
        let begun = measure::now();
        size = hashes(&folder, &key)?;
        ours.push(measure::since(begun));
        let begun = measure::now();
        records(&folder, &key)?;
        walked.push(measure::since(begun));
        let begun = measure::now();
        proofs = included.verify()?;
        proved.push(measure::since(begun));
        if let Some(program) = go {
            theirs.push(by_go(program, "--time", &folder, &key, size)?);
            proved_by_go.push(by_go(program, "--time-proofs", &folder, &key, proofs)?);
        }
    }
    let ours = median(ours);
    line("the published log checked, hashes and tiles, one core", &rate(size, ours));
    line("  with every record read and walked", &rate(size, median(walked)));
    beside("  by Go's x/mod/sumdb, one core", size, ours, theirs);
    let proved = median(proved);
    line("inclusion proofs of single records verified, one core", &rate(proofs, proved));
    beside("  by Go's x/mod/sumdb, one core", proofs, proved, proved_by_go);
    Ok(())
}

fn beside(what: &str, count: u64, ours: Duration, theirs: Vec<Duration>) {
    if theirs.is_empty() {
        return;
    }
    let theirs = median(theirs);
    let times = theirs.as_secs_f64() / ours.as_secs_f64().max(1e-9);
    line(what, &format!("{}  (ours is {times:.1} times as fast)", rate(count, theirs)));
}

/// Is every so many records of a log, each with the proof that the log holds it.
struct Included {
    checkpoint: Checkpoint,
    proved: Vec<(u64, Vec<u8>, Vec<Hash>)>,
}

impl Included {
    fn of(folder: &Path, key: &VerifierKey) -> Result<Self, String> {
        let checkpoint = opened(folder, key)?;
        let mut entries = Vec::new();
        let visit = |index: u64, entry: &[u8]| {
            if index.is_multiple_of(EVERY) {
                entries.push((index, entry.to_vec()));
            }
        };
        tlog::check_tree_with(checkpoint.size, &checkpoint.root, reader(folder), visit).map_err(text)?;
        let tiles = TileReader::new(checkpoint.size, reader(folder));
        let prove = |(index, entry)| {
            let path = prove_inclusion(index, checkpoint.size, &tiles).map_err(text)?;
            Ok((index, entry, path))
        };
        let proved = entries.into_iter().map(prove).collect::<Result<_, String>>()?;
        Ok(Self { checkpoint, proved })
    }

    /// Hashes every record and verifies its proof; returns how many there are.
    fn verify(&self) -> Result<u64, String> {
        let Checkpoint { size, root, .. } = &self.checkpoint;
        for (index, entry, path) in &self.proved {
            verify_inclusion(&leaf_hash(entry), *index, *size, path, root).map_err(text)?;
        }
        Ok(self.proved.len() as u64)
    }
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

fn by_go(program: &str, what: &str, folder: &Path, key: &VerifierKey, size: u64) -> Result<Duration, String> {
    let output = Command::new(program).arg(what).arg(key.to_string()).arg(folder).output().map_err(text)?;
    let said = String::from_utf8_lossy(&output.stdout);
    match said.trim().split_once(' ') {
        Some((checked, nanoseconds)) if checked == size.to_string() => {
            nanoseconds.parse().map(Duration::from_nanos).map_err(text)
        }
        _ => Err(format!("Go does not accept the log: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}
