//! Decoys: drawn when people are asked about a case, shown a while later, ended by the first answer.
//!
//! What waits to be shown is in memory alone: a restart forgets it, and nobody misses it. What is shown is judged as its agent's
//! proposal would be, and whatever that decision would have permitted is dropped here: no permit is ever recorded for it.

use std::sync::Arc;

use evidence::{Field, RecordKind, bodies};
use ledger::{Draft, Turn};
use replay::fold::{DecoyShown, Event};
use stages::approval::{self, Closing};
use stages::decision::{Late, PERMIT_MS, finish};
use stages::decoy;
use types::case::Case;
use types::decoy::{Shown, status};
use types::{ActionProposal, CaseId, Channel, Code, Decision, DecoyId, Millis, Session, Verdict};

use super::{Decider, Reply};
use crate::redaction::Original;
use crate::ticks::TICK_MS;

/// Is how many decoys may wait to be shown; beyond it none is drawn.
const WAITING_MAX: usize = 64;

/// Holds what waits to be shown, and when; another bundle forgets it.
#[derive(Debug, Default)]
pub(super) struct Waiting(Vec<(Millis, DecoyId)>);

/// Is a decoy that is due, as its agent would have proposed it.
#[derive(Debug)]
pub struct DecoyDue {
    /// The template it was made from.
    pub template: DecoyId,
    /// The proposal, to be redacted inside.
    pub proposal: ActionProposal,
    /// The proposal as it would have come.
    pub original: Arc<Original>,
}

impl Decider {
    /// Takes note of a request that was made in earnest: a decoy of the same action ends, and another one may follow a new case.
    pub(super) fn made_in_earnest(&mut self, decision: &Decision, opens: bool, turn: &mut Turn<'_>) -> Vec<Case> {
        if opens {
            self.draw_decoy(turn);
        }
        self.end_decoys(|case| case.action_digest == decision.action_digest, approval::void, turn)
    }

    /// Draws whether a case that people are asked about is followed by a decoy. Without decoys in the bundle nothing is drawn.
    fn draw_decoy(&mut self, turn: &Turn<'_>) {
        let bundle = self.snapshot.bundle.clone();
        let decoys = &bundle.data().decoys;
        if !decoy::are_shown(decoys) || self.decoys.0.len() >= WAITING_MAX {
            return;
        }
        if let Some(drawn) = decoy::drawn(decoys, turn.draw()) {
            self.decoys.0.push((turn.now.plus(drawn.after_ms), drawn.template.clone()));
        }
    }

    /// Takes out the decoys that are due before the next tick, the first one first.
    pub(super) fn due_decoys(&mut self, now: Millis) -> Vec<(Millis, DecoyId)> {
        let soon = now.plus(TICK_MS);
        let mut due: Vec<_> = self.decoys.0.extract_if(.., |(at, _)| *at <= soon).collect();
        due.sort();
        due
    }

    /// Puts a decoy where its agent was last seen: a call that came another way would be known by that.
    fn goes_with_its_agent(&self, proposal: &mut ActionProposal) {
        let is_its = |one: &&Session| {
            Some(&one.agent) == proposal.principal.agent() && one.on_behalf_of == proposal.on_behalf_of
        };
        let Some(session) = self.books.sessions().all().filter(is_its).max_by_key(|one| (one.seen, one.id)) else {
            return;
        };
        proposal.session = Some(session.id);
        if session.attached {
            proposal.channel = Channel::Mcp;
            proposal.definition = proposal.definition.or_else(|| self.snapshot.pinned(&proposal.tool));
        }
    }

    /// Shows a decoy, if people would be asked about it.
    pub(super) fn show_decoy(&mut self, due: DecoyDue, turn: &mut Turn<'_>) -> Reply {
        let DecoyDue { template, mut proposal, original } = due;
        let not_shown =
            |why: &str| Reply::refused(Code::StateConflict, format!("the decoy `{template}` is not shown: {why}"));
        let bundle = self.snapshot.bundle.clone();
        let Some(known) = bundle.data().decoys.templates.get(&template) else {
            return not_shown("the active bundle has no such decoy");
        };
        if turn.clock_jumped || self.books.decoys().values().any(|open| open.template == template) {
            return not_shown("it is open already, or the clock jumped");
        }
        if let Err(refusal) = original.redact(&bundle, &mut proposal) {
            return Reply::refused(refusal.code, refusal.message);
        }
        self.goes_with_its_agent(&mut proposal);
        let prepared = self.judge_inside(&mut proposal, turn);
        let digest = prepared.early.action_digest();
        let tickets = self.books.tickets(&digest, &bundle.digest(), turn.now);
        let is_open = self.books.decoys().values().any(|open| open.case.action_digest == digest);
        if is_open || tickets.open.is_some() || !tickets.approved.is_empty() {
            return not_shown("people are asked about this very action");
        }
        let facts = self.late_facts(&proposal, &prepared.early, &tickets, turn);
        let late = Late { facts, bundle: bundle.digest(), case: None, permit_ms: PERMIT_MS };
        // Whatever it would have granted is dropped: nothing is asked but whether people are.
        let mut decision = finish(bundle.data(), &proposal, prepared.early, late).decision;
        if !matches!(decision.verdict, Verdict::Escalate(_)) {
            return not_shown("people would not be asked about it");
        }
        decision.case = Some(CaseId::draw(turn.now, turn.draw()));
        let shown = Shown { template: template.clone(), why: known.why.clone() };
        let draft = Draft {
            action: Some(proposal.id),
            bundle: Some(decision.bundle),
            verdict: Some(decision.verdict.rank()),
            level: Some(decision.level as u8),
            semantics: Some(decision.semantics),
            status: Some(status::SHOWN),
            ..Draft::new(RecordKind::Decoy, bodies::decided(&proposal, &decision).with(Field::Body, &shown))
        };
        let event = Event::DecoyShown(Box::new(DecoyShown { proposal, decision, template }));
        Reply::changed(self.append(draft, event, turn))
    }

    /// Ends every open decoy for which `which` says so, and records it.
    pub(super) fn end_decoys(
        &mut self,
        which: impl Fn(&Case) -> bool,
        end: impl Fn(&Case) -> Closing,
        turn: &mut Turn<'_>,
    ) -> Vec<Case> {
        let cases = self.books.decoys().values().map(|decoy| &decoy.case).filter(|case| which(case));
        let ended = cases.filter_map(|case| match end(case) {
            Closing::Closed(case) => Some(case),
            Closing::Already(_) | Closing::NotYet => None,
        });
        let ended: Vec<Case> = ended.collect();
        ended.into_iter().flat_map(|case| self.end_decoy(&case, turn)).collect()
    }

    fn end_decoy(&mut self, case: &Case, turn: &mut Turn<'_>) -> Vec<Case> {
        let draft = self.ending(RecordKind::Decoy, case);
        self.append(draft, Event::DecoyEnded(case.id, case.state), turn)
    }
}
