//! The whole path of one action, read back from the journal.

use std::collections::BTreeSet;

use evidence::{Field, Leaf, RecordKind, bodies};
use ledger::History;
use ledger::history::Entry;
use policy::{Bundle, BundleFiles};
use serde::Serialize;
use stages::matter::Matter;
use stages::on_call::who;
use stages::{approval_budget, escalation};
use types::bundle::BundleData;
use types::case::Vote;
use types::check::{CONTAINED, Checked, Contained};
use types::reversal::StateSeen;
use types::reviewing::Review;
use types::saga::Saga;
use types::{ActionId, ActionProposal, Decision, Digest, Millis, Outcome, PersonId, ProfileId, ScheduleId, Verdict};

use crate::control::Control;
use crate::error::{Failure, not_found};
use crate::export::policy_files;
use crate::logs::Before;

/// Is one record on the path.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The number of the closed log that it is in; absent for the live one.
    pub log: Option<u64>,
    /// Its index in that log.
    pub index: u64,
    /// Its leaf.
    pub leaf: Leaf,
    /// The hash under which the log knows it.
    pub hash: Digest,
    /// Its content was erased.
    pub erased: bool,
}

/// Is everything recorded of one action.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Path {
    /// The records, in order.
    pub steps: Vec<Step>,
    /// What was proposed.
    pub proposal: Option<ActionProposal>,
    /// The decisions, in order; more than one where people were asked.
    pub decisions: Vec<Decision>,
    /// The votes, in order.
    pub votes: Vec<Vote>,
    /// What reviewer agents said, in order.
    pub reviews: Vec<Review>,
    /// What happened.
    pub outcome: Option<Outcome>,
    /// What was seen of the state that it changes, each with the state as canonical JSON, in order.
    pub states: Vec<(StateSeen, Option<String>)>,
    /// How the checks that watched it ended, in order.
    pub checks: Vec<Checked>,
    /// What came of taking it back where a check was violated, in order.
    pub contained: Vec<Contained>,
    /// The saga whose step it is, as that stood when the step began.
    pub saga: Option<Saga>,
    /// The closed logs whose journals cannot be read: what they have of it is not among the records.
    pub unread: Vec<u64>,
}

impl Path {
    /// Returns the last decision.
    pub fn decision(&self) -> Option<&Decision> {
        self.decisions.last()
    }

    /// Returns the proposals whose cases people approved for this action, in any of its decisions; none if none needed people.
    pub fn opened_by(&self) -> BTreeSet<ActionId> {
        let named = self.decisions.iter().filter_map(|decision| decision.facts.list("approval.opened_by"));
        named.flatten().filter_map(|id| id.parse().ok()).collect()
    }

    fn take(&mut self, log: Option<u64>, entry: Entry) {
        let step = Step {
            log,
            index: entry.index,
            hash: Leaf::hash_of(&entry.bytes),
            erased: entry.content.is_none(),
            leaf: entry.leaf,
        };
        if let Some(content) = &entry.content {
            match step.leaf.kind {
                RecordKind::Decided | RecordKind::Decoy if step.leaf.verdict.is_some() => {
                    self.proposal = bodies::proposal(content).or(self.proposal.take());
                    self.decisions.extend(bodies::decision(content));
                }
                RecordKind::Vote | RecordKind::Decoy => {
                    self.votes.extend(content.get::<Vote>(Field::Body).ok().flatten())
                }
                RecordKind::Review => self.reviews.extend(content.get::<Review>(Field::Body).ok().flatten()),
                RecordKind::Outcome => {
                    self.outcome = content.get::<Outcome>(Field::Body).ok().flatten().map(|outcome| Outcome {
                        result: content.get(Field::Result).ok().flatten(),
                        error: content.get(Field::Error).ok().flatten(),
                        ..outcome
                    });
                }
                RecordKind::State => {
                    let seen = content.get::<StateSeen>(Field::Body).ok().flatten();
                    self.states.extend(seen.map(|seen| (seen, content.get(Field::Result).ok().flatten())));
                }
                RecordKind::Check if step.leaf.status == Some(CONTAINED) => {
                    self.contained.extend(content.get::<Contained>(Field::Body).ok().flatten());
                }
                RecordKind::Saga => self.saga = content.get(Field::Body).ok().flatten().or(self.saga.take()),
                RecordKind::Check => self.checks.extend(content.get::<Checked>(Field::Body).ok().flatten()),
                _ => {}
            }
        }
        self.steps.push(step);
    }
}

