//! Oversight: how people decide, counted from the records alone.
//!
//! [`Oversight`] is taken record by record beside the fold that counts everything else again, so that whoever holds the
//! journal's contents and the bundles gets the same figures as the running server. It judges nobody and decides nothing.

mod figures;
mod reviewers;
mod sample;

use std::collections::BTreeMap;

use evidence::{Content, Field, Leaf, RecordKind, bodies};
use stages::turn;
use types::case::{Ballot, Case, CaseState, Vote};
use types::decoy::status;
use types::reviewing::{Advice, Review};
use types::{ActionId, CaseId, Millis, OutcomeStatus, Principal, Target};

pub use figures::{Benign, DecoyFigures, Figures, OfGroup, OfPerson, OfProfile, Report, Times};
use reviewers::Reviewers;
pub use reviewers::{OfReviewer, Reviews};
use sample::{DecoyOver, Hour, Sample, Silence};

use crate::bundles::Bundles;
use crate::fold::{Again, Event, Said};
use crate::state::Switch;

/// Is the time to a decision below which it counts as a quick one, in milliseconds.
pub const QUICK_MS: i64 = 3_000;

/// Is how long after an approval a kill switch over its agent, tool or class makes it one to regret, in milliseconds: 24 hours.
pub const REGRET_MS: i64 = 86_400_000;

/// Is an hour, in milliseconds: periods begin at full ones, by UTC.
const HOUR_MS: i64 = 3_600_000;

/// Counts how people decide, record by record.
#[derive(Debug, Clone, Default)]
pub struct Oversight {
    counting: Again,
    votes: Vec<Sample>,
    silences: Vec<Silence>,
    decoys: Vec<DecoyOver>,
    /// The approvals of each case that still has a ticket to give, as places among the votes.
    live: BTreeMap<CaseId, Vec<usize>>,
    /// The approvals that each action in flight runs on.
    running: BTreeMap<ActionId, Vec<usize>>,
    reviewers: Reviewers,
    hours: BTreeMap<i64, Hour>,
    records: u64,
    unread: u64,
    last: Millis,
}

/// Is what a record says that is to be counted once it was taken, with the case as it stood before.
enum Noted {
    Nothing,
    Asked(CaseId),
    Permitted(ActionId, Vec<CaseId>),
    Voted(Box<(Case, Vote)>),
    Reviewed(Box<(Case, Review)>),
    Expired(Box<Case>),
    Decoy(Box<(Case, Option<Vote>)>),
    Closed(CaseId),
    Landed { action: ActionId, status: OutcomeStatus, by_agent: bool },
    Killed(Switch),
}

impl Oversight {
    /// Starts beside a counting that has taken nothing yet; what its rows say of cases that are open already is known by it.
    pub fn of(counting: Again) -> Self {
        Self { counting, ..Self::default() }
    }

    /// Takes the next record.
    ///
    /// - `content`: everything the record says; `None` once it is erased, and then it is counted as unread if it was a vote or a review.
    pub fn take(&mut self, index: u64, leaf: &Leaf, content: Option<&Content>, bundles: &Bundles) {
        self.records += 1;
        self.last = leaf.at;
        let noted = match content {
            Some(content) => self.note(leaf, content),
            None => {
                // Of a decoy the end is counted, unless it is void, and not that it was shown.
                let counts = match leaf.kind {
                    RecordKind::Decoy => leaf.verdict.is_none() && leaf.status != Some(status::VOID),
                    kind => matches!(kind, RecordKind::Vote | RecordKind::Review),
                };
                self.unread += u64::from(counts);
                Noted::Nothing
            }
        };
        self.counting.take(index, leaf, content, bundles);
        self.count(noted, leaf.at, bundles);
    }

