//! Decoys: made as their agents' proposals would be, told apart once they are over, and until then as nobody who votes can tell.

use std::time::Duration;

use evidence::{Field, RecordKind};
use ledger::history::Entry;
use stages::decoy;
use types::case::{Ballot, Case, CaseState};
use types::decoy::{Shown, status};
use types::{Channel, Claims, DecoyId, Principal};

use crate::actions::Wish;
use crate::control::Control;
use crate::door::Refusal;
use crate::error::{Failure, not_found};
use crate::events::Event;
use crate::machine::{Command, DecoyDue, Reply};
use crate::records::Line;
use crate::trace::Path;

/// Is what people are told of a decoy once somebody has answered it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecoyTold {
    /// Somebody refused it, or approved it; `None` if it ended before anybody answered.
    pub caught: Option<bool>,
    /// Why it should be refused.
    pub why: String,
}

impl Control {
    /// Shows the decoys that are due. One that is not shown is missed by nobody.
    pub(crate) async fn show_decoys(&self) -> Failure<()> {
        if !decoy::are_shown(&self.snapshot().bundle.data().decoys) {
            return Ok(());
        }
        let Reply::Decoys(due) = self.ask(Command::TakeDecoys).await? else { return Ok(()) };
        for (at, template) in due {
            tokio::time::sleep(Duration::from_millis(at.since(self.now()).max(0).unsigned_abs())).await;
            if let Err(refusal) = self.show_decoy(&template).await {
                tracing::info!(code = %refusal.code, message = %refusal.message, "a decoy was not shown");
            }
        }
        Ok(())
    }

    async fn show_decoy(&self, name: &DecoyId) -> Failure<()> {
        let snapshot = self.snapshot();
        let templates = &snapshot.bundle.data().decoys.templates;
        let template = templates.get(name).ok_or_else(|| not_found(format!("decoy {name}")))?;
        let proposal = self.proposal(Wish {
            principal: Principal::Agent(template.agent.clone()),
            on_behalf_of: template.on_behalf_of.clone(),
            session: None,
            tool: template.tool.clone(),
            definition: self.definition(&template.tool),
            arguments: template.call().map_err(|error| Refusal::plain(error.code(), error.to_string()))?,
            claims: Claims { purpose: template.purpose.clone(), ..Claims::default() },
            channel: Channel::Http,
        });
        let original = self.original(&proposal)?.ok_or_else(|| not_found(format!("tool {}", template.tool)))?;
        let due = DecoyDue { template: name.clone(), proposal, original };
        self.ask(Command::Decoy(Box::new(due))).await.map(drop)
    }

    /// Says of a case that it was a decoy and what became of it; nothing while it is open, nor if nobody answered in time.
    ///
    /// One that is void is told too: a kill may have ended it, of an agent that never asked for what it showed.
    ///
    /// # Errors
    ///
    /// What the journal says.
    pub fn decoy_told(&self, case: &Case) -> Failure<Option<DecoyTold>> {
        if !matches!(case.state, CaseState::Decoy | CaseState::Void) {
            return Ok(None);
        }
        let shown = self.shown(case)?;
        if shown.is_none() && case.state == CaseState::Void {
            return Ok(None);
        }
        let shown = shown.and_then(|entry| entry.content?.get::<Shown>(Field::Body).ok().flatten());
        let caught = case.votes.last().map(|vote| vote.ballot == Ballot::Deny);
        Ok(Some(DecoyTold { caught, why: shown.map(|shown| shown.why).unwrap_or_default() }))
    }

    /// Says whether a case is or was a decoy: no agent hears of one, and no agent reviews it.
    pub fn is_decoy(&self, case: &Case) -> bool {
        // What cannot be read is told to no agent.
        !matches!(self.shown(case), Ok(None))
    }

    /// Returns the record that showed a case, if that was a decoy.
    fn shown(&self, case: &Case) -> Failure<Option<Entry>> {
        let is_it = |entry: &Entry| entry.leaf.kind == RecordKind::Decoy && entry.leaf.action == Some(case.action);
        Ok(self.history.record(case.opened_in)?.filter(is_it))
    }

    /// Says whether somebody is not to tell decoys from requests: everybody but an auditor, who never votes.
    pub fn is_tested(&self, who: &Principal) -> bool {
        self.principal_may_change(who).is_ok()
    }
}

/// Is the kind of the record that opens a case, as which a decoy's is told.
const AS_KIND: RecordKind = RecordKind::Decided;

impl Event {
    /// Tells the record that shows a decoy as one that opens a case.
    #[must_use]
    pub fn as_voters_see(self) -> Self {
        let opens = self.kind == RecordKind::Decoy.as_str() && self.verdict.is_some();
        if opens { Self { kind: AS_KIND.as_str(), what: None, ..self } } else { self }
    }
}

impl Line {
    /// Tells the record that shows a decoy as one that opens a case.
    #[must_use]
    pub fn as_voters_see(self) -> Self {
        let opens = self.kind == RecordKind::Decoy.as_str() && self.verdict.is_some();
        if opens { Self { kind: AS_KIND.as_str(), status: None, ..self } } else { self }
    }
}

impl Path {
    /// Says whether this is the path of a decoy.
    pub fn is_of_decoy(&self) -> bool {
        self.steps.iter().any(|step| step.leaf.kind == RecordKind::Decoy)
    }

    /// Tells a decoy that is open as a request that people are asked about.
    #[must_use]
    pub fn as_voters_see(mut self) -> Self {
        let is_over = |status: Option<u8>| status != Some(status::SHOWN);
        let is_open = !self.steps.iter().any(|step| step.leaf.kind == RecordKind::Decoy && is_over(step.leaf.status));
        for step in self.steps.iter_mut().filter(|step| is_open && step.leaf.kind == RecordKind::Decoy) {
            step.leaf.kind = AS_KIND;
            step.leaf.status = None;
        }
        self
    }
}
