//! How a schedule that showed something wrong is run again.

use std::process::Command;

use crate::scenes::Scene;

/// Returns the commit that is checked out, with `-dirty` behind it if files differ from it; `unknown` outside of a checkout.
fn commit() -> String {
    let arguments = ["describe", "--always", "--dirty", "--exclude=*", "--abbrev=10"];
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success());
    let commit = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    commit.filter(|commit| !commit.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}

/// Returns the line that names the seed of a schedule and its commit, and the command that runs it again.
///
/// - `named`: the commit to name, if not the one that is checked out.
/// - `planted`: the number of the planted bug that was on, if one was.
pub fn line(scene: Scene, seed: u64, named: Option<&str>, planted: Option<u8>) -> String {
    let commit = named.map_or_else(commit, str::to_owned);
    let (features, mutant) =
        planted.map_or_else(Default::default, |n| (",mutants".to_owned(), format!(" --mutant {n}")));
    let command = format!("cargo run -p countersign-races --features shuttle{features} -- {}", scene.name());
    format!("seed={seed} commit={commit} again: {command} --seed {seed}{mutant}")
}
