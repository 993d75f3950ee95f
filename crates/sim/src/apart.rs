//! Plays seeds in processes of their own, several at once, and adds up what each came to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// Counts by kind and name.
pub type Counted = BTreeMap<String, BTreeMap<String, u64>>;

/// Is what a seed came to, as its process tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// The seed.
    pub seed: u64,
    /// What was wrong.
    pub wrong: Vec<String>,
    /// A digest of all that happened, so that two runs can be held against each other.
    pub digest: String,
    /// What it went through, by kind and name.
    pub counts: Counted,
}

impl Played {
    fn broken(seed: u64, why: String) -> Self {
        Self { seed, wrong: vec![why], digest: String::new(), counts: Counted::new() }
    }
}

/// Is what many seeds came to.
#[derive(Debug, Default)]
pub struct Sum {
    /// How many were played.
    pub seeds: u64,
    /// Those in which something was wrong, in order.
    pub wrong: Vec<Played>,
    /// What all of them went through.
    pub counts: Counted,
}

impl Sum {
    /// Adds what a seed came to.
    pub fn add(&mut self, played: Played) {
        self.seeds += 1;
        for (kind, names) in &played.counts {
            let kind = self.counts.entry(kind.clone()).or_default();
            for (name, count) in names {
                *kind.entry(name.clone()).or_default() += count;
            }
        }
        if !played.wrong.is_empty() {
            self.wrong.push(played);
        }
    }

    /// Returns how often something happened.
    pub fn of(&self, kind: &str, name: &str) -> u64 {
        self.counts.get(kind).and_then(|names| names.get(name)).copied().unwrap_or(0)
    }

    /// Returns how often anything of a kind happened.
    pub fn all_of(&self, kind: &str) -> u64 {
        self.counts.get(kind).map_or(0, |names| names.values().sum())
    }
}

/// Says which seeds are played, by which program, and how.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The program, which plays `--one FROM..TO` after the words and prints a line of JSON for each seed.
    pub program: PathBuf,
    /// What it is told first: the simulation, and what that needs besides.
    pub words: Vec<String>,
    /// The first seed.
    pub from: u64,
    /// The one after the last.
    pub to: u64,
    /// How many seeds a process plays, at least 1.
    pub each: u64,
    /// How many processes run at once.
    pub threads: usize,
    /// Whether the first seed that is wrong is enough.
    pub stop_early: bool,
}

/// Plays some seeds in one process of their own.
///
/// A seed of which the process tells nothing, because it could not go on, is wrong.
pub fn play_apart(asked: &Asked, from: u64, to: u64) -> Vec<Played> {
    let output = Command::new(&asked.program).args(&asked.words).args(["--one", &format!("{from}..{to}")]).output();
    let output = match output {
        Ok(output) => output,
        Err(error) => return vec![Played::broken(from, format!("the program cannot be run: {error}"))],
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let mut played: Vec<Played> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let missing = (from..to).find(|seed| !played.iter().any(|played| played.seed == *seed));
    if let Some(seed) = missing {
        let told = String::from_utf8_lossy(&output.stderr);
        let last = told.lines().rev().find(|line| line.contains("panicked") || !line.is_empty()).unwrap_or_default();
        played.push(Played::broken(seed, format!("the run could not go on: {last}")));
    }
    played
}

/// Plays all seeds, as many processes at once as asked for.
pub fn play_all(asked: &Asked) -> Sum {
    let (next, sum) = (AtomicU64::new(asked.from), Mutex::new(Sum::default()));
    let lock = || sum.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..asked.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let from = next.fetch_add(asked.each.max(1), Ordering::SeqCst);
                    let found = asked.stop_early && !lock().wrong.is_empty();
                    if from >= asked.to || found {
                        return;
                    }
                    let played = play_apart(asked, from, (from + asked.each.max(1)).min(asked.to));
                    played.into_iter().for_each(|played| lock().add(played));
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.wrong.sort_by_key(|played| played.seed);
    sum
}