    fn note(&self, leaf: &Leaf, content: &Content) -> Noted {
        if leaf.kind == RecordKind::Decided {
            return self.note_decision(leaf, content).unwrap_or(Noted::Nothing);
        }
        let counts = matches!(
            leaf.kind,
            RecordKind::Vote
                | RecordKind::Review
                | RecordKind::CaseEnded
                | RecordKind::Decoy
                | RecordKind::Outcome
                | RecordKind::Switch
        );
        if !counts {
            return Noted::Nothing;
        }
        let Ok(Said::Other(event)) = Said::read(leaf, content) else { return Noted::Nothing };
        let case = |id: &CaseId| self.counting.books().cases().get(id).cloned();
        match event {
            Event::Voted(vote) => match case(&vote.case) {
                Some(case) => Noted::Voted(Box::new((case, vote))),
                None => Noted::Nothing,
            },
            Event::Reviewed(review) => match case(&review.case) {
                Some(case) => Noted::Reviewed(Box::new((case, review))),
                None => Noted::Nothing,
            },
            Event::CaseEnded(id, state) => match case(&id) {
                Some(case) if state == CaseState::Expired && case.state == CaseState::Open => {
                    Noted::Expired(Box::new(case))
                }
                _ => Noted::Closed(id),
            },
            Event::DecoyVoted(vote) => self.note_decoy(vote.case, Some(vote)),
            Event::DecoyEnded(id, CaseState::Expired) => self.note_decoy(id, None),
            Event::Landed(action, status) => {
                let flight = self.counting.books().flights().get(&action);
                let by_agent = flight.is_some_and(|flight| matches!(flight.principal, Principal::Agent(_)));
                Noted::Landed { action, status, by_agent }
            }
            Event::Switched(switch) => Noted::Killed(switch),
            _ => Noted::Nothing,
        }
    }

    /// Notes that a decoy was answered, or that nobody did in time. While one is open nothing is told of it.
    fn note_decoy(&self, id: CaseId, vote: Option<Vote>) -> Noted {
        let decoy = self.counting.books().decoys().get(&id);
        decoy.map_or(Noted::Nothing, |decoy| Noted::Decoy(Box::new((decoy.case.clone(), vote))))
    }

    /// Notes which case a decision opened, or which it used up; most decisions have none and are not read.
    fn note_decision(&self, leaf: &Leaf, content: &Content) -> Option<Noted> {
        let named: CaseId = content.get(Field::Case).ok()??;
        let books = self.counting.books();
        if leaf.verdict.is_some_and(|rank| rank == 2) {
            return (!books.cases().contains_key(&named)).then_some(Noted::Asked(named));
        }
        let decision = bodies::decision(content).filter(|decision| decision.verdict.permits())?;
        let tickets = books.tickets(&decision.action_digest, &decision.bundle, leaf.at).approved;
        let mut used: Vec<CaseId> = tickets.iter().map(|case| case.id).collect();
        if !used.contains(&named) {
            used.push(named);
        }
        Some(Noted::Permitted(decision.action, used))
    }

    fn count(&mut self, noted: Noted, now: Millis, bundles: &Bundles) {
        match noted {
            Noted::Nothing => {}
            Noted::Asked(case) => {
                let opened = self.counting.books().cases().contains_key(&case);
                self.hour(now).asked += u64::from(opened);
            }
            Noted::Permitted(action, cases) => {
                self.reviewers.permitted(action, &cases);
                let votes = cases.iter().filter_map(|case| self.live.remove(case)).flatten().collect();
                self.running.insert(action, votes);
            }
            Noted::Voted(voted) => {
                self.settled(&voted.0, &voted.1);
                self.voted(&voted.0, &voted.1, bundles);
            }
            Noted::Reviewed(reviewed) => {
                let (case, review) = &*reviewed;
                self.reviewers.reviewed(case, review);
                if review.advice == Advice::Back {
                    self.live.remove(&case.id);
                }
            }
            Noted::Expired(case) => self.expired(&case, bundles),
            Noted::Decoy(over) => self.decoy_over(&over.0, over.1.as_ref(), bundles),
            Noted::Closed(case) => {
                self.reviewers.closed(&case);
                self.live.remove(&case);
            }
            Noted::Landed { action, status, by_agent } => self.landed(action, status, by_agent, now),
            Noted::Killed(switch) => self.killed(&switch),
        }
    }

    /// A vote decides its case if it refuses, or if the case is approved once it was taken.
    fn settled(&mut self, case: &Case, vote: &Vote) {
        let now = self.counting.books().cases().get(&case.id).map(|case| case.state);
        if vote.ballot == Ballot::Deny || now == Some(CaseState::Approved) {
            self.reviewers.decided(case, vote.ballot);
        }
    }

    fn hour(&mut self, at: Millis) -> &mut Hour {
        self.hours.entry(at.0.div_euclid(HOUR_MS)).or_default()
    }