impl Control {
    /// Returns the whole path of an action, from proposal to outcome, votes on the case that it ran on included.
    ///
    /// # Errors
    ///
    /// `not-found` if no journal that can be read has a record of it, or what the live journal says.
    pub fn trace(&self, action: &ActionId) -> Failure<Path> {
        let before = self.before()?;
        let read = |(number, history): &Before| Some((Some(*number), history.as_ref().ok()?.clone()));
        let closed: Vec<_> = before.iter().filter_map(read).collect();
        let closed = closed.iter().map(|(number, history)| (*number, history.as_ref()));
        let path = path_over(&closed.chain([(None, self.history())]).collect::<Vec<_>>(), action)?;
        let unread = before.iter().filter(|(_, history)| history.is_err()).map(|(number, _)| *number).collect();
        Ok(Path { unread, ..path })
    }
}

/// Reads the path of an action from a journal.
///
/// # Errors
///
/// `not-found` if the journal has no record of it, or what the journal says.
pub fn path(history: &History, action: &ActionId) -> Failure<Path> {
    path_over(&[(None, history)], action)
}

/// Reads the path of an action from the journals of several logs, each with its number, the live one last and without one.
///
/// # Errors
///
/// `not-found` if none of them has a record of it, or what the journals say.
pub fn path_over(logs: &[(Option<u64>, &History)], action: &ActionId) -> Failure<Path> {
    let mut path = Path::default();
    for (log, history) in logs {
        history.of_action(action)?.into_iter().for_each(|entry| path.take(*log, entry));
    }
    if path.steps.is_empty() {
        return Err(not_found(format!("record of {action}")));
    }
    // The votes it ran on belong to the proposal that opened the case, as do its reviews.
    for opener in path.opened_by().into_iter().filter(|opener| opener != action) {
        for (log, history) in logs {
            let is_said =
                |entry: &ledger::history::Entry| matches!(entry.leaf.kind, RecordKind::Vote | RecordKind::Review);
            let said = history.of_action(&opener)?.into_iter().filter(is_said);
            said.for_each(|entry| path.take(*log, entry));
        }
    }
    path.steps.sort_by_key(|step| (step.log.unwrap_or(u64::MAX), step.index));
    Ok(path)
}

/// Is who was on call when people were asked, or when a later step of the same path would ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OnCallThen {
    /// The action that was decided.
    pub action: ActionId,
    /// The profile of the step.
    pub profile: ProfileId,
    /// Its schedule.
    pub schedule: ScheduleId,
    /// Who was on call when the step began; nobody, if the person is absent.
    pub person: Option<PersonId>,
    /// When that was.
    pub at: Millis,
}

/// Tells who was on call for each decision of a path that put its action to people, by the bundle that decided it. Nothing is
/// told where that bundle is not stored in any of the logs.
///
/// # Errors
///
/// What the journals say.
pub fn on_call(logs: &[(Option<u64>, &History)], path: &Path) -> Failure<Vec<OnCallThen>> {
    let Some(proposal) = &path.proposal else { return Ok(Vec::new()) };
    let mut told = Vec::new();
    for decision in &path.decisions {
        let Verdict::Escalate(profiles) = &decision.verdict else { continue };
        let Some(bundle) = stored(logs, &decision.bundle)? else { continue };
        let passed = approval_budget::passed(&decision.facts);
        let matter = Matter::of_proposal(proposal, &bundle).passing(passed.as_ref());
        for step in profiles.iter().flat_map(|id| escalation::path(matter, id, decision.at)) {
            let Some((schedule, rota)) =
                step.profile.on_call.as_ref().and_then(|name| bundle.schedules.get_key_value(name))
            else {
                continue;
            };
            told.push(OnCallThen {
                action: decision.action,
                profile: step.id.clone(),
                schedule: schedule.clone(),
                person: who(rota, step.from).cloned(),
                at: step.from,
            });
        }
    }
    Ok(told)
}

/// Reads a bundle that a journal has stored.
fn stored(logs: &[(Option<u64>, &History)], digest: &Digest) -> Failure<Option<BundleData>> {
    for (_, history) in logs {
        if let Some(files) = policy_files(history, digest)? {
            return Ok(Bundle::read(&BundleFiles(files)).ok());
        }
    }
    Ok(None)
}
