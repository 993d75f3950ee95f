//! Findings and their join: the lattice every decision is computed in.
//!
//! `Allow < AllowObserved < Escalate(profiles) < Deny`. A verdict is the join of all findings, so no
//! order of stages matters and nothing loosens what another stage tightened.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{Code, ProfileId};

/// Names the stage a finding comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Kill switches.
    #[n(0)]
    Switches,
    /// Identity and scope, the delegator included.
    #[n(1)]
    Identity,
    /// Cedar policy.
    #[n(2)]
    Policy,
    /// The autonomy level of the agent for the action class.
    #[n(3)]
    Autonomy,
    /// The risk score.
    #[n(4)]
    Risk,
    /// Rates, budgets, windows, freezes and maximum impact.
    #[n(5)]
    Limits,
    /// Mandatory-review triggers.
    #[n(6)]
    Review,
    /// The pinned definition of the tool.
    #[n(7)]
    Integrity,
    /// The journal and what it depends on.
    #[n(8)]
    Evidence,
    /// Circuit breakers and bulk breakers.
    #[n(9)]
    Breakers,
    /// What the agent does, against what is usual for it.
    #[n(10)]
    Behaviour,
}

impl Stage {
    /// Returns the name used in findings, in the API and in the CLI.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Switches => "switches",
            Self::Identity => "identity",
            Self::Policy => "policy",
            Self::Autonomy => "autonomy",
            Self::Risk => "risk",
            Self::Limits => "limits",
            Self::Review => "review",
            Self::Integrity => "integrity",
            Self::Evidence => "evidence",
            Self::Breakers => "breakers",
            Self::Behaviour => "behaviour",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says how far one finding restricts the action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Restriction {
    /// Nothing stands against it.
    #[n(0)]
    Allow,
    /// It may run, with enhanced logging.
    #[n(1)]
    AllowObserved,
    /// People of this profile must approve it first.
    #[n(2)]
    Escalate(#[n(0)] ProfileId),
    /// It must not run, whoever approves.
    #[n(3)]
    Deny,
}

/// Is what one stage says about one action.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(array)]
pub struct Finding {
    /// Who says it.
    #[n(0)]
    pub stage: Stage,
    /// How far it restricts.
    #[n(1)]
    pub restriction: Restriction,
    /// The stable code; `countersign explain CODE` tells more.
    #[n(2)]
    pub code: Code,
    /// One sentence for people.
    #[n(3)]
    pub detail: Cow<'static, str>,
    /// The policy, limit, fact or switch it rests on.
    #[n(4)]
    pub source: Cow<'static, str>,
}

impl Finding {
    /// Builds a finding.
    pub fn new(
        stage: Stage,
        restriction: Restriction,
        code: Code,
        detail: impl Into<Cow<'static, str>>,
        source: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { stage, restriction, code, detail: detail.into(), source: source.into() }
    }
}

/// Is the join of all findings of one action.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It may run.
    #[n(0)]
    Allow,
    /// It may run, with enhanced logging.
    #[n(1)]
    AllowObserved,
    /// It waits until every named profile has approved.
    #[n(2)]
    Escalate(#[n(0)] BTreeSet<ProfileId>),
    /// It does not run.
    #[n(3)]
    Deny,
}

impl Verdict {
    /// Joins restrictions; of none at all the result is [`Verdict::Deny`], because an unknown is denied.
    pub fn join<'a>(restrictions: impl IntoIterator<Item = &'a Restriction>) -> Self {
        restrictions.into_iter().fold(None, |so_far, r| Some(Self::tighten(so_far, r))).unwrap_or(Self::Deny)
    }

    fn tighten(so_far: Option<Self>, restriction: &Restriction) -> Self {
        use Restriction as R;
        match (so_far, restriction) {
            (Some(Self::Deny), _) | (_, R::Deny) => Self::Deny,
            (Some(Self::Escalate(mut profiles)), R::Escalate(profile)) => {
                profiles.insert(profile.clone());
                Self::Escalate(profiles)
            }
            (_, R::Escalate(profile)) => Self::Escalate(BTreeSet::from([profile.clone()])),
            (Some(Self::Escalate(profiles)), _) => Self::Escalate(profiles),
            (Some(Self::AllowObserved), _) | (_, R::AllowObserved) => Self::AllowObserved,
            (_, R::Allow) => Self::Allow,
        }
    }

    /// Returns the name used on the wire: `allow`, `allow_observed`, `escalate` or `deny`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::AllowObserved => "allow_observed",
            Self::Escalate(_) => "escalate",
            Self::Deny => "deny",
        }
    }

    /// Says whether the action may run now.
    pub fn permits(&self) -> bool {
        matches!(self, Self::Allow | Self::AllowObserved)
    }

    /// Returns the rank in the lattice, 0 to 3, as evidence leaves carry it.
    pub fn rank(&self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::AllowObserved => 1,
            Self::Escalate(_) => 2,
            Self::Deny => 3,
        }
    }

    /// Reads a rank as [`Verdict::rank`] gives it; a rank beyond the lattice denies.
    ///
    /// A rank does not say who must approve, so an escalation comes back without profiles.
    pub fn from_rank(rank: u8) -> Self {
        match rank {
            0 => Self::Allow,
            1 => Self::AllowObserved,
            2 => Self::Escalate(BTreeSet::new()),
            _ => Self::Deny,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn profile(name: &str) -> ProfileId {
        ProfileId::new(name).unwrap()
    }

    fn restriction() -> impl Strategy<Value = Restriction> {
        prop_oneof![
            Just(Restriction::Allow),
            Just(Restriction::AllowObserved),
            "[ab]".prop_map(|p| Restriction::Escalate(profile(&p))),
            Just(Restriction::Deny),
        ]
    }

    #[test]
    fn nothing_said_is_denied() {
        assert_eq!(Verdict::join([]), Verdict::Deny);
    }

    #[test]
    fn a_rank_is_read_as_it_was_written() {
        for rank in 0..=3 {
            assert_eq!(Verdict::from_rank(rank).rank(), rank);
        }
        assert_eq!(Verdict::from_rank(0), Verdict::Allow);
        assert_eq!(Verdict::from_rank(4), Verdict::Deny);
        assert_eq!(Verdict::from_rank(u8::MAX), Verdict::Deny);
    }

    #[test]
    fn several_profiles_must_all_be_met() {
        let verdict = Verdict::join(&[
            Restriction::Escalate(profile("a")),
            Restriction::Allow,
            Restriction::Escalate(profile("b")),
        ]);
        assert_eq!(verdict, Verdict::Escalate(BTreeSet::from([profile("a"), profile("b")])));
    }

    proptest! {
        #[test]
        fn order_and_repetition_do_not_matter(mut rs in prop::collection::vec(restriction(), 1..8), extra in 0usize..8) {
            let verdict = Verdict::join(&rs);
            let again = rs[extra % rs.len()].clone();
            rs.push(again);
            rs.reverse();
            prop_assert_eq!(Verdict::join(&rs), verdict);
        }

        #[test]
        fn one_more_finding_never_loosens(rs in prop::collection::vec(restriction(), 1..8), r in restriction()) {
            let before = Verdict::join(&rs);
            let after = Verdict::join(rs.iter().chain([&r]));
            prop_assert!(after.rank() >= before.rank());
            if let (Verdict::Escalate(old), Verdict::Escalate(new)) = (before, after) {
                prop_assert!(new.is_superset(&old));
            }
        }
    }
}
