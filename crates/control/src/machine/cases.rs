//! Cases: votes, ends, and what a new bundle does to those that are open.

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::Event;
use stages::approval::{self, Closing};
use stages::approval_budget;
use types::case::{Case, Vote};
use types::decoy;
use types::mutant::{self, Mutant};
use types::{CaseId, Code, Principal};

use super::{Decider, Reply};

impl Decider {
    pub(super) fn vote(&mut self, vote: Vote, solo_confirmed: bool, turn: &mut Turn<'_>) -> Reply {
        let at = if mutant::on(Mutant::VoteTimedEarly) { vote.at } else { turn.now };
        let vote = Vote { at, ..vote };
        if turn.clock_jumped {
            return Reply::refused(Code::ClockJumped, "the clock jumped, so no vote is counted until it holds steady");
        }
        if let Some(refused) = self.refuses_signed(&vote, turn) {
            return refused;
        }
        let Some((case, is_decoy)) = self.books.asked_of_people(&vote.case) else {
            return Reply::refused(Code::CaseClosed, format!("case {} is not open", vote.case));
        };
        let delegations = self.books.delegations().values();
        let counted = if mutant::on(Mutant::StandInLookedUpEarly) {
            approval::vote(case, vote, self.bundle().data(), solo_confirmed)
        } else {
            approval::vote_or_stand_in(case, vote, self.bundle().data(), solo_confirmed, delegations)
        };
        let step = match counted {
            Ok(step) => step,
            Err(error) => return Reply::refused(error.code(), error.to_string()),
        };
        let before = case;
        let case = step.case().clone();
        let Some(counted) = case.votes.last() else { return Reply::done() };
        let recent = self.books.recent_votes().of(&counted.person);
        if let Err(error) = approval_budget::admit(before, counted, self.bundle().data(), recent) {
            return Reply::refused(error.code(), error.to_string());
        }
        self.tell_enrolment(counted, turn);
        let subject = Principal::Person(counted.person.clone());
        let stood_in_for = counted.proxy.as_ref().map(|proxy| Principal::Person(proxy.person.clone()).subject());
        let subjects = [subject.subject(), case.requester.subject()].into_iter().chain(stood_in_for).collect();
        let content = Content::about(subjects)
            .with(Field::Principal, &subject)
            .with(Field::Tool, &case.tool)
            .with(Field::Reason, &counted.reason)
            .with(Field::Case, &case.id)
            .with(Field::Body, counted);
        let (kind, status, event) = if is_decoy {
            (RecordKind::Decoy, decoy::status::of(counted.ballot), Event::DecoyVoted(counted.clone()))
        } else {
            (RecordKind::Vote, counted.ballot as u8, Event::Voted(counted.clone()))
        };
        let draft = Draft {
            action: Some(case.action),
            bundle: Some(self.bundle().digest()),
            status: Some(status),
            ..Draft::new(kind, content)
        };
        let changed = self.append(draft, event, turn);
        self.show_recent_votes();
        Reply::changed(changed)
    }

    pub(super) fn withdraw(&mut self, case: &CaseId, turn: &mut Turn<'_>) -> Reply {
        Reply::changed(self.end_case(case, approval::withdraw, turn).into_iter().collect())
    }

    /// Ends a case without a vote and records it; `None` if it is over already.
    pub(super) fn end_case(
        &mut self,
        id: &CaseId,
        end: impl Fn(&Case) -> Closing,
        turn: &mut Turn<'_>,
    ) -> Option<Case> {
        let Closing::Closed(case) = end(self.books.cases().get(id)?) else { return None };
        let draft = self.ending(RecordKind::CaseEnded, &case);
        self.append(draft, Event::CaseEnded(case.id, case.state), turn).pop()
    }

    /// Drafts the record of what has ended without a vote: a case, or a decoy.
    pub(super) fn ending(&self, kind: RecordKind, case: &Case) -> Draft {
        let content =
            Content::about(vec![case.requester.subject()]).with(Field::Tool, &case.tool).with(Field::Case, &case.id);
        Draft {
            action: Some(case.action),
            bundle: Some(self.bundle().digest()),
            status: Some(case.state as u8),
            ..Draft::new(kind, content)
        }
    }

    /// Ends every live case for which `which` says so.
    pub(super) fn end_cases(
        &mut self,
        which: impl Fn(&Case) -> bool,
        end: impl Fn(&Case) -> Closing,
        turn: &mut Turn<'_>,
    ) -> Vec<Case> {
        let ids: Vec<CaseId> = self.books.cases().values().filter(|case| which(case)).map(|case| case.id).collect();
        ids.iter().filter_map(|id| self.end_case(id, &end, turn)).collect()
    }
}
