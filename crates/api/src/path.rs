//! The path of an action: everything that is recorded of it, in the form of the contract.

use control::trace::{Path, Step};
use serde::Serialize;
use types::{ActionId, Digest, Millis};
use utoipa::ToSchema;

use crate::view::{ActionOutcome, Decision, Proposal, Vote};

/// Is one record on the path of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PathRecord {
    /// The number of the closed log that it is in; absent for the live one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<u64>,
    /// Its index in that log.
    pub index: u64,
    /// What it is about.
    #[schema(example = "decided")]
    pub kind: String,
    /// The hash under which the log knows it.
    #[schema(value_type = String)]
    pub hash: Digest,
    /// When it was written, in milliseconds since the epoch.
    #[schema(value_type = i64)]
    pub at: Millis,
    /// Its content was erased.
    pub erased: bool,
}

impl From<&Step> for PathRecord {
    fn from(step: &Step) -> Self {
        Self {
            log: step.log,
            index: step.index,
            kind: step.leaf.kind.as_str().to_owned(),
            hash: step.hash,
            at: step.leaf.at,
            erased: step.erased,
        }
    }
}

/// Is everything recorded of one action.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ActionPath {
    /// The action.
    #[schema(value_type = String)]
    pub action: ActionId,
    /// What was proposed; absent once its content was erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    /// The decisions, in order.
    pub decisions: Vec<Decision>,
    /// The proposals whose cases people approved for it to run.
    #[schema(value_type = Vec<String>)]
    pub opened_by: Vec<ActionId>,
    /// The votes on the cases it opened or ran on, in order.
    pub votes: Vec<Vote>,
    /// What reviewer agents said, in order: untrusted, and no votes.
    pub reviews: Vec<crate::reviews::CaseReview>,
    /// What happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ActionOutcome>,
    /// What was seen of the state that it changes, in order.
    pub states: Vec<crate::reversals::SeenState>,
    /// How the checks that watched it ended, in order.
    pub checks: Vec<crate::checks::ActionCheck>,
    /// What came of taking it back where a check was violated, in order.
    pub contained: Vec<crate::checks::ActionContainment>,
    /// The saga whose step it is, and which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saga: Option<crate::sagas::StepOf>,
    /// The records, in order.
    pub records: Vec<PathRecord>,
    /// The closed logs whose journals cannot be read: what they have of it is not among the records.
    pub unread: Vec<u64>,
}

impl ActionPath {
    /// Puts the path of an action into the form of the contract.
    pub fn new(action: ActionId, path: &Path) -> Self {
        Self {
            action,
            proposal: path.proposal.as_ref().map(Proposal::from),
            decisions: path.decisions.iter().map(Decision::from).collect(),
            opened_by: path.opened_by().into_iter().collect(),
            votes: path.votes.iter().map(Vote::from).collect(),
            reviews: path.reviews.iter().map(crate::reviews::CaseReview::from).collect(),
            outcome: path.outcome.as_ref().map(ActionOutcome::from),
            states: path.states.iter().map(crate::reversals::SeenState::from).collect(),
            checks: path.checks.iter().map(crate::checks::ActionCheck::from).collect(),
            contained: path.contained.iter().map(crate::checks::ActionContainment::from).collect(),
            saga: path.saga.as_ref().map(|saga| crate::sagas::StepOf::of(saga, &action)),
            records: path.steps.iter().map(PathRecord::from).collect(),
            unread: path.unread.clone(),
        }
    }
}
