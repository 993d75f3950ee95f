//! Plays many seeds, each in a process of its own, and reads what each came to.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::history::Entry;
use serde::{Deserialize, Serialize};
use types::Digest;

use crate::road::coverage::Coverage;

use super::scene::Scene;
use super::template::Template;

/// Is what a seed came to, as its process tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Played {
    /// The seed.
    pub seed: u64,
    /// What was wrong.
    pub wrong: Vec<String>,
    /// The digest of its whole journal and of what everybody was told, so that two runs can be held against each other.
    pub digest: String,
    /// What it went through, by kind and name.
    pub counts: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Played {
    pub(super) fn of(seed: u64, scene: &Scene, coverage: Coverage, entries: &[Entry]) -> Self {
        let seen = scene.seen();
        let mut all: Vec<u8> = entries.iter().flat_map(|entry| entry.bytes.clone()).collect();
        all.extend(format!("{:?} {:?}", seen.told, scene.book().effects).into_bytes());
        let (wrong, digest) = (seen.trace.wrong.clone(), Digest::plain(&all).to_string());
        Self { seed, wrong, digest, counts: coverage.by_kind() }
    }

    fn broken(seed: u64, why: String) -> Self {
        Self { seed, wrong: vec![why], digest: String::new(), counts: BTreeMap::new() }
    }
}

/// Is what many seeds came to.
#[derive(Default)]
pub struct Sum {
    /// How many were played.
    pub seeds: u64,
    /// Those in which something was wrong, in order.
    pub wrong: Vec<Played>,
    /// What all of them went through.
    pub counts: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Sum {
    fn add(&mut self, played: Played) {
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
pub struct Asked {
    /// The program, which knows `net --one`.
    pub program: std::path::PathBuf,
    /// The first.
    pub from: u64,
    /// The one after the last.
    pub to: u64,
    /// How many at once.
    pub threads: usize,
    /// The planted bug, if there is one.
    pub mutant: Option<u8>,
}

/// Plays one seed in a process of its own.
pub fn play_apart(asked: &Asked, seed: u64, template: &Template) -> Played {
    let mut command = Command::new(&asked.program);
    command.args(["net", "--one", &seed.to_string(), "--template"]).arg(&template.path);
    if let Some(mutant) = asked.mutant {
        command.args(["--mutant", &mutant.to_string()]);
    }
    let output = command.output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        let told = String::from_utf8_lossy(&output.stderr);
        let last = told.lines().rev().find(|line| line.contains("panicked") || !line.is_empty()).unwrap_or_default();
        Played::broken(seed, format!("the run could not go on: {last}"))
    })
}

/// Plays seeds on several threads; stops early once one is wrong, if a bug is planted.
pub fn play_all(asked: &Asked) -> Sum {
    let template = Template::make();
    let (next, sum) = (AtomicU64::new(asked.from), Mutex::new(Sum::default()));
    std::thread::scope(|scope| {
        for _ in 0..asked.threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    let found = asked.mutant.is_some() && !sum.lock().unwrap().wrong.is_empty();
                    if seed >= asked.to || found {
                        return;
                    }
                    let played = play_apart(asked, seed, &template);
                    sum.lock().unwrap().add(played);
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap();
    sum.wrong.sort_by_key(|played| played.seed);
    sum
}
