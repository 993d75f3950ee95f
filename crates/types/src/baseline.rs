//! Baselines: what is usual for an agent in an action class, and what becomes of what is not.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::bundle::Scope;
use crate::{LimitId, ProfileId};

/// Is the most days that a baseline looks back, and so the longest that hours are kept.
pub const WINDOW_DAYS_MAX: u32 = 14;

/// Is the most amounts that a baseline looks at.
pub const AMOUNTS_MAX: usize = 8;

/// Is `behaviour.toml`: baselines by name.
pub type Baselines = BTreeMap<LimitId, BaselineRule>;

/// Says what is watched of an agent in each of its action classes, and what becomes of what is unusual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BaselineRule {
    /// Which calls of agents it covers.
    #[serde(default)]
    pub covers: Scope,
    /// What it looks at; everything if it is not said.
    #[serde(default = "everything")]
    pub watch: BTreeSet<Watched>,
    /// Where in the arguments the amounts stand that it looks at, as JSON Pointers; at most [`AMOUNTS_MAX`].
    #[serde(default)]
    pub amounts: Vec<String>,
    /// How many days it looks back, at most [`WINDOW_DAYS_MAX`].
    #[serde(default = "week")]
    pub window_days: u32,
    /// In how many whole hours the agent must have acted before anything is said.
    #[serde(default = "day")]
    pub hours_min: u32,
    /// In how many whole hours a tool or a resource must have been seen before it is usual.
    #[serde(default = "three")]
    pub seen_min: u32,
    /// How many standard deviations are usual. They are told from the median of the deviations, so that a few wild hours
    /// change nothing.
    #[serde(default = "three")]
    pub deviations: u32,
    /// How many endings an hour must have before its failures and its pace are judged.
    #[serde(default = "ten")]
    pub endings_min: u32,
    /// The people who look at what is unusual; without a profile it runs observed.
    #[serde(default)]
    pub profile: Option<ProfileId>,
    /// What becomes of a call while there is no baseline yet.
    #[serde(default)]
    pub before: Before,
}

/// Names something in which an agent can be unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Watched {
    /// An amount in the arguments that is larger or smaller than usual, or cannot be read.
    Amount,
    /// More failures among an hour's endings.
    Errors,
    /// A resource that the agent seldom or never touched.
    NewResource,
    /// A tool that the agent seldom or never used.
    NewTool,
    /// Slower answers.
    Pace,
    /// More permits in an hour.
    Volume,
}

impl Watched {
    /// Lists all of them, in order of their words.
    pub const ALL: [Self; 6] = [Self::Amount, Self::Errors, Self::NewResource, Self::NewTool, Self::Pace, Self::Volume];

    /// Returns the word for it, as bundles and facts have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::Errors => "errors",
            Self::NewResource => "new-resource",
            Self::NewTool => "new-tool",
            Self::Pace => "pace",
            Self::Volume => "volume",
        }
    }
}

/// Says what becomes of a call while nobody knows what is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// It runs, and the decision says that nothing is known.
    #[default]
    Allow,
    /// It runs observed.
    Observe,
    /// It goes to the profile; without one it is denied.
    Escalate,
}

fn everything() -> BTreeSet<Watched> {
    Watched::ALL.into()
}

fn week() -> u32 {
    7
}

fn day() -> u32 {
    24
}

fn three() -> u32 {
    3
}

fn ten() -> u32 {
    10
}
