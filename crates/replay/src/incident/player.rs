//! Plays a recorded session to one agent: answers from the record, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use policy::Bundle;
use serde::Serialize;
use types::{ActionId, ActionProposal, Arguments, Claims, Code, Digest, Finding, OutcomeStatus, Restriction, ToolName};

use super::align::Key;
use super::answers::{Answers, Place};
use super::calls::{Answer, Call};
use super::conditions::{Conditions, Judged};
use super::differ::differing;
use super::recording::{Gap, Recording};
use super::ruling::{People, Ruling};
use crate::bundles::Bundles;
use crate::derived::is_computed;

/// Says by which rules calls are decided.
#[derive(Debug, Clone)]
pub enum Rules {
    /// By none: whoever calls was let through already.
    None,
    /// By the bundle that decided each of them then.
    Recorded(Bundles),
    /// By another bundle.
    Other(Arc<Bundle>),
}

impl Rules {
    /// Returns the bundle for a call that was decided under some bundle.
    ///
    /// # Errors
    ///
    /// A text that says that the bundle is not here, or why it cannot be used.
    pub fn bundle(&self, recorded: &Digest) -> Result<&Bundle, String> {
        match self {
            Self::None => Err("no rules are applied".to_owned()),
            Self::Recorded(bundles) => bundles.get(recorded),
            Self::Other(bundle) => Ok(bundle),
        }
    }
}

/// Says what an agent was given for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Served {
    /// The answer that was recorded of this very call.
    Recorded,
    /// The last recorded answer once more: it only reads.
    Repeated,
    /// The error or the end without an answer that was recorded.
    Failed,
    /// A refusal, by the rules or by people.
    Refused,
    /// An error that says that the record has no answer.
    NotRecorded,
    /// An error that says why the recorded answer cannot be served.
    Unavailable(Gap),
}

/// Is a call that an agent made in a replay.
#[derive(Debug, Clone, PartialEq)]
pub struct Made {
    /// What makes it the same call as another.
    pub key: Key,
    /// Its arguments in the form in which they are recorded.
    pub arguments: Arguments,
    /// What the record has for it.
    pub place: Place,
    /// What was decided; absent without rules, and where they could not be applied.
    pub ruling: Option<Ruling>,
    /// Why the rules could not be applied.
    pub undecided: Option<String>,
    /// What the agent was given.
    pub served: Served,
    /// The facts that no record tells.
    pub supposed: BTreeSet<String>,
    /// The sources of the facts that were taken as recorded.
    pub recorded: BTreeSet<String>,
    /// The sources of the facts that were computed anew.
    pub computed: BTreeSet<String>,
}

/// Is what an agent gets.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// The server's recorded answer, a JSON-RPC message under the id of that time.
    Answer(String),
    /// An error.
    Refused {
        /// The stable code.
        code: Code,
        /// One sentence.
        message: String,
        /// The findings of the decision, where there was one.
        findings: Vec<Finding>,
    },
}

/// Is a call as an agent makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The tool.
    pub tool: ToolName,
    /// The arguments, with marks where the rules that apply have secrets.
    pub arguments: Arguments,
    /// What the agent says of itself.
    pub claims: Claims,
    /// An id for the action, in case the record has none.
    pub id: ActionId,
}

/// Plays one recorded session to one agent.
#[derive(Debug)]
pub struct Player {
    recording: Arc<Recording>,
    rules: Rules,
    nearest: bool,
    answers: Answers,
    /// How far in the record the agent has come.
    place: usize,
    made: Vec<Made>,
}

impl Player {
    /// Begins at the beginning.
    ///
    /// - `nearest`: an error for a call that the record does not know names the most similar one that it knows.
    pub fn new(recording: Arc<Recording>, rules: Rules, nearest: bool) -> Self {
        let answers = match rules {
            Rules::None => Answers::of_carried_out(&recording),
            Rules::Recorded(_) | Rules::Other(_) => Answers::of_all(&recording),
        };
        Self { recording, rules, nearest, answers, place: 0, made: Vec::new() }
    }

