//! What became of the action that a pipeline has proposed, as the journal and the board tell it.

use evidence::RecordKind;
use types::case::{Ballot, Case, CaseState, Vote};
use types::outcome::OutcomeStatus;
use types::pipeline::{Step, StepState};
use types::{ActionId, CaseId, Code, Decision, Verdict};

use crate::control::Control;
use crate::error::Failure;
use crate::trace::Path;
use crate::tracking::blocking;
use crate::tracking::kept::Driven;

/// Is how long a case that a new bundle has voided may be put to people again, in milliseconds.
const REOPENED_WITHIN_MS: i64 = 10_000;

/// Is what became of what was proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its outcome is not recorded yet.
    Unknown,
    /// People must decide.
    Waits(String),
    /// It was done, by this action; people approved it, where it says so.
    Done(ActionId, Option<String>),
    /// It came to nothing at a step.
    Failed(Step, String),
    /// What people were asked about has changed, and they are asked again in a moment, unless nobody does.
    Void(bool),
}

impl Control {
    /// Returns what comes of a pipeline whose promotion was decided; nothing, if none was proposed or it still waits.
    pub(super) async fn settled(&self, driven: &Driven) -> Failure<Option<Driven>> {
        if driven.action.is_none() {
            return Ok(None);
        }
        match self.fate(driven).await? {
            Some(fate @ (Fate::Done(..) | Fate::Failed(..))) => Ok(self.after_fate(driven, fate)),
            _ => Ok(None),
        }
    }

    /// Returns what became of the action that is noted; nothing, if it was never decided.
    pub(super) async fn fate(&self, driven: &Driven) -> Failure<Option<Fate>> {
        let Some(action) = driven.action.as_deref().and_then(|action| action.parse::<ActionId>().ok()) else {
            return Ok(None);
        };
        // While it is held, nothing is between its decision and its outcome.
        let _alone = self.moving.lock().await;
        let path = match self.trace(&action) {
            Ok(path) => path,
            Err(refusal) if refusal.code == Code::NotFound => return Ok(None),
            Err(refusal) => return Err(refusal),
        };
        let Some(decision) = path.decision() else {
            return Ok(Some(Fate::Failed(Step::Promote, "what was decided of it was erased".to_owned())));
        };
        let fate = match &decision.verdict {
            Verdict::Deny => Fate::Failed(Step::Promote, denial(decision)),
            Verdict::Allow | Verdict::AllowObserved => self.fate_of_permit(driven, action, &path).await?,
            Verdict::Escalate(_) => self.fate_of_case(driven, action, &path).await?,
        };
        Ok(Some(fate))
    }

    async fn fate_of_permit(&self, driven: &Driven, action: ActionId, path: &Path) -> Failure<Fate> {
        let Some(outcome) = &path.outcome else { return Ok(Fate::Unknown) };
        if outcome.status == OutcomeStatus::Done || self.has_moved(driven, action).await? {
            return Ok(Fate::Done(action, None));
        }
        let why = outcome.error.clone().or_else(|| outcome.result.clone()).unwrap_or_default();
        let why = format!("it was permitted, and not moved ({}): {why}", outcome.status.as_str());
        Ok(Fate::Failed(Step::Promote, why))
    }

    /// Says whether an action has moved something of the model, whatever its outcome says.
    async fn has_moved(&self, driven: &Driven, action: ActionId) -> Failure<bool> {
        let of = driven.clone();
        let moved = blocking(self.tracking()?, move |tracking| tracking.moved_since(&of)).await?;
        Ok(moved.contains(&action.to_string()))
    }

    /// Finds the action that was carried out on what people approved.
    async fn carried_out(&self, driven: &Driven, asked: ActionId) -> Failure<Option<ActionId>> {
        let of = driven.clone();
        let moved = blocking(self.tracking()?, move |tracking| tracking.moved_since(&of)).await?;
        for action in moved.iter().filter_map(|moved| moved.parse::<ActionId>().ok()) {
            let ran_on_it = |path: Path| path.opened_by().contains(&asked);
            if self.trace(&action).is_ok_and(ran_on_it) {
                return Ok(Some(action));
            }
        }
        Ok(None)
    }

