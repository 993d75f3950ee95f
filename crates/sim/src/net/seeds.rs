//! Plays many seeds, each in a process of its own.

use ledger::history::Entry;
use types::Digest;

use crate::apart::{self, Played, Sum};
use crate::road::coverage::Coverage;

use super::scene::Scene;
use super::template::Template;

pub(super) fn played(seed: u64, scene: &Scene, coverage: Coverage, entries: &[Entry]) -> Played {
    let seen = scene.seen();
    let mut all: Vec<u8> = entries.iter().flat_map(|entry| entry.bytes.clone()).collect();
    all.extend(format!("{:?} {:?}", seen.told, scene.book().effects).into_bytes());
    let (wrong, digest) = (seen.trace.wrong.clone(), Digest::plain(&all).to_string());
    Played { seed, wrong, digest, counts: coverage.by_kind() }
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

impl Asked {
    fn with(&self, template: &Template) -> apart::Asked {
        let mut words = vec!["net".to_owned(), "--template".to_owned(), template.path.display().to_string()];
        words.extend(self.mutant.into_iter().flat_map(|mutant| ["--mutant".to_owned(), mutant.to_string()]));
        apart::Asked {
            program: self.program.clone(),
            words,
            from: self.from,
            to: self.to,
            each: 1,
            threads: self.threads,
            stop_early: self.mutant.is_some(),
        }
    }
}

/// Plays one seed in a process of its own.
pub fn play_apart(asked: &Asked, seed: u64, template: &Template) -> Played {
    apart::play_apart(&asked.with(template), seed, seed + 1).swap_remove(0)
}

/// Plays seeds on several threads; stops early once one is wrong, if a bug is planted.
pub fn play_all(asked: &Asked) -> Sum {
    apart::play_all(&asked.with(&Template::make()))
}