    /// Returns the record of the call that was met last, or of the first one.
    pub fn record(&self) -> u64 {
        let last = self.recording.calls.get(self.place.saturating_sub(1));
        last.or(self.recording.calls.first()).map_or(0, |call| call.record)
    }

    /// Returns the calls that were made, in order.
    pub fn made(&self) -> &[Made] {
        &self.made
    }

    /// Decides a call and answers it from the record.
    pub fn call(&mut self, asked: &Asked) -> Reply {
        let arguments = self.recording.secrets.form(&asked.tool, &asked.arguments);
        let asked = &Asked { arguments, ..asked.clone() };
        let key = Key { tool: asked.tool.clone(), arguments: asked.arguments.canonical().to_owned() };
        let place = self.answers.meet(&self.recording, &key);
        let judged = self.judge(asked, place);
        if let Place::Recorded(met) = place {
            self.place = self.place.max(met + 1);
        }
        let (reply, served) = match &judged {
            Ok(Some(judged)) if !judged.decision.verdict.permits() => (refused(judged), Served::Refused),
            Err(why) => (undecided(why), Served::Refused),
            Ok(_) => self.answer(place, asked),
        };
        self.note(asked, key, place, judged, served);
        reply
    }

    fn judge(&self, asked: &Asked, place: Place) -> Result<Option<Judged>, String> {
        if matches!(self.rules, Rules::None) {
            return Ok(None);
        }
        let conditions = Conditions::of(&self.recording);
        match place {
            Place::Recorded(met) => conditions.again(&self.rules, met, Some(&asked.claims)).map(Some),
            Place::Repeated(_) | Place::Spent(_) | Place::Unknown => {
                let proposal =
                    self.proposal(asked).ok_or("no call is recorded, so nothing is known of the conditions")?;
                conditions.other(&self.rules, &proposal, self.place).map(Some)
            }
        }
    }

    /// Proposes a call that is not in the record, as the same agent would have.
    fn proposal(&self, asked: &Asked) -> Option<ActionProposal> {
        let near = self.recording.calls.get(self.place.saturating_sub(1)).or(self.recording.calls.last())?;
        let (proposal, _) = near.first()?;
        Some(ActionProposal {
            id: asked.id,
            tool: asked.tool.clone(),
            definition: self.recording.listings.definition(&asked.tool, near.record),
            arguments: asked.arguments.clone(),
            claims: asked.claims.clone(),
            // What a call that nobody made would have done, no record tells.
            plan: None,
            ..proposal.clone()
        })
    }

    fn answer(&self, place: Place, asked: &Asked) -> (Reply, Served) {
        let known = |at: usize| self.recording.calls.get(at);
        let (call, served) = match place {
            Place::Recorded(at) => (known(at), Served::Recorded),
            Place::Repeated(at) => (known(at), Served::Repeated),
            Place::Spent(at) => {
                let times = self.recording.calls.iter().filter(|call| known(at).is_some_and(|k| k.key() == call.key()));
                let message = format!("`{}` was recorded {} times with these arguments", asked.tool, times.count());
                return (not_recorded(format!("{message}, and it is not one that only reads")), Served::NotRecorded);
            }
            Place::Unknown => return (not_recorded(self.unknown(asked)), Served::NotRecorded),
        };
        match call {
            Some(call) => given(call, served),
            None => (not_recorded(self.unknown(asked)), Served::NotRecorded),
        }
    }

    fn unknown(&self, asked: &Asked) -> String {
        let message = format!("`{}` was never recorded with these arguments", asked.tool);
        let alike = self.recording.calls.iter().enumerate().filter(|(_, call)| call.key().tool == asked.tool);
        let differences =
            alike.map(|(number, call)| (differing(call.arguments.value(), asked.arguments.value()), number + 1));
        match differences.min_by_key(|(pointers, number)| (pointers.len(), *number)).filter(|_| self.nearest) {
            Some((pointers, number)) => {
                format!("{message}; the nearest is call {number}, which differs in {}", pointers.join(", "))
            }
            None => message,
        }
    }

