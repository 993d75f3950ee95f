//! One recorded call, from its first proposal to its end.

use types::{ActionId, ActionProposal, Arguments, Decision, OutcomeStatus, ToolName, Verdict};

use super::align::Key;
use super::form::Secrets;
use super::recording::Gap;
use super::ruling::{People, Ruling};

/// Is what came back from the server when a call was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The server's answer: the JSON-RPC message as it came, under the id of that time.
    Frame(String),
    /// It was sent, and no answer came that could be passed on.
    Error {
        /// How it ended.
        status: OutcomeStatus,
        /// What was recorded of it.
        text: String,
    },
    /// It was not carried out, so that there is none.
    NotCarriedOut,
    /// There was one, and it cannot be served.
    Unavailable(Gap),
}

impl Answer {
    /// Says whether the call reached its server.
    pub fn was_carried_out(&self) -> bool {
        !matches!(self, Self::NotCarriedOut)
    }
}

/// Is one call of an agent: held, decided again and answered, it is still one.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The index of the record of its first decision.
    pub record: u64,
    /// Each time it was decided: once, or again after people had approved.
    pub decided: Vec<(ActionProposal, Decision)>,
    /// What people did, where it was put to them.
    pub people: Option<People>,
    /// What came back.
    pub answer: Answer,
    /// The arguments in the form in which they are compared and told.
    pub(super) arguments: Arguments,
    key: Key,
}

impl Call {
    pub(super) fn new(record: u64, proposal: ActionProposal, decision: Decision) -> Self {
        let key = Key { tool: proposal.tool.clone(), arguments: proposal.arguments.canonical().to_owned() };
        let arguments = proposal.arguments.clone();
        let permitted = decision.verdict.permits();
        let answer = if permitted {
            Answer::Unavailable(Gap::Missing("what came of it".to_owned()))
        } else {
            Answer::NotCarriedOut
        };
        let mut call = Self { record, decided: Vec::new(), people: None, answer, arguments, key };
        call.take(proposal, decision);
        call
    }

    /// Puts its arguments into the form in which they are compared.
    pub(super) fn put_into_form(&mut self, secrets: &Secrets) {
        self.arguments = secrets.form(&self.key.tool, &self.arguments);
        self.key.arguments = self.arguments.canonical().to_owned();
    }

    /// Hides what is secret in its arguments where they are compared and told; what was decided on stays.
    pub(super) fn hide(&mut self, hide: impl Fn(&ToolName, &Arguments) -> Arguments) {
        self.arguments = hide(&self.key.tool, &self.arguments);
    }

    /// Takes note that it was decided (again).
    pub(super) fn take(&mut self, proposal: ActionProposal, decision: Decision) {
        let held = matches!(decision.verdict, Verdict::Escalate(_));
        let approved = decision.verdict.permits() && decision.case.is_some();
        if held {
            self.people = Some(People::Nobody);
        } else if approved {
            self.people = Some(People::Approved);
        }
        if decision.verdict.permits() && !self.answer.was_carried_out() {
            self.answer = Answer::Unavailable(Gap::Missing("what came of it".to_owned()));
        }
        self.decided.push((proposal, decision));
    }

    /// Says whether a decision belongs to it: people were asked about it, and this is the same action after they answered,
    /// or while they had not.
    pub(super) fn goes_on_with(&self, proposal: &ActionProposal, decision: &Decision) -> bool {
        let Some((_, last)) = self.decided.last() else { return false };
        if !matches!(last.verdict, Verdict::Escalate(_)) || last.action_digest != decision.action_digest {
            return false;
        }
        let openers = decision.facts.list("approval.opened_by").unwrap_or_default();
        let ours = |id: &String| self.decided.iter().any(|(own, _)| own.id.to_string() == *id);
        let same_case = last.case.is_some() && last.case == decision.case;
        proposal.tool == self.key.tool && (same_case || openers.iter().any(ours))
    }

    /// Says whether one of its proposals has this id.
    pub fn is(&self, action: &ActionId) -> bool {
        self.decided.iter().any(|(proposal, _)| proposal.id == *action)
    }

    /// Returns its first proposal and decision.
    pub fn first(&self) -> Option<&(ActionProposal, Decision)> {
        self.decided.first()
    }

    /// Returns what became of it.
    pub fn ruling(&self) -> Option<Ruling> {
        self.decided.last().map(|(_, decision)| Ruling::of(decision, self.people))
    }

    /// Returns what makes it the same call as another.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Says whether the catalogue of that time declares that it only reads.
    pub fn only_reads(&self) -> bool {
        self.first().is_some_and(|(_, decision)| decision.facts.text("tool.effect") == Some("read"))
    }
}
