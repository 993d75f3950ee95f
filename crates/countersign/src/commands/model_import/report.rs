//! What an import has done: counted by kind, with each refusal and its reason.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::commands::answer::text;
use crate::output::{self, BAD, FAINT, GOOD, NOTE, paint};

/// Is how many refusals are told one by one.
const TOLD_MAX: usize = 10_000;

/// Is how many of them are shown where people read.
const SHOWN_MAX: usize = 20;

/// Says what became of a thing, or of a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is here now.
    Taken,
    /// It was here.
    Present,
    /// It is not taken, and why.
    Refused(String),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Counts {
    taken: u64,
    present: u64,
    refused: u64,
    left: u64,
    waiting: u64,
}

/// Counts.
#[derive(Debug, Default)]
pub struct Report {
    kinds: BTreeMap<&'static str, Counts>,
    refusals: Vec<(&'static str, String, String)>,
    waits: Vec<(&'static str, String, String)>,
    /// What the source has and is not taken, by kind and reason.
    left: BTreeMap<(&'static str, String), u64>,
}

fn up(count: &mut u64) {
    *count = count.saturating_add(1);
}

impl Report {
    fn of(&mut self, kind: &'static str) -> &mut Counts {
        self.kinds.entry(kind).or_default()
    }

    /// Counts what became of a thing.
    pub fn count(&mut self, kind: &'static str, id: &str, outcome: Outcome) {
        match outcome {
            Outcome::Taken => up(&mut self.of(kind).taken),
            Outcome::Present => up(&mut self.of(kind).present),
            Outcome::Refused(why) => {
                up(&mut self.of(kind).refused);
                if self.refusals.len() < TOLD_MAX {
                    self.refusals.push((kind, id.to_owned(), why));
                }
            }
        }
    }

    /// Counts what would be sent.
    pub fn offered(&mut self, kind: &'static str) {
        up(&mut self.of(kind).taken);
    }

    /// Counts what waits for people.
    pub fn waits(&mut self, kind: &'static str, id: &str, why: String) {
        up(&mut self.of(kind).waiting);
        self.waits.push((kind, id.to_owned(), why));
    }

    /// Counts what the source has and is not taken.
    pub fn left(&mut self, kind: &'static str, why: &str) {
        self.left_times(kind, why, 1);
    }

    /// Counts what the source has several times and is not taken.
    pub fn left_times(&mut self, kind: &'static str, why: &str, times: u64) {
        let count = &mut self.of(kind).left;
        *count = count.saturating_add(times);
        let count = self.left.entry((kind, why.to_owned())).or_default();
        *count = count.saturating_add(times);
    }

    /// Returns how many things were refused.
    pub fn refused(&self) -> u64 {
        self.kinds.values().map(|counts| counts.refused).fold(0, u64::saturating_add)
    }

    /// Returns how many things wait for people.
    pub fn waiting(&self) -> u64 {
        self.kinds.values().map(|counts| counts.waiting).fold(0, u64::saturating_add)
    }

    /// Returns how many things of the source are not here.
    pub fn not_here(&self) -> u64 {
        let left = self.kinds.values().map(|counts| counts.left).fold(0, u64::saturating_add);
        left.saturating_add(self.refused())
    }

    /// Writes all of it for programs.
    pub fn to_json(&self, ended: &Value, is_dry: bool) -> Value {
        let told = |all: &[(&'static str, String, String)]| -> Value {
            all.iter().map(|(kind, id, why)| json!({ "kind": kind, "id": id, "reason": why })).collect()
        };
        let counts = |counts: &Counts| {
            let Counts { taken, present, refused, left, waiting } = counts;
            json!({ "taken": taken, "present": present, "refused": refused, "not_taken": left, "waiting": waiting })
        };
        let kinds: serde_json::Map<String, Value> =
            self.kinds.iter().map(|(kind, of)| ((*kind).to_owned(), counts(of))).collect();
        let left: Value = self
            .left
            .iter()
            .map(|((kind, why), count)| json!({ "kind": kind, "reason": why, "count": count }))
            .collect();
        json!({ "dry_run": is_dry, "import": ended, "kinds": kinds, "refused": told(&self.refusals), "waiting": told(&self.waits),
            "not_taken": left })
    }

    /// Tells all of it.
    pub fn say(&self, ended: &Value, is_dry: bool) {
        let first = if is_dry { "would be sent" } else { "taken" };
        let mut rows: Vec<Vec<String>> =
            vec![["", first, "already here", "refused", "waiting", "not taken"].map(str::to_owned).to_vec()];
        for (kind, counts) in &self.kinds {
            let Counts { taken, present, refused, left, waiting } = counts;
            let numbers = [taken, present, refused, waiting, left].map(ToString::to_string);
            rows.push(std::iter::once((*kind).to_owned()).chain(numbers).collect());
        }
        output::table(&rows);
        for ((kind, why), count) in &self.left {
            output::say(format!("{} {count} × {kind}: {why}", paint(NOTE, "not taken")));
        }
        for (kind, id, why) in &self.waits {
            output::say(format!("{} {kind} {id}: {why}", paint(NOTE, "waits")));
        }
        for (kind, id, why) in self.refusals.iter().take(SHOWN_MAX) {
            output::say(format!("{} {kind} {id}: {why}", paint(BAD, "refused")));
        }
        if self.refusals.len() > SHOWN_MAX {
            output::say(paint(
                FAINT,
                format!("{} more are told by --json", self.refusals.len().saturating_sub(SHOWN_MAX)),
            ));
        }
        let record = text(ended, "record");
        if !record.is_empty() {
            output::say(format!("{} record {record} holds the digest {}", paint(GOOD, "ok"), text(ended, "digest")));
        } else if !is_dry {
            output::say(format!("{} nothing is new", paint(GOOD, "ok")));
        }
    }
}
