//! Approvals by the oracle's own rules.

use std::collections::{BTreeMap, BTreeSet};

use types::case::{Ballot, Vote};
use types::{ActionProposal, CaseId, Decision, Digest, Millis, Principal, ProfileId, Restriction};

use crate::road::rules;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Live,
    Over,
    Used,
}

struct Case {
    exact: ActionProposal,
    profiles: BTreeSet<ProfileId>,
    bundle: Digest,
    expires: Millis,
    votes: Vec<(String, Ballot)>,
    state: State,
}

impl Case {
    fn is_about(&self, proposal: &ActionProposal) -> bool {
        let exact = &self.exact;
        exact.principal == proposal.principal
            && exact.on_behalf_of == proposal.on_behalf_of
            && exact.tool == proposal.tool
            && exact.definition == proposal.definition
            && exact.arguments.canonical() == proposal.arguments.canonical()
    }

    /// Two people meet `pair`, one meets `owner`.
    fn met(&self) -> BTreeSet<ProfileId> {
        let people: BTreeSet<_> = self.votes.iter().filter(|(_, b)| *b == Ballot::Approve).map(|(p, _)| p).collect();
        let needed = |profile: &&ProfileId| if profile.as_str() == "pair" { 2 } else { 1 };
        self.profiles.iter().filter(|profile| people.len() >= needed(profile)).cloned().collect()
    }

    fn has_part(&self, person: &str) -> bool {
        let owner = match &self.exact.principal {
            Principal::Agent(agent) if agent.as_str() == "one" => "ana",
            Principal::Agent(_) => "ben",
            Principal::Person(requester) => requester.as_str(),
        };
        person == owner || person == "dan" || self.exact.on_behalf_of.as_ref().is_some_and(|p| p.as_str() == person)
    }
}

/// Holds the cases by what the journal says of them.
#[derive(Default)]
pub struct Cases(BTreeMap<CaseId, Case>);

impl Cases {
    /// Takes note of a decision that people must make.
    pub fn open(
        &mut self,
        proposal: &ActionProposal,
        decision: &Decision,
        profiles: &BTreeSet<ProfileId>,
        at: Millis,
        wrong: &mut Vec<String>,
    ) {
        let Some(id) = decision.case else { return wrong.push("it escalates without a case".into()) };
        let case = self.0.entry(id).or_insert_with(|| Case {
            exact: proposal.clone(),
            profiles: profiles.clone(),
            bundle: decision.bundle,
            expires: at.plus(rules::CASE_MS),
            votes: Vec::new(),
            state: State::Live,
        });
        if !case.is_about(proposal) || case.state != State::Live || case.bundle != decision.bundle {
            wrong.push(format!("it joined the case {id}, which is about something else or over"));
        }
    }

    /// Takes a vote.
    pub fn vote(&mut self, vote: &Vote, at: Millis, wrong: &mut Vec<String>) {
        let Some(case) = self.0.get_mut(&vote.case) else { return wrong.push("a vote on no case".into()) };
        let person = vote.person.as_str();
        if case.has_part(person) {
            wrong.push(format!("{person} voted and has a part in it"));
        }
        if person == "eve" {
            wrong.push("eve voted and is in no group".into());
        }
        if case.votes.iter().any(|(cast, _)| cast == person) {
            wrong.push(format!("{person} voted twice"));
        }
        if case.state != State::Live || at >= case.expires {
            wrong.push("a vote on a case that is over".into());
        }
        if vote.ballot == Ballot::Deny {
            case.state = State::Over;
        }
        case.votes.push((person.to_owned(), vote.ballot));
    }

    /// Takes the end of a case.
    pub fn end(&mut self, id: &CaseId) {
        if let Some(case) = self.0.get_mut(id) {
            case.state = State::Over;
        }
    }

    /// Uses up what a permitted action runs on, and says what is missing.
    pub fn use_up(&mut self, proposal: &ActionProposal, decision: &Decision, at: Millis, wrong: &mut Vec<String>) {
        let required = decision.findings.iter().filter_map(|finding| match &finding.restriction {
            Restriction::Escalate(profile) => Some(profile.clone()),
            _ => None,
        });
        let required: BTreeSet<ProfileId> = required.collect();
        if required.is_empty() {
            return;
        }
        let usable = |case: &&mut Case| {
            let approved = case.met() == case.profiles;
            approved && case.state == State::Live && at < case.expires && case.bundle == decision.bundle
        };
        let mut met = BTreeSet::new();
        for case in self.0.values_mut().filter(|case| case.is_about(proposal)).filter(usable) {
            met.extend(case.met());
            case.state = State::Used;
        }
        if !required.is_subset(&met) {
            let why = decision.case.and_then(|id| self.0.get(&id)).map(|case| self.why(case, proposal, decision, at));
            wrong.push(format!("it ran without the approvals it needs: {}", why.unwrap_or("there is no case")));
        }
    }

    fn why(&self, case: &Case, proposal: &ActionProposal, decision: &Decision, at: Millis) -> &'static str {
        match () {
            () if !case.is_about(proposal) => "they are about something else",
            () if case.bundle != decision.bundle => "the policy has changed since",
            () if at >= case.expires => "they have expired",
            () if case.state == State::Used => "they were used before",
            () if case.state == State::Over => "the case is over",
            () => "too few people approved",
        }
    }
}
