//! Sagas: several steps that belong together, done one after the other, and taken back in reverse if one of them does not hold.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::{ActionId, AgentId, Arguments, CheckId, Digest, Millis, PersonId, SessionId, ToolName, json};

/// Is how many steps a saga has at most.
pub const STEPS_MAX: usize = 50;

/// Is how often one step is tried at most, where nothing came of it for sure.
pub const TRIES_MAX: usize = 3;

/// Is one step as it is planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a step: `tool`, `arguments`, and perhaps `check`")]
pub struct PlannedStep {
    /// What is called.
    pub tool: ToolName,
    /// With what.
    pub arguments: serde_json::Value,
    /// The check that looks at what it has led to, besides those that cover it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckId>,
}

/// Are the steps of a saga, in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a plan: `steps`")]
pub struct Plan {
    /// The steps.
    pub steps: Vec<PlannedStep>,
}

impl Plan {
    /// Reads a plan as it is recorded.
    ///
    /// # Errors
    ///
    /// A sentence that says what is no plan in it.
    pub fn read(arguments: &Arguments) -> Result<Self, String> {
        serde_json::from_value(arguments.value().clone()).map_err(|error| error.to_string())
    }

    /// Writes it as it is recorded, with its digest.
    ///
    /// # Errors
    ///
    /// A sentence that says why it cannot be: it is too large, or has numbers that not every reader reads alike.
    pub fn write(&self, bytes_max: usize) -> Result<(Arguments, Digest), String> {
        let text = serde_json::to_string(self).map_err(|error| error.to_string())?;
        let whole = Arguments::parse(&text, bytes_max).map_err(|error| error.to_string())?;
        let digest = Digest::of("countersign/saga/1", json::canonical(whole.value()).as_bytes());
        Ok((whole, digest))
    }
}

/// Says how a saga stands: what its last record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum SagaState {
    /// It was taken on; people are asked for what needs them, and no step has begun.
    #[n(0)]
    Asked,
    /// A step has begun.
    #[n(1)]
    Running,
    /// A step did not hold: what was done is being taken back.
    #[n(2)]
    TurningBack,
    /// Every step was done and holds.
    #[n(3)]
    Held,
    /// Everything is as it was before.
    #[n(4)]
    TakenBack,
    /// Something of it stands, and could not be taken back.
    #[n(5)]
    Half,
    /// Policy or people did not let it begin: nothing was done.
    #[n(6)]
    Refused,
}

impl SagaState {
    /// Returns the name used in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Running => "running",
            Self::TurningBack => "turning_back",
            Self::Held => "held",
            Self::TakenBack => "taken_back",
            Self::Half => "half",
            Self::Refused => "refused",
        }
    }

    /// Says whether nothing comes after it.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Held | Self::TakenBack | Self::Half | Self::Refused)
    }

    /// Says whether a saga that stands so may come to stand so next.
    pub fn leads_to(self, next: Self) -> bool {
        match self {
            Self::Asked => matches!(next, Self::Running | Self::Refused),
            Self::Running => matches!(next, Self::Running | Self::TurningBack | Self::Held),
            Self::TurningBack => matches!(next, Self::TakenBack | Self::Half),
            Self::Held | Self::TakenBack | Self::Half | Self::Refused => false,
        }
    }
}

/// Is what is kept of one step.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct SagaStep {
    /// What is called.
    #[n(0)]
    pub tool: ToolName,
    /// The check that looks at what it has led to, besides those that cover it.
    #[n(1)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckId>,
    /// The actions that it was begun as, in order: more than one where people were asked, or nothing had come of the one before.
    #[n(2)]
    pub actions: Vec<ActionId>,
}

/// Is a saga, as each of its records says it stands from there on. It is known by the session that it runs in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
#[cbor(map)]
pub struct Saga {
    /// The session that it runs in, which is its own.
    #[n(0)]
    pub session: SessionId,
    /// Whose it is.
    #[n(1)]
    pub agent: AgentId,
    /// On whose behalf.
    #[n(2)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<PersonId>,
    /// The agent's own key against doing it twice.
    #[n(3)]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The digest of its plan.
    #[n(4)]
    pub digest: Digest,
    /// Its steps, in order.
    #[n(5)]
    pub steps: Vec<SagaStep>,
    /// When it was taken on, in the journal's time.
    #[n(6)]
    pub begun: Millis,
    /// How it stands.
    #[n(7)]
    pub state: SagaState,
    /// Since when, in the journal's time.
    #[n(8)]
    pub since: Millis,
}

impl Saga {
    /// Returns the step that has begun last, and as which action.
    pub fn current(&self) -> Option<(usize, ActionId)> {
        let begun = self.steps.iter().enumerate().rev();
        begun.filter_map(|(number, step)| Some((number, *step.actions.last()?))).next()
    }

    /// Lists the actions of its steps, in the order in which they were begun.
    pub fn actions(&self) -> impl DoubleEndedIterator<Item = ActionId> {
        self.steps.iter().flat_map(|step| step.actions.iter().copied())
    }

    /// Returns the number of the step that was begun as an action, from 0.
    pub fn step_of(&self, action: &ActionId) -> Option<usize> {
        self.steps.iter().position(|step| step.actions.contains(action))
    }

    /// Says whether a step may be begun now: again, or as the next one.
    pub fn may_begin(&self, step: usize) -> bool {
        let next = self.current().map_or(0, |(current, _)| current.saturating_add(1));
        step < self.steps.len() && (step == next || step.saturating_add(1) == next)
    }
}
