//! How a seed that showed something wrong is played again.

use std::process::Command;

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())?;
    (!text.is_empty()).then_some(text)
}

/// Returns the commit that is checked out, with `-dirty` behind it if files differ from it; `unknown` outside of a checkout.
pub fn commit() -> String {
    git(&["describe", "--always", "--dirty", "--exclude=*", "--abbrev=10"]).unwrap_or_else(|| "unknown".into())
}

/// Returns the line that names a seed and its commit, and the command that plays it again.
///
/// - `simulation`: `road`, `net` or `power-loss`.
/// - `planted`: the number of the planted bug that was on, if one was.
pub fn line(simulation: &str, seed: u64, planted: Option<u8>) -> String {
    let (features, mutant) =
        planted.map_or_else(Default::default, |n| (" --features mutants".to_owned(), format!(" --mutant {n}")));
    let command = format!("cargo run -p countersign-sim{features} -- {simulation} --seed {seed}{mutant}");
    format!("seed={seed} commit={} again: {command}", commit())
}
