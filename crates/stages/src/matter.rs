//! What people are asked about, as far as it says who may answer and who has a part in it.

use std::collections::BTreeSet;

use types::bundle::{BundleData, Profile};
use types::case::Case;
use types::mutant::{self, Mutant};
use types::reviewing::Review;
use types::{ActionProposal, AgentId, Millis, PersonId, Principal, ProfileId};

use crate::on_call::{self, Rota};

/// Is a question to people: the bundle under which it is asked, who asks, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Matter<'a> {
    /// The bundle that says who is asked.
    pub bundle: &'a BundleData,
    /// Who proposed what is asked.
    pub requester: &'a Principal,
    /// On whose behalf.
    pub on_behalf_of: Option<&'a PersonId>,
    /// What reviewer agents have said of it so far.
    pub reviews: &'a [Review],
    /// The profiles that are passed over where they would be asked at once, see [`crate::approval_budget`].
    pub passed: Option<&'a BTreeSet<ProfileId>>,
}

/// Says what part a person has in what is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// They have nothing to do with it.
    None,
    /// They have a part in it that excludes them.
    Excluded,
    /// They own it, and the bundle lets owners decide alone.
    Solo,
}

impl<'a> Matter<'a> {
    /// Returns the matter of a case.
    pub fn of_case(case: &'a Case, bundle: &'a BundleData) -> Self {
        let (requester, on_behalf_of) = (&case.requester, case.on_behalf_of.as_ref());
        Self { bundle, requester, on_behalf_of, reviews: &case.reviews, passed: case.passed.as_ref() }
    }

    /// Returns the matter of a proposal.
    pub fn of_proposal(proposal: &'a ActionProposal, bundle: &'a BundleData) -> Self {
        let on_behalf_of = proposal.on_behalf_of.as_ref();
        Self { bundle, requester: &proposal.principal, on_behalf_of, reviews: &[], passed: None }
    }

    /// Returns the same matter, in which these profiles are passed over.
    pub fn passing(self, passed: Option<&'a BTreeSet<ProfileId>>) -> Self {
        Self { passed, ..self }
    }

    /// Says whether a profile is passed over.
    pub fn passes(&self, profile: &ProfileId) -> bool {
        self.passed.is_some_and(|passed| passed.contains(profile))
    }

    /// Returns the part a person has: the requester, whom it is done for, the agent's owner and the bundle's authors have one.
    pub fn part(&self, person: &PersonId) -> Part {
        let owns = self.owns(person);
        let has_part = owns || self.on_behalf_of == Some(person) || self.bundle.head.authors.contains(person);
        match (has_part && !mutant::on(Mutant::RequesterVotes), owns && self.bundle.head.solo) {
            (false, _) => Part::None,
            (true, true) => Part::Solo,
            (true, false) => Part::Excluded,
        }
    }

    /// Whoever proposes in their own name owns the request, as the owner of an agent owns what it proposes.
    fn owns(&self, person: &PersonId) -> bool {
        match self.requester {
            Principal::Agent(agent) => self.bundle.agents.get(agent).is_some_and(|agent| agent.owner == *person),
            Principal::Person(requester) => requester == person,
        }
    }

    /// Says whether an agent may review it: one that the bundle calls a reviewer, of another declared model family than the
    /// agent that proposes, and whose owner neither proposes, nor owns the agent that does, nor is the person it acts for.
    ///
    /// Where `solo` lets an owner decide alone, one person may own both. A family that is not declared is independent of none.
    pub fn may_review(&self, reviewer: &AgentId) -> bool {
        let Some(agent) = self.bundle.agents.get(reviewer).filter(|agent| agent.reviewer) else { return false };
        let Some(family) = &agent.model_family else { return false };
        let is_other = match self.requester {
            Principal::Person(_) => true,
            Principal::Agent(proposing) => {
                let theirs = self.bundle.agents.get(proposing).and_then(|agent| agent.model_family.as_ref());
                proposing != reviewer && theirs.is_some_and(|theirs| theirs != family)
            }
        };
        let in_one_hand = self.owns(&agent.owner) || self.on_behalf_of == Some(&agent.owner);
        is_other && (!in_one_hand || self.bundle.head.solo)
    }

    /// Lists the reviewers of a profile who may review it, in order of name.
    pub fn reviewers(&self, profile: &'a Profile) -> impl Iterator<Item = &'a AgentId> + use<'a> {
        let matter = *self;
        profile.review_by.iter().map(|reviewer| &reviewer.0).filter(move |reviewer| matter.may_review(reviewer))
    }

    /// Says whether a profile asks a person at an instant: they are in its group, and on call where it names a schedule.
    pub fn is_asked(&self, profile: &Profile, person: &PersonId, at: Millis) -> bool {
        let on_call = |name| self.bundle.schedules.get(name).and_then(|rota| on_call::who(rota, at)) == Some(person);
        self.is_member(profile, person) && profile.on_call.as_ref().is_none_or(on_call)
    }

    /// Says whether anybody who may answer for a profile is there at some instant from `from` up to but not including `to`.
    ///
    /// Of a group somebody always may be; of a schedule it is the person on call, unless they have a part in it.
    pub fn is_attended(&self, profile: &Profile, from: Millis, to: Millis) -> bool {
        let Some(name) = &profile.on_call else { return true };
        let may = |person: &PersonId| self.is_member(profile, person) && self.part(person) != Part::Excluded;
        let rota = self.bundle.schedules.get(name).and_then(Rota::read);
        rota.is_some_and(|rota| rota.is_attended(from, to, may))
    }

    /// Says whether a person is in a profile's group, or anybody at all where it names a schedule alone.
    fn is_member(&self, profile: &Profile, person: &PersonId) -> bool {
        let Some(known) = self.bundle.people.get(person) else { return false };
        profile.group.as_ref().map_or(profile.on_call.is_some(), |group| known.groups.contains(group))
    }
}
