//! Reviews: what a reviewer agent says of a case, taken in its turn.

use evidence::{Content, Field, RecordKind};
use ledger::{Draft, Turn};
use replay::fold::Event;
use stages::reviewing;
use types::reviewing::Review;
use types::{Code, Principal};

use super::{Decider, Reply};

impl Decider {
    pub(super) fn review(&mut self, review: Review, turn: &mut Turn<'_>) -> Reply {
        if turn.clock_jumped {
            return Reply::refused(Code::ClockJumped, "the clock jumped, so no review counts until it holds steady");
        }
        let mut switches = self.books.switches().values();
        if switches.any(|switch| switch.target.covers(&self.tenant, Some(&review.reviewer), None, None)) {
            return Reply::refused(Code::Killed, "a kill switch covers the reviewer, so it says nothing");
        }
        let declared = self.bundle().data().agents.get(&review.reviewer).and_then(|agent| agent.model_family.clone());
        let review = Review { at: turn.now, family: declared.unwrap_or_default(), ..review };
        let Some(case) = self.books.cases().get(&review.case) else {
            return Reply::refused(Code::CaseClosed, format!("case {} is not open", review.case));
        };
        if let Err(error) = reviewing::review(case, review.clone(), self.bundle().data()) {
            return Reply::refused(error.code(), error.to_string());
        }
        let reviewer = Principal::Agent(review.reviewer.clone());
        let content = Content::about(vec![reviewer.subject(), case.requester.subject()])
            .with(Field::Principal, &reviewer)
            .with(Field::Tool, &case.tool)
            .with(Field::Reason, &review.reason)
            .with(Field::Case, &case.id)
            .with(Field::Body, &review);
        let draft = Draft {
            action: Some(case.action),
            bundle: Some(self.bundle().digest()),
            status: Some(review.advice as u8),
            ..Draft::new(RecordKind::Review, content)
        };
        Reply::changed(self.append(draft, Event::Reviewed(review), turn))
    }
}
