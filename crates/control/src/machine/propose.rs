//! Deciding a proposal in its turn: peek all, join, and only an allowed action reserves.

use evidence::bodies::{self, RunBody};
use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::{Decided, Event, KEYS_MAX, Known, REPORTED_PERMIT_MS, Tickets};
use stages::decision::{Early, Late, PERMIT_MS, Permit, finish};
use stages::{approval, break_glass, facts};
use types::case::{Case, CaseState};
use types::mutant::{self, Mutant};
use types::{ActionProposal, Code, Decision, FactName, FactValue, Facts, Verdict};

use super::invariants::Permitting;
use super::{Change, Changes, Decider, Propose, Reply};
use crate::gather::prepare;

impl Decider {
    pub(super) fn propose(&mut self, propose: Propose, turn: &mut Turn<'_>) -> (Reply, Option<Permit>) {
        let Propose { mut proposal, original, prepared, reported, idempotency_key, change, reopen } = propose;
        if let (None, Some(Err(refusal))) = (&prepared, original.map(|o| o.redact(self.bundle(), &mut proposal))) {
            return (Reply::refused(refusal.code, refusal.message), None);
        }
        let before = idempotency_key.as_deref().and_then(|key| self.answered(&proposal, key, turn));
        if let Some(answer) = before {
            return (answer, None);
        }
        if let Some(session) = proposal.session.filter(|id| !reopen && !self.books.sessions().has(id)) {
            return (Reply::refused(Code::StateConflict, format!("session {session} is closed")), None);
        }
        let prepared = match prepared {
            Some(prepared) if prepared.epoch == self.snapshot.epoch || mutant::on(Mutant::EpochIgnored) => prepared,
            Some(_) => return (Reply::Overtaken, None),
            None => self.judge_inside(&mut proposal, turn),
        };
        let digest = prepared.early.action_digest();
        let tickets = self.books.tickets(&digest, &self.bundle().digest(), turn.now);
        let late = Late {
            facts: self.late_facts(&proposal, &prepared.early, &tickets, turn),
            bundle: self.bundle().digest(),
            case: tickets.last().map(|case| case.id),
            permit_ms: if reported { REPORTED_PERMIT_MS } else { PERMIT_MS },
        };
        let finished = finish(self.bundle().data(), &proposal, prepared.early, late);
        let mut decision = finished.decision;
        if reopen && !matches!(decision.verdict, Verdict::Escalate(_)) {
            return (decided(decision, None, Changes::default()), None);
        }
        let joined = match &decision.verdict {
            Verdict::Escalate(profiles) => self.joins(&tickets, profiles),
            Verdict::Allow | Verdict::AllowObserved | Verdict::Deny => None,
        };
        let repeats = decision.verdict == Verdict::Deny || joined.is_some();
        if repeats && self.aggregates(&proposal, turn) {
            return (decided(decision, joined, Changes::default()), None);
        }
        let mut changed = Vec::new();
        if let Verdict::Escalate(_) = &decision.verdict {
            let joined = joined.as_ref().map(|case| case.id);
            decision.case = Some(joined.unwrap_or_else(|| self.name_case(&tickets, &mut changed, turn)));
        }
        let run = RunBody { reported, idempotency_key };
        let permitting = Permitting::of(&self.books, &decision, finished.granted.as_ref());
        let recorded = self.record(&proposal, &decision, change.as_ref(), &run, turn);
        let held = permitting.assert(&self.books, self.bundle().data(), (&decision, &recorded), turn.now);
        turn.assert(held);
        let opened = recorded.iter().any(|case| case.state == CaseState::Open);
        changed.extend(recorded);
        if break_glass::under(&decision).is_some() {
            // What people were asked about has run without them, so a vote of theirs must not run it once more.
            let is_about = |case: &Case| case.action_digest == decision.action_digest;
            changed.extend(self.end_cases(is_about, approval::void, turn));
        }
        if decision.verdict != Verdict::Deny {
            changed.extend(self.made_in_earnest(&decision, opened && !reopen, turn));
        }
        let asked = decision.case.filter(|_| !decision.verdict.permits());
        let case = asked.and_then(|id| self.books.cases().get(&id)).cloned();
        let permit = finished.granted.map(|granted| granted.permit);
        if let (Some(change), Some(_)) = (change, &permit) {
            let reply = self.change(
                change,
                &proposal.principal,
                proposal.claims.purpose.as_deref().unwrap_or(""),
                Some(&proposal),
                turn,
            );
            return (with_change(decision, changed, reply), permit);
        }
        (decided(decision, case, Changes { cases: changed, ..Changes::default() }), permit)
    }

