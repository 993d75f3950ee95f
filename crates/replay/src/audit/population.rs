//! The population: everything there is to draw from, counted.

use std::collections::{BTreeMap, BTreeSet};

use evidence::verify::Check;
use evidence::{Leaf, RecordKind};
use serde::Serialize;
use types::{ActionId, Millis};

use super::{Filter, Published, VerdictName, words};

/// Is the population of an audit: the decisions that its filter takes, counted, and what the whole log holds besides.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Population {
    /// The log.
    pub origin: String,
    /// How many records it has, all of which were walked.
    pub records: u64,
    /// The root of its tree.
    pub root: String,
    /// When its last record was written.
    pub last: Millis,
    /// Which decisions are meant.
    pub filter: Filter,
    /// How many there are.
    pub decisions: u64,
    /// How many of each verdict.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// How many at each autonomy level.
    pub levels: BTreeMap<String, u64>,
    /// How many under each policy bundle, by its digest.
    pub bundles: BTreeMap<String, u64>,
    /// How many on each day, UTC.
    pub days: BTreeMap<String, u64>,
    /// How many in sessions; the others came alone.
    pub in_sessions: u64,
    /// Those that permitted an action of which the log has no outcome: index by action.
    pub without_outcome: BTreeMap<ActionId, u64>,
    /// How many records of each kind the whole log has.
    pub kinds: BTreeMap<&'static str, u64>,
    /// How many sessions of the whole log have no end.
    pub open_sessions: u64,
    /// How many records of the whole log stand for several denials each, which are not in this population.
    pub aggregates: u64,
    /// What was checked of the log's signatures, all of which holds.
    pub checks: Vec<Check>,
    /// What is not proved, whatever holds.
    pub unproven: Vec<String>,
    #[serde(skip)]
    taken: BTreeSet<u64>,
}

impl Population {
    /// Starts to count the decisions that a filter takes.
    pub fn new(filter: Filter) -> Self {
        Self { filter, ..Self::default() }
    }

    /// Takes the next leaf of the log, in order, as [`super::walk`] hands them out.
    pub fn take(&mut self, index: u64, leaf: &Leaf) {
        // Those with a state sum up what somebody has used, and stand for no denials.
        if leaf.kind == RecordKind::Aggregate && leaf.status.is_none() {
            self.aggregates += 1;
        }
        if !self.filter.takes(leaf) {
            return;
        }
        self.decisions += 1;
        let verdict = leaf.verdict.and_then(VerdictName::of_rank).map_or("unknown", VerdictName::as_str);
        *self.verdicts.entry(verdict).or_default() += 1;
        *self.levels.entry(leaf.level.map_or("none".to_owned(), |level| format!("L{level}"))).or_default() += 1;
        *self.bundles.entry(leaf.bundle.map_or("none".to_owned(), |digest| digest.to_string())).or_default() += 1;
        *self.days.entry(words::day(leaf.at)).or_default() += 1;
        self.in_sessions += u64::from(leaf.session.is_some());
        if evidence::walk::is_intent(leaf) {
            self.taken.insert(index);
        }
    }

    /// Returns the whole count once the walk has succeeded.
    #[must_use]
    pub fn of(mut self, published: &Published) -> Self {
        self.origin = published.checkpoint.origin.clone();
        self.records = published.checkpoint.size;
        self.root = published.checkpoint.root.to_string();
        self.last = published.last;
        self.checks.clone_from(&published.checks);
        self.kinds = published.walked.kinds.clone();
        self.open_sessions = published.walked.open_sessions;
        let open = published.walked.open_intents.iter().filter(|(_, index)| self.taken.contains(index));
        self.without_outcome = open.map(|(action, index)| (*action, *index)).collect();
        self
    }
}
