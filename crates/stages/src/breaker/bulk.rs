//! A bulk breaker: one agent over all tools. It stops the agent that does too much in a while that is hard to take back.

use minicbor::{Decode, Encode};
use types::bundle::BulkRule;
use types::{Facts, Millis};

use crate::mutant::{self, Mutant};

/// Is the state of one bulk breaker. The default is one that has counted nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
#[cbor(map)]
pub struct Bulk {
    /// When the last permits were given that count, oldest first.
    #[n(0)]
    pub permits: Vec<Millis>,
    /// When it stopped the agent.
    #[n(1)]
    pub stopped: Option<Millis>,
}

/// Says how a bulk breaker stands at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkStand {
    /// There is room for one more.
    Free,
    /// There is no room: one call more, and the agent is stopped.
    Full,
    /// The agent is stopped.
    Stopped {
        /// Since when.
        at: Millis,
        /// Until when; without it, until a person resets the breaker.
        until: Option<Millis>,
    },
}

impl BulkStand {
    /// Returns the word of the fact: `free`, `full` or `stopped`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Full => "full",
            Self::Stopped { .. } => "stopped",
        }
    }
}

/// Says whether an action counts: it does not only read, and is as hard to take back as the rule says, or nobody knows.
///
/// Reads `tool.effect` and `tool.reversibility`.
pub fn counts(rule: &BulkRule, facts: &Facts) -> bool {
    let listed = |word: &str| rule.counts.iter().any(|counted| counted.as_str() == word);
    facts.text("tool.effect") != Some("read") && facts.text("tool.reversibility").is_none_or(listed)
}

impl Bulk {
    /// Says how it stands at `now`.
    pub fn stand(&self, rule: &BulkRule, now: Millis) -> BulkStand {
        let until = |at: Millis| rule.hold_ms.map(|ms| at.plus(ms));
        match self.stopped.map(|at| (at, until(at))) {
            Some((at, until)) if until.is_none_or(|until| now < until) => BulkStand::Stopped { at, until },
            _ if self.counted(rule, now) >= i64::from(rule.permits_max) => BulkStand::Full,
            _ => BulkStand::Free,
        }
    }

    /// Returns how many permits count at `now`.
    pub fn counted(&self, rule: &BulkRule, now: Millis) -> i64 {
        let counted = self.permits.iter().filter(|at| counts_at(rule, **at, now)).count();
        i64::try_from(counted).unwrap_or(i64::MAX)
    }

    /// Takes note of a permit that counts.
    pub fn permitted(&mut self, rule: &BulkRule, now: Millis) {
        if !matches!(self.stand(rule, now), BulkStand::Stopped { .. }) {
            self.stopped = None;
        }
        self.permits.push(now);
        self.permits.retain(|at| counts_at(rule, *at, now));
        let more = self.permits.len().saturating_sub(usize::try_from(rule.permits_max.max(1)).unwrap_or(usize::MAX));
        self.permits.drain(..more);
    }

    /// Stops the agent: it asked for one more than there is room for.
    pub fn stop(&mut self, now: Millis) {
        self.stopped = Some(now);
    }
}

fn counts_at(rule: &BulkRule, at: Millis, now: Millis) -> bool {
    let off = i64::from(mutant::on(Mutant::BulkWindowOffByOne));
    now.since(at) < rule.within_ms.saturating_sub(off)
}