    /// Returns the answer to a proposal whose key came before, or that brings one more than may be kept.
    fn answered(&self, proposal: &ActionProposal, key: &str, turn: &Turn<'_>) -> Option<Reply> {
        match self.books.repeats().of(&proposal.principal, key, turn.now) {
            Known::New => None,
            Known::For(action, digest) if digest == proposal.digest_of_asked() => Some(Reply::Repeated(action)),
            Known::For(..) => {
                let message = "this idempotency key came before with another action";
                Some(Reply::refused(Code::IdempotencyConflict, message))
            }
            Known::Full => {
                let message = format!("{KEYS_MAX} idempotency keys of the last 24 hours are kept; wait until one ends");
                Some(Reply::refused(Code::Overloaded, message))
            }
        }
    }

    pub(super) fn judge_inside(&self, proposal: &mut ActionProposal, turn: &Turn<'_>) -> crate::gather::Prepared {
        proposal.at = turn.now;
        let session = proposal.session.and_then(|id| self.books.sessions().get(&id));
        prepare(&self.views, &self.snapshot, proposal, session)
    }

    pub(super) fn late_facts(
        &self,
        proposal: &ActionProposal,
        early: &Early,
        tickets: &Tickets,
        turn: &Turn<'_>,
    ) -> Facts {
        let (data, now) = (self.bundle().data(), turn.now);
        let about = (&early.action_digest(), tickets);
        let mut late = self.books.facts(data, proposal, early.facts(), about, now);
        late.extend(facts::of_time(data, proposal, early.facts(), now));
        let mut set = |name: &'static str, value: FactValue, source: &'static str| {
            late.set(FactName::known(name), value, source, now);
        };
        set("clock.jumped", turn.clock_jumped.into(), "clock");
        set("denials.flooding", self.denials.flooding(&proposal.principal, now).into(), "denials");
        set("now", now.0.into(), "clock");
        late
    }

    /// Records a decision, which reserves, opens a case or uses one up in the turn that records it.
    fn record(
        &mut self,
        proposal: &ActionProposal,
        decision: &Decision,
        change: Option<&Change>,
        run: &RunBody,
        turn: &mut Turn<'_>,
    ) -> Vec<Case> {
        let draft = Draft {
            action: Some(proposal.id),
            // One that people are asked about again may have come in a session that is closed and counted by now.
            session: proposal.session.filter(|id| self.books.sessions().has(id)),
            bundle: Some(decision.bundle),
            verdict: Some(decision.verdict.rank()),
            level: Some(decision.level as u8),
            semantics: Some(decision.semantics),
            ..Draft::new(RecordKind::Decided, content(proposal, decision, change).with(Field::Body, run))
        };
        self.append(draft, Event::Decided(Decided { proposal, decision, run }), turn)
    }
}

/// Is what is recorded of a decision: about those too whom a change names.
///
/// The decision that permits an erasure outlives the subject, so it does not say whom: its arguments stay out.
fn content(proposal: &ActionProposal, decision: &Decision, change: Option<&Change>) -> Content {
    let mut content = bodies::decided(proposal, decision);
    match change {
        Some(Change::Erase { .. }) if decision.verdict.permits() => {
            content.values.retain(|value| value.field != Field::Arguments);
        }
        Some(change) => {
            content.subjects.extend(change.subjects());
            content.subjects.sort();
            content.subjects.dedup();
        }
        None => {}
    }
    content
}

fn decided(decision: Decision, case: Option<Case>, changes: Changes) -> Reply {
    Reply::Decided { decision: Box::new(decision), case: case.map(Box::new), changes }
}

/// Answers a permitted change with how making it ended; the cases it ran on have changed either way.
fn with_change(decision: Decision, mut consumed: Vec<Case>, reply: Reply) -> Reply {
    match reply {
        Reply::Done(mut changes) => {
            changes.cases.append(&mut consumed);
            decided(decision, None, changes)
        }
        Reply::Refused { refusal, mut changed } => {
            changed.append(&mut consumed);
            Reply::Refused { refusal, changed }
        }
        other => other,
    }
}
