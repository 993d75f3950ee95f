//! The journal of a run, folded by rules of the oracle's own.

use std::collections::{BTreeMap, BTreeSet};

use control::state::{Switch, Target};
use evidence::passkey::{BallotPaper, ENROLLED, Passkey, REVOKED};
use evidence::{Content, Field, RecordKind, bodies};
use ledger::history::Entry;
use types::case::{CaseState, SignedBallot, Vote};
use types::delegation::{Delegation, GIVEN, TAKEN_BACK};
use types::{
    ActionId, ActionProposal, CaseId, Decision, Digest, Millis, Outcome, PasskeyId, PersonId, Principal, Verdict,
};

use crate::bundles::{CASE_MS, STRICTER, asks, bundles, is_signed, people_for};

/// Says what the journal says of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// People may vote, or its ticket may be used.
    Live,
    /// Its ticket was used.
    Used,
    /// It ended otherwise.
    Over(CaseState),
}

/// Is an approval as the journal has it.
#[derive(Debug, Clone)]
pub struct Cast {
    /// Who cast it.
    pub by: PersonId,
    /// Whose vote it is.
    pub of: PersonId,
    /// The index of its record.
    pub index: u64,
    /// The challenge of the ballot that was signed, if one was.
    pub ballot: Option<Digest>,
}

/// Is a case as the journal has it.
#[derive(Debug, Clone)]
pub struct Case {
    exact: ActionProposal,
    bundle: Digest,
    expires: Millis,
    /// Who approved.
    pub votes: Vec<Cast>,
    /// How it stands.
    pub state: State,
    /// The index of the record by which it was used or ended.
    pub closed: Option<u64>,
}

/// Is a permitted action.
#[derive(Debug, Clone)]
pub struct Permitted {
    /// The index of its record.
    pub index: u64,
    /// What was proposed.
    pub proposal: ActionProposal,
    /// The index of its outcome's record.
    pub outcome: Option<u64>,
}

/// Is what the journal says, in order.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    /// The cases.
    pub cases: BTreeMap<CaseId, Case>,
    /// The permitted actions.
    pub permitted: BTreeMap<ActionId, Permitted>,
    /// The permitted action of each call.
    pub of_call: BTreeMap<u64, ActionId>,
    /// The records of kill switches.
    pub kills: Vec<u64>,
    /// The records that made the stricter bundle active.
    pub stricter: Vec<u64>,
    /// How many records were folded.
    pub size: u64,
    /// The records by which delegations were given.
    pub given: Vec<u64>,
    /// The records by which they were taken back.
    pub taken_back: Vec<u64>,
    /// The records by which passkeys were revoked.
    pub revoked: Vec<u64>,
    bundle: Option<Digest>,
    switches: Vec<Target>,
    delegations: BTreeMap<(PersonId, PersonId), Delegation>,
    passkeys: BTreeMap<PasskeyId, PersonId>,
}

fn content(entry: &Entry) -> &Content {
    entry.content.as_ref().unwrap()
}

/// Returns the number of the call that a proposal came from, if it came from one.
fn call_of(proposal: &ActionProposal) -> Option<u64> {
    proposal.claims.purpose.as_deref()?.strip_prefix("call ")?.parse().ok()
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

    /// Says whether enough people have approved by a number of records.
    pub fn is_approved(&self, size: u64) -> bool {
        let people: BTreeSet<_> = self.votes.iter().filter(|cast| cast.index < size).map(|cast| &cast.of).collect();
        people.len() >= people_for(&self.bundle, &self.exact.tool.operation)
    }
}

impl Fold {
    /// Folds more records, and says what is wrong with them.
    pub fn take(&mut self, entries: &[Entry]) -> Vec<String> {
        let mut wrong = Vec::new();
        for entry in entries {
            let mut told = Vec::new();
            self.one(entry, &mut told);
            self.size = entry.index + 1;
            wrong.extend(told.into_iter().map(|what| format!("record {}: {what}", entry.index)));
        }
        wrong
    }