    fn voted(&mut self, case: &Case, vote: &Vote, bundles: &Bundles) {
        let Ok(bundle) = bundles.get(&case.bundle) else {
            self.unread += 1;
            return;
        };
        let data = bundle.data();
        let Some(turn) = turn::of_vote(case, vote, data) else { return };
        // Whoever stands in for somebody has not been asked before they were given the vote.
        let given = vote.proxy.as_ref().and_then(|proxy| {
            self.counting.books().delegations().get(&types::delegation::key(&proxy.person, &vote.person))
        });
        let since = given.map_or(turn.since, |given| turn.since.max(given.at));
        let place = self.votes.len();
        self.votes.push(Sample {
            person: vote.person.clone(),
            ballot: vote.ballot,
            at: vote.at,
            took_ms: vote.at.0.saturating_sub(since.0).max(0),
            delegated: vote.proxy.is_some(),
            profiles: turn.steps.iter().map(|step| step.id.clone()).collect(),
            groups: turn.steps.iter().filter_map(|step| step.profile.group.clone()).collect(),
            agent: case.requester.agent().cloned(),
            class: data.tools.get(&case.tool).map(|tool| tool.class.clone()),
            tool: case.tool.clone(),
            regretted: false,
        });
        match vote.ballot {
            Ballot::Approve => self.live.entry(case.id).or_default().push(place),
            Ballot::Deny => drop(self.live.remove(&case.id)),
        }
    }

    /// A decoy counts by itself: it is no vote, no case, and nothing to regret.
    fn decoy_over(&mut self, case: &Case, vote: Option<&Vote>, bundles: &Bundles) {
        let Ok(bundle) = bundles.get(&case.bundle) else {
            self.unread += 1;
            return;
        };
        self.decoys.extend(match vote {
            Some(vote) => DecoyOver::answered(case, vote, bundle.data()),
            None => Some(DecoyOver::unanswered(case, bundle.data())),
        });
    }

    fn expired(&mut self, case: &Case, bundles: &Bundles) {
        self.reviewers.closed(&case.id);
        self.live.remove(&case.id);
        let Ok(bundle) = bundles.get(&case.bundle) else {
            self.unread += 1;
            return;
        };
        self.silences.push(Silence::of(case, bundle.data()));
    }

    fn landed(&mut self, action: ActionId, status: OutcomeStatus, by_agent: bool, now: Millis) {
        self.reviewers.landed(&action, status);
        let votes = self.running.remove(&action);
        match status {
            OutcomeStatus::Failed | OutcomeStatus::InDoubt => {
                for place in votes.iter().flatten() {
                    self.votes.get_mut(*place).into_iter().for_each(|vote| vote.regretted = true);
                }
            }
            OutcomeStatus::Done if by_agent => {
                let hour = self.hour(now);
                hour.done += 1;
                hour.done_asked += u64::from(votes.is_some());
            }
            OutcomeStatus::Done | OutcomeStatus::NotDispatched => {}
        }
    }

    /// A switch over everything says nothing of a single approval.
    fn killed(&mut self, switch: &Switch) {
        let recent = self.votes.iter_mut().rev().take_while(|vote| vote.at.plus(REGRET_MS) > switch.at);
        let covers = |vote: &&mut Sample| match &switch.target {
            Target::Tenant(_) => false,
            Target::Agent(agent) => vote.agent.as_ref() == Some(agent),
            Target::Tool(tool) => vote.tool == *tool,
            Target::Class(class) => vote.class.as_ref() == Some(class),
        };
        recent.filter(|vote| vote.ballot == Ballot::Approve).filter(covers).for_each(|vote| vote.regretted = true);
    }

    /// Returns the figures of all that was recorded from an instant on.
    ///
    /// - `since`: the period begins at the full hour, by UTC, in which it lies; without one it begins with the journal.
    pub fn report(&self, since: Option<Millis>) -> Report {
        let from = since.map(|since| Millis(since.0.div_euclid(HOUR_MS).saturating_mul(HOUR_MS)));
        let hour = from.map_or(i64::MIN, |from| from.0.div_euclid(HOUR_MS));
        let within = |at: Millis| from.is_none_or(|from| at >= from);
        let votes: Vec<&Sample> = self.votes.iter().filter(|vote| within(vote.at)).collect();
        let silences: Vec<&Silence> = self.silences.iter().filter(|silence| within(silence.at)).collect();
        let hours = self.hours.range(hour..).map(|(_, hour)| *hour).fold(Hour::default(), Hour::and);
        let reviewers = self.reviewers.report(within);
        let decoys: Vec<&DecoyOver> = self.decoys.iter().filter(|decoy| within(decoy.at)).collect();
        figures::report(from, (&votes, &silences, &decoys), reviewers, hours, (self.records, self.unread, self.last))
    }
}
