//! Which decisions an audit is about, by what a leaf shows to everybody.

use std::collections::BTreeSet;
use std::str::FromStr;

use evidence::{Leaf, RecordKind};
use serde::{Deserialize, Serialize};
use types::Millis;

/// Names a verdict as leaves rank it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictName {
    /// It was allowed.
    Allow,
    /// It was allowed, and watched.
    AllowObserved,
    /// It went to people.
    Escalate,
    /// It was denied.
    Deny,
}

impl VerdictName {
    /// Are all of them, in the order of their ranks.
    pub const ALL: [Self; 4] = [Self::Allow, Self::AllowObserved, Self::Escalate, Self::Deny];

    /// Returns the verdict of a rank; `None` beyond 3.
    pub fn of_rank(rank: u8) -> Option<Self> {
        Self::ALL.get(usize::from(rank)).copied()
    }

    /// Returns the name used in files and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::AllowObserved => "allow_observed",
            Self::Escalate => "escalate",
            Self::Deny => "deny",
        }
    }
}

impl FromStr for VerdictName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|verdict| verdict.as_str() == text);
        known.ok_or_else(|| format!("`{text}` is no verdict: write allow, allow_observed, escalate or deny"))
    }
}

/// Says which decisions are meant; without any limit, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// Those recorded from this instant on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Millis>,
    /// Those recorded before this instant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Millis>,
    /// Those with one of these verdicts; empty means any.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub verdicts: BTreeSet<VerdictName>,
}

impl Filter {
    /// Says whether a leaf is a decision that is meant.
    pub fn takes(&self, leaf: &Leaf) -> bool {
        leaf.kind == RecordKind::Decided
            && self.from.is_none_or(|from| from <= leaf.at)
            && self.to.is_none_or(|to| leaf.at < to)
            && (self.verdicts.is_empty()
                || leaf.verdict.and_then(VerdictName::of_rank).is_some_and(|name| self.verdicts.contains(&name)))
    }
}