    fn one(&mut self, entry: &Entry, wrong: &mut Vec<String>) {
        let body = content(entry);
        match entry.leaf.kind {
            RecordKind::Decided => self.decided(entry, wrong),
            RecordKind::Vote => self.vote(entry, &body.get(Field::Body).unwrap().unwrap(), wrong),
            RecordKind::CaseEnded => self.case_ended(entry, &body.get(Field::Case).unwrap().unwrap(), wrong),
            RecordKind::Outcome => self.outcome(entry, &body.get(Field::Body).unwrap().unwrap(), wrong),
            RecordKind::Switch => {
                let switch: Switch = body.get(Field::Body).unwrap().unwrap();
                self.switches.push(switch.target);
                self.kills.push(entry.index);
            }
            RecordKind::Bundle => {
                self.bundle = body.get(Field::Body).unwrap();
                if self.bundle == Some(bundles()[STRICTER].digest()) {
                    self.stricter.push(entry.index);
                }
            }
            RecordKind::Grant => self.granted(entry),
            RecordKind::Key => self.keyed(entry),
            _ => {}
        }
    }

    fn granted(&mut self, entry: &Entry) {
        let body = || content(entry).get::<Delegation>(Field::Body).unwrap().unwrap();
        let key = |given: &Delegation| (given.from.clone(), given.to.clone());
        match entry.leaf.status {
            Some(GIVEN) => {
                self.delegations.insert(key(&body()), body());
                self.given.push(entry.index);
            }
            Some(TAKEN_BACK) => {
                self.delegations.remove(&key(&body()));
                self.taken_back.push(entry.index);
            }
            _ => {}
        }
    }

    fn keyed(&mut self, entry: &Entry) {
        let body = || content(entry).get::<Passkey>(Field::Body).unwrap().unwrap();
        match entry.leaf.status {
            Some(ENROLLED) => drop(self.passkeys.insert(body().id, body().person)),
            Some(REVOKED) => {
                self.passkeys.remove(&body().id);
                self.revoked.push(entry.index);
            }
            _ => {}
        }
    }

    /// Says what is wrong with in whose place a vote was cast.
    fn stands_in(&self, vote: &Vote, at: Millis) -> Option<String> {
        let of = &vote.proxy.as_ref()?.person;
        let given = self.delegations.get(&(of.clone(), vote.person.clone()));
        let who = &vote.person;
        match given {
            None => Some(format!("{who} voted in the place of {of}, who has not given them their vote")),
            Some(given) if at >= given.expires => Some(format!("{who} voted in the place of {of} after the end of it")),
            Some(given) if at < given.at => Some(format!("{who} voted in the place of {of} before that was given")),
            Some(_) => None,
        }
    }