    fn note(&mut self, asked: &Asked, key: Key, place: Place, judged: Result<Option<Judged>, String>, served: Served) {
        let (judged, undecided) = match judged {
            Ok(judged) => (judged, None),
            Err(why) => (None, Some(why)),
        };
        let mut made = Made {
            key,
            arguments: asked.arguments.clone(),
            place,
            ruling: judged.as_ref().map(|judged| judged.ruling.clone()),
            undecided,
            served,
            supposed: BTreeSet::new(),
            recorded: BTreeSet::new(),
            computed: BTreeSet::new(),
        };
        if let Some(judged) = judged {
            for fact in judged.decision.facts.iter().filter(|fact| !judged.supposed.contains(fact.name.as_str())) {
                let sources = if is_computed(fact) { &mut made.computed } else { &mut made.recorded };
                sources.insert(fact.source.to_string());
            }
            made.supposed = judged.supposed;
        }
        self.made.push(made);
    }

    /// Makes every recorded call once more, as it was recorded, and returns what was decided.
    pub fn replay(mut self) -> Vec<Made> {
        for call in self.recording.clone().calls.iter() {
            if let Some((proposal, _)) = call.first() {
                let asked = Asked {
                    tool: proposal.tool.clone(),
                    arguments: call.arguments.clone(),
                    claims: proposal.claims.clone(),
                    id: proposal.id,
                };
                self.call(&asked);
            }
        }
        self.made
    }
}

/// Gives what came back then.
fn given(call: &Call, served: Served) -> (Reply, Served) {
    match &call.answer {
        Answer::Frame(text) => (Reply::Answer(text.clone()), served),
        Answer::Error { status, text } => {
            let code = match status {
                OutcomeStatus::InDoubt => Code::InDoubt,
                OutcomeStatus::NotDispatched => Code::UpstreamUnavailable,
                OutcomeStatus::Done | OutcomeStatus::Failed => Code::UpstreamInvalid,
            };
            (plain(code, format!("as it was recorded: {text}")), Served::Failed)
        }
        Answer::NotCarriedOut => {
            let then = call.ruling().map(|ruling| ruling.to_string()).unwrap_or_default();
            (not_recorded(format!("it was not carried out then: {then}")), Served::NotRecorded)
        }
        Answer::Unavailable(gap) => {
            let message = format!("the recorded answer cannot be served; {gap}");
            (not_recorded(message), Served::Unavailable(gap.clone()))
        }
    }
}

fn plain(code: Code, message: String) -> Reply {
    Reply::Refused { code, message, findings: Vec::new() }
}

fn not_recorded(message: String) -> Reply {
    plain(Code::NotRecorded, message)
}

fn undecided(why: &str) -> Reply {
    plain(Code::NotRecorded, format!("nobody can say what would be decided: {why}"))
}

/// Says why a call does not run, in the words of the first finding that restricts most.
fn refused(judged: &Judged) -> Reply {
    let findings = judged.decision.findings.clone();
    let most: Option<&Restriction> = findings.iter().map(|finding| &finding.restriction).max();
    let first = findings.iter().find(|finding| Some(&finding.restriction) == most);
    let told = first.map_or_else(|| "nothing permits it".to_owned(), |finding| finding.detail.to_string());
    let (code, message) = match judged.ruling.people {
        Some(People::Nobody) => (Code::ApprovalPending, format!("a person would have to decide: {told}")),
        Some(people) => (people.code(), format!("as it was recorded, people: {}; {told}", people.as_str())),
        None => (first.map_or(Code::PolicyDenies, |finding| finding.code), told),
    };
    Reply::Refused { code, message, findings }
}