    async fn fate_of_case(&self, driven: &Driven, action: ActionId, path: &Path) -> Failure<Fate> {
        let Some(id) = path.decision().and_then(|decision| decision.case) else {
            return Ok(Fate::Failed(Step::Approve, "nobody was asked".to_owned()));
        };
        let case = self.board.get(&id);
        let opener = case.as_ref().map_or(action, |case| case.action);
        let state = case.as_ref().map_or_else(|| ended(path, id), |case| Some(case.state));
        let votes = case.as_ref().map_or(path.votes.as_slice(), |case| case.votes.as_slice());
        let failed = |why: String| Ok(Fate::Failed(Step::Approve, why));
        match state {
            Some(CaseState::Open) => Ok(Fate::Waits(format!("people must approve it: {id}"))),
            Some(CaseState::Approved) => {
                Ok(Fate::Waits(format!("people approved it, and it is about to be done: {id}")))
            }
            Some(CaseState::Denied) => failed(voted(votes, Ballot::Deny, "refused it")),
            Some(CaseState::Expired) => failed(format!("nobody decided in time: {id}")),
            Some(CaseState::Withdrawn) => failed(format!("it was withdrawn: {id}")),
            Some(CaseState::Returned) => failed(format!("a reviewer sent it back: {id}")),
            Some(CaseState::Void) => Ok(Fate::Void(self.may_be_reopened(case.as_ref()))),
            Some(CaseState::Consumed | CaseState::Decoy) | None => match self.carried_out(driven, opener).await? {
                Some(by) => Ok(Fate::Done(by, Some(voted(votes, Ballot::Approve, "approved it")))),
                None => {
                    let why = "what was approved was not moved: what it rests on had changed, or it was stopped";
                    Ok(Fate::Failed(Step::Promote, why.to_owned()))
                }
            },
        }
    }

    /// Says whether a new bundle has voided a case, so that people may be asked again.
    fn may_be_reopened(&self, case: Option<&Case>) -> bool {
        case.is_some_and(|case| case.bundle != self.snapshot().bundle.digest())
    }

    /// Says where a version stands after what became of its promotion; nothing, if it stands there already.
    pub(super) fn after_fate(&self, driven: &Driven, fate: Fate) -> Option<Driven> {
        match fate {
            Fate::Unknown => None,
            Fate::Waits(why) => self.stands(driven, Step::Approve, StepState::Waiting, Some(why)),
            Fate::Failed(step, why) => Some(Driven { ending: None, ..self.failed(driven, step, why) }),
            Fate::Void(may_be_reopened) => self.voided(driven, may_be_reopened),
            Fate::Done(by, approved) => {
                if (driven.step, driven.state) != (Step::Approve, StepState::Done) {
                    let why = approved.unwrap_or_else(|| "policy asked nobody".to_owned());
                    return self.stands(driven, Step::Approve, StepState::Done, Some(why));
                }
                let done = self.stands(driven, Step::Promote, StepState::Done, None)?;
                Some(Driven { action: Some(by.to_string()), ..done })
            }
        }
    }

    /// Waits a moment for people to be asked again, and begins again if they are not.
    fn voided(&self, driven: &Driven, may_be_reopened: bool) -> Option<Driven> {
        let why = "the bundle changed while people were asked; they are asked again".to_owned();
        let waits = self.stands(driven, Step::Approve, StepState::Waiting, Some(why));
        let is_over = waits.is_none() && self.now().0.saturating_sub(driven.since) > REOPENED_WITHIN_MS;
        if may_be_reopened && !is_over {
            return waits;
        }
        let why = "its case is void: a switch was set, or what people were asked about has changed";
        Some(self.again(driven, why.to_owned()))
    }
}

/// Reads how a case ended from what is recorded of the action that opened it.
fn ended(path: &Path, id: CaseId) -> Option<CaseState> {
    if path.votes.iter().any(|vote| vote.case == id && vote.ballot == Ballot::Deny) {
        return Some(CaseState::Denied);
    }
    let last = path.steps.iter().rev().find(|step| step.leaf.kind == RecordKind::CaseEnded)?;
    let states = [CaseState::Expired, CaseState::Void, CaseState::Withdrawn];
    states.into_iter().find(|state| last.leaf.status == Some(*state as u8))
}

fn voted(votes: &[Vote], ballot: Ballot, word: &str) -> String {
    let told = |vote: &Vote| format!("person:{} {word}: {}", vote.person, vote.reason);
    let all: Vec<String> = votes.iter().filter(|vote| vote.ballot == ballot).map(told).collect();
    if all.is_empty() { format!("people {word}") } else { all.join("; ") }
}

/// Says why a decision denies: the first of what restricts most.
fn denial(decision: &Decision) -> String {
    let worst = decision.findings.iter().map(|finding| &finding.restriction).max();
    let first = decision.findings.iter().find(|finding| Some(&finding.restriction) == worst);
    first.map_or_else(|| "nothing permits it".to_owned(), |finding| format!("{}: {}", finding.code, finding.detail))
}
