//! What is kept of each vote, each silence and each hour.

use std::collections::BTreeSet;

use stages::turn;
use types::bundle::BundleData;
use types::case::{Ballot, Case, Vote};
use types::{AgentId, ClassId, Millis, PersonId, ProfileId, ToolName};

/// Is one vote.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) person: PersonId,
    pub(super) ballot: Ballot,
    pub(super) at: Millis,
    /// From when it was their turn.
    pub(super) took_ms: i64,
    pub(super) delegated: bool,
    /// The profiles whose steps asked them.
    pub(super) profiles: BTreeSet<ProfileId>,
    /// The groups that those profiles ask.
    pub(super) groups: BTreeSet<String>,
    pub(super) agent: Option<AgentId>,
    pub(super) class: Option<ClassId>,
    pub(super) tool: ToolName,
    /// It approved what failed, is in doubt, or was stopped by a kill switch soon after.
    pub(super) regretted: bool,
}

/// Is one case that expired while it still awaited votes.
#[derive(Debug, Clone)]
pub(super) struct Silence {
    pub(super) at: Millis,
    /// Those whose turn it was and who had not voted, and nobody for them.
    pub(super) people: BTreeSet<PersonId>,
    pub(super) profiles: BTreeSet<ProfileId>,
    pub(super) groups: BTreeSet<String>,
}

impl Silence {
    pub(super) fn of(case: &Case, bundle: &BundleData) -> Self {
        let asked = turn::asked(case, bundle, case.expires);
        let voted: BTreeSet<&PersonId> = case.votes.iter().flat_map(|vote| [&vote.person, Vote::of(vote)]).collect();
        let people = asked.iter().flat_map(|(_, people)| people).filter(|person| !voted.contains(**person));
        Self {
            at: case.expires,
            people: people.map(|person| (*person).clone()).collect(),
            profiles: asked.iter().map(|(step, _)| step.id.clone()).collect(),
            groups: asked.iter().filter_map(|(step, _)| step.profile.group.clone()).collect(),
        }
    }
}

/// Is one decoy that is over.
#[derive(Debug, Clone)]
pub(super) struct DecoyOver {
    pub(super) at: Millis,
    /// How its answer went; none if nobody gave one.
    pub(super) ballot: Option<Ballot>,
    /// Who answered, or else those whose turn it was.
    pub(super) people: BTreeSet<PersonId>,
    pub(super) profiles: BTreeSet<ProfileId>,
    pub(super) groups: BTreeSet<String>,
}

impl DecoyOver {
    /// Counts an answer for who gave it, and for the profiles whose steps asked them.
    pub(super) fn answered(case: &Case, vote: &Vote, bundle: &BundleData) -> Option<Self> {
        let turn = turn::of_vote(case, vote, bundle)?;
        Some(Self {
            at: vote.at,
            ballot: Some(vote.ballot),
            people: BTreeSet::from([vote.person.clone()]),
            profiles: turn.steps.iter().map(|step| step.id.clone()).collect(),
            groups: turn.steps.iter().filter_map(|step| step.profile.group.clone()).collect(),
        })
    }

    /// Counts silence for everybody who was asked.
    pub(super) fn unanswered(case: &Case, bundle: &BundleData) -> Self {
        let Silence { at, people, profiles, groups } = Silence::of(case, bundle);
        Self { at, ballot: None, people, profiles, groups }
    }
}

/// Is what is counted in an hour.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Hour {
    /// Cases that were opened.
    pub(super) asked: u64,
    /// Actions of agents that ended well.
    pub(super) done: u64,
    /// Those of them that people had been asked about.
    pub(super) done_asked: u64,
}

impl Hour {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            asked: self.asked + other.asked,
            done: self.done + other.done,
            done_asked: self.done_asked + other.done_asked,
        }
    }
}
