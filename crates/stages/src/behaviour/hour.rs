//! One hour of an agent in an action class, and how it grows.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};
use types::bundle::{BaselineRule, BundleData};
use types::{ActionProposal, Digest, Facts, Millis, ToolName};

use super::covering;

/// Is an hour, in milliseconds.
pub const HOUR_MS: i64 = 3_600_000;

/// Is how many tools are kept of one hour; what comes after them was not seen.
pub const TOOLS_MAX: usize = 64;

/// Is how many resources are kept of one hour; what comes after them was not seen.
pub const RESOURCES_MAX: usize = 128;

/// Is what an agent did in one class in one hour.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Hour {
    /// How many permits it had.
    #[n(0)]
    pub permits: u32,
    /// How many of its calls were seen to end, sent ones alone.
    #[n(1)]
    pub ended: u32,
    /// How many of those failed or are in doubt.
    #[n(2)]
    pub failed: u32,
    /// How many of those were answered, well or not.
    #[n(3)]
    pub answered: u32,
    /// How long the answered ones took together, in milliseconds.
    #[n(4)]
    pub took_ms: i64,
    /// The tools it had permits for, at most [`TOOLS_MAX`].
    #[n(5)]
    pub tools: BTreeSet<ToolName>,
    /// The marks of the resources it had permits for, at most [`RESOURCES_MAX`].
    #[n(6)]
    pub resources: BTreeSet<u64>,
    /// The amounts it had permits for, by where they stand in the arguments.
    #[n(7)]
    pub amounts: BTreeMap<String, Range>,
}

/// Is a range of amounts, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Range {
    /// The smallest.
    #[n(0)]
    pub least: i64,
    /// The largest.
    #[n(1)]
    pub most: i64,
}

impl Range {
    /// Says whether an amount is within it.
    pub fn holds(&self, amount: i64) -> bool {
        (self.least..=self.most).contains(&amount)
    }
}

/// Are the hours of an agent in a class, by the number of the hour since the epoch.
pub type Hours = BTreeMap<i64, Hour>;

/// Returns the number of the hour since the epoch.
pub fn hour_of(at: Millis) -> i64 {
    at.0.div_euclid(HOUR_MS)
}

/// Returns the mark of the resource that an action names; `None` if it names none.
///
/// A mark takes 8 bytes however long the name is that an agent has chosen, and tells nobody the name.
pub(super) fn resource(facts: &Facts) -> Option<u64> {
    let (kind, id) = (facts.text("resource.kind")?, facts.text("resource.id")?);
    let named = format!("{}/{kind}/{id}", kind.len());
    let first = Digest::of("countersign/behaviour/resource/1", named.as_bytes()).0.first_chunk::<8>().copied();
    first.map(u64::from_be_bytes)
}

impl Hour {
    /// Takes note of a permit.
    ///
    /// - `facts`: those the permit was given on; no argument is read.
    pub fn permitted(&mut self, bundle: &BundleData, proposal: &ActionProposal, facts: &Facts) {
        self.permits = self.permits.saturating_add(1);
        if self.tools.len() < TOOLS_MAX {
            self.tools.insert(proposal.tool.clone());
        }
        if self.resources.len() < RESOURCES_MAX {
            self.resources.extend(resource(facts));
        }
        // Two baselines may look at the same amount: each of them has asked for the same.
        for (id, rule) in covering(bundle, proposal, facts) {
            for (place, pointer) in rule.amounts.iter().enumerate() {
                if let Some(amount) = facts.int(&format!("baseline.{id}.asked.{place}")) {
                    let range = self.amounts.entry(pointer.clone()).or_insert(Range { least: amount, most: amount });
                    *range = Range { least: range.least.min(amount), most: range.most.max(amount) };
                }
            }
        }
    }

    /// Says whether enough calls have ended in it for a baseline to judge failures and pace.
    pub fn is_judged(&self, rule: &BaselineRule) -> bool {
        self.ended >= rule.endings_min.max(1)
    }

    /// Returns the failures among its endings, in basis points; `None` if nothing ended.
    pub fn errors_bp(&self) -> Option<i64> {
        (i64::from(self.failed) * 10_000).checked_div(i64::from(self.ended))
    }

    /// Returns how long its answers took on average, in milliseconds; `None` if nothing was answered.
    pub fn pace_ms(&self) -> Option<i64> {
        self.took_ms.checked_div(i64::from(self.answered))
    }

    /// Takes note of how a call was seen to end.
    ///
    /// - `took_ms`: how long its answer took; `None` if there is none.
    pub fn ended(&mut self, well: bool, took_ms: Option<i64>) {
        self.ended = self.ended.saturating_add(1);
        self.failed = self.failed.saturating_add(u32::from(!well));
        if let Some(took_ms) = took_ms {
            self.answered = self.answered.saturating_add(1);
            self.took_ms = self.took_ms.saturating_add(took_ms.max(0));
        }
    }
}