    /// Says what is wrong with the signature of a vote; whether it holds is the product's own to find out.
    fn is_signed_by(&self, signed: &SignedBallot, vote: &Vote, bundle: &Digest) -> Option<&'static str> {
        let Ok(paper) = BallotPaper::from_bytes(&signed.ballot) else { return Some("a ballot that nobody can read") };
        match () {
            () if self.passkeys.get(&signed.passkey) != Some(&vote.person) => {
                Some("it is signed with a passkey that is not theirs any more")
            }
            () if paper.person != vote.person || paper.case != vote.case || paper.reason != vote.reason => {
                Some("its ballot is about something else")
            }
            () if paper.bundle != *bundle => Some("its ballot is of another policy"),
            () => None,
        }
    }

    fn vote(&mut self, entry: &Entry, vote: &Vote, wrong: &mut Vec<String>) {
        let bundle = self.bundle;
        wrong.extend(self.stands_in(vote, entry.leaf.at));
        let Some(case) = self.cases.get(&vote.case) else { return wrong.push("a vote on no case".into()) };
        match &vote.signed {
            None if is_signed(&case.bundle, &case.exact.tool.operation) => {
                wrong.push("a vote without a signature".into())
            }
            None => {}
            Some(signed) => wrong.extend(self.is_signed_by(signed, vote, &case.bundle).map(str::to_owned)),
        }
        let Some(case) = self.cases.get_mut(&vote.case) else { return };
        let (who, of) = (&vote.person, vote.proxy.as_ref().map_or(&vote.person, |proxy| &proxy.person));
        if !asks(&case.bundle, &case.exact.tool.operation, of, entry.leaf.at) {
            wrong.push(format!("{of} may not vote"));
        }
        let had = |cast: &Cast| [&cast.by, &cast.of].into_iter().any(|before| before == who || before == of);
        if case.votes.iter().any(had) {
            wrong.push(format!("{who} voted twice, or in the place of somebody whose vote was cast"));
        }
        if case.state != State::Live || case.is_approved(entry.index) {
            wrong.push(format!("a vote on a case that is over: {:?}", case.state));
        }
        if entry.leaf.at >= case.expires {
            wrong.push("a vote after the end of its case".into());
        }
        if Some(case.bundle) != bundle {
            wrong.push("a vote on a case of another policy".into());
        }
        let paper = vote.signed.as_ref().and_then(|signed| BallotPaper::from_bytes(&signed.ballot).ok());
        let ballot = paper.map(|paper| paper.challenge());
        case.votes.push(Cast { by: who.clone(), of: of.clone(), index: entry.index, ballot });
    }

    fn case_ended(&mut self, entry: &Entry, id: &CaseId, wrong: &mut Vec<String>) {
        let Some(case) = self.cases.get_mut(id) else { return wrong.push("no case ended".into()) };
        let states = [CaseState::Expired, CaseState::Void, CaseState::Withdrawn];
        let state = states.into_iter().find(|state| entry.leaf.status == Some(*state as u8)).unwrap();
        if case.state != State::Live {
            wrong.push(format!("a case ended as {} that was {:?}", state.as_str(), case.state));
        }
        if state == CaseState::Expired && entry.leaf.at < case.expires {
            wrong.push("a case expired before its time".into());
        }
        (case.state, case.closed) = (State::Over(state), Some(entry.index));
    }

    fn outcome(&mut self, entry: &Entry, outcome: &Outcome, wrong: &mut Vec<String>) {
        let Some(permitted) = self.permitted.get_mut(&outcome.action) else {
            return wrong.push("what was never permitted ended".into());
        };
        if permitted.outcome.is_some() {
            wrong.push(format!("{} ended twice", outcome.action));
        }
        permitted.outcome = Some(entry.index);
    }

    fn decided(&mut self, entry: &Entry, wrong: &mut Vec<String>) {
        let (proposal, decision) =
            (bodies::proposal(content(entry)).unwrap(), bodies::decision(content(entry)).unwrap());
        if self.bundle.is_some_and(|bundle| bundle != decision.bundle) {
            wrong.push("it was decided by a bundle that is not the active one".into());
        }
        match &decision.verdict {
            Verdict::Deny => {}
            Verdict::Escalate(_) => self.escalated(entry, &proposal, &decision, wrong),
            Verdict::Allow | Verdict::AllowObserved => self.permit(entry, proposal, &decision, wrong),
        }
    }

    fn escalated(&mut self, entry: &Entry, proposal: &ActionProposal, decision: &Decision, wrong: &mut Vec<String>) {
        let Some(id) = decision.case else { return wrong.push("it escalates without a case".into()) };
        let case = self.cases.entry(id).or_insert_with(|| Case {
            exact: proposal.clone(),
            bundle: decision.bundle,
            expires: entry.leaf.at.plus(CASE_MS),
            votes: Vec::new(),
            state: State::Live,
            closed: None,
        });
        if !case.is_about(proposal) || case.state != State::Live || case.bundle != decision.bundle {
            wrong.push(format!("it joined the case {id}, which is about something else or over"));
        }
    }

    fn permit(&mut self, entry: &Entry, proposal: ActionProposal, decision: &Decision, wrong: &mut Vec<String>) {
        if matches!(proposal.principal, Principal::Agent(_)) {
            if !self.switches.is_empty() {
                wrong.push("it was permitted under a kill switch".into());
            }
            self.use_up(entry, &proposal, decision, wrong);
        }
        if let Some(call) = call_of(&proposal)
            && self.of_call.insert(call, proposal.id).is_some()
        {
            wrong.push(format!("call {call} was permitted twice"));
        }
        self.permitted.insert(proposal.id, Permitted { index: entry.index, proposal, outcome: None });
    }

    /// Uses up what a permitted action runs on, and says what is missing.
    fn use_up(&mut self, entry: &Entry, proposal: &ActionProposal, decision: &Decision, wrong: &mut Vec<String>) {
        if people_for(&decision.bundle, &proposal.tool.operation) == 0 {
            return;
        }
        let Some(case) = decision.case.and_then(|id| self.cases.get_mut(&id)) else {
            return wrong.push("it ran without the approvals it needs".into());
        };
        let missing = match () {
            () if !case.is_about(proposal) => "its approval is about something else",
            () if !case.is_approved(entry.index) => "too few people approved it",
            () if case.bundle != decision.bundle => "the policy has changed since it was approved",
            () if entry.leaf.at >= case.expires => "its approval has expired",
            () if case.state == State::Used => "its approval was used before",
            () if case.state != State::Live => "the case of its approval is over",
            () => "",
        };
        if !missing.is_empty() {
            wrong.push(format!("it was permitted and {missing}"));
        }
        (case.state, case.closed) = (State::Used, Some(entry.index));
    }
}
